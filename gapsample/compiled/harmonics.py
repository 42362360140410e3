"""Real solid harmonics of many unit vectors at once: the vectors run in the innermost loop.

Recursions of Bigi, Fraux, Browning & Ceriotti, J. Chem. Phys. 159, 064802 (2023):
Y_l^m = F_l^|m| Q_l^|m|(z, r^2) * (s_|m|, 1/sqrt2, c_m for m < 0, = 0, > 0), orthonormal on the sphere.
Rows of `q` are the Q_l^m at l (l + 1) / 2 + m; rows of `cs` are c_0, s_0, c_1, s_1, ...
"""

from __future__ import annotations

from math import factorial, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]

ROOT_HALF = sqrt(0.5)


def prefactors(l_max: int) -> Floats:
    """F_l^m for m >= 0 at l (l + 1) / 2 + m."""
    return np.array(
        [
            (-1) ** m * sqrt((2 * l + 1) / (2 * pi) * factorial(l - m) / factorial(l + m))
            for l in range(l_max + 1)
            for m in range(l + 1)
        ]
    )


@njit(relaxed=True)
def recursions(u: Floats, n: int, l_max: int, q: Floats, cs: Floats) -> None:
    """Fill `q` and `cs` for the first n columns of the unit vectors u, shape (3, >= n)."""
    x, y, z = u[0], u[1], u[2]
    for k in range(n):
        q[0, k] = 1.0
        cs[0, k] = 1.0
        cs[1, k] = 0.0
    for m in range(1, l_max + 1):
        c0, s0, c1, s1 = cs[2 * m - 2], cs[2 * m - 1], cs[2 * m], cs[2 * m + 1]
        for k in range(n):
            c1[k] = x[k] * c0[k] - y[k] * s0[k]
        for k in range(n):
            s1[k] = x[k] * s0[k] + y[k] * c0[k]
    for l in range(1, l_max + 1):
        row, last, before = l * (l + 1) // 2, l * (l - 1) // 2, (l - 1) * (l - 2) // 2
        for m in range(l - 1):
            target, q1, q2 = q[row + m], q[last + m], q[before + m]
            a = (2.0 * l - 1.0) / (l - m)
            b = (l + m - 1.0) / (l - m)
            for k in range(n):
                target[k] = a * z[k] * q1[k] - b * q2[k]
        diagonal, below, top = q[last + l - 1], q[row + l - 1], q[row + l]
        for k in range(n):
            below[k] = (2.0 * l - 1.0) * z[k] * diagonal[k]
        for k in range(n):
            top[k] = -(2.0 * l - 1.0) * diagonal[k]


@njit(relaxed=True)
def harmonics(n: int, l_max: int, factor: Floats, q: Floats, cs: Floats, out: Floats) -> None:
    """Y_l^m at row l^2 + l + m of `out`, from the recursions."""
    for l in range(l_max + 1):
        centre, row = l * l + l, l * (l + 1) // 2
        f0, q0, y0 = factor[row] * ROOT_HALF, q[row], out[centre]
        for k in range(n):
            y0[k] = f0 * q0[k]
        for m in range(1, l + 1):
            f, qm, c, s, plus, minus = (
                factor[row + m],
                q[row + m],
                cs[2 * m],
                cs[2 * m + 1],
                out[centre + m],
                out[centre - m],
            )
            for k in range(n):
                plus[k] = f * qm[k] * c[k]
            for k in range(n):
                minus[k] = f * qm[k] * s[k]


@njit(relaxed=True)
def tangential_gradients(
    u: Floats, n: int, l_max: int, factor: Floats, q: Floats, cs: Floats, y: Floats, out: Floats
) -> None:
    """Gradient of Y_l^m(r / |r|) at |r| = 1: `out` has shape ((l_max + 1)^2, 3, >= n)."""
    for l in range(l_max + 1):
        centre, row, last = l * l + l, l * (l + 1) // 2, l * (l - 1) // 2
        for m in range(-l, l + 1):
            w = abs(m)
            f = factor[row + w]
            g, value = out[centre + m], y[centre + m]
            for k in range(n):
                if m == 0:
                    phi, dx, dy = ROOT_HALF, 0.0, 0.0
                elif m > 0:
                    phi, dx, dy = cs[2 * w, k], w * cs[2 * w - 2, k], -w * cs[2 * w - 1, k]
                else:
                    phi, dx, dy = cs[2 * w + 1, k], w * cs[2 * w - 1, k], w * cs[2 * w - 2, k]
                up = q[last + w + 1, k] if w + 1 <= l - 1 else 0.0
                same = q[last + w, k] if w <= l - 1 else 0.0
                g[0, k] = f * (u[0, k] * up * phi + q[row + w, k] * dx) - l * value[k] * u[0, k]
                g[1, k] = f * (u[1, k] * up * phi + q[row + w, k] * dy) - l * value[k] * u[1, k]
                g[2, k] = f * (l + w) * same * phi - l * value[k] * u[2, k]
