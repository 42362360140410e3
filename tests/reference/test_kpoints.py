"""Meshes of the Brillouin zone: what they integrate exactly, and how large they are."""

import numpy as np
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st

from gapsample.reference.kpoints import kpoints_of, mesh, mesh_size

sizes = st.tuples(*[st.integers(1, 6)] * 3)
places = st.tuples(*[st.integers(-12, 12)] * 3)


@given(sizes, places, st.booleans())
def test_a_mesh_integrates_all_waves_but_those_of_its_own_period(
    size: tuple[int, int, int], place: tuple[int, int, int], shifted: bool
) -> None:
    found = mesh(size, shifted=shifted)
    total = found.weights @ np.cos(2.0 * np.pi * found.points @ np.array(place))
    own = all(R % n == 0 for R, n in zip(place, size, strict=True))
    turns = sum(R // n for R, n in zip(place, size, strict=True) if shifted and n % 2 == 0)
    assert abs(total - (own * (-1.0) ** turns)) < 1e-12


@given(sizes, st.booleans())
def test_a_mesh_holds_one_point_of_each_pair(size: tuple[int, int, int], shifted: bool) -> None:
    found = mesh(size, shifted=shifted)
    assert abs(found.weights.sum() - 1.0) < 1e-12
    for a, k in enumerate(found.points):
        mirrored = found.points[a + 1 :] + k
        assert not np.any(np.all(np.abs(mirrored - np.rint(mirrored)) < 1e-9, axis=1))


@given(st.floats(0.05, 3.0), st.integers(0, 1000))
def test_points_are_no_further_apart_than_the_spacing(spacing: float, seed: int) -> None:
    cell = 4.0 * np.eye(3) + np.random.default_rng(seed).uniform(-1.0, 1.0, size=(3, 3))
    atoms = Atoms(cell=cell, pbc=True)
    lengths = 2.0 * np.pi * np.linalg.norm(np.linalg.inv(cell).T, axis=1)
    size = np.array(mesh_size(atoms, spacing))
    assert np.all(lengths / size < spacing * (1.0 + 1e-5))
    assert np.all((size == 1) | (lengths / np.maximum(size - 1, 1) > spacing * (1.0 - 1e-5)))


def test_directions_without_a_period_have_one_point() -> None:
    atoms = Atoms("Si", cell=[5.0, 5.0, 0.0], pbc=[True, False, False])
    for wanted in ((4, 4, 4), 0.3142):
        found = kpoints_of(atoms, wanted, shifted=True)
        assert len(found) == 2
        np.testing.assert_array_equal(found.points[:, 1:], 0.0)
