"""Choosing sparse points: what every method promises, and what tells them apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample.errors import FitError, UnknownName
from gapsample.gp.sparse import choose, distinct_rows

PICKING = ["cur", "farthest", "kmeans"]


def cloud(seed: int = 0, n: int = 60, dimension: int = 5) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(n, dimension))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def as_set(points: np.ndarray) -> set[tuple[float, ...]]:
    return set(map(tuple, points))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100), n=st.integers(1, 59), method=st.sampled_from(PICKING))
def test_chosen_points_are_distinct_points_of_the_data(seed: int, n: int, method: str) -> None:
    points = cloud(seed)
    chosen = choose(points, n, method, np.random.default_rng(seed))
    assert 1 <= len(chosen) <= n
    assert method == "kmeans" or len(chosen) == n
    assert len(as_set(chosen)) == len(chosen)
    assert as_set(chosen) <= as_set(points)


@pytest.mark.parametrize("method", [*PICKING, "all"])
def test_repeated_points_are_taken_once(method: str) -> None:
    points = cloud(n=10)
    chosen = choose(np.repeat(points, 7, axis=0), 50, method, np.random.default_rng(0))
    assert len(chosen) == 10
    assert as_set(chosen) == as_set(points)


@pytest.mark.parametrize("method", PICKING)
def test_the_same_seed_chooses_the_same_points(method: str) -> None:
    first, again = (choose(cloud(), 12, method, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("method", PICKING)
def test_a_point_in_a_direction_of_its_own_is_chosen(method: str) -> None:
    near = np.random.default_rng(1).normal(0.0, 1e-3, (200, 6)) + np.eye(6)[0]
    own = 2.0 * np.eye(6)[4]
    chosen = choose(np.vstack([near, own]), 8, method, np.random.default_rng(0))
    assert tuple(own) in as_set(chosen)


def test_farthest_points_leave_no_point_far_away() -> None:
    points = np.linspace(0.0, 1.0, 101)[:, None]
    chosen = choose(points, 11, "farthest", np.random.default_rng(0))
    assert np.max(np.min(np.abs(points - chosen.T), axis=1)) < 0.1


def test_uniform_points_are_centers_of_equal_bins() -> None:
    points = np.array([[0.0], [0.1], [0.4], [4.0]])
    chosen = choose(points, 4, "uniform", np.random.default_rng(0))
    np.testing.assert_allclose(chosen[:, 0], [0.5, 1.5, 2.5, 3.5])


def test_rows_are_distinct_by_value_and_kept_in_order() -> None:
    points = np.array([[3.0, 1.0], [2.0, 2.0], [3.0, 1.0], [0.0, 5.0], [2.0, 2.0]])
    np.testing.assert_array_equal(distinct_rows(points), [0, 1, 3])


def test_what_cannot_be_chosen_is_said() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UnknownName, match="farthest"):
        choose(cloud(), 3, "farthes", rng)
    with pytest.raises(FitError, match="no descriptor"):
        choose(np.empty((0, 3)), 3, "cur", rng)
    with pytest.raises(FitError, match="one-dimensional"):
        choose(cloud(), 3, "uniform", rng)
