"""SOAP by its adjoint: density coefficients, power spectrum, and back to forces without descriptor gradients.

Layouts. Radial functions are ordered by l, then kept index (`f_start[l] + a`). Density coefficients of
one atom are flat: at l, channel p = channel * n_l + a, component m: `c_start[l] + p * (2l + 1) + m`. Power
spectrum elements are flat: `p_start[l] + p (p + 1) / 2 + q` for p >= q, scaled so that the dot product of
two spectra is the trace of the product of the full symmetric matrices over 2l + 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.cutoff import cosine_switch
from gapsample.compiled.harmonics import ROOT_HALF, harmonics, recursions
from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LANES = 8  # neighbours of one atom and species are padded to a multiple of this


class Density(NamedTuple):
    """Everything the loops need to know of a SOAP basis (arrays and numbers only).

    `slot[Z]` is the neighbour species index of atomic number Z (-1: unseen); `mixing` (n_channels,
    n_species) says how species add up to density channels; `own` (n_channels,) the channels of the centre.
    """

    cutoff: float
    width: float
    l_max: int
    kept: Integers
    f_start: Integers
    c_start: Integers
    p_start: Integers
    spacing: float
    table: Floats
    factor: Floats
    centre: Floats
    slot: Integers
    mixing: Floats
    own: Floats


class Scratch(NamedTuple):
    """Working arrays of one thread for a group of central atoms; columns are neighbours.

    `start[b * n_species + s]` is the first column of atom b's neighbours of species s; `pair` the place
    in the neighbour list, -1 for padding. `y` holds the harmonics going forward, their adjoint going back.
    """

    u: Floats
    r: Floats
    pair: Integers
    start: Integers
    q: Floats
    cs: Floats
    y: Floats
    radial: Floats
    slope: Floats
    sums: Floats
    part: Floats


@njit
def make_scratch(density: Density, most: int, group: int) -> Scratch:
    """Room for `group` atoms of up to `most` neighbours each."""
    n_species = density.mixing.shape[1]
    n = group * (most + n_species * LANES)
    side = density.l_max + 1
    n_f = density.f_start[-1]
    widest = 0
    for l in range(side):
        widest = max(widest, density.kept[l] * (2 * l + 1))
    return Scratch(
        np.empty((3, n)),
        np.empty(n),
        np.empty(n, np.int64),
        np.empty(group * n_species + 1, np.int64),
        np.empty((side * (side + 1) // 2, n)),
        np.empty((2 * side, n)),
        np.empty((side * side, n)),
        np.empty((n_f, n)),
        np.empty((n_f, n)),
        np.empty((10, n)),
        np.empty(widest),
    )


@njit
def gather(
    density: Density,
    centres: Integers,
    numbers: Integers,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
    lanes: int,
    w: Scratch,
) -> int:
    """Copy the neighbours of a group by atom and species, padded to `lanes` with neighbours of no weight.

    Returns the number of columns filled.
    """
    n_species = density.mixing.shape[1]
    n = 0
    for b in range(len(centres)):
        i = centres[b]
        for s in range(n_species):
            w.start[b * n_species + s] = n
            for k in range(first[i], first[i + 1]):
                if d[k] < density.cutoff and density.slot[numbers[j[k]]] == s:
                    inverse = 1.0 / d[k]
                    w.u[0, n] = D[k, 0] * inverse
                    w.u[1, n] = D[k, 1] * inverse
                    w.u[2, n] = D[k, 2] * inverse
                    w.r[n] = d[k]
                    w.pair[n] = k
                    n += 1
            while n % lanes:
                w.u[0, n] = 0.0
                w.u[1, n] = 0.0
                w.u[2, n] = 1.0
                w.r[n] = density.cutoff
                w.pair[n] = -1
                n += 1
    w.start[len(centres) * n_species] = n
    return n


@njit(relaxed=True)
def radial_functions(density: Density, n: int, w: Scratch) -> None:
    """Radial functions times cutoff function, and their derivatives, for the gathered neighbours."""
    n_f = w.radial.shape[0]
    inverse = 1.0 / density.spacing
    last = density.table.shape[0] - 2
    for k in range(n):
        r = w.r[k]
        fc, dfc = cosine_switch(r, density.cutoff, density.width)
        knot = min(int(r * inverse), last)
        t = r * inverse - knot
        t2 = t * t
        t3 = t2 * t
        t4 = t3 * t
        t5 = t4 * t
        v3 = 10.0 * t3 - 15.0 * t4 + 6.0 * t5
        v0 = 1.0 - v3
        v1 = t - 6.0 * t3 + 8.0 * t4 - 3.0 * t5
        v2 = 0.5 * t2 - 1.5 * t3 + 1.5 * t4 - 0.5 * t5
        v4 = -4.0 * t3 + 7.0 * t4 - 3.0 * t5
        v5 = 0.5 * t3 - t4 + 0.5 * t5
        g3 = (30.0 * t2 - 60.0 * t3 + 30.0 * t4) * inverse
        g1 = (1.0 - 18.0 * t2 + 32.0 * t3 - 15.0 * t4) * inverse
        g2 = (t - 4.5 * t2 + 6.0 * t3 - 2.5 * t4) * inverse
        g4 = (-12.0 * t2 + 28.0 * t3 - 15.0 * t4) * inverse
        g5 = (1.5 * t2 - 4.0 * t3 + 2.5 * t4) * inverse
        low, high = density.table[knot], density.table[knot + 1]
        for f in range(n_f):
            value = (
                v0 * low[0, f]
                + v1 * low[1, f]
                + v2 * low[2, f]
                + v3 * high[0, f]
                + v4 * high[1, f]
                + v5 * high[2, f]
            )
            derivative = (
                g3 * (high[0, f] - low[0, f])
                + g1 * low[1, f]
                + g2 * low[2, f]
                + g4 * high[1, f]
                + g5 * high[2, f]
            )
            w.radial[f, k] = value * fc
            w.slope[f, k] = derivative * fc + value * dfc


@njit(relaxed=True)
def coefficients(density: Density, b: int, w: Scratch, c: Floats) -> None:
    """Density coefficients of the group's atom b, flat into `c`; needs harmonics and radial functions."""
    n_channels, n_species = density.mixing.shape
    c[:] = 0.0
    for channel in range(n_channels):
        for a in range(density.kept[0]):
            c[channel * density.kept[0] + a] = density.own[channel] * density.centre[a]
    for s in range(n_species):
        begin, end = w.start[b * n_species + s], w.start[b * n_species + s + 1]
        if begin == end:
            continue
        for l in range(density.l_max + 1):
            size, kept = 2 * l + 1, density.kept[l]
            f = density.f_start[l]
            for m in range(size):
                y = w.y[l * l + m, begin:end]
                for a in range(0, kept, 3):
                    one, two = min(a + 1, kept - 1), min(a + 2, kept - 1)
                    r0 = w.radial[f + a, begin:end]
                    r1 = w.radial[f + one, begin:end]
                    r2 = w.radial[f + two, begin:end]
                    t0, t1, t2 = 0.0, 0.0, 0.0
                    for k in range(end - begin):
                        t0 += r0[k] * y[k]
                        t1 += r1[k] * y[k]
                        t2 += r2[k] * y[k]
                    w.part[a * size + m] = t0
                    w.part[one * size + m] = t1
                    w.part[two * size + m] = t2
            for channel in range(n_channels):
                mix = density.mixing[channel, s]
                if mix != 0.0:
                    place = density.c_start[l] + channel * kept * size
                    for e in range(kept * size):
                        c[place + e] += mix * w.part[e]


@njit
def prepare(density: Density, n: int, w: Scratch) -> None:
    """Harmonics and radial functions of the gathered neighbours."""
    recursions(w.u, n, density.l_max, w.q, w.cs)
    harmonics(n, density.l_max, density.factor, w.q, w.cs, w.y)
    radial_functions(density, n, w)


@njit(relaxed=True)
def weighted_rows(
    rows: Floats,
    top: int,
    weights: Floats,
    place: int,
    stride: int,
    n: int,
    begin: int,
    end: int,
    out: Floats,
    target: int,
) -> None:
    """out[target] = sum over a < n of weights[place + a stride] rows[top + a], on columns begin:end."""
    total = out[target, begin:end]
    for a in range(0, n, 4):
        w0 = weights[place + a * stride]
        w1 = weights[place + (a + 1) * stride] if a + 1 < n else 0.0
        w2 = weights[place + (a + 2) * stride] if a + 2 < n else 0.0
        w3 = weights[place + (a + 3) * stride] if a + 3 < n else 0.0
        r0 = rows[top + a, begin:end]
        r1 = rows[top + min(a + 1, n - 1), begin:end]
        r2 = rows[top + min(a + 2, n - 1), begin:end]
        r3 = rows[top + min(a + 3, n - 1), begin:end]
        if a == 0:
            for k in range(end - begin):
                total[k] = w0 * r0[k] + w1 * r1[k] + w2 * r2[k] + w3 * r3[k]
        else:
            for k in range(end - begin):
                total[k] += w0 * r0[k] + w1 * r1[k] + w2 * r2[k] + w3 * r3[k]


@njit(relaxed=True)
def coefficients_adjoint(density: Density, b: int, w: Scratch, dc: Floats, back: Scratch) -> None:
    """From dE/dc of the group's atom b to dE/dY (`back.y`) and dE/dR (`back.radial`) of its neighbours."""
    n_channels, n_species = density.mixing.shape
    for s in range(n_species):
        begin, end = w.start[b * n_species + s], w.start[b * n_species + s + 1]
        if begin == end:
            continue
        for l in range(density.l_max + 1):
            size, kept, f = 2 * l + 1, density.kept[l], density.f_start[l]
            for e in range(kept * size):
                total = 0.0
                for channel in range(n_channels):
                    total += density.mixing[channel, s] * dc[density.c_start[l] + channel * kept * size + e]
                w.part[e] = total
            for m in range(size):
                weighted_rows(w.radial, f, w.part, m, size, kept, begin, end, back.y, l * l + m)
            for a in range(kept):
                weighted_rows(w.y, l * l, w.part, a * size, 1, size, begin, end, back.radial, f + a)


@njit(relaxed=True)
def add_scaled(
    factor: float, a: Floats, ra: int, b: Floats, rb: int, n: int, out: Floats, target: int
) -> None:
    """out[target] += factor a[ra] b[rb] on the first n columns."""
    for k in range(n):
        out[target, k] += factor * a[ra, k] * b[rb, k]


@njit(relaxed=True)
def gradients(density: Density, n: int, w: Scratch, back: Scratch, out: Floats) -> None:
    """dE/dD of every neighbour of the group, shape (3, >= n), from dE/dY and dE/dR in `back`.

    The harmonics are differentiated as polynomials in c_m, s_m and Q_l^m, m by m; rows of `back.sums`:
    0 radial part, 1-3 Cartesian gradient, 4-5 sums of Q_l^m, 6-7 of Q_(l-1)^(m+1), 8-9 of Q_(l-1)^m.
    """
    sums = back.sums
    sums[:4, :n] = 0.0
    for f in range(density.f_start[-1]):
        add_scaled(1.0, back.radial, f, w.slope, f, n, sums, 0)
    for m in range(density.l_max + 1):
        sums[4:, :n] = 0.0
        for l in range(max(m, 1), density.l_max + 1):
            row, last = l * (l + 1) // 2, l * (l - 1) // 2
            factor = density.factor[row + m] * (ROOT_HALF if m == 0 else 1.0)
            plus, minus = l * l + l + m, l * l + l - m
            if m > 0:
                add_scaled(factor, back.y, plus, w.q, row + m, n, sums, 4)
                add_scaled(factor, back.y, minus, w.q, row + m, n, sums, 5)
            if m + 1 <= l - 1:
                add_scaled(factor, back.y, plus, w.q, last + m + 1, n, sums, 6)
                if m > 0:
                    add_scaled(factor, back.y, minus, w.q, last + m + 1, n, sums, 7)
            if m <= l - 1:
                add_scaled(factor * (l + m), back.y, plus, w.q, last + m, n, sums, 8)
                if m > 0:
                    add_scaled(factor * (l + m), back.y, minus, w.q, last + m, n, sums, 9)
        c1, s1 = 2 * m, 2 * m + 1
        for k in range(n):
            sums[3, k] += w.cs[c1, k] * sums[8, k] + w.cs[s1, k] * sums[9, k]
        for k in range(n):
            sums[6, k] = w.cs[c1, k] * sums[6, k] + w.cs[s1, k] * sums[7, k]
        add_scaled(1.0, w.u, 0, sums, 6, n, sums, 1)
        add_scaled(1.0, w.u, 1, sums, 6, n, sums, 2)
        if m > 0:
            c0, s0 = 2 * m - 2, 2 * m - 1
            for k in range(n):
                sums[1, k] += m * (w.cs[c0, k] * sums[4, k] + w.cs[s0, k] * sums[5, k])
            for k in range(n):
                sums[2, k] += m * (w.cs[c0, k] * sums[5, k] - w.cs[s0, k] * sums[4, k])
    for k in range(n):
        along = w.u[0, k] * sums[1, k] + w.u[1, k] * sums[2, k] + w.u[2, k] * sums[3, k]
        inverse = 1.0 / w.r[k]
        radial_part = sums[0, k] - along * inverse
        for x in range(3):
            out[x, k] = w.u[x, k] * radial_part + sums[1 + x, k] * inverse
