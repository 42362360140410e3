"""Single-atom Monte Carlo below a ceiling: the whole walk of every clone without a return to Python."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.walks_pairs import Pairs, row
from gapsample.compiled.walks_random import N_WORDS, seed, uniform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@njit
def draw(box: float, keys: NDArray[np.uint64], positions: Floats) -> None:
    """Uniform positions in a cube, one configuration for each key; shape (m, 3 n)."""
    state = np.empty(N_WORDS, np.uint64)
    for m in range(len(keys)):
        seed(state, keys[m])
        for i in range(positions.shape[1]):
            positions[m, i] = box * uniform(state)


@njit
def walk(
    pairs: Pairs,
    box: float,
    ceiling: float,
    label: float,
    step: float,
    sweeps: int,
    keys: NDArray[np.uint64],
    positions: Floats,
    values: Floats,
    accepted: Integers,
) -> None:
    """Walk clones in place by trial moves of one atom after the other.

    Parameters
    ----------
    ceiling : in quanta; a trial onto it from below is accepted with probability `label`
    step : trial displacements are uniform within this much along each axis
    sweeps : trials of every atom
    positions : shape (m, 3 n), all x, then all y, then all z
    values : shape (m,), in quanta
    accepted : shape (m,), number of accepted trials
    """
    n = positions.shape[1] // 3
    state = np.empty(N_WORDS, np.uint64)
    between = np.empty((n, n))
    trial = np.empty(n)
    for m in range(len(keys)):
        seed(state, keys[m])
        x, y, z = positions[m, :n], positions[m, n : 2 * n], positions[m, 2 * n :]
        energy, hits = values[m], 0
        for i in range(n):
            row(pairs, x, y, z, i, x[i], y[i], z[i], box, between[i])
        for _ in range(sweeps):
            for i in range(n):
                xi = x[i] + step * (2.0 * uniform(state) - 1.0)
                yi = y[i] + step * (2.0 * uniform(state) - 1.0)
                zi = z[i] + step * (2.0 * uniform(state) - 1.0)
                new = row(pairs, x, y, z, i, xi, yi, zi, box, trial)
                old = 0.0
                for j in range(n):
                    old += between[i, j]
                energy_then = energy + (new - old)
                if energy_then > ceiling:
                    continue
                if energy_then == ceiling and energy < ceiling and uniform(state) >= label:
                    continue
                x[i], y[i], z[i] = _wrapped(xi, box), _wrapped(yi, box), _wrapped(zi, box)
                energy = energy_then
                for j in range(n):
                    between[i, j] = trial[j]
                    between[j, i] = trial[j]
                hits += 1
        values[m] = energy
        accepted[m] = hits


@njit
def _wrapped(u: float, box: float) -> float:
    return u - box * np.floor(u / box)
