"""A GAP in compiled walks: the potential's own energies and forces, and no exceptions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample import nested
from gapsample.compiled.walks_models import evaluate
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.errors import FitError, InputError, UnknownSpecies
from gapsample.gp.linear_system import Posterior
from gapsample.nested.ensembles import Pressure
from gapsample.nested.gap_model import GapModel
from gapsample.nested.model_error import model_error
from gapsample.nested.moves import Moves
from gapsample.nested.predicted_error import PredictedError
from gapsample.nested.system import System
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.gap import GAP, Calibration
from gapsample.potential.protocol import Sum
from gapsample.potential.terms.angle import AngleKind, AngleTerm
from gapsample.potential.terms.distance import DistanceKind, DistanceTerm
from gapsample.potential.terms.soap import SoapTerm
from gapsample.potential.zbl import ZBL
from gapsample.sampling import loop

SYMBOLS = ("O", "Si")
NO_FORCES = np.empty((0, 3))
E0 = {8: -1.5, 14: 0.7}


def disordered(n_atoms: int, seed: int, volume: float = 9.0) -> Atoms:
    """Atoms anywhere in a random triclinic cell, none closer than 1.2 Å, some outside of it."""
    rng = np.random.default_rng(seed)
    while True:
        cell = np.eye(3) + rng.normal(0.0, 0.25, (3, 3))
        cell *= (n_atoms * volume / abs(np.linalg.det(cell))) ** (1 / 3)
        atoms = Atoms(
            rng.choice(SYMBOLS, n_atoms), scaled_positions=np.zeros((n_atoms, 3)), cell=cell, pbc=True
        )
        for i in range(n_atoms):
            for _ in range(200):
                atoms.positions[i] = rng.random(3) @ cell
                if len(find_neighbours(atoms[: i + 1], 1.2).d) == 0:
                    break
        if np.linalg.det(cell) > 0 and len(find_neighbours(atoms, 1.2).d) == 0:
            atoms.positions += rng.integers(-2, 3, (n_atoms, 3)) @ cell
            return atoms


def soap(center: str, zeta: float, cutoff: float, n_sparse: int = 6) -> SoapTerm:
    empty = SoapTerm(
        SoapBasis(cutoff, 3, 2), atomic_numbers[center], (8, 14), np.empty((0, 63)), zeta, 1.1, r_min=1.0
    )
    points = [empty.descriptors(find_neighbours(disordered(8, seed), cutoff)) for seed in range(4)]
    return empty.with_more(np.concatenate(points)[:n_sparse])


def distance(n_sparse: int = 5, **kind) -> DistanceTerm:
    whole = DistanceKind(**kind)
    x, _, cutoffs, _ = whole.of_distances(np.linspace(1.5, 0.97 * whole.cutoff, n_sparse))
    return DistanceTerm(whole, x, cutoffs)


def angle(**kind) -> AngleTerm:
    whole = AngleKind(**kind)
    found = whole.descriptors(find_neighbours(disordered(8, 3), whole.cutoff))
    return AngleTerm(whole, found.x[:7], found.cutoffs[:7])


def potential(*terms, **rest) -> GAP:
    alpha = np.random.default_rng(5).normal(size=sum(term.n_sparse for term in terms))
    return GAP(terms, alpha, E0, **rest)


def everything() -> GAP:
    """All kinds of terms, two SOAP terms of different reach, tails, a sum as baseline."""
    below = potential(distance(species=(14, 8), cutoff=3.7, transition_width=0.9, theta=0.6, f0=0.2))
    return potential(
        soap("Si", 4.0, 3.4),
        soap("O", 2.5, 3.0),
        distance(species=(0, 0), cutoff=3.5, theta=0.9),
        distance(species=(8, 14), cutoff=4.0, transition_width=1.0, tail_range=0.6, tail_exponent=2.0),
        distance(species=(0, 14), cutoff=3.9, transition_width=1.0, theta=0.05, exponent=-2.0),
        angle(center=14, species=(8, 14), cutoff=2.6, theta=(1.2, 1.0, 0.7), f0=0.1),
        angle(center=0, species=(0, 0), cutoff=2.4),
        baseline=Sum(ZBL(1.4, 2.2), below),
    )


def answer(model, atoms: Atoms, symbols=SYMBOLS) -> tuple[float, np.ndarray]:
    species = np.array([symbols.index(s) for s in atoms.get_chemical_symbols()])
    forces = np.full((len(atoms), 3), np.nan)
    energy = evaluate(model, atoms.positions, species, atoms.cell.array, forces)
    assert evaluate(model, atoms.positions, species, atoms.cell.array, NO_FORCES) == pytest.approx(
        energy, abs=1e-10
    )
    return energy, forces


GAPS = {
    "everything": everything(),
    "soap": potential(soap("Si", 4.0, 3.4), soap("O", 4.0, 3.4)),
    "quadratic": potential(soap("Si", 2.0, 3.4, 40), soap("O", 2.0, 3.4, 40)),
    "no soap": potential(distance(species=(0, 0), cutoff=3.5), angle(center=0, species=(0, 0), cutoff=2.4)),
    "pairs": potential(distance(species=(0, 0), cutoff=5.0), baseline=ZBL(1.4, 2.2)),
}
COMPILED = {name: GapModel(gap).compiled(SYMBOLS) for name, gap in GAPS.items()}


@given(name=st.sampled_from(sorted(GAPS)), n_atoms=st.integers(1, 16), seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_energies_and_forces_are_those_of_the_potential(name, n_atoms, seed):
    atoms = disordered(n_atoms, seed)
    wanted = GAPS[name].evaluate(atoms)
    energy, forces = answer(COMPILED[name], atoms)
    assert energy == pytest.approx(wanted.energy, abs=1e-9)
    np.testing.assert_allclose(forces, wanted.forces, atol=1e-9)


@pytest.mark.parametrize("thin", [1.3, 2.0])
def test_atoms_see_their_own_images_in_thin_cells(thin):
    atoms = Atoms("OSi", [[0, 0, 0], [0.1, 2.0, 2.2]], cell=[thin, 6.0, 5.0], pbc=True)
    atoms.cell[1] += [5 * thin, 0, 0]
    atoms.cell[2] += [-thin, 7.0, 0]
    wanted = GAPS["everything"].evaluate(atoms)
    energy, forces = answer(COMPILED["everything"], atoms)
    assert energy == pytest.approx(wanted.energy, abs=1e-9)
    np.testing.assert_allclose(forces, wanted.forces, atol=1e-9)


@pytest.mark.parametrize("apart", [0.05, 0.3, 0.7, 1.0])
def test_the_shortest_distances_are_those_of_the_potential(apart):
    atoms = Atoms("OSi", [[0, 0, 0], [0, 0, apart]], cell=[4.0, 4.5, 5.0], pbc=True)
    wanted = GAPS["everything"].evaluate(atoms)
    energy, forces = answer(COMPILED["everything"], atoms)
    assert energy == pytest.approx(wanted.energy, rel=1e-12, abs=1e-9)
    np.testing.assert_allclose(forces, wanted.forces, rtol=1e-10, atol=1e-9)


def test_forces_are_minus_the_slope_of_the_energy():
    atoms = disordered(5, 11)
    _, forces = answer(COMPILED["everything"], atoms)
    for i in range(5):
        for x in range(3):
            ends = []
            for step in (1e-4, -1e-4):
                moved = atoms.copy()
                moved.positions[i, x] += step
                ends.append(answer(COMPILED["everything"], moved)[0])
            assert forces[i, x] == pytest.approx((ends[1] - ends[0]) / 2e-4, abs=2e-5)


def test_a_species_alone_needs_its_own_terms_only():
    gap = GAPS["everything"]
    model = GapModel(gap).compiled(("Si",))
    assert len(model.soap) == 1
    atoms = disordered(6, 2)
    atoms.symbols = "Si6"
    wanted = gap.evaluate(atoms)
    energy, forces = answer(model, atoms, ("Si",))
    assert energy == pytest.approx(wanted.energy, abs=1e-9)
    np.testing.assert_allclose(forces, wanted.forces, atol=1e-9)


@pytest.mark.parametrize("name", ["everything", "pairs"])
@pytest.mark.parametrize("fault", ["coincide", "nan", "infinite", "flat", "dense"])
def test_what_has_no_energy_is_no_number(name, fault):
    atoms = disordered(4, 1)
    match fault:
        case "coincide":
            atoms.positions[1] = atoms.positions[0] + atoms.cell[1]
        case "nan":
            atoms.positions[2, 1] = np.nan
        case "infinite":
            atoms.positions[2, 1] = np.inf
        case "flat":
            atoms.cell[2] = atoms.cell[1]
        case "dense":
            atoms.set_cell(0.01 * atoms.cell.array, scale_atoms=True)
    species = np.zeros(4, np.int64)
    for forces in (NO_FORCES, np.empty((4, 3))):
        assert np.isnan(evaluate(COMPILED[name], atoms.positions, species, atoms.cell.array, forces))


def with_posterior(gap: GAP) -> GAP:
    """Known to have an uncertainty of about a tenth of each weight."""
    n = len(gap.alpha)
    triangle = np.zeros((n + 1, n + 1))
    triangle[:n, :n] = 10.0 * np.eye(n) + np.triu(np.random.default_rng(2).normal(size=(n, n)), 1)
    calibrated = Calibration(energy=1.7, local=1.7)
    return replace(gap, posterior=Posterior(triangle, 0.0, 0.0, n), calibration=calibrated)


def test_predicted_errors_and_draws_are_those_of_the_potential():
    gap = with_posterior(GAPS["everything"])
    configurations = [disordered(n, n) for n in (1, 3, 8)]
    seen = PredictedError(gap, n_draws=3, seed=9).observe(configurations)
    drawn = gap.draws(3, np.random.default_rng(9))
    for k, atoms in enumerate(configurations):
        whole = gap.evaluate(atoms, error="local")
        assert seen["energy_std"][k] == whole.energy_std
        assert seen["largest_local_std"][k] == whole.local_std.max()
        difference = [1.7 * (each.evaluate(atoms).energy - whole.energy) for each in drawn]
        np.testing.assert_allclose(seen["energy_draws"][k], difference, atol=1e-9)


def test_nothing_is_predicted_inside_of_the_hard_core():
    gap = with_posterior(GAPS["soap"])
    near = Atoms("OSi", [[0, 0, 0], [0, 0, 1.6]], cell=[5.0, 5.0, 5.0], pbc=True)
    same = Atoms("OSi", np.zeros((2, 3)), cell=[5.0, 5.0, 5.0], pbc=True)
    for core, closed in ((1.7, True), ({"O-Si": 1.7}, True), ({"Si-Si": 1.7, "O-Si": 0.1}, False)):
        seen = PredictedError(gap, core=core).observe([near, same])
        assert (seen["energy_std"][0] == 0.0) == closed
        assert (seen["energy_draws"][0] == 0.0).all() == closed
        assert (seen["energy_draws"][1] == 0.0).all()
    with pytest.raises(FitError, match="posterior"):
        PredictedError(GAPS["soap"])


def test_walks_visit_what_the_potential_says_they_do():
    gap = with_posterior(GAPS["soap"])
    system = System(
        "OSi2",
        GapModel(gap),
        Pressure(0.05, largest_volume=30.0, smallest_volume=8.0),
        Moves(atom=1, galilean=1, n_steps=4, swap=1, **Moves.of_cell()),
        core=1.1,
        observers=[PredictedError(gap, n_draws=2, core=1.1)],
    )
    settings = nested.Settings(n_live=24, walk_length=2, shortest_walk=2, longest_walk=2, keep_every=1)
    result = nested.run(system, settings, seed=0, lowest_kT=0.1, until=loop.steps(2))
    dead = result.kept["coordinates"]
    for k in range(0, len(dead), 4):
        atoms = system.atoms(dead[k])
        if len(find_neighbours(atoms, 1.1).d) == 0:
            enthalpy = gap.evaluate(atoms).energy + 0.05 * atoms.get_volume()
            assert result.points.value[k] == pytest.approx(enthalpy, abs=1e-8)
    found = model_error(result.points, [2.0, 3.0], "volume", rng=np.random.default_rng(0), smallest_size=1.0)
    assert found.of_draws.shape == (2, 2)
    assert np.isfinite(found.model_err).all()


def test_potentials_that_differ_have_fingerprints_that_differ():
    gap = GAPS["everything"]
    other = replace(gap, alpha=gap.alpha + 1e-12)
    names = [GapModel(each).fingerprint for each in (gap, other, replace(gap, baseline=None), GAPS["soap"])]
    assert len(set(names)) == 4
    assert GapModel(everything()).fingerprint == names[0]


def test_what_cannot_be_compiled_is_refused_with_the_way_out():
    from ase.calculators.lj import LennardJones

    with pytest.raises(InputError, match="AnyPotential"):
        GapModel(potential(soap("Si", 4.0, 3.4), baseline=FromCalculator(LennardJones())))
    with pytest.raises(UnknownSpecies):
        GapModel(GAPS["soap"]).compiled(("C", "Si"))
