"""ASE drives a GAP: dynamics, relaxation, phonons and elastic constants, errors among the results."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk, molecule
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import PropertyNotImplementedError, all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.filters import FrechetCellFilter
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from potential.silicon import cells, stillinger_weber

import gapsample
from gapsample.errors import FitError, InputError
from gapsample.potential.calculator import Calculator, FromCalculator
from gapsample.potential.fit import Fit
from gapsample.potential.gap import GAP


@pytest.fixture
def gap(silicon_fit: Fit) -> GAP:
    return silicon_fit.gap


def relaxed(atoms: Atoms) -> Atoms:
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=200)
    return atoms


def test_results_are_what_the_potential_says(gap: GAP) -> None:
    atoms = cells(1)[0]
    atoms.calc = gapsample.Calculator(gap)
    found = gap.evaluate(atoms, virial=True)
    assert atoms.get_potential_energy() == found.energy
    assert atoms.get_potential_energy(force_consistent=True) == found.energy
    np.testing.assert_array_equal(atoms.get_forces(), found.forces)
    np.testing.assert_array_equal(atoms.get_potential_energies(), found.local_energies)
    np.testing.assert_allclose(atoms.get_stress(voigt=False), -found.virial / atoms.get_volume())
    assert set(atoms.calc.results) == {"energy", "free_energy", "energies", "forces", "stress"}


def test_predicted_errors_are_results_when_asked(gap: GAP) -> None:
    atoms = cells(1)[0]
    expected = gap.evaluate(atoms, error=True)
    calculator = Calculator(gap)
    np.testing.assert_array_equal(calculator.get_property("forces_std", atoms), expected.forces_std)
    np.testing.assert_array_equal(calculator.results["local_std"], expected.local_std)
    always = Calculator(gap, error="local")
    atoms.calc = always
    atoms.get_forces()
    assert always.results["energy_std"] == pytest.approx(expected.energy_std)
    np.testing.assert_allclose(always.results["novelty"], expected.novelty)
    assert "forces_std" not in always.results
    both = Calculator(gap, error=True)
    both.calculate(atoms)
    assert {"novelty", "local_std", "energy_std", "forces_std"} <= both.results.keys()


def test_a_molecule_has_no_stress(gap: GAP) -> None:
    dimer = Atoms("Si2", [[0, 0, 0], [0, 0, 2.3]])
    dimer.calc = Calculator(gap)
    assert np.allclose(dimer.get_forces().sum(axis=0), 0.0)
    with pytest.raises(PropertyNotImplementedError):
        dimer.get_stress()


def test_an_error_nobody_knows_is_not_answered(gap: GAP) -> None:
    calculator = Calculator(replace(gap, posterior=None))
    with pytest.raises((PropertyNotImplementedError, FitError)):
        calculator.get_property("forces_std", cells(1)[0])


def test_energy_is_conserved_in_dynamics(gap: GAP) -> None:
    atoms = bulk("Si", cubic=True)
    thermal = np.sqrt(atoms.get_masses()[:, None] * units.kB * 600.0)
    atoms.set_momenta(thermal * np.random.default_rng(0).standard_normal((8, 3)))
    atoms.calc = Calculator(gap)
    dynamics = VelocityVerlet(atoms, timestep=1.0 * units.fs)
    energies = []
    for _ in range(200):
        dynamics.run(1)
        energies.append(atoms.get_total_energy())
    kinetic = atoms.get_kinetic_energy()
    assert kinetic > 0.1
    assert np.ptp(energies) < 0.02 * kinetic
    assert abs(np.mean(energies[100:]) - np.mean(energies[:100])) < 0.002 * kinetic


def test_cell_and_positions_relax_to_the_lattice_of_the_labels(gap: GAP) -> None:
    atoms = cells(1, seed=2, size=0.05)[0]
    atoms.calc = Calculator(gap)
    relaxed(atoms)
    assert np.abs(atoms.get_stress()).max() < 1e-4
    assert (atoms.get_volume()) ** (1 / 3) == pytest.approx(5.431, rel=0.01)


def test_elastic_constants_are_cubic_and_near_those_of_the_labels(gap: GAP) -> None:
    elasticity = pytest.importorskip("matscipy.elasticity")
    found = []
    for calculator in (Calculator(gap), stillinger_weber()):
        atoms = bulk("Si", cubic=True)
        atoms.calc = calculator
        relaxed(atoms)
        C, _ = elasticity.fit_elastic_constants(atoms, symmetry="triclinic", verbose=False, graphics=False)
        np.testing.assert_allclose(C, C.T, atol=0.02)
        assert C[0, 0] == pytest.approx(C[1, 1], rel=0.02)
        assert C[0, 1] == pytest.approx(C[0, 2], rel=0.05)
        found.append(np.array([C[0, 0], C[0, 1], C[3, 3]]))
    np.testing.assert_allclose(found[0], found[1], rtol=0.2)


def test_phonons_at_the_zone_center_are_acoustic_and_optical(gap: GAP) -> None:
    phonopy = pytest.importorskip("phonopy")
    atoms_of = pytest.importorskip("phonopy.structure.atoms").PhonopyAtoms
    optical = []
    for calculator in (Calculator(gap), stillinger_weber()):
        unit = bulk("Si", a=5.431)
        phonons = phonopy.Phonopy(
            atoms_of(symbols=unit.get_chemical_symbols(), cell=unit.cell.array, positions=unit.positions),
            supercell_matrix=2 * np.eye(3, dtype=int),
        )
        phonons.generate_displacements(distance=0.01)
        forces = []
        for cell in phonons.supercells_with_displacements:
            supercell = Atoms(cell.symbols, cell.positions, cell=cell.cell, pbc=True)
            supercell.calc = calculator
            forces.append(supercell.get_forces())
        phonons.forces = forces
        phonons.produce_force_constants()
        phonons.dynamical_matrix.run([0, 0, 0])
        squares = np.linalg.eigvalsh(phonons.dynamical_matrix.dynamical_matrix)
        np.testing.assert_allclose(squares[:3] / squares[5], 0.0, atol=1e-3)
        np.testing.assert_allclose(squares[3:], squares[5], rtol=2e-3)
        optical.append(np.sqrt(squares[5]))
    assert optical[0] == pytest.approx(optical[1], rel=0.1)


def test_any_calculator_is_a_potential() -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=0)
    found = FromCalculator(EMT()).evaluate(atoms, virial=True)
    atoms.calc = EMT()
    assert found.energy == pytest.approx(atoms.get_potential_energy())
    np.testing.assert_allclose(found.forces, atoms.get_forces())
    np.testing.assert_allclose(found.virial, -atoms.get_volume() * atoms.get_stress(voigt=False))
    assert FromCalculator(EMT()).evaluate(atoms, forces=False).forces is None
    with pytest.raises(InputError, match="three-dimensional cell"):
        FromCalculator(EMT()).evaluate(Atoms("Cu"), virial=True)


class Remembering(AseCalculator):
    """Its energy counts the evaluations since it was reset, as one that reuses a wave function might."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012
    seen = 0

    def reset(self) -> None:
        super().reset()
        self.seen = 0

    def calculate(self, atoms=None, properties=None, system_changes=all_changes) -> None:  # type: ignore[no-untyped-def]
        super().calculate(atoms, properties, system_changes)
        self.seen += 1
        self.results = {"energy": float(self.seen), "forces": np.zeros((len(atoms), 3))}


def test_an_evaluation_does_not_depend_on_those_before() -> None:
    potential = FromCalculator(Remembering())
    energies = [potential.evaluate(Atoms("Cu", [[x, 0.0, 0.0]])).energy for x in (0.0, 0.1, 0.1, 0.0)]
    assert energies == [1.0] * 4


def test_threads_that_share_a_calculator_get_the_answers_they_would_get_alone() -> None:
    potential = FromCalculator(EMT())
    asked = [bulk("Cu", cubic=True) * (1, 1, 1 + n % 2) for n in range(40)]
    for seed, atoms in enumerate(asked):
        atoms.rattle(0.05, seed=seed)
    alone = [FromCalculator(EMT()).evaluate(atoms) for atoms in asked]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(potential.evaluate, asked))
    for mine, theirs in zip(alone, together, strict=True):
        assert mine.energy == theirs.energy
        np.testing.assert_array_equal(mine.forces, theirs.forces)


def test_tight_binding_of_molecules_does_not_start_from_the_last_wave_function() -> None:
    tblite = pytest.importorskip("tblite.ase", reason="tblite is not installed")
    potential = FromCalculator(tblite.TBLite(method="GFN2-xTB", verbosity=0))
    water = molecule("H2O")
    first = potential.evaluate(water)
    water.positions += 0.1 * np.random.default_rng(0).normal(size=(3, 3))
    potential.evaluate(water)
    again = potential.evaluate(molecule("H2O"))
    assert again.energy == first.energy
    np.testing.assert_array_equal(again.forces, first.forces)


def test_constraints_do_not_touch_the_forces_of_a_potential() -> None:
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.05, seed=0)
    free = FromCalculator(EMT()).evaluate(atoms).forces
    atoms.set_constraint(FixAtoms([0, 1]))
    np.testing.assert_array_equal(FromCalculator(EMT()).evaluate(atoms).forces, free)
    assert len(atoms.constraints) == 1


def test_potential_and_calculator_are_inverse(gap: GAP) -> None:
    atoms = cells(1)[0]
    there_and_back = FromCalculator(Calculator(gap)).evaluate(atoms, virial=True)
    direct = gap.evaluate(atoms, virial=True)
    assert there_and_back.energy == direct.energy
    np.testing.assert_array_equal(there_and_back.forces, direct.forces)
    np.testing.assert_allclose(there_and_back.virial, direct.virial, atol=1e-12)
