"""Rows of the design matrix of a SOAP term: derivatives of every kernel value with respect to every atom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.harmonics import tangential_gradients
from gapsample.compiled.jit import njit
from gapsample.compiled.power_spectrum import power_spectrum
from gapsample.compiled.soap import (
    Density,
    Scratch,
    coefficients,
    gather,
    make_scratch,
    prepare,
)
from gapsample.compiled.soap_energy import kernel_power, most_neighbours

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@njit(relaxed=True)
def coefficient_gradients(density: Density, n: int, w: Scratch, dy: Floats, dc: Floats) -> None:
    """Derivative of the raw coefficients (l, a, m) by each neighbour of one atom: rows of `dc`, 3 n columns.

    Columns are grouped by species, then direction, then neighbour (see `column`).
    """
    tangential_gradients(w.u, n, density.l_max, density.factor, w.q, w.cs, w.y, dy)
    for s in range(len(w.start) - 1):
        begin, end, place = w.start[s], w.start[s + 1], 0
        inverse = 1.0 / w.r[begin:end]
        for l in range(density.l_max + 1):
            for a in range(density.kept[l]):
                slope = w.slope[density.f_start[l] + a, begin:end]
                steepness = w.radial[density.f_start[l] + a, begin:end] * inverse
                for m in range(2 * l + 1):
                    along = slope * w.y[l * l + m, begin:end]
                    for x in range(3):
                        u, g = w.u[x, begin:end], dy[l * l + m, x, begin:end]
                        left = column(w.start, s, x)
                        out = dc[place, left : left + end - begin]
                        for k in range(end - begin):
                            out[k] = along[k] * u[k] + steepness[k] * g[k]
                    place += 1


@njit
def column(start: Integers, species: int, direction: int) -> int:
    """First column of the derivatives by the neighbours of a species in a direction."""
    return 3 * start[species] + direction * (start[species + 1] - start[species])


@njit(relaxed=True)
def spectrum_gradients(
    density: Density, n: int, w: Scratch, c: Floats, p: Floats, norm: float, dc: Floats, out: Floats
) -> None:
    """Derivative of the normalized power spectrum by each neighbour, shape (dimension, 3 n)."""
    n_channels, n_species = density.mixing.shape
    out[:] = 0.0
    for l in range(density.l_max + 1):
        size, kept = 2 * l + 1, density.kept[l]
        raw = density.c_start[l] // n_channels
        place = density.p_start[l]
        for p1 in range(n_channels * kept):
            channel1, a1 = p1 // kept, p1 % kept
            c1 = density.c_start[l] + p1 * size
            for p2 in range(p1 + 1):
                channel2, a2 = p2 // kept, p2 % kept
                c2 = density.c_start[l] + p2 * size
                scale = (1.0 if p1 == p2 else np.sqrt(2.0)) / np.sqrt(float(size))
                for s in range(n_species):
                    begin, end = 3 * w.start[s], 3 * w.start[s + 1]
                    w1, w2 = density.mixing[channel1, s] * scale, density.mixing[channel2, s] * scale
                    if begin == end or (w1 == 0.0 and w2 == 0.0):
                        continue
                    row = out[place, begin:end]
                    for m in range(size):
                        f1, f2 = w1 * c[c2 + m], w2 * c[c1 + m]
                        d1 = dc[raw + a1 * size + m, begin:end]
                        d2 = dc[raw + a2 * size + m, begin:end]
                        for k in range(end - begin):
                            row[k] += f1 * d1[k] + f2 * d2[k]
                place += 1
    along = np.zeros(3 * n)
    for e in range(len(p)):
        row = out[e]
        for k in range(3 * n):
            along[k] += p[e] * row[k]
    inverse = 1.0 / norm if norm > 0.0 else 0.0
    for e in range(len(p)):
        row = out[e]
        for k in range(3 * n):
            row[k] = (row[k] - p[e] * along[k]) * inverse


@njit(relaxed=True)
def scatter_rows(
    w: Scratch, i: int, j: Integers, D: Floats, slope: Floats, dk: Floats, forces: Floats, virial: Floats
) -> None:
    """Add one centre's dk/dD, shape (3 n, n_sparse) before the factor `slope`, to force and virial rows."""
    n_sparse = len(slope)
    for s in range(len(w.start) - 1):
        for x in range(3):
            own, top = forces[i, x], column(w.start, s, x)
            for k in range(w.start[s + 1] - w.start[s]):
                pair = w.pair[w.start[s] + k]
                source, other = dk[top + k], forces[j[pair], x]
                for t in range(n_sparse):
                    source[t] *= slope[t]
                for t in range(n_sparse):
                    other[t] -= source[t]
                for t in range(n_sparse):
                    own[t] += source[t]
                for y in range(3 if virial.shape[0] > 0 else 0):
                    target, arm = virial[y, x], D[pair, y]
                    for t in range(n_sparse):
                        target[t] -= arm * source[t]


@njit
def add_rows(
    density: Density,
    sparse: Floats,
    zeta: float,
    delta2: float,
    centres: Integers,
    numbers: Integers,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
    energy: Floats,
    forces: Floats,
    virial: Floats,
) -> None:
    """Add the rows of one configuration.

    energy : shape (n_sparse,); forces : shape (n_atoms, 3, n_sparse), virial : shape (3, 3, n_sparse);
    the last two with a first dimension of 0 when not wanted.
    """
    n_sparse, dimension = sparse.shape
    scratch = make_scratch(density, most_neighbours(first), 1)
    room = scratch.r.shape[0]
    side = density.l_max + 1
    c = np.empty(density.c_start[-1])
    n_raw = density.c_start[-1] // density.mixing.shape[0]
    p = np.empty((1, dimension))
    g, lower, upper = np.empty((1, n_sparse)), np.empty((1, n_sparse)), np.empty((1, n_sparse))
    want_forces = forces.shape[0] > 0
    dy = np.empty((side * side, 3, room)) if want_forces else np.empty((0, 3, 0))
    dc = np.empty((n_raw, 3 * room)) if want_forces else np.empty((0, 0))
    dp_room = np.empty(dimension * 3 * room if want_forces else 0)
    dk_room = np.empty(n_sparse * 3 * room if want_forces else 0)
    for b in range(len(centres)):
        n = gather(density, centres[b : b + 1], numbers, first, j, D, d, 1, scratch)
        prepare(density, n, scratch)
        coefficients(density, 0, scratch, c)
        norm = power_spectrum(density, c, p[0])
        np.dot(p, sparse.T, g)
        kernel_power(g, zeta, lower, upper)
        for s in range(n_sparse):
            energy[s] += delta2 * upper[0, s]
            lower[0, s] *= zeta * delta2
        if want_forces and n > 0:
            coefficient_gradients(density, n, scratch, dy, dc)
            dp = dp_room[: dimension * 3 * n].reshape(dimension, 3 * n)
            spectrum_gradients(density, n, scratch, c, p[0], norm, dc, dp)
            dk = dk_room[: 3 * n * n_sparse].reshape(3 * n, n_sparse)
            np.dot(dp.T, sparse.T, dk)
            scatter_rows(scratch, centres[b], j, D, lower[0], dk, forces, virial)
