"""From the samples of windows to observations: averaged gradients with the noise they deserve.

Both estimates are exact averages of dF/ds over the window's own samples: kappa (c - s) because the gradient
of a probability density integrates to nothing, and the instantaneous collective force by its construction.

An observation says: this value is the average of dF/ds over these very points, plus noise. So its noise is
that of the series *less dF/ds at its points*, which varies within the window without being noise. Unless an
earlier estimate of the surface is given, dF/ds is taken to be linear within the window: for collective
forces by regression on s; for the umbrella estimate, where then kappa + F'' = kT C^-1 with C the covariance
of s, so that the noise is that of kT C^-1 (s - mean), however strong the restraint. Few and skewed samples
tell their own scatter with a bias that goes along with their mean, which `scatter` takes off. A window that
has not settled (`settling`) is believed less than that.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from ase import units
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.observations import GradientAverage
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.scatter import shared_scatter, unskewed
from gapsample.free_energy.settling import counts_as
from gapsample.sampling.autocorrelation import (
    LEAST,
    ChainTooShort,
    autocorrelation_times,
    covariance_of_mean,
    shared_times,
)

Floats = NDArray[np.float64]
FEW = 8  # windows that cannot tell how their kind differs

Gradient = Callable[[Floats], Floats]
"""An estimate of dF/ds at points, shapes (n, d) -> (n, d)."""


class Noise(NamedTuple):
    """The part of a window's series that is noise, and its autocorrelation times; (n, d) and (d,)."""

    series: Floats
    taus: Floats


def umbrella_average(
    samples: Samples, *, surface: Gradient | None = None, least: float = LEAST, taus: Floats | None = None
) -> GradientAverage:
    """The averaged gradient from where the restraint lets the samples lie: kappa (c - s), averaged.

    Parameters
    ----------
    surface : an earlier estimate of dF/ds, for the noise; None: linear within the window
    least, taus : see `gapsample.sampling.autocorrelation.covariance_of_mean`

    Returns
    -------
    GradientAverage
        Its points continue across the period's end, next to the window's center.

    Raises
    ------
    ChainTooShort
        The samples cannot tell their own error; the error carries their numbers.
    InputError
        A variable is not restrained.
    """
    series = _umbrella_noise(samples, surface, least)
    return _average(samples, _restoring(samples), _judged(series, least, taus), least)


def collective_force_average(
    samples: Samples, *, surface: Gradient | None = None, least: float = LEAST, taus: Floats | None = None
) -> GradientAverage:
    """The averaged gradient from instantaneous collective forces; parameters as `umbrella_average`.

    Raises
    ------
    ChainTooShort
        The samples cannot tell their own error.
    InputError
        The window has no collective forces.
    """
    forces = samples.gradients
    if forces is None:
        raise InputError(
            f"the window at {samples.window.center} has no collective forces; sample it with fields, or use "
            "the umbrella estimate"
        )
    series = _force_noise(samples, forces, surface, least)
    return _average(samples, forces, _judged(series, least, taus), least)


def gradient_averages(
    windows: Sequence[Samples], *, surface: Gradient | None = None, least: float = LEAST, share: bool = True
) -> list[GradientAverage]:
    """One averaged gradient for each window: by collective forces where a window has them.

    Parameters
    ----------
    surface : see `umbrella_average`
    least : autocorrelation times that a chain must last
    share : let windows learn from each other their autocorrelation times (`sampling.autocorrelation`) and how
        much their noise scatters (`scatter`): right for many short windows, which then need some seven times
        each only. Fewer than 8 judge themselves

    Raises
    ------
    InputError
        Temperatures, periods or dimensions of the windows differ.
    ChainTooShort
        As `umbrella_average`.
    """
    check_alike(windows)
    return [
        _average(
            samples, _restoring(samples) if samples.gradients is None else samples.gradients, noise, least
        )
        for samples, noise in zip(windows, _noises(windows, surface, least, share), strict=True)
    ]


def umbrella_noise(windows: Sequence[Samples], *, least: float = LEAST, share: bool = True) -> list[Noise]:
    """Noise of the restoring force of each window, whether or not it has collective forces.

    Parameters and errors as `gradient_averages`.
    """
    return _noises([replace(samples, gradients=None) for samples in windows], None, least, share)


def check_alike(windows: Sequence[Samples]) -> None:
    """Refuse windows that do not belong to one surface: other temperatures, periods or dimensions."""
    if not windows:
        raise InputError("there are no windows; a surface wants at least one")
    for what, values in (
        ("temperatures", {samples.temperature for samples in windows}),
        ("periods", {samples.periods for samples in windows}),
    ):
        if len(values) > 1:
            raise InputError(
                f"windows of one surface want the same {what}, got {sorted(map(str, values))}; make one "
                "surface for each"
            )


def _noises(windows: Sequence[Samples], surface: Gradient | None, least: float, share: bool) -> list[Noise]:
    series = [
        _umbrella_noise(samples, surface, least)
        if samples.gradients is None
        else _force_noise(samples, samples.gradients, surface, least)
        for samples in windows
    ]
    if share and len(windows) >= FEW:
        times, scattered = shared_times(series, least=least), shared_scatter(series)
        return [Noise(s, taus) for s, taus in zip(scattered, times, strict=True)]
    return [_judged(s, least, None) for s in series]


def _judged(series: Floats, least: float, taus: Floats | None) -> Noise:
    return Noise(series, autocorrelation_times(series, least=least) if taus is None else taus)


def _average(samples: Samples, series: Floats, noise: Noise, least: float) -> GradientAverage:
    covariance = covariance_of_mean(noise.series, least=least, taus=noise.taus)
    spread = np.cov(series.T).reshape(covariance.shape)
    covariance = covariance + spread / counts_as(samples, noise.series, noise.taus)
    return GradientAverage(_points(samples), series.mean(axis=0), covariance)


def _restoring(samples: Samples) -> Floats:
    """kappa (c - s), shape (n, d)."""
    if min(samples.window.kappa) <= 0.0:
        raise InputError(
            f"the umbrella estimate wants every variable restrained, got kappa {samples.window.kappa}; use "
            "the collective force or a histogram"
        )
    return -np.array(samples.window.kappa) * samples.displacements()


def _umbrella_noise(samples: Samples, surface: Gradient | None, least: float) -> Floats:
    series = _restoring(samples)
    if surface is not None:
        return unskewed(series - surface(_points(samples)))
    away = _centered(samples, least)
    kT = units.kB * samples.temperature
    return np.asarray(-kT * np.linalg.solve(away.T @ away / len(away), away.T).T)


def _force_noise(samples: Samples, forces: Floats, surface: Gradient | None, least: float) -> Floats:
    """Linear within the window in any case: about a surface that was fitted to forces without noise, rounding
    alone would be left."""
    away = _centered(samples, least)
    slope, *_ = np.linalg.lstsq(away, forces - forces.mean(axis=0))
    noise = forces - forces.mean(axis=0) - away @ slope
    if surface is None:
        return noise
    return unskewed(noise + np.mean(forces - surface(_points(samples)), axis=0))


def _centered(samples: Samples, least: float) -> Floats:
    """Displacements from their mean, of enough samples to fit a line in d variables."""
    n, d = samples.s.shape
    if n < 2 * d + 2:
        raise ChainTooShort(n, float("nan"), least)
    away = samples.displacements()
    away -= away.mean(axis=0)
    if np.linalg.matrix_rank(away) < d:
        raise InputError(
            f"the {n} samples of the window at {samples.window.center} do not spread in all {d} variables"
        )
    return away


def _points(samples: Samples) -> Floats:
    """The samples next to the window's center, across the end of the period where need be."""
    return np.array(samples.window.center) + samples.displacements()
