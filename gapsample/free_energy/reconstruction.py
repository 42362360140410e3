"""From the samples of windows to the surface in one call, with all that the samples say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gapsample.free_energy.densities import BINS, independent_samples, log_densities
from gapsample.free_energy.estimators import gradient_averages
from gapsample.free_energy.fitting import Options
from gapsample.free_energy.observations import LogDensity, Observation
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.surface import Surface

PASSES = 2  # about the surface of averages, then about that of histograms where there are any
ENOUGH = 50.0  # independent samples of a window whose histogram is believed


def reconstruct(
    windows: Sequence[Samples],
    *,
    ranges: Sequence[tuple[float, float] | None] | None = None,
    options: Options | None = None,
    rng: np.random.Generator | None = None,
) -> Surface:
    """The surface of samples: histograms where they say more than averages, averaged gradients elsewhere.

    Windows with collective forces give their averages, which know the gradient better than any histogram of
    the same samples. Those without give log-densities in one or two variables, where they hold 50 or more
    independent samples, and averaged restoring forces elsewhere. Each sample counts once. The noise of
    averages is that about the surface found before, less what is due to chance (`scatter`).

    Parameters
    ----------
    ranges, options, rng : see `Surface.fit`

    Raises
    ------
    InputError
        Windows do not belong together.
    ChainTooShort
        As `gradient_averages`.
    """
    periods = windows[0].periods
    surface = Surface.fit(gradient_averages(windows), periods, ranges, options, rng)
    told = [k for k, w in enumerate(windows) if w.gradients is None and len(periods) in BINS]
    if told:
        known = independent_samples([windows[k] for k in told])
        told = [k for k, n in zip(told, known, strict=True) if n >= ENOUGH]
    for _ in range(PASSES if told else 1):
        observations: list[Observation] = list(gradient_averages(windows, surface=surface.gradient))
        for k, density in zip(told, _densities([windows[k] for k in told], surface), strict=True):
            observations[k] = density
        surface = Surface.fit(observations, periods, ranges, options, rng)
    return surface


def _densities(windows: Sequence[Samples], surface: Surface) -> list[LogDensity]:
    return log_densities(windows, surface=surface.mean) if windows else []
