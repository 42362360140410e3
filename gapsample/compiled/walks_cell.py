"""Monte Carlo of atoms and cell at constant pressure below a ceiling, any cell, all periodic images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.walks_pairs import Pairs, pair_quanta
from gapsample.compiled.walks_random import N_WORDS, seed, uniform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ATOM, VOLUME, SHEAR, STRETCH = 0, 1, 2, 3
N_MOVES = 4
SHAPING = 300  # trial moves of the shape of the cell behind every prior draw
SHAPING_STEP = 0.5


class Bounds(NamedTuple):
    """Prior of the cell.

    Attributes
    ----------
    pressure : quanta / volume
    smallest, largest : volume of the cell
    power : the prior density of the volume goes as its `power`-th power: n for physical, 0 for flat
    height : the three heights of the cell must exceed this times the cube root of its volume
    """

    pressure: float
    smallest: float
    largest: float
    power: float
    height: float


@njit
def volume(cell: Floats) -> float:
    """Determinant of the cell, rows its vectors, shape (9,)."""
    a, b, c = cell[0:3], cell[3:6], cell[6:9]
    return (
        a[0] * (b[1] * c[2] - b[2] * c[1])
        + a[1] * (b[2] * c[0] - b[0] * c[2])
        + a[2] * (b[0] * c[1] - b[1] * c[0])
    )


@njit
def heights(cell: Floats, out: Floats) -> float:
    """Distances of opposite faces, into `out`, shape (3,); return the smallest."""
    v = volume(cell)
    for k in range(3):
        p, q = 3 * ((k + 1) % 3), 3 * ((k + 2) % 3)
        x = cell[p + 1] * cell[q + 2] - cell[p + 2] * cell[q + 1]
        y = cell[p + 2] * cell[q] - cell[p] * cell[q + 2]
        z = cell[p] * cell[q + 1] - cell[p + 1] * cell[q]
        out[k] = v / np.sqrt(x * x + y * y + z * z)
    return min(out[0], out[1], out[2])


@njit
def translations(cell: Floats, cutoff: float, high: Floats, out: Floats) -> int:
    """Lattice vectors by which a nearest-in-fractional-space image may come within the cutoff.

    Into `out`, shape (n_most, 3), the zero vector first; return how many.
    """
    heights(cell, high)
    # An image wrapped to fractional distances within 1/2 lies at most half a height off along each axis.
    na, nb, nc = (int(np.floor(cutoff / high[k] + 0.5)) for k in range(3))
    out[0] = 0.0
    count = 1
    for i in range(-na, na + 1):
        for j in range(-nb, nb + 1):
            for k in range(-nc, nc + 1):
                if i == 0 and j == 0 and k == 0:
                    continue
                for axis in range(3):
                    out[count, axis] = i * cell[axis] + j * cell[3 + axis] + k * cell[6 + axis]
                count += 1
    return count
