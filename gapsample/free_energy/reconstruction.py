"""From the samples of windows to the surface in one call, with all that the samples say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gapsample.free_energy.densities import BINS, independent_samples, log_densities
from gapsample.free_energy.estimators import gradient_averages
from gapsample.free_energy.fitting import Options
from gapsample.free_energy.observations import Observation
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.surface import Surface

PASSES = 2  # about the surface of averages, then about that of histograms
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
    independent samples, and averaged restoring forces elsewhere. Each sample counts once.

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
    averages = gradient_averages(windows)
    periods = windows[0].periods
    surface = Surface.fit(averages, periods, ranges, options, rng)
    told = [k for k, w in enumerate(windows) if w.gradients is None and len(periods) in BINS]
    if told:
        known = independent_samples([windows[k] for k in told])
        told = [k for k, n in zip(told, known, strict=True) if n >= ENOUGH]
    observations: list[Observation] = list(averages)
    for _ in range(PASSES if told else 0):
        densities = log_densities([windows[k] for k in told], surface=surface.mean)
        for k, density in zip(told, densities, strict=True):
            observations[k] = density
        surface = Surface.fit(observations, periods, ranges, options, rng)
    return surface
