"""Neighbours in a periodic cell of any size and shape, inside compiled loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FULL = -1


@njit
def list_neighbours(
    positions: Floats,
    cell: Floats,
    cutoff: float,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
) -> int:
    """Fill a full neighbour list of a periodic cell, sorted by centre, touching no image beyond the cutoff.

    In axes along which the cell is lower triangular a sphere cuts every row of the lattice in an interval,
    so that the cost goes with the pairs found, however thin or skewed the cell and wherever the atoms.
    `first` has shape (n_atoms + 1,); `j`, `D`, `d` have room for as many pairs as the caller allows.

    Returns
    -------
    The number of pairs, or `FULL` if there is no room for them.

    References
    ----------
    Fincke & Pohst, Math. Comput. 44, 463 (1985).
    """
    axes, low = np.empty((3, 3)), np.zeros((3, 3))
    for k in range(3):
        axes[k] = cell[k]
        for m in range(k):
            low[k, m] = np.sum(cell[k] * axes[m])
            axes[k] -= low[k, m] * axes[m]
        low[k, k] = np.sqrt(np.sum(axes[k] ** 2))
        axes[k] /= low[k, k]
    n_atoms, n, square = len(positions), 0, cutoff * cutoff
    apart = np.empty(3)
    for i in range(n_atoms):
        first[i] = n
        for other in range(n_atoms):
            away_x = positions[other, 0] - positions[i, 0]
            away_y = positions[other, 1] - positions[i, 1]
            away_z = positions[other, 2] - positions[i, 2]
            for k in range(3):
                apart[k] = away_x * axes[k, 0] + away_y * axes[k, 1] + away_z * axes[k, 2]
            c0, c1 = _interval(apart[2], low[2, 2], square)
            for c in range(c0, c1 + 1):
                left = square - (apart[2] + c * low[2, 2]) ** 2
                y = apart[1] + c * low[2, 1]
                b0, b1 = _interval(y, low[1, 1], left)
                for b in range(b0, b1 + 1):
                    x = apart[0] + c * low[2, 0] + b * low[1, 0]
                    row_x = away_x + c * cell[2, 0] + b * cell[1, 0]
                    row_y = away_y + c * cell[2, 1] + b * cell[1, 1]
                    row_z = away_z + c * cell[2, 2] + b * cell[1, 2]
                    a0, a1 = _interval(x, low[0, 0], left - (y + b * low[1, 1]) ** 2)
                    for a in range(a0, a1 + 1):
                        if i == other and a == 0 and b == 0 and c == 0:
                            continue
                        if n == len(j):
                            return FULL
                        j[n] = other
                        D[n, 0] = row_x + a * cell[0, 0]
                        D[n, 1] = row_y + a * cell[0, 1]
                        D[n, 2] = row_z + a * cell[0, 2]
                        length = D[n, 0] * D[n, 0] + D[n, 1] * D[n, 1] + D[n, 2] * D[n, 2]
                        d[n] = np.sqrt(length)
                        n += 1 if length < square else 0
    first[n_atoms] = n
    return n


@njit(relaxed=True)
def _interval(start: float, step: float, square: float) -> tuple[int, int]:
    """First and last whole n with (start + n step)^2 below `square`; the last before the first if none is."""
    if square <= 0.0:
        return 0, -1
    reach = np.sqrt(square)
    return int(np.ceil((-reach - start) / step)), int(np.floor((reach - start) / step))
