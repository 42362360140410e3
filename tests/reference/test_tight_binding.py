"""Tight binding of silicon and hydrogen: closed forms, another program's answers, the laws of potentials."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.units import kB
from contracts.check_potential import check_derivatives, check_purity, check_symmetries, slope
from contracts.motions import away
from quip_bowler import quip
from silicon_examples import (
    CELL,
    cluster,
    crystal,
    primitive,
    radical,
    rattled,
    silane,
    slab,
    squeezed,
)

from gapsample.errors import InputError, SettingsError
from gapsample.potential.calculator import Calculator
from gapsample.potential.protocol import Potential
from gapsample.reference import TightBinding
from gapsample.reference.bowler import CUTOFF

HOT = 6000.0  # K; electrons half an electronvolt around the Fermi level move
THERMAL = 0.01  # eV, QUIP's temperature in the comparisons


def fallen_off(r: float, r0: float, n: float, rc: float, nc: float) -> float:
    return (r0 / r) ** n * np.exp(n * ((r0 / rc) ** nc - (r / rc) ** nc))


def test_levels_of_silane_are_those_of_its_symmetry() -> None:
    atoms = molecule("SiH4")
    scale = fallen_off(atoms.get_distance(0, 1), 1.474, 2.6752, 3.4, 20.0)
    ss, sp = 2.0 * 3.834 * scale, 2.0 / np.sqrt(3.0) * 4.734 * scale
    a1 = np.linalg.eigvalsh([[-12.2, ss], [ss, -8.4]])
    t2 = np.linalg.eigvalsh([[-5.75, sp], [sp, -8.4]])
    levels = TightBinding().electrons(atoms).levels
    np.testing.assert_allclose(levels[0], np.sort(np.concatenate((a1, np.repeat(t2, 3)))), atol=1e-12)


def test_levels_of_the_crystal_at_the_zone_center_are_those_of_its_symmetry() -> None:
    scale = fallen_off(CELL * np.sqrt(3.0) / 4.0, 2.35, 1.9771, 3.8661, 6.8702)
    s, p = 4.0 * 1.938 * scale, (4.0 * 3.050 - 8.0 * 1.075) / 3.0 * scale
    expected = np.sort([-12.2 - s, -12.2 + s, *[-5.75 - p] * 3, *[-5.75 + p] * 3])
    levels = TightBinding().electrons(bulk("Si", a=CELL)).levels
    np.testing.assert_allclose(levels[0], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("atoms", "mesh"),
    [
        (crystal(0.0), (2, 2, 2)),
        (crystal(), (3, 2, 4)),
        (primitive(), (4, 3, 2)),
        (silane(), (1, 1, 1)),
        (rattled(cluster(4.0), 0.02), (1, 1, 1)),
        (slab(), (2, 2, 1)),
    ],
    ids=["crystal", "distorted crystal", "skewed cell", "silane", "capped cluster", "slab"],
)
def test_quip_says_the_same(atoms: Atoms, mesh: tuple[int, int, int], tmp_path: Path) -> None:
    pytest.importorskip("quippy", reason="quippy is not installed")
    theirs = quip(atoms, tmp_path, mesh=mesh, thermal=THERMAL)
    ours = TightBinding(mesh, THERMAL / kB, shifted=True).evaluate(atoms, virial=True)
    assert abs(ours.energy - theirs.energy) < 1e-8
    np.testing.assert_allclose(ours.forces, theirs.forces, atol=1e-8)
    np.testing.assert_allclose(ours.virial, theirs.virial, atol=1e-7)


@pytest.mark.parametrize(
    "atoms", [radical(), crystal(), squeezed()], ids=["odd electron", "crystal", "metal"]
)
def test_internal_energy_of_warm_electrons_is_that_of_quip(atoms: Atoms, tmp_path: Path) -> None:
    pytest.importorskip("quippy", reason="quippy is not installed")
    thermal = 0.5
    theirs = quip(atoms, tmp_path, mesh=(2, 2, 2) if atoms.pbc.any() else (1, 1, 1), thermal=thermal)
    ours = TightBinding((2, 2, 2), thermal / kB, shifted=True)
    electrons = ours.electrons(atoms)
    internal = ours.evaluate(atoms).energy + electrons.temperature * electrons.entropy
    assert electrons.entropy * electrons.temperature > 0.1
    assert abs(internal - theirs.energy) < 1e-7  # QUIP finds its Fermi level to 1e-9 electrons


@pytest.mark.parametrize("temperature", [300.0, HOT])
@pytest.mark.parametrize(
    ("atoms", "kpoints"),
    [
        (crystal(), (2, 1, 2)),
        (primitive(), (3, 2, 2)),
        (squeezed(), (3, 3, 3)),
        (slab(), (2, 3, 1)),
        (silane(), (1, 1, 1)),
        (radical(), (1, 1, 1)),
    ],
    ids=["crystal", "skewed cell", "one atom", "slab", "silane", "odd electron"],
)
def test_forces_and_virial_are_derivatives_of_the_free_energy(
    atoms: Atoms, kpoints: tuple[int, int, int], temperature: float
) -> None:
    potential: Potential = TightBinding(kpoints, temperature)
    check_purity(potential, atoms)
    check_derivatives(potential, atoms, tolerance=1e-7 * len(atoms))


@pytest.mark.parametrize(
    ("atoms", "kpoints"),
    [
        (crystal(), 0.6),
        (primitive(), float(np.linalg.norm(primitive().cell.reciprocal()[0])) * np.pi),
        (slab(), (2, 3, 1)),
        (rattled(cluster(4.0)), (1, 1, 1)),
        (radical(), (1, 1, 1)),
    ],
    ids=["crystal", "skewed cell", "slab", "capped cluster", "odd electron"],
)
def test_nothing_depends_on_place_turn_order_or_choice_of_cell(
    atoms: Atoms, kpoints: tuple[int, int, int] | float
) -> None:
    check_symmetries(TightBinding(kpoints), atoms, exact=1e-10)


@pytest.mark.parametrize(
    ("atoms", "mesh"),
    [(crystal(), (2, 2, 2)), (primitive(), (4, 3, 3)), (slab(), (3, 2, 1)), (squeezed(), (4, 3, 4))],
    ids=["crystal", "skewed cell", "slab", "one atom"],
)
@pytest.mark.parametrize("temperature", [300.0, HOT])
def test_a_mesh_equals_the_zone_center_of_the_repeated_cell(
    atoms: Atoms, mesh: tuple[int, int, int], temperature: float
) -> None:
    folded = TightBinding(mesh, temperature).evaluate(atoms, virial=True)
    repeated = TightBinding((1, 1, 1), temperature).evaluate(atoms.repeat(mesh), virial=True)
    copies = int(np.prod(mesh))
    assert abs(copies * folded.energy - repeated.energy) < 1e-10 * copies * len(atoms)
    np.testing.assert_allclose(np.tile(folded.forces, (copies, 1)), repeated.forces, atol=1e-10)
    np.testing.assert_allclose(copies * folded.virial, repeated.virial, atol=1e-9 * copies)


def test_where_atoms_are_wrapped_does_not_matter() -> None:
    atoms = crystal()
    moved = atoms.copy()
    moved.positions += np.random.default_rng(0).integers(-3, 4, size=(8, 3)) @ atoms.cell.array
    potential = TightBinding((3, 2, 2))
    here, there = potential.evaluate(atoms), potential.evaluate(moved)
    assert abs(here.energy - there.energy) < 1e-10
    np.testing.assert_allclose(there.forces, here.forces, atol=1e-10)


def test_a_mesh_has_one_point_where_there_is_no_period() -> None:
    atoms = silane()
    assert TightBinding((3, 3, 3)).evaluate(atoms).energy == TightBinding().evaluate(atoms).energy


@pytest.mark.parametrize("temperature", [300.0, HOT])
@pytest.mark.parametrize("atoms", [radical(), crystal()], ids=["odd electron", "crystal"])
def test_free_energy_falls_with_temperature_by_the_entropy(atoms: Atoms, temperature: float) -> None:
    def free(more: float) -> float:
        return TightBinding((2, 2, 2), temperature + more).electrons(atoms).free_energy

    entropy = TightBinding((2, 2, 2), temperature).electrons(atoms).entropy
    assert abs(slope(free, 0.01 * temperature) + entropy) < 1e-8


def test_an_isolated_atom_has_the_energy_of_its_shells() -> None:
    potential = TightBinding(electronic_temperature=300.0)
    ways = 3.0 * np.log(3.0) - 2.0 * np.log(2.0)  # two electrons in three levels
    silicon, hydrogen = (potential.evaluate(Atoms(symbol)) for symbol in ("Si", "H"))
    assert abs(silicon.energy - (2.0 * -12.2 + 2.0 * -5.75 - 2.0 * kB * 300.0 * ways)) < 1e-11
    assert abs(hydrogen.energy - (-8.4 - 2.0 * kB * 300.0 * np.log(2.0))) < 1e-11
    np.testing.assert_array_equal(silicon.forces, np.zeros((1, 3)))
    assert silicon.forces.dtype == np.float64


@pytest.mark.parametrize("pair", ["Si2", "SiH"])
@pytest.mark.parametrize("temperature", [300.0, HOT])
def test_a_dimer_comes_apart_smoothly(pair: str, temperature: float) -> None:
    potential = TightBinding(electronic_temperature=temperature)
    path = away(Atoms(pair, [[0.0, 0.0, 0.0], [0.0, 0.0, 2.0]]), 2.5, CUTOFF + 0.05, 301)
    found = [potential.evaluate(atoms) for atoms in path]
    energies = np.array([each.energy for each in found])
    steps = np.array([there.positions[1] - here.positions[1] for here, there in pairwise(path)])
    pulls = np.array([each.forces[1] for each in found])
    work = np.cumsum(np.sum(0.5 * (pulls[1:] + pulls[:-1]) * steps, axis=1))
    np.testing.assert_allclose(energies[1:] - energies[0], -work, atol=2e-4)
    apart = sum(potential.evaluate(Atoms(symbol)).energy for symbol in path[0].symbols)
    assert np.all(found[-1].forces == 0.0)
    assert energies[-1] < apart + 1e-9, "electrons shared by two atoms have the lower free energy"


def test_two_far_molecules_are_the_sum_of_both() -> None:
    one, other = silane(), silane(0.05)
    both = one + Atoms(other.symbols, other.positions + 20.0)
    potential = TightBinding()
    apart = [potential.evaluate(each, virial=True) for each in (one, other)]
    together = potential.evaluate(both, virial=True)
    assert abs(together.energy - sum(each.energy for each in apart)) < 1e-10
    np.testing.assert_allclose(together.forces, np.concatenate([each.forces for each in apart]), atol=1e-11)
    np.testing.assert_allclose(together.virial, sum(each.virial for each in apart), atol=1e-10)


def test_silicon_rests_at_its_lattice_constant() -> None:
    def pressure(a: float) -> float:
        atoms = bulk("Si", a=a)
        found = TightBinding((6, 6, 6), shifted=True).evaluate(atoms, virial=True)
        return float(np.trace(found.virial))

    assert pressure(5.43 * 0.99) > 0.0 > pressure(5.43 * 1.01)


def test_ase_moves_atoms_with_it() -> None:
    atoms = crystal()
    potential = TightBinding((2, 2, 2))
    atoms.calc = Calculator(potential)
    found = potential.evaluate(atoms, virial=True)
    assert atoms.get_potential_energy() == found.energy
    np.testing.assert_array_equal(atoms.get_forces(), found.forces)
    np.testing.assert_allclose(-atoms.get_stress(voigt=False) * atoms.get_volume(), found.virial, atol=1e-12)


@pytest.mark.parametrize(
    ("atoms", "words"),
    [
        (molecule("CH4"), "knows H and Si; got C"),
        (Atoms(), "at least one atom"),
        (Atoms("Si2", np.zeros((2, 3))), "apart"),
        (Atoms("Si", [[np.nan, 0.0, 0.0]]), "not finite"),
    ],
    ids=["strange element", "no atoms", "same place", "not a number"],
)
def test_what_cannot_be_evaluated_is_refused(atoms: Atoms, words: str) -> None:
    with pytest.raises(InputError, match=words):
        TightBinding().evaluate(atoms)


def test_a_system_too_large_is_refused_with_its_cost() -> None:
    with pytest.raises(
        InputError, match=r"32 orbitals; with 10 k-points .* GiB and 0 minutes, memory=0.0001"
    ):
        TightBinding((2, 3, 3), memory=1e-4).evaluate(crystal())
    with pytest.raises(InputError, match="carve a cluster"):
        TightBinding().evaluate(bulk("Si", cubic=True, a=CELL).repeat(9))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kpoints": (0, 1, 1)},
        {"kpoints": (2, 2)},
        {"kpoints": -0.3},
        {"kpoints": 4},
        {"kpoints": (1.5, 2, 2)},
        {"electronic_temperature": 0.0},
        {"electronic_temperature": float("nan")},
        {"memory": -1.0},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(SettingsError, match=f"{next(iter(wrong))}: wanted"):
        TightBinding(**wrong)
