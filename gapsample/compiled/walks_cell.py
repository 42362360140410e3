"""Monte Carlo of atoms and cell at constant pressure below a ceiling, any cell, all periodic images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.models_images import fill
from gapsample.compiled.walks_pairs import Pairs, closed_form, from_table
from gapsample.compiled.walks_random import N_WORDS, seed, uniform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ATOM, VOLUME, SHEAR, STRETCH = 0, 1, 2, 3
N_MOVES = 4
SHAPING = 300  # trial moves of the shape of the cell behind every prior draw
SHAPING_STEP = 0.5
SLACK = 1e-9  # of a height: distances close to the cutoff are rounded


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
def images(cell: Floats, cutoff: float, high: Floats, shift: Floats, out: Floats) -> int:
    """Lattice vectors that may bring a wrapped difference within the cutoff, as few as `lattice` finds.

    Into `out`, shape (3, n_most), the zero vector first; return how many. The heights of the cell go into
    `high`, what wrapping adds before `floor` into `shift`, shapes (3,).
    """
    heights(cell, high)
    for k in range(3):
        shift[k] = np.ceil(2.0 * cutoff / high[k] + SLACK)
    na, nb, nc = int(shift[0]), int(shift[1]), int(shift[2])
    for k in range(3):
        shift[k] = 0.5 * (shift[k] % 2.0)
    return fill(cell.reshape(3, 3), shift, na, nb, nc, cutoff, out)


@njit(relaxed=True)
def row(
    pairs: Pairs,
    cell: Floats,
    shift: Floats,
    vectors: Floats,
    count: int,
    s: Floats,
    i: int,
    a: float,
    b: float,
    c: float,
    first: int,
    work: Floats,
) -> float:
    """Energies of atom `i`, if it stood at fractional (a, b, c), with images of atoms from `first` on.

    Into ``work[3]``, 0 for the atom itself; return their sum, in quanta. `s` has shape (3, n), `vectors`
    (3, n_most) of which `count` matter, `work` (4, n). Differences are those of the later atom from the
    earlier one, so that a pair has the same energy to the last bit from either side. The longer of the loops
    over atoms and images is the inner one, which the compiler vectorizes.
    """
    n = s.shape[1]
    x, y, z, out = work[0], work[1], work[2], work[3]
    for j in range(first, n):
        way = 1.0 if j > i else -1.0
        u, v, w = way * (s[0, j] - a), way * (s[1, j] - b), way * (s[2, j] - c)
        u -= np.floor(u + shift[0])
        v -= np.floor(v + shift[1])
        w -= np.floor(w + shift[2])
        x[j] = u * cell[0] + v * cell[3] + w * cell[6]
        y[j] = u * cell[1] + v * cell[4] + w * cell[7]
        z[j] = u * cell[2] + v * cell[5] + w * cell[8]
        out[j] = 0.0
    if pairs.closed and n - first < count:
        for j in range(first, n):
            xj, yj, zj, added = x[j], y[j], z[j], 0.0
            for t in range(count):
                added += closed_form(
                    pairs, _square(xj + vectors[0, t], yj + vectors[1, t], zj + vectors[2, t])
                )
            out[j] = added
    elif pairs.closed:
        for t in range(count):
            tx, ty, tz = vectors[0, t], vectors[1, t], vectors[2, t]
            for j in range(first, n):
                out[j] += closed_form(pairs, _square(x[j] + tx, y[j] + ty, z[j] + tz))
    else:
        for t in range(count):
            tx, ty, tz = vectors[0, t], vectors[1, t], vectors[2, t]
            for j in range(first, n):
                out[j] += from_table(pairs, _square(x[j] + tx, y[j] + ty, z[j] + tz))
    if i >= first:
        out[i] = 0.0
    total = 0.0
    for j in range(first, n):
        total += out[j]
    return total


@njit(relaxed=True)
def _square(x: float, y: float, z: float) -> float:
    return x * x + y * y + z * z


@njit
def energy(
    pairs: Pairs,
    cell: Floats,
    shift: Floats,
    vectors: Floats,
    count: int,
    s: Floats,
    work: Floats,
    between: Floats,
) -> float:
    """Energy of all atoms in quanta; that of each pair into `between`, shape (n, n)."""
    n, total = s.shape[1], 0.0
    for i in range(n):
        total += row(pairs, cell, shift, vectors, count, s, i, s[0, i], s[1, i], s[2, i], i + 1, work)
        between[i, i] = 0.0
        for j in range(i + 1, n):
            between[i, j] = work[3, j]
            between[j, i] = work[3, j]
    own = 0.0
    for t in range(1, count):
        d2 = _square(vectors[0, t], vectors[1, t], vectors[2, t])
        own += closed_form(pairs, d2) if pairs.closed else from_table(pairs, d2)
    return total + 0.5 * n * own


@njit
def move_cell(kind: int, step: float, state: NDArray[np.uint64], cell: Floats) -> None:
    """Change the volume by up to `step`, or shear or stretch at fixed volume; atoms follow the cell."""
    change = step * (2.0 * uniform(state) - 1.0)
    if kind == VOLUME:
        v = volume(cell)
        factor = np.cbrt(max(v + change, 0.0) / v)
        for k in range(9):
            cell[k] *= factor
        return
    first = int(3.0 * uniform(state))
    second = (first + 1 + int(2.0 * uniform(state))) % 3
    for k in range(3):
        if kind == SHEAR:
            cell[3 * first + k] += change * cell[3 * second + k]
        else:
            cell[3 * first + k] *= np.exp(change)
            cell[3 * second + k] *= np.exp(-change)


@njit
def allowed(cell: Floats, bounds: Bounds, high: Floats) -> bool:
    """Whether the prior of the cell is not zero."""
    v = volume(cell)
    if not bounds.smallest <= v <= bounds.largest:
        return False
    return heights(cell, high) >= bounds.height * np.cbrt(v)


@njit
def work_of(bounds: Bounds, cell: Floats) -> float:
    """Pressure times volume in whole quanta, so that enthalpies are as exact as energies."""
    return np.rint(bounds.pressure * volume(cell))


@njit
def draw(bounds: Bounds, cubic: bool, keys: NDArray[np.uint64], points: Floats) -> None:
    """Prior draws, shape (m, 3 n + 9): fractional positions, then the cell, shaped by a long free walk."""
    state, high = np.empty(N_WORDS, np.uint64), np.empty(3)
    trial = np.empty(9)
    n = points.shape[1] - 9
    for m in range(len(keys)):
        seed(state, keys[m])
        for i in range(n):
            points[m, i] = uniform(state)
        cell = points[m, n:]
        p = bounds.power + 1.0
        low = (bounds.smallest / bounds.largest) ** p
        edge = np.cbrt(bounds.largest * (low + (1.0 - low) * uniform(state)) ** (1.0 / p))
        for k in range(9):
            cell[k] = edge if k % 4 == 0 else 0.0
        for _ in range(0 if cubic else SHAPING):
            trial[:] = cell
            move_cell(SHEAR if uniform(state) < 0.5 else STRETCH, SHAPING_STEP, state, trial)
            if heights(trial, high) >= bounds.height * edge:
                cell[:] = trial


@njit
def values(pairs: Pairs, bounds: Bounds, n_most: int, points: Floats, out: Floats) -> None:
    """Enthalpies in quanta of several points, shape (m, 3 n + 9) -> (m,)."""
    n = (points.shape[1] - 9) // 3
    work, between = np.empty((4, n)), np.empty((n, n))
    vectors, high, shift = np.empty((3, n_most)), np.empty(3), np.empty(3)
    for m in range(len(points)):
        s, cell = points[m, : 3 * n].reshape(3, n), points[m, 3 * n :]
        count = images(cell, np.sqrt(pairs.cutoff2), high, shift, vectors)
        e = energy(pairs, cell, shift, vectors, count, s, work, between)
        out[m] = e + work_of(bounds, cell)


@njit
def walk(
    pairs: Pairs,
    bounds: Bounds,
    n_most: int,
    ceiling: float,
    label: float,
    steps: Floats,
    per_sweep: Integers,
    sweeps: int,
    keys: NDArray[np.uint64],
    points: Floats,
    out: Floats,
    tried: Integers,
    accepted: Integers,
) -> None:
    """Walk clones in place; each sweep tries every atom, and the cell so many times.

    Parameters
    ----------
    n_most : most images there can be
    ceiling : in quanta; a trial onto it from below is accepted with probability `label`
    steps : shape (4,): displacement along each axis (Å), volume, shear and stretch (of unity)
    per_sweep : shape (4,), trials of each kind in one sweep
    points, out : as in `values`
    tried, accepted : shape (m, 4), written
    """
    n = (points.shape[1] - 9) // 3
    cutoff = np.sqrt(pairs.cutoff2)
    state, high, trial_high = np.empty(N_WORDS, np.uint64), np.empty(3), np.empty(3)
    shift, trial_shift = np.empty(3), np.empty(3)
    work, between, trial_between = np.empty((4, n)), np.empty((n, n)), np.empty((n, n))
    vectors, trial_vectors, trial_cell = np.empty((3, n_most)), np.empty((3, n_most)), np.empty(9)
    for m in range(len(keys)):
        seed(state, keys[m])
        s, cell = points[m, : 3 * n].reshape(3, n), points[m, 3 * n :]
        count = images(cell, cutoff, high, shift, vectors)
        e = energy(pairs, cell, shift, vectors, count, s, work, between)
        work_of_volume = work_of(bounds, cell)
        tried[m] = per_sweep * sweeps
        accepted[m] = 0
        left = per_sweep.copy()
        for _ in range(sweeps):
            left[:] = per_sweep
            for remaining in range(per_sweep.sum(), 0, -1):
                kind = next_kind(left, remaining, state)
                before = e + work_of_volume
                if kind == ATOM:
                    i = int(uniform(state) * n)
                    a = s[0, i] + steps[ATOM] / high[0] * (2.0 * uniform(state) - 1.0)
                    b = s[1, i] + steps[ATOM] / high[1] * (2.0 * uniform(state) - 1.0)
                    c = s[2, i] + steps[ATOM] / high[2] * (2.0 * uniform(state) - 1.0)
                    a, b, c = a - np.floor(a), b - np.floor(b), c - np.floor(c)
                    then = e + row(pairs, cell, shift, vectors, count, s, i, a, b, c, 0, work)
                    then -= between[i].sum()
                    if not passes(then + work_of_volume, before, ceiling, label, state):
                        continue
                    s[0, i], s[1, i], s[2, i] = a, b, c
                    for j in range(n):
                        between[i, j] = work[3, j]
                        between[j, i] = work[3, j]
                    e = then
                    accepted[m, ATOM] += 1
                    continue
                trial_cell[:] = cell
                move_cell(kind, steps[kind], state, trial_cell)
                if not allowed(trial_cell, bounds, trial_high):
                    continue
                v, trial_v = volume(cell), volume(trial_cell)
                if kind == VOLUME and uniform(state) >= (trial_v / v) ** bounds.power:
                    continue
                trial_count = images(trial_cell, cutoff, trial_high, trial_shift, trial_vectors)
                then = energy(
                    pairs, trial_cell, trial_shift, trial_vectors, trial_count, s, work, trial_between
                )
                trial_work = work_of(bounds, trial_cell)
                if not passes(then + trial_work, before, ceiling, label, state):
                    continue
                cell[:], high[:], shift[:], between[:] = trial_cell, trial_high, trial_shift, trial_between
                vectors[:, :trial_count] = trial_vectors[:, :trial_count]
                count, e, work_of_volume = trial_count, then, trial_work
                accepted[m, kind] += 1
        out[m] = e + work_of_volume


@njit
def next_kind(left: Integers, remaining: int, state: NDArray[np.uint64]) -> int:
    """Kind of the next trial of a sweep, drawn from the `remaining` ones and taken off those `left` of it."""
    kind, place = 0, int(uniform(state) * remaining)
    while place >= left[kind]:
        place -= left[kind]
        kind += 1
    left[kind] -= 1
    return kind


@njit
def passes(then: float, before: float, ceiling: float, label: float, state: NDArray[np.uint64]) -> bool:
    """Whether a trial value lies below the ceiling, by the rule of `nested.problem.Ceiling`."""
    if then > ceiling:
        return False
    return then < ceiling or before == ceiling or uniform(state) < label
