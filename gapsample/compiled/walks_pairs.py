"""Energies of one atom with all others, counted in whole quanta so that sums never drift.

Every pair energy is capped and rounded to a whole number of quanta. Sums of whole numbers below 2^53 are
exact in any order: an energy updated over millions of trials equals the one computed anew to the last bit,
and a plateau (no pair within the cutoff) stays flat.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]

EXACT = 2.0**52  # whole numbers up to here, and their sums, are exact


class Pairs(NamedTuple):
    """A pair potential ready for compiled walks.

    Attributes
    ----------
    closed : whether the Lennard-Jones form is used, else the table
    cutoff2 : squared cutoff, Å^2
    c12, c6, shift : ``c12 / r^12 - c6 / r^6 - shift`` in quanta
    start, inverse_step : of the table, by the distance; below `start` the energy is the cap
    coefficients : shape (n_intervals, 6), in quanta
    cap : highest energy of one pair, in quanta
    """

    closed: bool
    cutoff2: float
    c12: float
    c6: float
    shift: float
    start: float
    inverse_step: float
    coefficients: Floats
    cap: float


@njit(relaxed=True)
def closed_form(pairs: Pairs, d2: float) -> float:
    """Lennard-Jones energy at a squared distance, in quanta."""
    s2 = 1.0 / d2
    s6 = s2 * s2 * s2
    value = np.rint(min((pairs.c12 * s6 - pairs.c6) * s6 - pairs.shift, pairs.cap))
    return value if d2 < pairs.cutoff2 else 0.0


@njit(relaxed=True)
def from_table(pairs: Pairs, d2: float) -> float:
    """Tabulated energy at a squared distance, in quanta."""
    c, n = pairs.coefficients, len(pairs.coefficients)
    place = (np.sqrt(d2) - pairs.start) * pairs.inverse_step
    interval = np.uint64(min(max(place, 0.0), n - 1))
    u = place - interval
    value = c[interval, 0] + u * (c[interval, 1] + u * (c[interval, 2] + u * c[interval, 3]))
    value += (u * u) * (u * u) * (c[interval, 4] + u * c[interval, 5])
    value = min(np.rint(value), pairs.cap)
    value = value if place >= 0.0 else pairs.cap
    return value if place < n else 0.0


@njit(relaxed=True)
def row(
    pairs: Pairs,
    x: Floats,
    y: Floats,
    z: Floats,
    i: int,
    xi: float,
    yi: float,
    zi: float,
    box: float,
    out: Floats,
) -> float:
    """Energies of atom `i`, if it stood at (xi, yi, zi), with every atom: into `out`; return their sum.

    Minimum image in a cube of edge `box`; shapes (n,); quanta. ``out[i]`` is 0.
    """
    inverse = 1.0 / box
    n = len(x)
    total = 0.0
    if pairs.closed:
        for j in range(n):
            value = closed_form(pairs, _distance2(x[j] - xi, y[j] - yi, z[j] - zi, box, inverse))
            value = value if j != i else 0.0
            out[j] = value
            total += value
        return total
    for j in range(n):
        value = from_table(pairs, _distance2(x[j] - xi, y[j] - yi, z[j] - zi, box, inverse))
        value = value if j != i else 0.0
        out[j] = value
        total += value
    return total


@njit(relaxed=True)
def _distance2(dx: float, dy: float, dz: float, box: float, inverse: float) -> float:
    dx -= box * np.rint(dx * inverse)
    dy -= box * np.rint(dy * inverse)
    dz -= box * np.rint(dz * inverse)
    return dx * dx + dy * dy + dz * dz


@njit
def energies(pairs: Pairs, positions: Floats, box: float, values: Floats) -> None:
    """Total energies in quanta of several configurations: shape (m, 3 n) -> (m,)."""
    n = positions.shape[1] // 3
    out = np.empty(n)
    for m in range(len(positions)):
        x, y, z = positions[m, :n], positions[m, n : 2 * n], positions[m, 2 * n :]
        total = 0.0
        for i in range(n):
            total += row(pairs, x, y, z, i, x[i], y[i], z[i], box, out)
        values[m] = 0.5 * total
