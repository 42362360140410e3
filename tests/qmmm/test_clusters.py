"""Carving: what a cluster holds, how its bonds are closed, and that it does not depend on the cell."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.data import covalent_radii
from contracts.motions import displaced, shuffled, turned
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import SHEAR, mask, scene, silicon, water

from gapsample.errors import InputError
from gapsample.qmmm.clusters import Carving, Cluster, carve
from gapsample.qmmm.layers import Hops, Within
from gapsample.qmmm.solving import _key
from gapsample.qmmm.termination import has_odd_electrons
from gapsample.reference.tight_binding import TightBinding


def only(clusters: list[Cluster]) -> Cluster:
    assert len(clusters) == 1
    return clusters[0]


def shape_of(atoms: Atoms) -> np.ndarray:
    """What motions and renumbering leave alone: all distances of each atom, sorted, atoms sorted too."""
    rows = np.sort(atoms.get_all_distances(), axis=1)
    return rows[np.lexsort(np.round(rows, 6).T)]


def test_a_bond_is_closed_by_a_hydrogen_at_its_own_bond_length() -> None:
    atoms = silicon(4)
    at = scene(atoms)
    cluster = only(carve(at, mask(atoms, 100), Carving(Hops(2))))
    assert cluster.n_real == 35  # 17 within two bonds, and those bonded to two of them
    assert cluster.atoms.symbols.formula.count() == {"Si": 35, "H": 36}
    ratio = (covalent_radii[14] + covalent_radii[1]) / (2 * covalent_radii[14])
    distances = cluster.atoms.get_all_distances()
    bonds = at.bonds
    wanted = []
    for index in cluster.index:
        lengths = np.linalg.norm(bonds.D, axis=1)
        cut = (bonds.edges.i == index) & ~np.isin(bonds.edges.j, cluster.index)
        wanted += list(ratio * lengths[cut])
    got = distances[35:, :35].min(axis=1)
    np.testing.assert_allclose(np.sort(got), np.sort(wanted), atol=1e-9)


def test_no_outside_atom_of_a_crystal_is_bonded_to_two_atoms_of_a_cluster() -> None:
    atoms = silicon(5)
    at = scene(atoms)
    for radius in (4.0, 5.0, 6.0, 7.0):
        cluster = only(carve(at, mask(atoms, 333), Carving(Within(radius))))
        inside = np.isin(np.arange(len(atoms)), cluster.index)
        crossing = inside[at.bonds.edges.i] & ~inside[at.bonds.edges.j]
        assert np.bincount(at.bonds.edges.j[crossing]).max() == 1
        hydrogens = cluster.atoms[cluster.n_real :]
        assert hydrogens.get_all_distances()[np.triu_indices(len(hydrogens), 1)].min() > 1.7


def test_a_closed_cluster_of_a_perfect_network_has_even_electrons_and_nothing_left_out() -> None:
    atoms = silicon(4)
    cluster = only(carve(scene(atoms), mask(atoms, 100), Carving(Within(5.0))))
    assert not has_odd_electrons(cluster.atoms)
    bonds = 4 * cluster.n_real - np.count_nonzero(cluster.atoms.numbers == 1)
    assert bonds % 2 == 0


def test_an_odd_electron_is_paired_by_leaving_out_the_hydrogen_of_the_weakest_bond() -> None:
    atoms, donated = silicon(4), silicon(4)
    donated.numbers[100] = 15
    full, paired = (
        only(carve(scene(each), mask(each, 100), Carving(Within(5.0)))) for each in (atoms, donated)
    )
    assert not has_odd_electrons(paired.atoms)
    assert len(full.atoms) == len(paired.atoms) + 1
    gone = {tuple(np.round(x, 6)) for x in full.atoms.positions}
    gone -= {tuple(np.round(x, 6)) for x in paired.atoms.positions}
    (hydrogen,) = gone
    bonds, inside = scene(atoms).bonds, np.isin(np.arange(len(atoms)), full.index)
    cut = inside[bonds.edges.i] & ~inside[bonds.edges.j]
    longest = np.flatnonzero(cut)[np.argmax(np.linalg.norm(bonds.D[cut], axis=1))]
    ends = full.atoms.positions[np.searchsorted(full.index, bonds.edges.i[longest])]
    share = (covalent_radii[14] + covalent_radii[1]) / (2.0 * covalent_radii[14])
    np.testing.assert_allclose(ends + share * bonds.D[longest], hydrogen, atol=1e-5)


def test_hot_crystals_keep_all_their_bonds() -> None:
    atoms = silicon(4, size=0.12)
    np.testing.assert_array_equal(np.bincount(scene(atoms).bonds.edges.i), 4)


def test_charged_atoms_count_without_their_electrons_and_radicals_without_cut_bonds_stay() -> None:
    ion = Atoms("OH", [[0, 0, 0], [0.96, 0, 0]])
    assert has_odd_electrons(ion)
    ion.set_initial_charges([-1.0, 0.0])
    assert not has_odd_electrons(ion)
    radical = molecule("OH") + displaced(molecule("H2O"), np.array([0.0, 0.0, 9.0]))
    assert len(only(carve(scene(radical), mask(radical, 0), Carving(Within(5.0)))).atoms) == 2


@pytest.mark.parametrize("oblique", [False, True])
def test_molecules_are_whole_and_none_is_closed_by_hydrogen(oblique: bool) -> None:
    atoms = water(4, oblique=oblique)
    cluster = only(carve(scene(atoms), mask(atoms, 30), Carving(Within(3.5))))
    assert len(cluster.atoms) == cluster.n_real
    assert cluster.atoms.symbols.formula.count()["H"] == 2 * cluster.atoms.symbols.formula.count()["O"]
    near = cluster.atoms.get_all_distances() < 1.2
    np.testing.assert_array_equal(near.sum(axis=1), np.where(cluster.atoms.numbers == 8, 3, 2))
    assert not cluster.atoms.pbc.any()


def test_a_bond_to_hydrogen_is_never_cut() -> None:
    alkane = Atoms("C8", [[1.27 * k, 0.45 * (k % 2), 0.0] for k in range(8)])
    for k in range(8):
        side = 0.63 if k % 2 else -0.63
        alkane += Atoms("H2", alkane.positions[k] + [[0.0, side, 0.87], [0.0, side, -0.87]])
    at = scene(alkane, largest_molecule=0)
    for seed in range(len(alkane)):
        cluster = only(carve(at, mask(alkane, seed), Carving(Hops(1))))
        inside = np.isin(np.arange(len(alkane)), cluster.index)
        i, j = at.bonds.edges.i, at.bonds.edges.j
        cut = inside[i] & ~inside[j]
        assert np.all(alkane.numbers[i[cut]] == 6)
        assert np.all(alkane.numbers[j[cut]] == 6)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), oblique=st.booleans(), wet=st.booleans())
def test_a_cluster_depends_on_its_surroundings_only(seed: int, oblique: bool, wet: bool) -> None:
    """The same, to a motion, wherever the boundary runs, however cells are turned and atoms numbered."""
    rng = np.random.default_rng(seed)
    atoms = water(4, seed=seed, oblique=oblique) if wet else silicon(3, seed=seed)
    if oblique and not wet:
        atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    carving = Carving(Within(3.3) if wet else Hops(2))
    center = int(rng.integers(len(atoms)))
    here = only(carve(scene(atoms), mask(atoms, center), carving))
    shifted = displaced(atoms, rng.uniform(-30.0, 30.0, 3))
    shifted.wrap()
    for moved in (shifted, turned(atoms, seed)[0]):
        there = only(carve(scene(moved), mask(moved, center), carving))
        np.testing.assert_array_equal(there.index, here.index)
        np.testing.assert_allclose(there.atoms.get_all_distances(), here.atoms.get_all_distances(), atol=1e-9)
    moved, order = shuffled(atoms, seed)
    there = only(carve(scene(moved), order == center, carving))
    assert set(order[there.index]) == set(here.index)
    np.testing.assert_allclose(shape_of(there.atoms), shape_of(here.atoms), atol=1e-6)
    assert there.wanted.tolist() == np.flatnonzero(order == center).tolist()


def test_regions_are_clusters_of_their_own_unless_their_buffers_share_atoms() -> None:
    atoms = silicon(5)
    at = scene(atoms)
    far = mask(atoms, 0, 500)
    clusters = carve(at, far, Carving(Hops(2)))
    assert [cluster.n_real for cluster in clusters] == [35, 35]
    np.testing.assert_array_equal(np.concatenate([c.wanted for c in clusters]), [0, 500])
    hops = at.bonds.hops_from(mask(atoms, 0), 5)
    for apart, sizes in ((4, [1, 2]), (5, [1, 1, 1])):
        near = far.copy()
        near[np.flatnonzero(hops == apart)[0]] = True
        assert sorted(len(cluster.wanted) for cluster in carve(at, near, Carving(Hops(2)))) == sizes


def test_a_buffer_joins_molecules_that_no_bond_does() -> None:
    atoms = water(4)
    wanted = np.zeros(len(atoms), bool)
    wanted[:6] = True
    assert len(carve(scene(atoms), wanted, Carving(Within(4.0)))) == 1
    assert len(carve(scene(atoms), wanted, Carving(Hops(2)))) == 2


def test_clusters_that_hold_every_atom_are_the_configuration_itself() -> None:
    for atoms in (silicon(2), bulk("Si"), water(2), molecule("C6H6")):
        wanted = np.ones(len(atoms), bool)
        cluster = only(carve(scene(atoms), wanted, Carving(Within(3.0), vacuum=4.0)))
        assert cluster.complete
        np.testing.assert_array_equal(cluster.atoms.positions, atoms.positions)
        np.testing.assert_array_equal(cluster.atoms.cell.array, atoms.cell.array)
        np.testing.assert_array_equal(cluster.atoms.pbc, atoms.pbc)


def test_a_cluster_that_meets_its_images_all_round_becomes_the_whole_cell() -> None:
    atoms = silicon(2)
    cluster = only(carve(scene(atoms), mask(atoms, 3), Carving(Within(5.5), terminate=False)))
    assert cluster.complete
    np.testing.assert_array_equal(cluster.wanted, [3])


def test_a_cluster_of_more_atoms_than_there_are_becomes_the_whole_cell() -> None:
    atoms = silicon(2)
    at = scene(atoms)
    assert not only(carve(at, mask(atoms, 3), Carving(Hops(1)))).complete
    cluster = only(carve(at, mask(atoms, 3), Carving(Hops(2))))
    assert cluster.complete
    np.testing.assert_array_equal(cluster.atoms.positions, atoms.positions)


def test_bonds_of_a_cluster_to_its_own_image_are_closed_when_no_atom_would_be_in_it_twice() -> None:
    atoms = silicon(4)
    radius = atoms.cell[0, 0] / 2 - 0.4  # images of the buffer are 0.8 Å apart at least, less than a bond
    at = scene(atoms)
    cluster = only(carve(at, mask(atoms, 100), Carving(Within(radius), terminate=False)))
    assert not cluster.complete
    assert not cluster.atoms.pbc.any()
    center = cluster.atoms.positions[cluster.trusted][0]
    assert np.linalg.norm(cluster.atoms.positions - center, axis=1).max() < radius


def test_a_cluster_that_meets_its_images_along_one_vector_is_the_whole_or_periodic_along_it() -> None:
    atoms = bulk("Si", cubic=True).repeat((6, 6, 1))
    atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    assert only(carve(scene(atoms), mask(atoms, 150), Carving(Within(5.0)))).complete
    partial = Carving(Within(5.0), vacuum=6.0, partial=True)
    cluster = only(carve(scene(atoms), mask(atoms, 150), partial))
    np.testing.assert_array_equal(cluster.atoms.pbc, [False, False, True])
    np.testing.assert_allclose(cluster.atoms.cell[2], atoms.cell[2])
    assert not cluster.complete
    apart = cluster.atoms.get_all_distances(mic=True)
    assert apart[np.triu_indices(len(apart), 1)].min() > 1.1


def test_a_box_leaves_the_vacuum_that_was_asked_for() -> None:
    atoms = silicon(4)
    cluster = only(carve(scene(atoms), mask(atoms, 100), Carving(Hops(2), vacuum=5.0))).atoms
    np.testing.assert_allclose(cluster.positions.min(axis=0), 5.0)
    np.testing.assert_allclose(np.diag(cluster.cell.array) - cluster.positions.max(axis=0), 5.0)
    assert not cluster.pbc.any()
    with pytest.raises(InputError, match="vacuum > 0"):
        Carving(vacuum=-1.0)


def test_forces_inside_a_carved_cluster_near_those_of_the_crystal_as_its_buffer_grows() -> None:
    atoms, engine = silicon(3, size=0.1), TightBinding()
    exact = engine.evaluate(atoms).forces
    at, errors = scene(atoms), []
    for radius in (3.0, 4.0, 6.0):
        error = []
        for center in (10, 60, 111, 180):
            cluster = only(carve(at, mask(atoms, center), Carving(Within(radius))))
            assert not cluster.complete
            error.append(engine.evaluate(cluster.atoms).forces[cluster.trusted][0] - exact[center])
        errors.append(np.sqrt(np.mean(np.sum(np.square(error), axis=1))))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.1  # eV/Å


def test_nothing_wanted_is_nothing_carved() -> None:
    atoms = silicon(1)
    assert carve(scene(atoms), np.zeros(8, bool), Carving()) == []


def test_clusters_that_differ_by_a_translation_are_the_same_task() -> None:
    atoms = bulk("Si", cubic=True).repeat(5)
    first, second = (
        only(carve(scene(atoms), mask(atoms, index), Carving(Hops(2)))).atoms for index in (0, 8)
    )
    assert _key(first) == _key(displaced(first, np.array([1.0, 2.0, 3.0])))
    assert _key(first) != _key(atoms)
    assert len(first) == len(second)
