"""A surface on a regular grid: what is drawn, exported, and left over when variables are integrated out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.gp.spectra import Axis, Periodic

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """F at the points of a regular grid, its lowest value zero.

    Attributes
    ----------
    coordinates : one increasing array of points for each variable; a periodic one ends one step early
    periods : period of each variable, None where it is open
    free_energy : shape (n_1, ..., n_d), eV
    std : same shape, of the difference to the lowest point
    gradient : shape (d, n_1, ..., n_d), eV per unit of s, or None
    draws : shape (n_draws, n_1, ..., n_d), posterior draws with a free constant each, or None
    """

    coordinates: tuple[Floats, ...]
    periods: tuple[float | None, ...]
    free_energy: Floats
    std: Floats
    gradient: Floats | None = None
    draws: Floats | None = None

    def difference(self, a: Sequence[int], b: Sequence[int]) -> tuple[float, float]:
        """F(b) - F(a) between two grid points, with its standard deviation from the draws."""
        if self.draws is None:
            raise InputError("this grid holds no draws; ask the surface for the difference")
        found = np.array([draw[tuple(b)] - draw[tuple(a)] for draw in self.draws])
        return float(self.free_energy[tuple(b)] - self.free_energy[tuple(a)]), float(np.std(found, ddof=1))


def coordinates(
    axes: Sequence[Axis], shape: Sequence[int], limits: Sequence[tuple[float, float]]
) -> tuple[Floats, ...]:
    """Points of a regular grid: periodic variables without their last point, which is their first."""
    return tuple(
        low + (high - low) * np.arange(n) / n if isinstance(axis, Periodic) else np.linspace(low, high, n)
        for axis, n, (low, high) in zip(axes, shape, limits, strict=True)
    )


def points(lines: Sequence[Floats]) -> Floats:
    """All points of a grid in C order, shape (n_points, d)."""
    return np.stack([mesh.ravel() for mesh in np.meshgrid(*lines, indexing="ij")], axis=-1)
