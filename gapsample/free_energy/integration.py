"""Umbrella integration: every window a Gaussian, their mean forces averaged and integrated.

References
----------
Kästner & Thiel, J. Chem. Phys. 123, 144104 (2005); Kästner, J. Chem. Phys. 131, 034109 (2009).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from gapsample.free_energy.samples import Samples
from gapsample.free_energy.variables import Periods, shortest

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

REACH = 3.0  # standard deviations from the mean of some window that a bin may lie


def umbrella_integration(
    windows: Sequence[Samples], centers: Floats, periods: Periods, kT: float
) -> Callable[[Sequence[Floats]], Floats]:
    """A function from the displacements of all windows to F at bin centers, NaN where no window is near.

    Bins are those near the given windows and connected to most of the others, whatever displacements follow.

    Parameters
    ----------
    centers : shape (n_1, ..., n_d, d), of a regular grid
    kT : eV
    """
    d = centers.shape[-1]
    points = centers.reshape(-1, d)
    near = np.zeros(len(points), dtype=bool)
    for window in windows:
        near |= _squares(window, window.displacements(), points)[2] < REACH**2
    first, second, axis = _edges(centers.shape[:-1], periods)
    both = near[first] & near[second]
    first, second, axis = first[both], second[both], axis[both]
    known = _main_part(len(points), first, second)
    inside = np.isin(first, known)
    first, second = (np.searchsorted(known, ends[inside]) for ends in (first, second))
    axis = axis[inside]
    spacing = _spacing(centers)
    n, m = len(known), len(first)
    signs = np.concatenate([-np.ones(m), np.ones(m)])
    rows = np.concatenate([np.arange(m), np.arange(m)])
    differences = csr_matrix((signs, (rows, np.concatenate([first, second]))), shape=(m, n))
    normal = (differences.T @ differences).tocsc()[1:, 1:]
    solver = splu(normal) if n > 1 else None

    def solve(displaced: Sequence[Floats]) -> Floats:
        gradient = mean_gradient(windows, displaced, points[known], kT)
        steps = spacing[axis] * 0.5 * (gradient[first, axis] + gradient[second, axis])
        free = np.full(len(points), np.nan)
        free[known] = 0.0
        if solver is not None:
            free[known[1:]] = solver.solve((differences.T @ steps)[1:])
        return free

    return solve


def mean_gradient(
    windows: Sequence[Samples], displaced: Sequence[Floats], points: Floats, kT: float
) -> Floats:
    """dF/ds at points, shape (n, d): of each window's Gaussian, weighted with its density there."""
    logs, slopes = [], []
    for window, x in zip(windows, displaced, strict=True):
        away, solved, squares = _squares(window, x, points)
        covariance = np.cov(x.T).reshape(len(window.window.center), -1)
        logs.append(np.log(len(x)) - 0.5 * squares - 0.5 * np.linalg.slogdet(covariance)[1])
        from_center = away + x.mean(axis=0)
        slopes.append(kT * solved - np.array(window.window.kappa) * from_center)
    weight = np.array(logs)
    weight = np.exp(weight - weight.max(axis=0))
    return np.einsum("wn,wna->na", weight / weight.sum(axis=0), np.array(slopes))


def _squares(window: Samples, x: Floats, points: Floats) -> tuple[Floats, Floats, Floats]:
    """Points less a window's mean, V^-1 times that, and its squared length in deviations."""
    mean = np.array(window.window.center) + x.mean(axis=0)
    away = shortest(points - mean, window.periods)
    covariance = np.cov(x.T).reshape(points.shape[1], -1)
    solved = np.asarray(np.linalg.solve(covariance, away.T).T, dtype=float)
    return away, solved, np.sum(away * solved, axis=1)


def _edges(shape: tuple[int, ...], periods: Periods) -> tuple[Integers, Integers, Integers]:
    """Pairs of neighbors on a grid and the axis they are neighbors along."""
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    first, second, axis = [], [], []
    for a, period in enumerate(periods):
        onward = np.roll(numbers, -1, axis=a)
        here = numbers if period is not None else np.delete(numbers, -1, axis=a)
        there = onward if period is not None else np.delete(onward, -1, axis=a)
        first.append(here.ravel())
        second.append(there.ravel())
        axis.append(np.full(here.size, a))
    return np.concatenate(first), np.concatenate(second), np.concatenate(axis)


def _main_part(n: int, first: Integers, second: Integers) -> Integers:
    """Points of the largest connected part."""
    graph = coo_matrix((np.ones(len(first)), (first, second)), shape=(n, n))
    _, part = connected_components(graph, directed=False)
    return np.flatnonzero(part == np.argmax(np.bincount(part)))


def _spacing(centers: Floats) -> Floats:
    origin = centers[(0,) * (centers.ndim - 1)]
    ends = [np.take(centers, 1, axis=a)[(0,) * (centers.ndim - 2)] for a in range(centers.ndim - 1)]
    return np.array([end[a] - origin[a] for a, end in enumerate(ends)])
