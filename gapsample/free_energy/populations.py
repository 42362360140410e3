"""Integrals of exp(-F/kT) over regions and variables, for each of many surfaces at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import qmc

from gapsample.errors import InputError
from gapsample.free_energy.grid import points as grid_points
from gapsample.gp.features import Features
from gapsample.gp.spectra import Axis, Open

Floats = NDArray[np.float64]
Region = Callable[[Floats], NDArray[np.bool_]]

AT_ONCE = 2_000_000  # numbers in a block of features
QUADRATURE = {1: (400,), 2: (100, 100), 3: (32, 32, 32)}  # beyond: Sobol points
SOBOL_POINTS = 2**14


def limits(axes: Sequence[Axis]) -> list[tuple[float, float]]:
    """One period about zero, or the range, of each variable."""
    return [(a.low, a.high) if isinstance(a, Open) else (-0.5 * a.extent, 0.5 * a.extent) for a in axes]


def heights(features: Features, weights: Floats, points: Floats) -> Floats:
    """F of each surface at the same points, shape (n, n_surfaces) for weights (n_surfaces, M)."""
    step = max(1, AT_ONCE // len(features))
    return np.concatenate(
        [features.values(points[begin : begin + step]) @ weights.T for begin in range(0, len(points), step)]
    )


def log_weights(features: Features, weights: Floats, kT: float, regions: Sequence[Region | None]) -> Floats:
    """Log of the integral of exp(-F/kT) over each region (None: everywhere), shape (n_regions, n_surfaces).

    Raises
    ------
    InputError
        kT is no positive energy, or a region is empty.
    """
    if not 0.0 < kT < np.inf:
        raise InputError(f"kT must be a positive energy in eV, got {kT}")
    points, volume = _quadrature(features.axes)
    height = heights(features, weights, points)
    result = []
    for region in regions:
        inside = (
            np.ones(len(points), dtype=bool) if region is None else np.asarray(region(points), dtype=bool)
        )
        if not np.any(inside):
            raise InputError(f"none of {len(points)} points is inside the region; is it in the units of s?")
        result.append(logsumexp(-height[inside] / kT, axis=0) + np.log(volume))
    return np.array(result)


def marginals(
    features: Features, weights: Floats, keep: Sequence[int], kT: float, lines: Sequence[Floats]
) -> Floats:
    """-kT log of the integral of exp(-F/kT) over all variables but `keep`, shape (n_surfaces, n_1, ...)."""
    d = features.dimension
    lost = [a for a in range(d) if a not in keep]
    others, volume = _quadrature([features.axes[a] for a in lost])
    result = []
    for kept in grid_points(lines):
        points = np.empty((len(others), d))
        points[:, list(keep)], points[:, lost] = kept, others
        height = heights(features, weights, points)
        result.append(-kT * (logsumexp(-height / kT, axis=0) + np.log(volume)))
    return np.array(result).T.reshape(len(weights), *(len(line) for line in lines))


def _quadrature(axes: Sequence[Axis]) -> tuple[Floats, float]:
    """Points that fill all axes evenly, and the volume each stands for."""
    low, high = np.array(limits(axes)).T
    if len(axes) in QUADRATURE:
        shape = QUADRATURE[len(axes)]
        lines = [a + (b - a) * (np.arange(n) + 0.5) / n for a, b, n in zip(low, high, shape, strict=True)]
        points = grid_points(lines)
    else:
        points = low + (high - low) * qmc.Sobol(len(axes), seed=0).random(SOBOL_POINTS)
    return points, float(np.prod(high - low)) / len(points)
