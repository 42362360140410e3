"""Neighbours of a small cell inside compiled loops: a direct sum over images, no lists kept, no Python."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FULL = -1


@njit
def image_shifts(cell: Floats, pbc: NDArray[np.bool_], cutoff: float) -> Floats:
    """Translations that can bring atoms of the wrapped cell within the cutoff, shape (n_images, 3), Å."""
    volume = abs(np.linalg.det(cell))
    most = np.zeros(3, np.int64)
    for k in range(3):
        if pbc[k]:
            face = np.cross(cell[(k + 1) % 3], cell[(k + 2) % 3])
            most[k] = int(cutoff * np.sqrt(np.sum(face * face)) / volume) + 1
    shifts = np.empty(((2 * most[0] + 1) * (2 * most[1] + 1) * (2 * most[2] + 1), 3))
    n = 0
    for a in range(-most[0], most[0] + 1):
        for b in range(-most[1], most[1] + 1):
            for c in range(-most[2], most[2] + 1):
                shifts[n] = a * cell[0] + b * cell[1] + c * cell[2]
                n += 1
    return shifts


@njit
def wrap(positions: Floats, cell: Floats, pbc: NDArray[np.bool_]) -> None:
    """Move every atom into the cell, in place."""
    inverse = np.linalg.inv(cell)
    for i in range(len(positions)):
        for k in range(3):
            if pbc[k]:
                fraction = 0.0
                for x in range(3):
                    fraction += positions[i, x] * inverse[x, k]
                turns = np.floor(fraction)
                for x in range(3):
                    positions[i, x] -= turns * cell[k, x]


@njit
def list_neighbours(
    positions: Floats,
    shifts: Floats,
    cutoff: float,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
) -> int:
    """Fill a full neighbour list of wrapped positions, sorted by centre.

    `first` has shape (n_atoms + 1,); `j`, `D`, `d` have room for as many pairs as the caller allows.

    Returns
    -------
    The number of pairs, or `FULL` if there is no room for them.
    """
    n_atoms, n = len(positions), 0
    for i in range(n_atoms):
        first[i] = n
        for other in range(n_atoms):
            for s in range(len(shifts)):
                x = positions[other, 0] - positions[i, 0] + shifts[s, 0]
                y = positions[other, 1] - positions[i, 1] + shifts[s, 1]
                z = positions[other, 2] - positions[i, 2] + shifts[s, 2]
                square = x * x + y * y + z * z
                if square >= cutoff * cutoff or square == 0.0:
                    continue
                if n == len(j):
                    return FULL
                j[n], d[n] = other, np.sqrt(square)
                D[n, 0], D[n, 1], D[n, 2] = x, y, z
                n += 1
    first[n_atoms] = n
    return n
