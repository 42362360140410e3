"""Minimum-free-energy paths: a way through what was seen, then a string that relaxes on the surface.

References
----------
E, Ren & Vanden-Eijnden, J. Chem. Phys. 126, 164103 (2007), the simplified string method.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from gapsample.gp.features import Features
from gapsample.gp.spectra import Axis, Open, Periodic

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEIGHBORS = 4  # for each dimension, in the graph of what was seen
STEEP = 0.05  # of the range of F: going uphill by this costs a factor e of the way
STABLE = 0.4  # of the largest curvature, the step downhill
FINE = 8  # points between images where the highest one is looked for
STILL = 1e-5  # of a period or range: a string that moves less in a step has arrived
MOST_NODES = 2000
N_IMAGES = 41
STRING_STEPS, DRAW_STEPS = 400, 60


@dataclass(frozen=True)
class Landscape:
    """Several surfaces of the same features at once, e.g. posterior draws.

    Attributes
    ----------
    weights : shape (n_surfaces, M)
    """

    features: Features
    weights: Floats

    def values(self, points: Floats) -> Floats:
        """F of each surface at its own points, shape (n_surfaces, n) for points (n_surfaces, n, d)."""
        s, n, d = points.shape
        rows = self.features.values(points.reshape(s * n, d)).reshape(s, n, -1)
        return np.einsum("snm,sm->sn", rows, self.weights)

    def gradients(self, points: Floats) -> Floats:
        """dF/ds of each surface at its own points, shape (n_surfaces, n, d)."""
        s, n, d = points.shape
        waves = self.features.at(points.reshape(s * n, d)).reshape(s, n, -1)
        return np.matmul(waves, self._slopes).real

    @cached_property
    def _slopes(self) -> NDArray[np.complex128]:
        """Factors of the waves in each derivative, shape (n_surfaces, n_waves, d)."""
        return self.features.gradient_weights(self.weights)


@dataclass(frozen=True)
class Path:
    """A minimum-free-energy path between two points.

    Attributes
    ----------
    points : shape (n_images, d), evenly spaced, unwrapped
    free_energy, std : shape (n_images,), of the difference to the first point
    barrier, barrier_std : highest F along the path less F of the first point, over posterior draws each of
        which relaxes its own path
    barriers : shape (n_draws,), those of the draws
    """

    points: Floats
    free_energy: Floats
    std: Floats
    barrier: float
    barrier_std: float
    barriers: Floats


def relaxed(mean: Landscape, drawn: Landscape, polygon: Floats) -> tuple[Floats, Floats]:
    """The path of the mean surface from a first guess, shape (n_images, d), and the barrier of each draw."""
    unit = scales(mean.features.axes)
    string = relax(mean, evenly(polygon / unit, N_IMAGES)[None] * unit, STRING_STEPS)
    strings = relax(drawn, np.repeat(string, len(drawn.weights), axis=0), DRAW_STEPS)
    return string[0], highest(drawn, strings) - drawn.values(strings[:, :1])[:, 0]


def scales(axes: tuple[Axis, ...]) -> Floats:
    """Period or range of each variable: distances along a path are measured in these."""
    return np.array([axis.extent for axis in axes])


def first_guess(landscape: Landscape, nodes: Floats, a: Floats, b: Floats) -> Floats:
    """A polygon from a to b over points that were seen, uphill as little as may be; unwrapped, shape (n, d).

    Parameters
    ----------
    landscape : one surface
    nodes : shape (n, d)
    """
    axes = landscape.features.axes
    unit = scales(axes)
    periods = np.array([1.0 if isinstance(axis, Periodic) else 0.0 for axis in axes])
    points = np.concatenate([a[None], b[None], nodes[:: -(-len(nodes) // MOST_NODES)]]) / unit
    start, end = _graph_edges(points, periods)
    steps = _wrapped(points[end] - points[start], periods)
    height = landscape.values((points * unit)[None])[0]
    middle = landscape.values(((points[start] + 0.5 * steps) * unit)[None])[0]
    top = np.maximum(np.maximum(height[start], height[end]), middle)
    steep = STEEP * (np.ptp(top) + np.finfo(float).tiny)
    cost = np.linalg.norm(steps, axis=1) * np.exp((top - top.min()) / steep) + np.finfo(float).tiny
    n = len(points)
    graph = csr_matrix((cost, (start, end)), shape=(n, n))
    _, paths = dijkstra(graph, directed=False, indices=[0], return_predecessors=True)
    before = paths[0]
    order = [1]
    while order[-1] != 0:
        if before[order[-1]] < 0:  # what was seen falls apart: straight across
            order = [1, 0]
            break
        order.append(int(before[order[-1]]))
    polygon = points[order[::-1]]
    jumps = _wrapped(np.diff(polygon, axis=0), periods)
    return np.concatenate([polygon[:1], polygon[0] + np.cumsum(jumps, axis=0)]) * unit


def relax(landscape: Landscape, strings: Floats, n_steps: int) -> Floats:
    """Let the inner images of each string slide downhill, evenly spaced; the ends stay.

    Parameters
    ----------
    strings : shape (n_surfaces, n_images, d), unwrapped
    """
    axes = landscape.features.axes
    unit = scales(axes)
    strings = strings.copy()
    step = STABLE / _curvature(landscape, strings, unit)
    low = np.array([axis.low if isinstance(axis, Open) else -np.inf for axis in axes])
    high = np.array([axis.high if isinstance(axis, Open) else np.inf for axis in axes])
    for _ in range(n_steps if len(axes) > 1 else 0):  # on a line there is one way
        before = strings.copy()
        downhill = -landscape.gradients(strings[:, 1:-1]) * unit**2
        strings[:, 1:-1] = np.clip(strings[:, 1:-1] + step[:, None, None] * downhill, low, high)
        strings = np.stack([evenly(string / unit, strings.shape[1]) * unit for string in strings])
        if np.max(np.abs(strings - before) / unit) < STILL:
            break
    return strings


def evenly(polygon: Floats, n: int) -> Floats:
    """n points at equal distances along a polygon, its ends among them."""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(polygon, axis=0), axis=1))])
    wanted = np.linspace(0.0, along[-1], n)
    return np.column_stack([np.interp(wanted, along, column) for column in polygon.T])


def highest(landscape: Landscape, strings: Floats) -> Floats:
    """Largest F along each string, between its images too, shape (n_surfaces,)."""
    fine = np.stack([evenly(string, FINE * (strings.shape[1] - 1) + 1) for string in strings])
    return np.max(landscape.values(fine), axis=1)


def _curvature(landscape: Landscape, strings: Floats, unit: Floats) -> Floats:
    """An upper estimate of the largest second derivative along the strings, shape (n_surfaces,)."""
    total = np.zeros(strings.shape[:2])
    for a in range(strings.shape[2]):
        shift = np.zeros(strings.shape[2])
        shift[a] = 1e-4 * unit[a]
        change = landscape.gradients(strings + shift) - landscape.gradients(strings - shift)
        total += np.sum((change * unit / 2e-4) ** 2, axis=2)
    return np.sqrt(np.max(total, axis=1)) + np.finfo(float).tiny


def _graph_edges(points: Floats, periods: Floats) -> tuple[Integers, Integers]:
    k = min(NEIGHBORS * points.shape[1] + 1, len(points))
    inside = np.where(periods > 0.0, points % 1.0, points - points.min(axis=0))
    box = np.where(periods > 0.0, 1.0, 4.0 * (np.ptp(points, axis=0) + 1.0))
    _, near = cKDTree(inside % box, boxsize=box).query(inside % box, k=k)
    start = np.repeat(np.arange(len(points)), k)
    end = near.ravel()
    keep = start != end
    return start[keep], end[keep]


def _wrapped(steps: Floats, periods: Floats) -> Floats:
    return np.where(periods > 0.0, steps - np.round(steps), steps)
