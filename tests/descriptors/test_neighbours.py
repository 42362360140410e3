"""Neighbour lists against a sum over images by hand, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import InputError

CUTOFF = 3.0


def by_hand(atoms: Atoms, cutoff: float, reach: int) -> list[tuple[int, int, float]]:
    """Every pair (i, j, distance) over `reach` images each way."""
    shifts = product(*[range(-reach, reach + 1) if periodic else (0,) for periodic in atoms.pbc])
    found = []
    for shift in shifts:
        image = atoms.positions + np.array(shift) @ atoms.cell.array
        for i, j in product(range(len(atoms)), repeat=2):
            distance = float(np.linalg.norm(image[j] - atoms.positions[i]))
            if (i != j or any(shift)) and distance < cutoff:
                found.append((i, j, round(distance, 8)))
    return sorted(found)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), pbc=st.tuples(*[st.booleans()] * 3))
def test_every_pair_of_images_within_the_cutoff_is_listed_once(
    seed: int, pbc: tuple[bool, bool, bool]
) -> None:
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(2.0, 5.0, 3)) + np.tril(rng.uniform(-1.5, 1.5, (3, 3)), -1)
    atoms = Atoms("Si4", scaled_positions=rng.uniform(-1.0, 2.0, (4, 3)), cell=cell, pbc=pbc)
    near = find_neighbours(atoms, CUTOFF)
    got = sorted(zip(near.i.tolist(), near.j.tolist(), np.round(near.d, 8).tolist(), strict=True))
    wanted = by_hand(atoms, CUTOFF, 6)
    assert [pair[:2] for pair in got] == [pair[:2] for pair in wanted]
    np.testing.assert_allclose([pair[2] for pair in got], [pair[2] for pair in wanted], atol=2e-8)
    np.testing.assert_allclose(np.linalg.norm(near.D, axis=1), near.d, atol=1e-12)


def test_pairs_are_sorted_by_their_center_and_point_from_it_to_the_neighbour() -> None:
    atoms = Atoms("Si3", [[0, 0, 0], [0, 0, 2.0], [1.0, 0, 0]])
    near = find_neighbours(atoms, CUTOFF)
    np.testing.assert_array_equal(near.first, [0, 2, 4, 6])
    np.testing.assert_array_equal(near.i, [0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(near.D, atoms.positions[near.j] - atoms.positions[near.i], atol=1e-14)


def test_a_shorter_list_is_the_longer_one_restricted() -> None:
    rng = np.random.default_rng(0)
    atoms = Atoms("Si6", scaled_positions=rng.uniform(size=(6, 3)), cell=[5, 5, 5], pbc=True)
    long, short = find_neighbours(atoms, 4.0), find_neighbours(atoms, 2.5)
    cut = long.within(2.5)
    np.testing.assert_array_equal(cut.first, short.first)
    rows = [sorted(zip(n.i, n.j, np.round(n.d, 9), strict=True)) for n in (cut, short)]
    assert rows[0] == rows[1]
    assert long.within(9.0) is long


def test_an_atom_alone_has_no_neighbours() -> None:
    near = find_neighbours(Atoms("Si"), CUTOFF)
    assert (near.n_atoms, len(near.d)) == (1, 0)
    np.testing.assert_array_equal(near.first, [0, 0])


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "at least one atom"),
        (Atoms("Si2", [[0, 0, 0], [0, np.nan, 0]]), "positions of 1 atoms are not finite .first: atom 1"),
        (Atoms("Si", cell=[5, np.inf, 5], pbc=True), "cell holds NaN"),
        (Atoms("Si", cell=[[1, 0, 0], [2, 0, 0], [0, 0, 1]], pbc=True), "singular"),
        (Atoms("Si", cell=[5, 5, 0], pbc=True), "cell vectors .2. are zero"),
        (Atoms("Si2", [[1, 1, 1], [1, 1, 1]]), "atoms 0 and 1 are 0 Å apart"),
        (Atoms("Si2", [[0, 0, 0], [5, 0, 0]], cell=[5, 5, 5], pbc=True), "remove the duplicate"),
    ],
    ids=["empty", "nan", "infinite cell", "singular", "no vector", "same point", "same image"],
)
def test_configurations_without_distances_are_refused(atoms: Atoms, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_neighbours(atoms, CUTOFF)
