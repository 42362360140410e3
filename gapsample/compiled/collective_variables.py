"""Collective variables and their gradients: distance, angle, torsion, coordination number, RMSD.

A box is an array of shape (2, 3, 3): the rows of [0] are the vectors along which space repeats (zero
elsewhere), and the columns of [1] turn a vector into multiples of them. It must be reduced (shortest vectors
first), so that the nearest image lies within one step of the rounded one. Shape (0, 3, 3): nothing repeats.

Where a gradient does not exist it is NaN throughout; the floor above says what that means.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Vector = tuple[float, float, float]

FLAT = 1e-7  # sine of an angle below which three atoms are taken to lie on a line
TIED = 1e-9  # of the largest eigenvalue: two superpositions that differ by less are equally good


@njit
def nearest(x: float, y: float, z: float, box: Floats) -> Vector:
    """The shortest of the periodic images of a vector."""
    if box.shape[0] == 0:
        return x, y, z
    cell, inverse = box[0], box[1]
    na = np.rint(x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0])
    nb = np.rint(x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1])
    nc = np.rint(x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2])
    x -= na * cell[0, 0] + nb * cell[1, 0] + nc * cell[2, 0]
    y -= na * cell[0, 1] + nb * cell[1, 1] + nc * cell[2, 1]
    z -= na * cell[0, 2] + nb * cell[1, 2] + nc * cell[2, 2]
    bx, by, bz = x, y, z
    best = x * x + y * y + z * z
    for a in range(-1, 2):
        for b in range(-1, 2):
            for c in range(-1, 2):
                tx = x + a * cell[0, 0] + b * cell[1, 0] + c * cell[2, 0]
                ty = y + a * cell[0, 1] + b * cell[1, 1] + c * cell[2, 1]
                tz = z + a * cell[0, 2] + b * cell[1, 2] + c * cell[2, 2]
                d2 = tx * tx + ty * ty + tz * tz
                if d2 < best:
                    bx, by, bz, best = tx, ty, tz, d2
    return bx, by, bz


@njit
def between(positions: Floats, i: int, j: int, box: Floats) -> Vector:
    """Shortest vector from atom i to atom j."""
    return nearest(
        positions[j, 0] - positions[i, 0],
        positions[j, 1] - positions[i, 1],
        positions[j, 2] - positions[i, 2],
        box,
    )


@njit
def distance(positions: Floats, atoms: Integers, box: Floats) -> tuple[float, Floats]:
    """Distance of two atoms and its gradient, shape (n_atoms, 3)."""
    i, j = atoms[0], atoms[1]
    x, y, z = between(positions, i, j, box)
    r = math.sqrt(x * x + y * y + z * z)
    gradient = np.zeros_like(positions)
    if r < FLAT:
        gradient[:] = np.nan
        return r, gradient
    for axis, along in enumerate((x / r, y / r, z / r)):
        gradient[i, axis] = -along
        gradient[j, axis] = along
    return r, gradient


@njit
def angle(positions: Floats, atoms: Integers, box: Floats) -> tuple[float, Floats]:
    """Angle at the second of three atoms, radians, and its gradient."""
    i, j, k = atoms[0], atoms[1], atoms[2]
    ux, uy, uz = between(positions, j, i, box)
    vx, vy, vz = between(positions, j, k, box)
    u2, v2 = ux * ux + uy * uy + uz * uz, vx * vx + vy * vy + vz * vz
    dot = ux * vx + uy * vy + uz * vz
    nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    normal = math.sqrt(nx * nx + ny * ny + nz * nz)
    value = math.atan2(normal, dot)
    gradient = np.zeros_like(positions)
    if not normal > FLAT * math.sqrt(u2 * v2):
        gradient[:] = np.nan
        return value, gradient
    # moving an end along e = (n x u)/|n x u| opens or closes the angle by 1/|u|
    at_i = ((uy * nz - uz * ny), (uz * nx - ux * nz), (ux * ny - uy * nx))
    at_k = ((ny * vz - nz * vy), (nz * vx - nx * vz), (nx * vy - ny * vx))
    for axis in range(3):
        gi = at_i[axis] / (normal * u2)
        gk = at_k[axis] / (normal * v2)
        gradient[i, axis] = gi
        gradient[k, axis] = gk
        gradient[j, axis] = -gi - gk
    return value, gradient


@njit
def torsion(positions: Floats, atoms: Integers, box: Floats) -> tuple[float, Floats]:
    """Torsion of four atoms in (-pi, pi], IUPAC sign, and its gradient.

    References
    ----------
    Blondel & Karplus, J. Comput. Chem. 17, 1132 (1996).
    """
    i, j, k, l = atoms[0], atoms[1], atoms[2], atoms[3]
    fx, fy, fz = between(positions, j, i, box)
    gx, gy, gz = between(positions, k, j, box)
    hx, hy, hz = between(positions, k, l, box)
    ax, ay, az = fy * gz - fz * gy, fz * gx - fx * gz, fx * gy - fy * gx
    bx, by, bz = hy * gz - hz * gy, hz * gx - hx * gz, hx * gy - hy * gx
    a2, b2 = ax * ax + ay * ay + az * az, bx * bx + by * by + bz * bz
    g2 = gx * gx + gy * gy + gz * gz
    g = math.sqrt(g2)
    triple = (by * az - bz * ay) * gx + (bz * ax - bx * az) * gy + (bx * ay - by * ax) * gz
    value = math.atan2(triple, (ax * bx + ay * by + az * bz) * g)
    gradient = np.zeros_like(positions)
    f2, h2 = fx * fx + fy * fy + fz * fz, hx * hx + hy * hy + hz * hz
    if not (a2 > FLAT * FLAT * f2 * g2 and b2 > FLAT * FLAT * h2 * g2):
        gradient[:] = np.nan
        return value, gradient
    fg, hg = fx * gx + fy * gy + fz * gz, hx * gx + hy * gy + hz * gz
    ia, ib = g / a2, g / b2
    sa, sb = fg / (a2 * g), hg / (b2 * g)
    for axis, (a, b) in enumerate(((ax, bx), (ay, by), (az, bz))):
        gradient[i, axis] = -ia * a
        gradient[j, axis] = (ia + sa) * a - sb * b
        gradient[k, axis] = -sa * a + (sb - ib) * b
        gradient[l, axis] = ib * b
    return value, gradient


@njit
def rational_switch(x: float, n: int, m: int) -> tuple[float, float]:
    """(1 - x^n) / (1 - x^m) and its slope, as a quotient of geometric sums: smooth through x = 1."""
    top = top_slope = bottom = bottom_slope = 0.0
    for _ in range(n):
        top_slope = top_slope * x + top
        top = top * x + 1.0
    for _ in range(m):
        bottom_slope = bottom_slope * x + bottom
        bottom = bottom * x + 1.0
    value = top / bottom
    return value, (top_slope - value * bottom_slope) / bottom


@njit
def coordination(
    positions: Floats, pairs: Integers, r0: float, d0: float, n: int, m: int, box: Floats
) -> tuple[float, Floats]:
    """Sum of the switch of (r - d0)/r0 over pairs, shape (n_pairs, 2), and its gradient; 1 below d0."""
    total = 0.0
    gradient = np.zeros_like(positions)
    for p in range(len(pairs)):
        i, j = pairs[p, 0], pairs[p, 1]
        dx, dy, dz = between(positions, i, j, box)
        r = math.sqrt(dx * dx + dy * dy + dz * dz)
        x = (r - d0) / r0
        if x <= 0.0:
            total += 1.0
            continue
        value, slope = rational_switch(x, n, m)
        total += value
        for axis, along in enumerate((dx, dy, dz)):
            push = slope / r0 * along / r
            gradient[i, axis] -= push
            gradient[j, axis] += push
    return total, gradient


@njit
def rmsd(
    positions: Floats, atoms: Integers, reference: Floats, weights: Floats
) -> tuple[float, float, Floats]:
    """Root mean square distance from a reference after the best shift and proper rotation.

    Parameters
    ----------
    reference : shape (n, 3), of the chosen atoms, its weighted center at the origin
    weights : shape (n,), with sum 1

    Returns
    -------
    value, gap, gradient
        `gap` is the difference of the two largest eigenvalues, relative to the largest: near zero the best
        rotation is not unique. The rotation is stationary, so the gradient is that at fixed rotation.

    References
    ----------
    Horn, J. Opt. Soc. Am. A 4, 629 (1987); Coutsias, Seok & Dill, J. Comput. Chem. 25, 1849 (2004).
    """
    n = len(atoms)
    center = np.zeros(3)
    for a in range(n):
        for axis in range(3):
            center[axis] += weights[a] * positions[atoms[a], axis]
    x = np.empty((n, 3))
    s = np.zeros((3, 3))
    for a in range(n):
        for p in range(3):
            x[a, p] = positions[atoms[a], p] - center[p]
            for q in range(3):
                s[q, p] += weights[a] * reference[a, q] * x[a, p]
    key = np.empty((4, 4))
    key[0, 0] = s[0, 0] + s[1, 1] + s[2, 2]
    key[1, 1] = s[0, 0] - s[1, 1] - s[2, 2]
    key[2, 2] = -s[0, 0] + s[1, 1] - s[2, 2]
    key[3, 3] = -s[0, 0] - s[1, 1] + s[2, 2]
    key[0, 1] = key[1, 0] = s[1, 2] - s[2, 1]
    key[0, 2] = key[2, 0] = s[2, 0] - s[0, 2]
    key[0, 3] = key[3, 0] = s[0, 1] - s[1, 0]
    key[1, 2] = key[2, 1] = s[0, 1] + s[1, 0]
    key[1, 3] = key[3, 1] = s[0, 2] + s[2, 0]
    key[2, 3] = key[3, 2] = s[1, 2] + s[2, 1]
    gradient = np.zeros_like(positions)
    if not np.all(np.isfinite(key)):
        gradient[:] = np.nan
        return np.nan, np.nan, gradient
    values, vectors = np.linalg.eigh(key)
    gap = (values[3] - values[2]) / values[3]
    w, u, v, t = vectors[0, 3], vectors[1, 3], vectors[2, 3], vectors[3, 3]
    turn = np.array(
        [
            [w * w + u * u - v * v - t * t, 2 * (u * v - w * t), 2 * (u * t + w * v)],
            [2 * (u * v + w * t), w * w - u * u + v * v - t * t, 2 * (v * t - w * u)],
            [2 * (u * t - w * v), 2 * (v * t + w * u), w * w - u * u - v * v + t * t],
        ]
    )
    mean_square = 0.0
    for a in range(n):
        for p in range(3):
            image = turn[p, 0] * reference[a, 0] + turn[p, 1] * reference[a, 1] + turn[p, 2] * reference[a, 2]
            x[a, p] -= image
            mean_square += weights[a] * x[a, p] * x[a, p]
    value = math.sqrt(mean_square)
    if value < FLAT or gap < TIED:
        gradient[:] = np.nan
        return value, gap, gradient
    for a in range(n):
        for p in range(3):
            gradient[atoms[a], p] = weights[a] * x[a, p] / value
    return value, gap, gradient
