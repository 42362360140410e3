"""The GAP inside a compiled walk: no step returns to Python, and every step is the potential's own."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample.compiled.jit import njit
from gapsample.compiled.neighbours import FULL, list_neighbours
from gapsample.compiled.soap_energy import evaluate
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.potential.gap import GAP
from gapsample.potential.terms.soap import SoapTerm

ROOM = 4000


def small_gap() -> GAP:
    empty = SoapTerm(SoapBasis(4.0, 5, 3), 14, (14,), np.empty((0, 60)), 4.0, 1.0, r_min=1.5)
    cells = [bulk("Si", cubic=True) for _ in range(3)]
    for seed, cell in enumerate(cells):
        cell.rattle(0.2, seed=seed)
    term = empty.with_more(np.concatenate([empty.descriptors(find_neighbours(c, 4.0)) for c in cells]))
    return GAP((term,), np.random.default_rng(0).normal(size=term.n_sparse), {14: 0.0})


@njit
def energies_along_walk(density, sparse, weights, positions, numbers, cell, moves):
    n_atoms = len(positions)
    first, j = np.empty(n_atoms + 1, np.int64), np.empty(ROOM, np.int64)
    D, d = np.empty((ROOM, 3)), np.empty(ROOM)
    no_matrix, no_row = np.empty((0, sparse.shape[1], sparse.shape[1])), np.empty(0)
    found = np.empty(len(moves))
    for step in range(len(moves)):
        positions[step % n_atoms] += moves[step]
        n = list_neighbours(positions, cell, density.cutoff, first, j, D, d)
        energies = np.zeros((1, n_atoms))
        forces, virial = np.zeros((1, n_atoms, 3)), np.zeros((1, 3, 3))
        evaluate(
            density, sparse, 4.0, weights, no_matrix, no_row, np.arange(n_atoms), numbers,
            first, j[:n], D[:n], d[:n], energies, no_row, forces, virial,
        )  # fmt: skip
        found[step] = energies.sum()
    return found


def test_a_compiled_walk_sees_the_energies_of_the_potential():
    gap, atoms = small_gap(), bulk("Si", cubic=True)
    moves = np.random.default_rng(1).normal(scale=0.2, size=(6, 3))
    bound = gap.terms[0].evaluator(gap.alpha)
    walked = energies_along_walk(
        gap.terms[0].density, gap.terms[0].rotated, bound.weights, atoms.positions.copy(),
        atoms.numbers.astype(np.int64), atoms.cell.array, moves,
    )  # fmt: skip
    for step, move in enumerate(moves):
        atoms.positions[step % len(atoms)] += move
        assert walked[step] == pytest.approx(gap.evaluate(atoms).energy, abs=1e-9)


@given(
    seed=st.integers(0, 10**6),
    skew=st.floats(-3.0, 3.0),
    height=st.floats(0.7, 6.0),
)
@settings(max_examples=40, deadline=None)
def test_neighbours_are_those_of_the_neighbour_library(seed, skew, height):
    rng = np.random.default_rng(seed)
    cell = np.array([[4.0, 0.0, 0.0], [4.0 * skew, 5.0, 0.0], [skew, -skew, height]])
    atoms = Atoms("Si5", positions=rng.uniform(-6, 6, size=(5, 3)), cell=cell, pbc=True)
    first, j, D, d = np.empty(6, np.int64), np.empty(ROOM, np.int64), np.empty((ROOM, 3)), np.empty(ROOM)
    n = list_neighbours(atoms.positions, cell, 3.7, first, j, D, d)
    wanted = find_neighbours(atoms, 3.7)
    np.testing.assert_array_equal(first, wanted.first)
    for i in range(5):
        mine = slice(first[i], first[i + 1])
        np.testing.assert_allclose(np.sort(d[:n][mine]), np.sort(wanted.d[mine]), atol=1e-9)
        lattice = (D[:n][mine] - atoms.positions[j[:n][mine]] + atoms.positions[i]) @ np.linalg.inv(cell)
        np.testing.assert_allclose(lattice, np.round(lattice), atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(D[:n][mine], axis=1), d[:n][mine], atol=1e-9)


def test_a_list_without_room_says_so():
    room = np.empty(3, np.int64), np.empty((3, 3)), np.empty(3)
    assert list_neighbours(np.zeros((1, 3)), 2.0 * np.eye(3), 3.0, np.empty(2, np.int64), *room) == FULL
