"""The limits of force mixing, the sum of its forces, and what it does not depend on."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from contracts.motions import displaced, shuffled, turned
from engines import Counting, Failing
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import SHEAR, copper, emt, lennard_jones, mask, scene, silicon, water

from gapsample.errors import InputError, UnknownSpecies
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.qmmm.calculator import FixedRegion
from gapsample.qmmm.clusters import Carving
from gapsample.qmmm.engine import Engine, QuantumFailed
from gapsample.qmmm.layers import Hops, Within
from gapsample.qmmm.mixing import ForceMixing
from gapsample.qmmm.region import Region
from gapsample.qmmm.selection import ErrorThreshold, Seeds, Selection
from gapsample.reference.tight_binding import TightBinding
from gapsample.sampling.executors import threads

EXACT = 1e-10  # eV/Å
METAL = Carving(Within(4.0), terminate=False, partial=True)


def mixing(mm: Potential, qm: Potential, carving: Carving = METAL, **options: object) -> ForceMixing:
    return ForceMixing(mm, Engine((qm,)), Selection((Seeds(()),)), carving, **options)


def forces_of(potential: Potential, atoms: Atoms) -> np.ndarray:
    forces = potential.evaluate(atoms).forces
    assert forces is not None
    return forces


def ramped(atoms: Atoms, *seeds: int, around: float = 3.0, ramp: float = 2.0) -> Region:
    return Selection((Seeds(seeds),), Within(around), ramp)(scene(atoms), None)


CELLS = {
    "cubic": lambda: copper(3),
    "triclinic": lambda: copper(1, oblique=True),
    "one atom": lambda: bulk("Cu"),
    "cluster": lambda: Atoms("Cu13", copper(2).positions[:13]),
}


@pytest.mark.parametrize("how", ["subtractive", "plain"])
@pytest.mark.parametrize("cell", CELLS)
def test_with_all_atoms_quantum_forces_are_those_of_the_quantum_engine(cell: str, how: str) -> None:
    atoms = CELLS[cell]()
    every = Region.of(np.ones(len(atoms), bool))
    mixed = mixing(lennard_jones(), emt(), how=how).forces(atoms, every)
    np.testing.assert_allclose(mixed.forces, forces_of(emt(), atoms), atol=EXACT)
    assert mixed.energy == emt().evaluate(atoms).energy


@pytest.mark.parametrize("how", ["subtractive", "plain"])
def test_with_no_atom_quantum_forces_are_those_of_the_classical_potential(how: str) -> None:
    atoms = copper(3)
    mixed = mixing(lennard_jones(), emt(), how=how).forces(atoms, Region.of(np.zeros(len(atoms), bool)))
    np.testing.assert_array_equal(mixed.forces, forces_of(lennard_jones(), atoms))
    assert mixed.energy == lennard_jones().evaluate(atoms).energy
    assert mixed.labels == []


def test_with_all_atoms_quantum_tight_binding_is_itself_in_a_periodic_cell() -> None:
    atoms, qm = silicon(1), TightBinding(kpoints=(2, 2, 2))
    mixed = mixing(lennard_jones(), qm, Carving(Within(3.0))).forces(atoms, Region.of(np.ones(8, bool)))
    np.testing.assert_allclose(mixed.forces, forces_of(qm, atoms), atol=EXACT)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000), system=st.sampled_from(["silicon", "metal", "water"]), oblique=st.booleans()
)
def test_the_same_potential_as_both_is_itself_whatever_the_region(
    seed: int, system: str, oblique: bool
) -> None:
    """Across boundaries, in oblique cells, with several clusters, with hydrogens and without."""
    rng = np.random.default_rng(seed)
    if system == "water":
        atoms, carving = water(3, seed=seed, oblique=oblique), Carving(Within(3.0))
    elif system == "metal":
        atoms, carving = copper(3, seed=seed), Carving(Within(3.0), terminate=False)
    else:
        atoms, carving = silicon(3, seed=seed), Carving(Hops(1))
    if oblique and system != "water":
        atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    atoms.positions += rng.uniform(-9.0, 9.0, 3)
    atoms.wrap()
    both = lennard_jones(cutoff=4.0)
    seeds = rng.choice(len(atoms), int(rng.integers(1, 5)), replace=False)
    region = ramped(atoms, *map(int, seeds), around=1.5)
    mixed = mixing(both, both, carving).forces(atoms, region)
    np.testing.assert_allclose(mixed.forces, forces_of(both, atoms), atol=EXACT)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 100_000),
    pbc=st.tuples(*[st.booleans()] * 3),
    buffer=st.floats(3.0, 7.0),
    partial=st.booleans(),
)
def test_forces_of_short_range_are_exact_where_the_buffer_reaches_as_far(
    seed: int, pbc: tuple[bool, bool, bool], buffer: float, partial: bool
) -> None:
    """In cells of any shape and size, periodic in any directions, with atoms far outside of them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 25))
    cell = np.diag(rng.uniform(2.5, 14.0, 3)) + np.tril(rng.uniform(-4.0, 4.0, (3, 3)), -1)
    atoms = Atoms(f"Si{n}", scaled_positions=rng.uniform(-2.0, 2.0, (n, 3)), cell=cell, pbc=pbc)
    soft = lennard_jones(1e-4, 1.5, 2.9)
    wanted = rng.uniform(size=n) < rng.uniform(0.0, 0.6)
    carving = Carving(Within(buffer), terminate=False, partial=partial)
    mixed = mixing(lennard_jones(0.0), soft, carving, momentum=None).forces(atoms, Region.of(wanted))
    exact = forces_of(soft, atoms)
    scale = 1.0 + np.abs(exact).max()
    np.testing.assert_allclose(mixed.forces[wanted] / scale, exact[wanted] / scale, atol=EXACT)
    assert np.all(mixed.forces[~wanted] == 0.0)


def test_the_same_short_ranged_potential_as_both_is_itself_when_mixed_plainly_too() -> None:
    atoms = copper(5)
    both = lennard_jones(cutoff=3.9)
    mixed = mixing(both, both, how="plain").forces(atoms, ramped(atoms, 7, 300))
    assert not any(label.cluster.complete for label in mixed.labels)
    np.testing.assert_allclose(mixed.forces, forces_of(both, atoms), atol=EXACT)


@pytest.mark.parametrize("share", ["core", "quantum", "all"])
@pytest.mark.parametrize("how", ["subtractive", "plain"])
def test_forces_sum_to_zero_whoever_carries_the_correction(share: str, how: str) -> None:
    atoms = copper(4)
    atoms.set_masses(np.random.default_rng(0).uniform(20.0, 200.0, len(atoms)))
    region = ramped(atoms, 11, 200)
    mixed = mixing(lennard_jones(), emt(), how=how, momentum=share).forces(atoms, region)
    assert np.abs(mixed.forces.sum(axis=0)).max() < EXACT
    assert np.abs(mixed.net_force).max() > 1e-3
    bare = mixing(lennard_jones(), emt(), how=how, momentum=None).forces(atoms, region)
    np.testing.assert_allclose(bare.forces.sum(axis=0), mixed.net_force, atol=EXACT)
    np.testing.assert_allclose(mixed.correction, mixed.forces - bare.forces, atol=EXACT)
    assert np.all(bare.correction == 0.0)
    acceleration = mixed.correction / atoms.get_masses()[:, None]
    carrying = {"core": region.core, "quantum": region.quantum, "all": np.ones(len(atoms), bool)}[share]
    np.testing.assert_allclose(acceleration[~carrying], 0.0, atol=1e-14)
    np.testing.assert_allclose(
        acceleration[carrying], np.broadcast_to(acceleration[carrying][0], (carrying.sum(), 3)), atol=1e-12
    )


@pytest.mark.parametrize("how", ["subtractive", "plain"])
def test_each_atom_has_the_mean_of_both_forces_by_its_weight(how: str) -> None:
    atoms = copper(4)
    region = ramped(atoms, 30, ramp=3.0)
    assert region.transition.any()
    mixed = mixing(lennard_jones(), emt(), how=how, momentum=None).forces(atoms, region)
    abrupt = mixing(lennard_jones(), emt(), how=how, momentum=None).forces(atoms, Region.of(region.treated))
    mm = forces_of(lennard_jones(), atoms)
    by_hand = mm + region.weight[:, None] * (abrupt.forces - mm)
    np.testing.assert_allclose(mixed.forces, by_hand, atol=EXACT)


@pytest.mark.parametrize("oblique", [False, True])
def test_forces_move_turn_and_are_renumbered_with_the_atoms(oblique: bool) -> None:
    atoms = silicon(3, seed=2)
    if oblique:
        atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    force_mixing = mixing(lennard_jones(cutoff=4.0), lennard_jones(0.2, 2.0, 4.0), Carving(Hops(2)))
    region = ramped(atoms, 50, around=2.6, ramp=2.8)
    here = force_mixing.forces(atoms, region).forces
    assert np.abs(here - forces_of(force_mixing.mm, atoms)).max() > 0.1
    for shift in ([5.0, 5.0, 5.0], [-7.1, 30.0, 2.2]):
        moved = displaced(atoms, np.array(shift))
        moved.wrap()
        np.testing.assert_allclose(force_mixing.forces(moved, region).forces, here, atol=EXACT)
    moved, R = turned(atoms)
    np.testing.assert_allclose(force_mixing.forces(moved, region).forces, here @ R, atol=EXACT)
    moved, order = shuffled(atoms)
    there = Region(region.core[order], region.quantum[order], region.transition[order], region.weight[order])
    np.testing.assert_allclose(force_mixing.forces(moved, there).forces, here[order], atol=EXACT)


def test_a_larger_cell_makes_no_difference_to_what_is_carved_out() -> None:
    """A region in two copies side by side has the forces of the one, though the clusters are two."""
    atoms = silicon(3, seed=4)
    force_mixing = mixing(lennard_jones(cutoff=4.0), lennard_jones(0.2, 2.0, 4.0), Carving(Hops(1)))
    region = Region.of(mask(atoms, 50))
    one = force_mixing.forces(atoms, region)
    two = force_mixing.forces(atoms.repeat((2, 1, 1)), Region.of(np.tile(region.quantum, 2)))
    assert len(two.labels) == 2 * len(one.labels) == 2
    np.testing.assert_allclose(two.forces, np.tile(one.forces, (2, 1)), atol=EXACT)


def test_clusters_solved_at_once_give_the_same_forces() -> None:
    atoms = silicon(4, seed=5)
    region = Region.of(mask(atoms, 3, 250))
    alone = mixing(lennard_jones(), lennard_jones(0.2, 2.0, 4.0), Carving(Hops(1)))
    with threads(1) as executor:
        together = replace(alone, executor=executor).forces(atoms, region)
    assert len(together.labels) == 2
    np.testing.assert_array_equal(together.forces, alone.forces(atoms, region).forces)


def test_forces_mixed_with_another_model_and_quantum_forces_that_are_known_are_the_same() -> None:
    atoms, engine = silicon(3, seed=5), Counting()
    region = ramped(atoms, 3, around=2.6, ramp=2.8)
    before = ForceMixing(lennard_jones(0.1), Engine((engine,)), Selection((Seeds(()),)), Carving(Within(3.0)))
    known = before.forces(atoms, region).labels
    asked, after = list(engine.asked), replace(before, mm=lennard_jones(cutoff=4.0))
    again = after.forces(atoms, region, labels=known)
    assert engine.asked == asked
    np.testing.assert_array_equal(again.forces, after.forces(atoms, region).forces)


def test_a_cluster_that_is_the_whole_configuration_is_not_tried_again() -> None:
    atoms, engine = bulk("Si", cubic=True), Counting(Failing("throws"))
    failing = replace(mixing(lennard_jones(), engine), enlargements=3)
    with pytest.raises(QuantumFailed):
        failing.forces(atoms, Region.of(np.ones(8, bool)))
    assert engine.asked == [8]


def test_mixed_forces_have_no_energy_and_say_so() -> None:
    atoms = copper(3)
    some = FixedRegion(mixing(lennard_jones(), emt()), Region.of(mask(atoms, 5)))
    found = some.evaluate(atoms)
    assert math.isnan(found.energy)
    assert found.virial is None
    assert np.all(np.isfinite(found.forces))


class OnlySilicon:
    """A potential that knows its error, and no hydrogen."""

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        if set(atoms.symbols) != {"Si"}:
            raise UnknownSpecies(set(atoms.symbols), {"Si"})
        found = lennard_jones(cutoff=4.0).evaluate(atoms)
        return replace(found, forces_std=np.full((len(atoms), 3), 0.1)) if error else found


def test_a_potential_without_hydrogen_is_mixed_plainly_and_told_so_otherwise() -> None:
    atoms = silicon(3)
    region = Region.of(mask(atoms, 9))
    with pytest.raises(UnknownSpecies) as refused:
        mixing(OnlySilicon(), lennard_jones(), Carving(Hops(1))).forces(atoms, region)
    assert "how='plain'" in "".join(refused.value.__notes__)
    mixed = mixing(OnlySilicon(), lennard_jones(), Carving(Hops(1)), how="plain").forces(atoms, region)
    assert mixed.mm.forces_std is not None


def test_a_potential_tied_to_all_atoms_is_told_which_ones_are_in_a_cluster() -> None:
    atoms = water(3)
    told: list[np.ndarray] = []

    def mm_of(cluster) -> Potential:  # type: ignore[no-untyped-def]
        told.append(cluster.index)
        return lennard_jones(cutoff=4.0)

    both = lennard_jones(cutoff=4.0)
    mixed = mixing(both, both, Carving(Within(3.0)), mm_of=mm_of).forces(
        atoms, Region.of(mask(atoms, 3, 4, 5))
    )
    assert len(told) == 1
    np.testing.assert_allclose(mixed.forces, forces_of(both, atoms), atol=EXACT)


def test_labels_are_trusted_on_treated_atoms_only_and_have_an_energy_when_complete() -> None:
    atoms = silicon(4)
    region = ramped(atoms, 40, around=2.6, ramp=2.8)
    qm = lennard_jones(0.2, 2.0, 4.0)
    labels = mixing(lennard_jones(), qm, Carving(Hops(1))).forces(atoms, region).labels
    taught = np.concatenate([label.cluster.wanted for label in labels])
    np.testing.assert_array_equal(np.sort(taught), np.flatnonzero(region.treated))
    for label in labels:
        assert label.energy is None
        assert not label.cluster.trusted[label.cluster.n_real :].any()
        np.testing.assert_array_equal(label.forces, forces_of(qm, label.cluster.atoms))
    small = bulk("Si", cubic=True)
    (label,) = mixing(lennard_jones(), qm, Carving(Hops(2))).forces(small, Region.of(mask(small, 2))).labels
    assert label.energy == qm.evaluate(small).energy


def test_a_step_selects_by_the_error_of_the_potential_and_by_a_corrected_one_if_given() -> None:
    atoms = silicon(2)
    force_mixing = replace(
        mixing(OnlySilicon(), lennard_jones(), Carving(Hops(1)), how="plain"),
        selector=Selection((ErrorThreshold(0.3, 0.2),)),
    )
    assert not force_mixing.step(atoms).region.core.any()
    seen = OnlySilicon().evaluate(atoms, error=True)
    scaled = replace(seen, forces_std=3.0 * seen.forces_std)
    assert force_mixing.step(atoms, None, scaled).region.core.all()


def test_what_cannot_be_mixed_is_refused() -> None:
    atoms = silicon(1)
    with pytest.raises(InputError, match="'subtractive' or 'plain'"):
        mixing(emt(), emt(), how="additive")
    with pytest.raises(InputError, match="momentum is carried by"):
        mixing(emt(), emt(), momentum="some")
    with pytest.raises(InputError, match="region is of 3 atoms, the configuration of 8"):
        mixing(emt(), emt()).forces(atoms, Region.of(np.zeros(3, bool)))
