"""One run read at other pressures and chemical potentials nearby, and whether to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from gapsample.errors import InputError
from gapsample.nested.points import DeadPoints
from gapsample.nested.thermodynamics import Thermodynamics, thermodynamics

Floats = NDArray[np.float64]

SMALLEST_SIZE = 100.0  # points; of fewer, averages are uncertain by more than a tenth of a standard deviation


@dataclass(frozen=True)
class Reweighted:
    """Curves at a state that was not sampled.

    Attributes
    ----------
    curves : their `effective_size` says how many points speak at each temperature
    smallest_size : of these, below which not to believe them
    """

    curves: Thermodynamics
    smallest_size: float

    @property
    def believable(self) -> NDArray[np.bool_]:
        """Shape (n_temperatures,)."""
        return self.curves.effective_size >= self.smallest_size


def reweighted(
    points: DeadPoints,
    temperatures: ArrayLike,
    *,
    rng: Generator,
    pressure_change: float = 0.0,
    potential_changes: Mapping[str, float] | None = None,
    smallest_size: float = SMALLEST_SIZE,
    **options: Any,
) -> Reweighted:
    """Curves at another pressure and other chemical potentials than those of the run.

    Every point keeps its prior mass and gets the value it has there. About a factor of two in pressure is in
    reach of a usual run; beyond, the points that matter were never visited, and the effective size falls.

    Parameters
    ----------
    temperatures, rng, options : as in `thermodynamics`
    pressure_change, potential_changes : as in `shifted_values`
    smallest_size : effective number of points below which a temperature is not believed
    """
    energy = shifted_values(points, pressure_change=pressure_change, potential_changes=potential_changes)
    return Reweighted(thermodynamics(points, temperatures, rng=rng, energy=energy, **options), smallest_size)


def shifted_values(
    points: DeadPoints, *, pressure_change: float = 0.0, potential_changes: Mapping[str, float] | None = None
) -> Floats:
    """Values that the points have at another pressure and other chemical potentials, shape (n,).

    Parameters
    ----------
    pressure_change : new minus old, energy per volume
    potential_changes : new minus old, by symbol

    Raises
    ------
    InputError
        The run did not observe the volume, or the number of atoms of a species.
    """
    values = points.value.copy()
    if pressure_change:
        values += pressure_change * _observed(points, "volume", "sample with `Pressure`")
    for symbol, change in (potential_changes or {}).items():
        values -= change * _observed(points, f"n_{symbol}", "sample with chemical potentials")
    return values


def _observed(points: DeadPoints, name: str, advice: str) -> Floats:
    if name not in points.observables:
        raise InputError(f"the points carry no {name!r}, only {sorted(points.observables)}; {advice}")
    return points.observables[name]
