"""MBAR (pymbar) on the samples of umbrella windows, for comparison: weights without the bias."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import units
from numpy.typing import NDArray

from gapsample.free_energy import Samples
from gapsample.free_energy.variables import shortest

Floats = NDArray[np.float64]

SOLVER = ({"method": "L-BFGS-B", "options": {"maxiter": 3000, "gtol": 1e-9, "ftol": 1e-14}, "tol": 1e-14},)


def unbiased(windows: Sequence[Samples], stride: int) -> tuple[Floats, Floats]:
    """Every so many samples of all windows, shape (n, d), and the logs of their weights, shape (n,)."""
    import pymbar

    series = [window.s[::stride] for window in windows]
    s = np.concatenate(series)
    kT = units.kB * windows[0].temperature
    u = np.empty((len(windows), len(s)))
    for row, window in zip(u, windows, strict=True):
        away = shortest(s - np.array(window.window.center), window.periods)
        row[:] = 0.5 * (away**2 @ np.array(window.window.kappa)) / kT
    counts = np.array([len(one) for one in series])
    free_energies = pymbar.MBAR(u, counts, solver_protocol=SOLVER).f_k
    return s, -np.logaddexp.reduce(free_energies[:, None] - u + np.log(counts)[:, None], axis=0)
