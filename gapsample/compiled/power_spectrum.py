"""The normalized power spectrum of a SOAP density, and its adjoint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.soap import Density

Floats = NDArray[np.float64]


@njit(relaxed=True)
def power_spectrum(density: Density, c: Floats, p: Floats) -> float:
    """Normalized power spectrum of one atom into `p`; returns the norm it was divided by."""
    n_channels = density.mixing.shape[0]
    square = 0.0
    for l in range(density.l_max + 1):
        size = 2 * l + 1
        scale = 1.0 / np.sqrt(float(size))
        place = density.p_start[l]
        for a in range(n_channels * density.kept[l]):
            ca = density.c_start[l] + a * size
            for b in range(a + 1):
                cb = density.c_start[l] + b * size
                total = 0.0
                for m in range(size):
                    total += c[ca + m] * c[cb + m]
                total *= scale if a == b else scale * np.sqrt(2.0)
                p[place] = total
                square += total * total
                place += 1
    norm = np.sqrt(square)
    inverse = 1.0 / norm if norm > 0.0 else 0.0
    for e in range(len(p)):
        p[e] *= inverse
    return norm


@njit(relaxed=True)
def power_spectrum_adjoint(
    density: Density, c: Floats, p: Floats, norm: float, dp: Floats, dc: Floats
) -> None:
    """From dE/dp (normalized; destroyed) to dE/dc of one atom."""
    n_channels = density.mixing.shape[0]
    along = 0.0
    for e in range(len(p)):
        along += p[e] * dp[e]
    inverse = 1.0 / norm if norm > 0.0 else 0.0
    for e in range(len(p)):
        dp[e] = (dp[e] - along * p[e]) * inverse
    dc[:] = 0.0
    for l in range(density.l_max + 1):
        size = 2 * l + 1
        scale = 1.0 / np.sqrt(float(size))
        place = density.p_start[l]
        for a in range(n_channels * density.kept[l]):
            ca = density.c_start[l] + a * size
            for b in range(a + 1):
                cb = density.c_start[l] + b * size
                slope = dp[place] * scale
                place += 1
                if a == b:
                    for m in range(size):
                        dc[ca + m] += 2.0 * slope * c[ca + m]
                else:
                    slope *= np.sqrt(2.0)
                    for m in range(size):
                        dc[ca + m] += slope * c[cb + m]
                    for m in range(size):
                        dc[cb + m] += slope * c[ca + m]
