"""Regular bins of the variables, into which samples are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.grid import points as grid_points
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.variables import Periods

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Bins:
    """A regular grid of bins.

    Attributes
    ----------
    edges : increasing edges along each variable; those of a periodic one span its period
    periods : of the variables
    """

    edges: tuple[Floats, ...]
    periods: Periods

    @classmethod
    def over(cls, windows: Sequence[Samples], shape: Sequence[int] | int) -> Bins:
        """Bins over all samples, and over the whole of each period."""
        periods = windows[0].periods
        shape = (shape,) * len(periods) if isinstance(shape, int) else tuple(shape)
        if len(shape) != len(periods) or min(shape) < 2:
            raise InputError(f"{len(periods)} variables want two or more bins each, got {shape}")
        everything = np.concatenate([w.s for w in windows])
        edges = []
        for a, (period, n) in enumerate(zip(periods, shape, strict=True)):
            low, high = float(everything[:, a].min()), float(everything[:, a].max())
            if period is not None:
                low, high = -0.5 * period, 0.5 * period
            edges.append(np.linspace(low, high, n + 1))
        return cls(tuple(edges), periods)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(edge) - 1 for edge in self.edges)

    @property
    def centers(self) -> Floats:
        """Shape (n_bins, d), in C order."""
        return grid_points([0.5 * (edge[1:] + edge[:-1]) for edge in self.edges])

    def numbers(self, s: Floats) -> Integers:
        """Number of the bin of each point, -1 outside."""
        result = np.zeros(len(s), dtype=np.int64)
        outside = np.zeros(len(s), dtype=bool)
        for a, (edge, period) in enumerate(zip(self.edges, self.periods, strict=True)):
            x = s[:, a] if period is None else edge[0] + np.mod(s[:, a] - edge[0], period)
            n = len(edge) - 1
            place = np.floor((x - edge[0]) / (edge[1] - edge[0])).astype(np.int64)
            place[x == edge[-1]] = n - 1
            outside |= (place < 0) | (place >= n)
            result = result * n + np.clip(place, 0, n - 1)
        result[outside] = -1
        return result
