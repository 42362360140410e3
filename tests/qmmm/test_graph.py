"""Bonds, molecules, distances from a set, and pieces unwrapped: any cell, against sums by hand."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from contracts.motions import shuffled
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import mask, scene, silicon, water

from gapsample.errors import InputError
from gapsample.qmmm.bonds import Bonding
from gapsample.qmmm.distances import distance_to
from gapsample.qmmm.unwrap import unwrapped


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), pbc=st.tuples(*[st.booleans()] * 3), reach=st.floats(0.5, 6.0))
def test_distances_are_to_the_nearest_of_all_images(
    seed: int, pbc: tuple[bool, bool, bool], reach: float
) -> None:
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(1.5, 6.0, 3)) + np.tril(rng.uniform(-2.0, 2.0, (3, 3)), -1)
    atoms = Atoms("Si7", scaled_positions=rng.uniform(-2.0, 3.0, (7, 3)), cell=cell, pbc=pbc)
    members = mask(atoms, 1, 4)
    shifts = np.array(list(product(*[range(-14, 15) if periodic else (0,) for periodic in pbc]))) @ cell
    images = (atoms.positions[members][:, None] + shifts).reshape(-1, 3)
    by_hand = np.array([np.linalg.norm(images - x, axis=1).min() for x in atoms.positions])
    by_hand[members] = 0.0
    got = distance_to(atoms, members, reach)
    near = by_hand < reach
    np.testing.assert_allclose(got[near], by_hand[near], atol=1e-9)
    assert np.all(np.isinf(got[~near]))


def test_no_atom_is_near_an_empty_set() -> None:
    assert np.all(np.isinf(distance_to(silicon(1), mask(silicon(1)), 5.0)))


def test_hops_count_bonds() -> None:
    chain = Atoms("Si6", [[2.3 * k, 0.0, 0.0] for k in range(6)])
    bonds = Bonding().find(chain)
    np.testing.assert_array_equal(bonds.hops_from(mask(chain, 1), 3), [1, 0, 1, 2, 3, 4])
    ring = chain.copy()
    ring.set_cell([6 * 2.3, 9.0, 9.0])
    ring.set_pbc(True)
    np.testing.assert_array_equal(Bonding().find(ring).hops_from(mask(ring, 0), 5), [0, 1, 2, 3, 2, 1])


@pytest.mark.parametrize("oblique", [False, True])
def test_molecules_are_found_across_periodic_boundaries(oblique: bool) -> None:
    atoms = water(oblique=oblique)
    bonds = scene(atoms).bonds
    assert bonds.whole.all()
    np.testing.assert_array_equal(bonds.molecule, np.repeat(np.arange(len(atoms) // 3), 3))
    one = bonds.with_molecules(mask(atoms, 4))
    np.testing.assert_array_equal(np.flatnonzero(one), [3, 4, 5])


def test_a_crystal_is_no_molecule_however_small_its_cell() -> None:
    for atoms in (bulk("Si"), bulk("Si", cubic=True)):
        bonds = Bonding().find(atoms)
        assert not bonds.whole.any()
        np.testing.assert_array_equal(bonds.with_molecules(mask(atoms, 0)), mask(atoms, 0))


def test_a_large_molecule_may_be_cut_and_a_given_one_may_not() -> None:
    atoms = molecule("C6H6")
    assert not Bonding(largest_molecule=11).find(atoms).whole.any()
    assert Bonding(largest_molecule=12).find(atoms).whole.all()
    ring_and_rim = Bonding(molecules=(7,) * 12).find(atoms)
    assert ring_and_rim.with_molecules(mask(atoms, 8)).all()
    with pytest.raises(InputError, match="bonds do not hold molecule 9 together"):
        Bonding(molecules=(7,) * 6 + (9,) * 6).find(atoms)
    with pytest.raises(InputError, match="a molecule for each of 12 atoms, got 2"):
        Bonding(molecules=(0, 1)).find(atoms)


def test_a_proton_halfway_belongs_to_both_and_an_ion_can_be_told_to_bond_to_nothing() -> None:
    shared = Atoms("OHO", [[0, 0, 0], [1.2, 0, 0], [2.4, 0, 0]])
    assert len(Bonding().find(shared).D) == 4
    hydrated = Atoms("NaO", [[0, 0, 0], [2.4, 0, 0]])
    assert len(Bonding().find(hydrated).D) == 2
    assert len(Bonding(radii={"Na": 0.0}).find(hydrated).D) == 0


@pytest.mark.parametrize("seed", range(4))
def test_unwrapped_pieces_hang_together_in_whatever_cells_their_atoms_lie(seed: int) -> None:
    rng = np.random.default_rng(seed)
    atoms = molecule("C6H6")
    atoms.set_cell([[3.1, 0.0, 0.0], [1.4, 4.0, 0.0], [-0.7, 2.2, 9.0]])
    atoms.center()
    before = atoms.get_all_distances()
    roomy = atoms.copy()
    roomy.set_cell(atoms.cell.array * 6.0)
    roomy.set_pbc(True)
    roomy.positions += rng.integers(-3, 4, (12, 3)) @ roomy.cell.array
    bonds = Bonding().find(roomy)
    pieces = unwrapped(12, bonds.edges)
    assert not pieces.wraps.any()
    roomy.positions += pieces.shift @ roomy.cell.array
    np.testing.assert_allclose(roomy.get_all_distances(), before, atol=1e-9)


def test_a_piece_joined_to_its_own_image_is_known_by_the_directions_it_wraps_along() -> None:
    wire = bulk("Si", cubic=True)
    wire.set_cell([wire.cell[0, 0], 20.0, 20.0])
    pieces = unwrapped(8, Bonding().find(wire).edges)
    np.testing.assert_array_equal(pieces.wraps.any(axis=0), [True, False, False])
    pieces = unwrapped(2, Bonding().find(bulk("Si")).edges)
    np.testing.assert_array_equal(pieces.wraps, [[True, True, True]])


def test_bonds_do_not_depend_on_the_order_of_atoms() -> None:
    atoms = water()
    moved, order = shuffled(atoms)
    hops = scene(atoms).bonds.hops_from(mask(atoms, 3), 2)
    start = np.zeros(len(atoms), bool)
    start[np.flatnonzero(order == 3)] = True
    np.testing.assert_array_equal(scene(moved).bonds.hops_from(start, 2), hops[order])
