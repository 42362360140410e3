"""Paths go through the lowest pass that was seen, and say how high it is."""

import numpy as np
import pytest
from exact_surfaces import Torus, umbrella

from gapsample.free_energy import GradientAverage, Surface
from gapsample.free_energy.paths import evenly

TWO_PI = 2.0 * np.pi


def ring(angles):
    """F(x, y) = cos(2 x) / 2 + 2 cos(y): minima at (+-pi/2, pi), passes at (0, pi) and (pi, pi)."""
    return Torus(np.array([0.5, 2.0]), np.array([[2, 0], [0, 1]]), np.zeros(2)).gradients(angles)


@pytest.fixture(scope="module")
def surface():
    lines = TWO_PI * (np.arange(10) + 0.3) / 10
    points = np.stack(np.meshgrid(lines, lines), axis=-1).reshape(-1, 2)
    slopes = ring(points) + 0.02 * np.random.default_rng(0).standard_normal(points.shape)
    covariance = 0.02**2 * np.eye(2)
    observations = [GradientAverage(p[None], g, covariance) for p, g in zip(points, slopes, strict=True)]
    return Surface.fit(observations, (TWO_PI, TWO_PI))


def test_a_path_between_wells_crosses_the_lowest_pass(surface):
    start, end = np.array([-1.3, np.pi + 0.3]), np.array([1.2, np.pi - 0.3])
    path = surface.minimum_free_energy_path(start, end, n_draws=40)
    height = 0.5 * np.cos(2.0 * start[0]) + 2.0 * np.cos(start[1])
    assert path.barrier_std < 0.2
    assert abs(path.barrier - (0.5 - 2.0 - height)) < 4.0 * path.barrier_std + 0.02
    top = path.points[np.argmax(path.free_energy)]
    assert np.allclose(np.mod(top + 1.0, TWO_PI), np.mod([1.0, np.pi + 1.0], TWO_PI), atol=0.3)


def test_a_path_begins_and_ends_where_it_was_told_to_up_to_whole_periods(surface):
    a, b = np.array([2.0, 2.5]), np.array([-2.0, 4.0])
    path = surface.minimum_free_energy_path(a, b, n_draws=10)
    turns = (path.points[[0, -1]] - [a, b]) / TWO_PI
    assert np.allclose(turns, np.round(turns), atol=1e-9)
    assert (path.free_energy[0], path.std[0]) == pytest.approx((0.0, 0.0), abs=1e-7)
    assert path.free_energy[-1] == pytest.approx(surface.difference(a, b)[0], abs=1e-6)


def test_climbing_and_descending_differ_by_the_difference_of_the_ends(surface):
    a, b = np.array([2.5, 2.5]), np.array([-2.5, 4.0])
    there, back = surface.barrier(a, b), surface.barrier(b, a)
    assert there[0] - back[0] == pytest.approx(surface.difference(a, b)[0], abs=0.05)


def test_a_minimum_is_where_the_slope_vanishes(surface):
    lowest = surface.minimum(np.array([2.0, 4.5]))
    assert np.allclose(lowest, [0.5 * np.pi, np.pi], atol=0.1)
    assert np.allclose(surface.gradient(lowest[None]), 0.0, atol=1e-3)


def test_images_are_evenly_spaced():
    found = evenly(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]]), 5)
    assert np.allclose(found, [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]])


def test_on_a_circle_the_lower_of_the_two_ways_is_taken():
    rng = np.random.default_rng(1)
    problem = Torus(np.array([2.0, 0.7]), np.array([[2], [1]]), np.zeros(2))
    centers = TWO_PI * np.arange(30)[:, None] / 30
    observations = [umbrella(problem.window(c, 60.0, 200, rng), c, 60.0) for c in centers]
    surface = Surface.fit(observations, (TWO_PI,))
    phi = np.linspace(0.0, np.pi, 4001)[:, None]
    low = phi[np.argmin(problem.values(phi))]
    value, std = surface.barrier(low, TWO_PI - low)
    exact = problem.values(np.array([[np.pi]]))[0] - problem.values(low[None])[0]
    assert std < 0.5
    assert abs(value - exact) < 4.0 * std
