"""Bond order against the textbook values of perfect lattices, and what it must not depend on."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.cluster import Icosahedron
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.steinhardt import bond_order, nearest_neighbours
from gapsample.errors import InputError

LATTICES = {
    "fcc": (bulk("Cu", "fcc", a=3.6), 12, (0.19094, 0.57452)),
    "hcp": (bulk("Mg", "hcp", a=3.2, c=3.2 * np.sqrt(8 / 3)), 12, (0.09722, 0.48476)),
    "bcc": (bulk("Fe", "bcc", a=2.9), 14, (0.03637, 0.51069)),
    "sc": (bulk("Po", "sc", a=3.3), 6, (0.76376, 0.35355)),
    "diamond": (bulk("Si", "diamond", a=5.4), 4, (0.50918, 0.62854)),
}
"""Configuration, neighbours of the first shells, Q4 and Q6 (Mickel et al., J. Chem. Phys. 138, 044501)."""


def liquid(n: int = 20, seed: int = 0) -> Atoms:
    rng = np.random.default_rng(seed)
    cell = np.diag([7.0, 8.0, 9.0]) + rng.normal(scale=1.0, size=(3, 3))
    return Atoms(f"Ar{n}", scaled_positions=rng.random((n, 3)), cell=cell, pbc=True)


@pytest.mark.parametrize("name", LATTICES)
def test_perfect_lattices_have_their_textbook_order(name: str) -> None:
    atoms, n, exact = LATTICES[name]
    found = bond_order(nearest_neighbours(atoms, n))
    np.testing.assert_allclose(found.local, np.broadcast_to(exact, found.local.shape), atol=1e-5)
    np.testing.assert_allclose(found.averaged, found.local, atol=1e-12)
    np.testing.assert_allclose(found.whole, exact, atol=1e-5)


def test_the_heart_of_an_icosahedron_has_order_six_and_none_of_four() -> None:
    cluster = Icosahedron("Cu", 2)
    found = bond_order(nearest_neighbours(cluster, 12))
    centre = int(np.argmin(np.linalg.norm(cluster.positions - cluster.positions.mean(axis=0), axis=1)))
    np.testing.assert_allclose(found.local[centre], [0.0, 0.66332], atol=1e-5)


@pytest.mark.parametrize("name", ["fcc", "sc", "diamond"])
def test_a_cutoff_between_shells_is_as_good_as_a_number_of_neighbours(name: str) -> None:
    atoms, n, _ = LATTICES[name]
    counted = nearest_neighbours(atoms, n)
    cut = bond_order(find_neighbours(atoms, 1.05 * counted.d.max()))
    np.testing.assert_allclose(bond_order(counted).averaged, cut.averaged, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_order_does_not_change_when_a_configuration_is_turned_scaled_or_renumbered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    atoms, turn, order = (
        liquid(seed=seed),
        Rotation.random(random_state=seed).as_matrix(),
        rng.permutation(20),
    )
    moved = Atoms(
        "Ar20", 1.3 * (atoms.positions @ turn.T)[order], cell=1.3 * atoms.cell.array @ turn.T, pbc=True
    )
    before, after = (bond_order(nearest_neighbours(each, 12), (2, 4, 6, 8)) for each in (atoms, moved))
    np.testing.assert_allclose(after.whole, before.whole, atol=1e-10)
    np.testing.assert_allclose(after.local, before.local[order], atol=1e-10)
    np.testing.assert_allclose(after.averaged, before.averaged[order], atol=1e-10)


def test_order_does_not_change_in_a_supercell() -> None:
    atoms = liquid()
    one, eight = (bond_order(nearest_neighbours(each, 8)) for each in (atoms, atoms.repeat(2)))
    np.testing.assert_allclose(eight.whole, one.whole, atol=1e-12)
    np.testing.assert_allclose(eight.averaged[:20], one.averaged, atol=1e-12)


def test_averaging_tells_a_liquid_from_a_crystal_better() -> None:
    hot = bulk("Cu", "fcc", a=3.6, cubic=True).repeat(3)
    hot.rattle(0.15, seed=1)
    places = np.random.default_rng(0).random((len(hot), 3))
    wet = Atoms(f"Ar{len(hot)}", scaled_positions=places, cell=hot.cell, pbc=True)
    crystal, fluid = (bond_order(nearest_neighbours(each, 12)) for each in (hot, wet))

    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.sqrt(a.var() + b.var()) / abs(a.mean() - b.mean()))

    assert overlap(crystal.averaged[:, 1], fluid.averaged[:, 1]) < overlap(
        crystal.local[:, 1], fluid.local[:, 1]
    )


def test_nearest_neighbours_are_those_that_sorting_finds() -> None:
    atoms = liquid(6)
    near, all_of_them = nearest_neighbours(atoms, 30), find_neighbours(atoms, 25.0)
    for i in range(6):
        exact = np.sort(all_of_them.d[all_of_them.i == i])[:30]
        np.testing.assert_allclose(near.d[near.first[i] : near.first[i + 1]], exact, atol=1e-10)


def test_atoms_of_a_small_cluster_have_all_others_for_neighbours() -> None:
    near = nearest_neighbours(Atoms("Ar3", [[0, 0, 0], [1, 0, 0], [50, 0, 0]]), 12)
    assert np.diff(near.first).tolist() == [2, 2, 2]


def test_a_lone_atom_has_no_order() -> None:
    found = bond_order(nearest_neighbours(Atoms("Ar"), 12))
    assert np.concatenate((found.whole, found.local[0], found.averaged[0])).tolist() == [0.0] * 6


def test_impossible_questions_are_refused() -> None:
    near = find_neighbours(bulk("Cu"), 3.0)
    with pytest.raises(InputError, match="degrees from 0 to 12"):
        bond_order(near, (4, 13))
    with pytest.raises(InputError, match="one or more"):
        nearest_neighbours(bulk("Cu"), 0)
