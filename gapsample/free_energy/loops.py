"""Loops of neighboring windows, round which the gradient of a function adds up to zero."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from gapsample.free_energy import fitting
from gapsample.free_energy.surface import Surface
from gapsample.free_energy.variables import Periods, shortest

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEIGHBORS = 3  # for each dimension, of a window in the graph of loops


def loop_sums(surface: Surface) -> tuple[Floats, list[Integers]]:
    """Sums of the averaged gradient round loops of neighboring windows, and the windows of each loop.

    What is summed is the gradient less that of a surface, which adds up to nothing by itself: so the finite
    distance between windows costs little. That surface bends over no less than the distance of windows:
    otherwise it would follow anything.
    """
    periods = surface.periods
    numbers = fitting.sloped(surface.observations)
    if len(numbers) < 3:
        return np.zeros(0), []
    centers = np.array([surface.observations[number].center for number in numbers])
    weights = _smooth_weights(surface, centers, periods)
    features, nothing = surface.fitted.space.features, np.zeros(len(periods))
    left, noise = np.empty(centers.shape), np.empty((*centers.shape, len(periods)))
    for k, number in enumerate(numbers):
        rows, value, covariance = fitting.gradient(features, surface.observations[number], nothing)
        left[k] = value - rows @ weights
        noise[k] = covariance * surface.fitted.posteriors[0].noise ** 2
    sums, members = [], []
    for loop in _closed(centers, periods, np.array([axis.extent for axis in surface.axes])):
        steps = shortest(np.roll(centers[loop], -1, axis=0) - centers[loop], periods)
        if len(periods) == 1 and abs(steps.sum()) < 0.5 * surface.axes[0].extent:
            continue  # there and back on a line is no loop
        lever = 0.5 * (steps + np.roll(steps, 1, axis=0))
        variance = np.einsum("ka,kab,kb->", lever, noise[loop], lever)
        if variance > 0.0:
            sums.append(float(np.sum(lever * left[loop]) / np.sqrt(variance)))
            members.append(np.array(numbers)[loop])
    return np.array(sums), members


def _smooth_weights(surface: Surface, centers: Floats, periods: Periods) -> Floats:
    """Posterior mean of the weights with lengths no shorter than the distance between windows."""
    space, d = surface.fitted.space, len(surface.axes)
    extents = np.array([axis.extent for axis in surface.axes])
    away = np.linalg.norm(shortest(centers[:, None] - centers[None], periods) / extents, axis=-1)
    np.fill_diagonal(away, np.inf)
    spacing = float(np.median(away.min(axis=1))) * extents
    x = np.median(surface.fitted.parameters, axis=0)
    stretch = np.maximum(np.log(spacing) - x[1 : 1 + d], 0.0)
    x[0] += np.max(stretch)
    x[1 : 1 + d] += stretch
    return space.posterior(x).mean


def _closed(centers: Floats, periods: Periods, extents: Floats) -> Iterator[Integers]:
    """Loops of windows: each edge between neighbors that is not in the shortest tree closes one."""
    n, d = centers.shape
    away = np.linalg.norm(shortest(centers[:, None] - centers[None], periods) / extents, axis=-1)
    np.fill_diagonal(away, np.inf)
    away = np.maximum(away, 1e-12)
    near = np.argsort(away, axis=1)[:, : min(n - 1, NEIGHBORS * d)]
    first, second = np.repeat(np.arange(n), near.shape[1]), near.ravel()
    graph = coo_matrix((away[first, second], (first, second)), shape=(n, n)).tocsr()
    tree = minimum_spanning_tree(graph.maximum(graph.T))
    _, parent = breadth_first_order(tree, 0, directed=False)
    in_tree = {(min(i, j), max(i, j)) for i, j in zip(*tree.nonzero(), strict=True)}
    edges = {(min(i, j), max(i, j)) for i, j in zip(first.tolist(), second.tolist(), strict=True)}
    for i, j in sorted(edges - in_tree):
        up, down = _to_root(i, parent), _to_root(j, parent)
        while len(up) > 1 and len(down) > 1 and up[-2] == down[-2]:
            up.pop()
            down.pop()
        if up[-1] == down[-1] and len(loop := up + down[-2::-1]) > 2:
            yield np.array(loop)


def _to_root(node: int, parent: NDArray[np.int32]) -> list[int]:
    way = [node]
    while parent[way[-1]] >= 0:
        way.append(int(parent[way[-1]]))
    return way
