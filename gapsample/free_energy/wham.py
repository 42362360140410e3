"""Weighted histograms: the likelihood of counts in bins, maximized by Newton's method.

References
----------
Zhu & Hummer, J. Comput. Chem. 33, 453 (2012).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]

STEPS, STILL = 200, 1e-9  # of Newton's method, and slopes per sample at which it has arrived


def weighted_histograms(histograms: Floats, bias: Floats, shifts: Floats) -> tuple[Floats, Floats]:
    """-log p of each bin (NaN where empty), and the shift of each window.

    Parameters
    ----------
    histograms : shape (n_windows, n_bins), counts
    bias : shape (n_windows, n_bins), in kT, at bin centers
    shifts : shape (n_windows,), where to begin
    """
    used = histograms.sum(axis=1) > 0.0
    if not np.all(used):  # windows without a sample in any bin say nothing
        free = np.full(histograms.shape[1], np.nan)
        if np.any(used):
            free, found = weighted_histograms(histograms[used], bias[used], shifts[used])
            shifts = shifts.copy()
            shifts[used] = found
        return free, shifts
    counts, seen = histograms.sum(axis=1), histograms.sum(axis=0)
    full = np.flatnonzero(seen)
    weights, bias_here = seen[full], bias[:, full]

    def objective(f: Floats) -> tuple[float, Floats]:
        log_terms = f[:, None] - bias_here + np.log(counts)[:, None]
        log_sum = logsumexp(log_terms, axis=0)
        return float(weights @ log_sum - counts @ f), np.exp(log_terms - log_sum)

    value, shares = objective(shifts)
    for _ in range(STEPS):
        slope = shares @ weights - counts
        if np.max(np.abs(slope)) < STILL * counts.sum():
            break
        hessian = np.diag(shares @ weights) - (shares * weights) @ shares.T
        step = np.zeros(len(shifts))
        ridge = 1e-10 * np.trace(hessian) / len(shifts)
        inner = hessian[1:, 1:] + ridge * np.eye(len(shifts) - 1)
        step[1:] = -np.linalg.solve(inner, slope[1:])
        length = 1.0
        while (trial := objective(shifts + length * step))[0] > value + 1e-4 * length * float(slope @ step):
            length *= 0.5
            if length < 1e-8:
                break
        shifts = shifts + length * step
        value, shares = trial
    free = np.full(histograms.shape[1], np.nan)
    log_sum = logsumexp(shifts[:, None] - bias_here + np.log(counts)[:, None], axis=0)
    free[full] = log_sum - np.log(weights)
    return free, shifts
