"""Radial distributions against shells of lattices and the ideal gas."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.pair_distribution import coordination, radial_distribution
from gapsample.errors import InputError, UnknownSpecies


def test_shells_of_fcc_hold_their_neighbours_far_beyond_half_the_cell() -> None:
    found = radial_distribution(bulk("Cu", "fcc", a=2.0), 4.1, n_bins=82)
    shells = {1.0: 12, 2.0: 6, 3.0: 24, 4.0: 12, 5.0: 24, 6.0: 8, 7.0: 48, 8.0: 6}  # r^2 in (a/2)^2 * 2
    total = 0
    for square, count in shells.items():
        total += count
        upper = np.searchsorted(found.edges, np.sqrt(2.0 * square)) - 1
        assert found.coordination[upper] == total
        assert found.g[upper] > 0.0
    assert np.count_nonzero(found.g) == len(shells)


def test_an_ideal_gas_is_uniform_in_any_cell() -> None:
    rng = np.random.default_rng(0)
    cell = np.array([[4.0, 0.0, 0.0], [1.5, 5.0, 0.0], [-1.0, 2.0, 6.0]])
    n, runs = 10, 300
    gas = [Atoms(f"Ar{n}", scaled_positions=rng.random((n, 3)), cell=cell, pbc=True) for _ in range(runs)]
    g = np.array([radial_distribution(atoms, 11.9, n_bins=6).g for atoms in gas])
    lattice = np.linalg.norm(np.indices((13, 13, 13)).reshape(3, -1).T @ cell - 6 * cell.sum(axis=0), axis=1)
    own = np.histogram(lattice[lattice > 0.1], 6, (0.0, 11.9))[0]
    shells = 4.0 / 3.0 * np.pi * np.diff(np.linspace(0.0, 11.9, 7) ** 3) * n / np.linalg.det(cell)
    exact = 1.0 - 1.0 / n + own / shells
    err = g.std(axis=0, ddof=1) / np.sqrt(runs)
    assert (err < 0.02).all()
    assert (abs(g.mean(axis=0) - exact) < 4 * err).all()
    assert g.mean(axis=0)[-1] == pytest.approx(1.0, abs=0.03)


def test_partial_distributions_add_up_to_the_whole() -> None:
    rng = np.random.default_rng(1)
    atoms = Atoms("Cu3Au5", scaled_positions=rng.random((8, 3)), cell=np.eye(3) * 5.0, pbc=True)
    share = {"Cu": 3 / 8, "Au": 5 / 8}
    parts = sum(
        share[a] * share[b] * radial_distribution(atoms, 7.0, between=(a, b)).g for a in share for b in share
    )
    np.testing.assert_allclose(parts, radial_distribution(atoms, 7.0).g, atol=1e-12)


def test_a_supercell_has_the_distribution_of_its_cell() -> None:
    atoms = bulk("Si")
    atoms.rattle(0.1, seed=0)
    one, many = (radial_distribution(each, 6.0) for each in (atoms, atoms.repeat((1, 2, 3))))
    np.testing.assert_allclose(many.coordination, one.coordination, atol=1e-12)
    np.testing.assert_allclose(many.g, one.g, atol=1e-10)


def test_coordination_counts_neighbours() -> None:
    near = find_neighbours(bulk("Si"), 4.5)
    assert coordination(near, 2.6).tolist() == [4.0, 4.0]
    assert coordination(near, 4.0).tolist() == [16.0, 16.0]
    assert coordination(find_neighbours(Atoms("Ar2", [[0, 0, 0], [9, 0, 0]]), 3.0)).tolist() == [0.0, 0.0]


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(InputError, match="periodicity in three directions"):
        radial_distribution(Atoms("Ar2", [[0, 0, 0], [2, 0, 0]]), 3.0)
    with pytest.raises(UnknownSpecies, match="Cu"):
        radial_distribution(bulk("Cu"), 3.0, between=("Cu", "Si"))
    with pytest.raises(InputError, match="ends at"):
        coordination(find_neighbours(bulk("Cu"), 3.0), 4.0)
    with pytest.raises(InputError, match="one or more bins"):
        radial_distribution(bulk("Cu"), 3.0, n_bins=0)
