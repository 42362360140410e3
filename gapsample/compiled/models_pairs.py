"""Pair potentials for walks that move all atoms at once: energy and forces in any periodic cell.

The innermost loops are what the vector units of a processor like: long, without branches, with few streams
to memory. What lies beyond the cutoff is computed and dropped.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.core import types
from numba.extending import overload
from numpy.typing import NDArray

from gapsample.compiled.jit import RELAXED, njit
from gapsample.compiled.models_images import FAR, fractional, lattice, whole
from gapsample.compiled.walks_models import evaluates

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CHUNK = 256  # pairs at a time: what belongs to them stays in the fastest cache
Y, Z, FX, FY, FZ = CHUNK, 2 * CHUNK, 3 * CHUNK, 4 * CHUNK, 5 * CHUNK  # rows of the work space behind x


class ClosedPairs(NamedTuple):
    """Lennard-Jones between species, in closed form.

    Attributes
    ----------
    parameters : shape (n_species, n_species, 5): squared cutoff, squared core, and c12, c6, shift of
        ``c12 / r^12 - c6 / r^6 - shift``; inside the core the energy is linear in the squared distance
    cutoff : the largest, Å
    """

    parameters: Floats
    cutoff: float


class TabledPairs(NamedTuple):
    """Tables between species, by the distance.

    Attributes
    ----------
    parameters : shape (n_species, n_species, 5): squared cutoff, squared core (that is where the table
        starts), start, one over the width of the intervals, and the row of the first one
    coefficients : shape (n_rows, 6), quintics of the intervals, each table closed by a row of zeros
    wall : eV/Å^2; inside the core the energy falls with the squared distance at least so fast
    cutoff : the largest, Å
    """

    parameters: Floats
    coefficients: Floats
    wall: float
    cutoff: float


def terms(
    model: Any, cutoff2: float, core2: float, a: float, b: float, c: float, d2: float
) -> tuple[float, float]:
    """Energy of a pair and its derivative by the squared distance `d2`; NaN stays NaN.

    The five numbers before `d2` are the parameters of the pair, as the class of the model has them.
    """
    raise NotImplementedError(f"no pair terms for {type(model).__name__}")


@overload(terms, jit_options={"fastmath": set(RELAXED), "error_model": "numpy"})
def _terms(model: Any, cutoff2: float, core2: float, a: float, b: float, c: float, d2: float) -> Any:
    if not isinstance(model, types.NamedTuple | types.NamedUniTuple):
        return None
    return {ClosedPairs: _closed, TabledPairs: _tabled}.get(model.instance_class)


def _closed(
    model: Any, cutoff2: float, core2: float, a: float, b: float, c: float, d2: float
) -> tuple[float, float]:
    inside = max(d2, core2)
    s2 = 1.0 / inside
    s6 = s2 * s2 * s2
    slope = (3.0 * b - 6.0 * a * s6) * s6 * s2
    value = (a * s6 - b) * s6 - c + slope * (d2 - inside)
    return (0.0 if d2 >= cutoff2 else value), (0.0 if d2 >= cutoff2 else slope)


def _tabled(
    model: Any, cutoff2: float, core2: float, a: float, b: float, c: float, d2: float
) -> tuple[float, float]:
    inside = max(core2, d2 if d2 < cutoff2 else cutoff2)
    distance = np.sqrt(inside)
    place = max((distance - a) * b, 0.0)
    interval = np.int64(place)
    u, table, k = place - interval, model.coefficients, np.uint64(np.int64(c) + interval)
    c1, c2, c3, c4, c5 = table[k, 1], table[k, 2], table[k, 3], table[k, 4], table[k, 5]
    value = table[k, 0] + u * (c1 + u * (c2 + u * (c3 + u * (c4 + u * c5))))
    slope = c1 + u * (2.0 * c2 + u * (3.0 * c3 + u * (4.0 * c4 + u * 5.0 * c5)))
    slope *= 0.5 * b / distance
    slope = min(slope, -model.wall) if d2 < core2 else slope
    value += slope * (d2 - inside)
    return (0.0 if d2 >= cutoff2 else value), (0.0 if d2 >= cutoff2 else slope)


@evaluates(ClosedPairs)
@evaluates(TabledPairs)
@njit(inline=True)
def pairs(model: Any, positions: Floats, species: Integers, cell: Floats, forces: Floats) -> float:
    """Energy and forces: by nearest images in a roomy box of right angles, else by all images."""
    if roomy(cell, 2.0 * model.cutoff):
        return _nearest(model, positions, species, cell, forces)
    frame, vectors, count = lattice(cell, model.cutoff)
    if count == 0:
        return np.nan
    energy = _own(model, species, vectors)
    return energy + _all(model, positions, species, cell, frame, vectors, count, forces)


@njit
def roomy(cell: Floats, edge: float) -> bool:
    """Whether a cell has edges along the axes that are no shorter than `edge`."""
    off = abs(cell[0, 1]) + abs(cell[0, 2]) + abs(cell[1, 0]) + abs(cell[1, 2]) + abs(cell[2, 0])
    return off + abs(cell[2, 1]) == 0.0 and min(cell[0, 0], cell[1, 1], cell[2, 2]) >= edge


@njit(relaxed=True)
def _nearest(model: Any, positions: Floats, species: Integers, cell: Floats, forces: Floats) -> float:
    """Every atom with all atoms of one species after the other, by minimum image: sums and no stores."""
    n, n_species, p = len(positions), len(model.parameters), model.parameters
    m = whole(n)
    work, atoms = np.empty(3 * m), np.empty(m, np.int64)
    x, y, z = work[:m], work[m : 2 * m], work[2 * m :]
    work[:] = 0.0
    forces[:] = 0.0
    lx, ly, lz = cell[0, 0], cell[1, 1], cell[2, 2]
    ix, iy, iz = 1.0 / lx, 1.0 / ly, 1.0 / lz
    energy = 0.0
    for t in range(n_species):
        size = 0
        for i in range(n):
            if species[i] == t:
                x[size], y[size], z[size] = positions[i, 0], positions[i, 1], positions[i, 2]
                atoms[size] = i
                size += 1
        for i in range(n):
            s = species[i]
            cutoff2, core2, a, b, c = p[s, t, 0], p[s, t, 1], p[s, t, 2], p[s, t, 3], p[s, t, 4]
            xi, yi, zi = positions[i, 0], positions[i, 1], positions[i, 2]
            e, fx, fy, fz = 0.0, 0.0, 0.0, 0.0
            for j in range(whole(size)):
                dx, dy, dz = x[j] - xi, y[j] - yi, z[j] - zi
                dx -= lx * np.rint(dx * ix)
                dy -= ly * np.rint(dy * iy)
                dz -= lz * np.rint(dz * iz)
                value, slope = terms(model, cutoff2, core2, a, b, c, dx * dx + dy * dy + dz * dz)
                out = (j >= size) | (atoms[j] == i)
                value, slope = 0.0 if out else value, 0.0 if out else slope
                e += value
                fx += slope * dx
                fy += slope * dy
                fz += slope * dz
            energy += e
            if len(forces):
                forces[i, 0] += 2.0 * fx
                forces[i, 1] += 2.0 * fy
                forces[i, 2] += 2.0 * fz
    return 0.5 * energy


@njit
def _all(
    model: Any,
    positions: Floats,
    species: Integers,
    cell: Floats,
    frame: Floats,
    vectors: Floats,
    count: int,
    forces: Floats,
) -> float:
    """Pairs of different atoms with all images, pairs of species one after the other, a chunk at a time."""
    n, n_species = len(positions), len(model.parameters)
    s, work, members = np.empty((n, 3)), np.empty(6 * CHUNK), np.empty((2, CHUNK), np.int64)
    for i in range(n):
        s[i, 0], s[i, 1], s[i, 2] = fractional(frame, positions[i, 0], positions[i, 1], positions[i, 2])
    forces[:] = 0.0
    energy = 0.0
    for p in range(n_species):
        for q in range(p, n_species):
            size, parameters = 0, model.parameters[p, q]
            for i in range(n):
                if species[i] != p:
                    continue
                for j in range(i + 1 if p == q else 0, n):
                    if species[j] != q:
                        continue
                    work[size] = s[j, 0] - s[i, 0]
                    work[Y + size] = s[j, 1] - s[i, 1]
                    work[Z + size] = s[j, 2] - s[i, 2]
                    members[0, size], members[1, size] = i, j
                    size += 1
                    if size == CHUNK:
                        _wrap(cell, frame, work, size)
                        energy += _add(model, parameters, vectors, count, work, size)
                        _share(work, members, size, forces)
                        size = 0
            _wrap(cell, frame, work, size)
            energy += _add(model, parameters, vectors, count, work, size)
            _share(work, members, size, forces)
    return energy


@njit(relaxed=True)
def _wrap(cell: Floats, frame: Floats, work: Floats, size: int) -> None:
    """Wrap the first `size` fractional differences in the work space, in place; then pad."""
    sx, sy, sz = frame[3, 0], frame[3, 1], frame[3, 2]
    ax, ay, az = cell[0, 0], cell[0, 1], cell[0, 2]
    bx, by, bz = cell[1, 0], cell[1, 1], cell[1, 2]
    cx, cy, cz = cell[2, 0], cell[2, 1], cell[2, 2]
    for l in range(size):
        u, v, w = work[l], work[Y + l], work[Z + l]
        u -= np.floor(u + sx)
        v -= np.floor(v + sy)
        w -= np.floor(w + sz)
        work[l] = u * ax + v * bx + w * cx
        work[Y + l] = u * ay + v * by + w * cy
        work[Z + l] = u * az + v * bz + w * cz
    for l in range(size, whole(size)):
        work[l], work[Y + l], work[Z + l] = FAR, FAR, FAR


@njit(relaxed=True)
def _add(model: Any, p: Floats, vectors: Floats, count: int, work: Floats, size: int) -> float:
    """Energy of the pairs in the work space, of one pair of species; half their forces behind them."""
    cutoff2, core2, a, b, c = p[0], p[1], p[2], p[3], p[4]
    lanes = whole(size)
    work[FX : FX + lanes] = 0.0
    work[FY : FY + lanes] = 0.0
    work[FZ : FZ + lanes] = 0.0
    energy = 0.0
    for k in range(count):
        vx, vy, vz = vectors[0, k], vectors[1, k], vectors[2, k]
        for l in range(lanes):
            dx, dy, dz = work[l] + vx, work[Y + l] + vy, work[Z + l] + vz
            value, slope = terms(model, cutoff2, core2, a, b, c, dx * dx + dy * dy + dz * dz)
            energy += value
            work[FX + l] += slope * dx
            work[FY + l] += slope * dy
            work[FZ + l] += slope * dz
    return energy


@njit
def _share(work: Floats, members: Integers, size: int, forces: Floats) -> None:
    """Give the forces of pairs to their atoms."""
    if len(forces) == 0:
        return
    for l in range(size):
        i, j = members[0, l], members[1, l]
        for k in range(3):
            f = 2.0 * work[(3 + k) * CHUNK + l]
            forces[i, k] += f
            forces[j, k] -= f


@njit(relaxed=True)
def _own(model: Any, species: Integers, vectors: Floats) -> float:
    """Energy of every atom with its own images."""
    vx, vy, vz, p = vectors[0], vectors[1], vectors[2], model.parameters
    energy = 0.0
    for s in range(len(p)):
        n = 0
        for i in range(len(species)):
            n += species[i] == s
        if n == 0:
            continue
        cutoff2, core2, a, b, c = p[s, s, 0], p[s, s, 1], p[s, s, 2], p[s, s, 3], p[s, s, 4]
        total = 0.0
        for k in range(len(vx)):
            d2 = vx[k] * vx[k] + vy[k] * vy[k] + vz[k] * vz[k]
            value, _ = terms(model, cutoff2, core2, a, b, c, d2)
            total += value if k > 0 else 0.0
        energy += 0.5 * n * total
    return energy
