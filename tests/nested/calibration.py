"""Error bars on trial: over many seeds, deviations from the truth in units of the bar."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Estimate = Callable[[int], tuple[np.ndarray, np.ndarray]]


def check_calibrated(
    estimate: Estimate, exact, widest, seeds: int = 24, allowed: tuple[float, float] = (0.65, 1.4)
) -> None:
    """``estimate(seed)`` -> values and errors of several quantities, each held against `exact`.

    Standard deviations of z-scores must be `allowed`, bars narrower than `widest`.
    With 24 seeds the standard deviation of z-scores is itself uncertain by 15 %: 0.65 to 1.4 are three of
    its standard errors about 1.

    Bias is that of the plain mean of the values, in standard errors that their own scatter tells. It is not
    that of the mean z: the bar of a heat capacity grows with its value, both being moments of one sample, so
    that high values have wide bars and count for little. Of an unbiased value x with bar e the mean of z is
    ``-cov(x, e) / mean(e)^2``, -0.1 to -0.15 for a heat capacity from 40 live points.
    """
    values, errors = (np.array(column) for column in zip(*map(estimate, range(seeds)), strict=True))
    assert (errors < widest).all(), f"widest bars {errors.max(axis=0)}"
    deviations = values - np.asarray(exact)
    spread = (deviations / errors).std(axis=0, ddof=1)
    bias = deviations.mean(axis=0) / (values.std(axis=0, ddof=1) / np.sqrt(seeds))
    assert ((spread > allowed[0]) & (spread < allowed[1])).all(), f"standard deviations of z: {spread}"
    assert (abs(bias) < 3.5).all(), f"mean deviations in standard errors: {bias}"
