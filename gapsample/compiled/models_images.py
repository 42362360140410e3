"""Periodic images in a cell of any shape: which lattice vectors bring two atoms within a cutoff."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]

LANES = 8  # rows that vector units work on are padded to whole vectors
FAR = 1e100  # where padding stands
MOST_IMAGES = 10**5  # the energy in a thinner cell cannot be had


@njit
def lattice(cell: Floats, cutoff: float) -> tuple[Floats, Floats, int]:
    """How to wrap differences of positions, and the lattice vectors to add to them afterwards.

    If twice the cutoff measures c heights of the cell, rounded up, then c neighboring images are all that
    matter, once the difference is wrapped such that they lie around zero.

    Parameters
    ----------
    cell : shape (3, 3), Å, rows its vectors
    cutoff : Å

    Returns
    -------
    frame : shape (4, 3): the inverse of the cell, and what to add to fractional differences before `floor`
    vectors : shape (3, m), Å, m a multiple of `LANES`, the zero vector first, padded by vectors `FAR` off
    count : how many there are; 0 in a cell so thin that they are too many, or that is not finite
    """
    frame = np.empty((4, 3))
    a, b, c = cell[0], cell[1], cell[2]
    for k in range(3):
        p, q = (k + 1) % 3, (k + 2) % 3
        frame[k, 0] = b[p] * c[q] - b[q] * c[p]
        frame[k, 1] = c[p] * a[q] - c[q] * a[p]
        frame[k, 2] = a[p] * b[q] - a[q] * b[p]
    inverse = 1.0 / (a[0] * frame[0, 0] + a[1] * frame[1, 0] + a[2] * frame[2, 0])
    for k in range(3):
        for p in range(3):
            frame[p, k] *= inverse
        steepness = np.sqrt(frame[0, k] ** 2 + frame[1, k] ** 2 + frame[2, k] ** 2)
        frame[3, k] = max(np.ceil(2.0 * cutoff * steepness), 1.0)
    if not frame[3, 0] * frame[3, 1] * frame[3, 2] <= MOST_IMAGES:
        return frame, np.empty((3, 0)), 0
    na, nb, nc = int(frame[3, 0]), int(frame[3, 1]), int(frame[3, 2])
    vectors = np.empty((3, whole(na * nb * nc)))
    for k in range(3):
        frame[3, k] = 0.5 * (frame[3, k] % 2.0)
    return frame, vectors, fill(cell, frame[3], na, nb, nc, cutoff, vectors)


@njit
def fill(cell: Floats, shift: Floats, na: int, nb: int, nc: int, cutoff: float, vectors: Floats) -> int:
    """Put the vectors whose wrapped differences reach within the cutoff first, and return their number.

    Parameters
    ----------
    shift : shape (3,), added before `floor`: one half for odd numbers of images, else 0
    na, nb, nc : numbers of images along the edges
    vectors : shape (3, m), room for all, written
    """
    ax, ay, az = cell[0, 0], cell[0, 1], cell[0, 2]
    bx, by, bz = cell[1, 0], cell[1, 1], cell[1, 2]
    cx, cy, cz = cell[2, 0], cell[2, 1], cell[2, 2]
    u, v, w = 0.5 - shift[0], 0.5 - shift[1], 0.5 - shift[2]  # middle of the wrapped differences
    mx, my, mz = u * ax + v * bx + w * cx, u * ay + v * by + w * cy, u * az + v * bz + w * cz
    diagonal2 = 0.0
    for s in (1.0, -1.0):
        for t in (1.0, -1.0):
            x, y, z = ax + s * bx + t * cx, ay + s * by + t * cy, az + s * bz + t * cz
            diagonal2 = max(diagonal2, x * x + y * y + z * z)
    reach2 = (cutoff + 0.5 * np.sqrt(diagonal2)) ** 2
    vectors[0, 0], vectors[1, 0], vectors[2, 0] = 0.0, 0.0, 0.0
    count = 1
    for i in range(-(na // 2), na - na // 2):
        for j in range(-(nb // 2), nb - nb // 2):
            for k in range(-(nc // 2), nc - nc // 2):
                x, y, z = i * ax + j * bx + k * cx, i * ay + j * by + k * cy, i * az + j * bz + k * cz
                off2 = (x + mx) ** 2 + (y + my) ** 2 + (z + mz) ** 2
                if (i == 0 and j == 0 and k == 0) or off2 > reach2:
                    continue
                vectors[0, count], vectors[1, count], vectors[2, count] = x, y, z
                count += 1
    for k in range(count, vectors.shape[1]):
        vectors[0, k], vectors[1, k], vectors[2, k] = FAR, FAR, FAR
    return count


@njit
def whole(n: int) -> int:
    """Return `n` rounded up to whole vectors."""
    return (n + LANES - 1) // LANES * LANES


@njit(relaxed=True)
def wrapped(frame: Floats, cell: Floats, u: float, v: float, w: float) -> tuple[float, float, float]:
    """A fractional difference wrapped as `lattice` says, in Å."""
    u -= np.floor(u + frame[3, 0])
    v -= np.floor(v + frame[3, 1])
    w -= np.floor(w + frame[3, 2])
    return (
        u * cell[0, 0] + v * cell[1, 0] + w * cell[2, 0],
        u * cell[0, 1] + v * cell[1, 1] + w * cell[2, 1],
        u * cell[0, 2] + v * cell[1, 2] + w * cell[2, 2],
    )


@njit(relaxed=True)
def fractional(frame: Floats, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A position in units of the cell."""
    return (
        x * frame[0, 0] + y * frame[1, 0] + z * frame[2, 0],
        x * frame[0, 1] + y * frame[1, 1] + z * frame[2, 1],
        x * frame[0, 2] + y * frame[1, 2] + z * frame[2, 2],
    )
