"""Whole walks of configurations of any compiled model: atoms, cell, species and momenta below a ceiling.

A point is one row: positions (n, 3), cell (3, 3), species (n,), and momenta (n, 3) where they are sampled.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.borrowed import borrowed
from gapsample.compiled.jit import njit
from gapsample.compiled.walks_cell import ATOM, VOLUME, allowed, move_cell, next_kind, passes, volume
from gapsample.compiled.walks_clones import (
    CELL_SIZE,
    Clone,
    Space,
    copy_clone,
    packed,
    rest_of,
    start_at,
    surround,
    unpacked,
)
from gapsample.compiled.walks_models import inlined
from gapsample.compiled.walks_momenta import aim, fresh_momenta, kinetic, redrawn
from gapsample.compiled.walks_moves import (
    Scratch,
    energy_of,
    fraction,
    galilean,
    hmc,
    outside,
    swap,
    transmute,
    wrap,
)
from gapsample.compiled.walks_random import N_WORDS, seed, uniform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]
State = NDArray[np.uint64]

# after the moves of `walks_cell`: ATOM, VOLUME, SHEAR, STRETCH
GALILEAN, HMC, SWAP, TRANSMUTE = 4, 5, 6, 7
N_MOVES = 8


@njit
def draw(
    space: Space, given: Floats, species: Integers, shuffled: bool, momenta: bool, keys: Keys, points: Floats
) -> None:
    """Draw from the prior, one row of `points` for each key; the cells must stand in the rows already.

    Parameters
    ----------
    given : shape (n, 3), Å, positions of frozen coordinates
    species : shape (n,); those of mutable atoms are shuffled, or drawn anew where not `shuffled`
    momenta : whether rows end with them
    """
    n = len(given)
    state = np.empty(N_WORDS, np.uint64)
    for m in range(len(keys)):
        seed(state, keys[m])
        x = points[m, : 3 * n].reshape(n, 3)
        cell = points[m, 3 * n : 3 * n + CELL_SIZE].reshape(3, 3)
        kinds = points[m, 3 * n + CELL_SIZE : 4 * n + CELL_SIZE]
        for i in range(n):
            u, v, w = uniform(state), uniform(state), uniform(state)
            for c in range(3):
                free = space.free[i, c]
                x[i, c] = u * cell[0, c] + v * cell[1, c] + w * cell[2, c] if free else given[i, c]
            kinds[i] = species[i]
        for place in range(len(space.mutable) - 1, -1, -1):
            i = space.mutable[place]
            if shuffled:
                j = space.mutable[int((place + 1) * uniform(state))]
                kinds[i], kinds[j] = kinds[j], kinds[i]
            else:
                kinds[i] = int(len(space.levels) * uniform(state))
        if momenta:
            fresh_momenta(space, space.largest_kinetic, state, points[m, 4 * n + CELL_SIZE :].reshape(n, 3))


@njit
def values(model: Any, space: Space, n: int, points: Floats, out: Floats) -> None:
    """Values of several points of n atoms, shape (m, n_coordinates) -> (m,); NaN where the model fails."""
    no_forces = np.empty((0, 3))
    for m in range(len(points)):
        clone = unpacked(space, n, points[m])
        energy = energy_of(model, space, clone, no_forces)
        out[m] = energy + rest_of(space, clone) + kinetic(clone.momenta)


@njit
def walk(
    model: Any,
    space: Space,
    n: int,
    ceiling: float,
    label: float,
    steps: Floats,
    per_sweep: Integers,
    n_steps: int,
    sweeps: int,
    keys: Keys,
    points: Floats,
    out: Floats,
    tried: Integers,
    accepted: Integers,
    failed: Integers,
) -> None:
    """Walk clones in place; each sweep tries every kind of move so many times, in random order.

    Parameters
    ----------
    n : atoms
    ceiling : eV; a trial onto it from below is accepted with probability `label`
    steps : shape (8,): largest displacement of an atom along each axis (Å), of the volume (Å^3), shear and
        stretch (of unity); flight of one Galilean step (Å, root mean square over atoms); time step of `hmc`
    per_sweep : shape (8,), trials of each kind in one sweep
    n_steps : of one trajectory
    points, out : as in `values`; out holds the values at the start
    tried, accepted : shape (m, 8), written
    failed : shape (m,), written, evaluations in which the model failed
    """
    state = np.empty(N_WORDS, np.uint64)
    scratch = Scratch(np.empty((n, 3)), np.empty((n, 3)), np.empty((0, 3)))
    room = unpacked(space, n, points[0].copy()), scratch, state
    for m in range(len(keys)):
        seed(state, keys[m])
        clone = unpacked(space, n, points[m])
        tried[m] = per_sweep * sweeps
        accepted[m] = 0
        out[m], failed[m] = wander(
            model, space, clone, room, out[m], ceiling, label, steps, per_sweep, n_steps, sweeps, accepted[m]
        )
        packed(clone, points[m])


@inlined
def wander(
    model: Any,
    space: Space,
    clone: Clone,
    room: tuple[Clone, Scratch, State],
    value: float,
    ceiling: float,
    label: float,
    steps: Floats,
    per_sweep: Integers,
    n_steps: int,
    sweeps: int,
    accepted: Integers,
) -> tuple[float, int]:
    """Walk one clone of a value, as in `walk`; return its value then and how often the model failed."""
    model, space, clone, steps = borrowed((model, space, clone, steps))
    trial, scratch, state = borrowed(room)
    copy_clone(clone, trial)
    energy = energy_of(model, space, clone, scratch.no_forces)
    rest, failed, left = rest_of(space, clone), 0, per_sweep.copy()
    for _ in range(sweeps):
        left[:] = per_sweep
        for remaining in range(per_sweep.sum(), 0, -1):
            kind = next_kind(left, remaining, state)
            then, rest_then = np.inf, rest
            if kind == GALILEAN:
                aim(space, steps[kind], state, scratch.velocities)
                fixed = rest + kinetic(clone.momenta)
                then = galilean(model, space, trial, scratch, n_steps, fixed, ceiling)
            elif kind == HMC:
                if energy + rest < ceiling:
                    value = redrawn(space, energy + rest, ceiling, state, clone)
                    start_at(clone.momenta, trial.momenta)
                time_step = steps[kind] * (0.5 + uniform(state))
                then = hmc(model, space, trial, scratch.forces, n_steps, time_step, rest, ceiling)
                if kinetic(trial.momenta) > space.largest_kinetic:
                    then = np.inf
            elif changed(space, kind, steps[kind], state, clone, trial):
                then = energy_of(model, space, trial, scratch.no_forces)
                rest_then = rest_of(space, trial)
            if np.isnan(then):
                failed += 1
            value_then = then + (rest_then + kinetic(trial.momenta))
            if np.isfinite(then) and passes(value_then, value, ceiling, label, state):
                copy_clone(trial, clone)
                energy, rest, value = then, rest_then, value_then
                accepted[kind] += 1
            else:
                copy_clone(clone, trial)
    return value, failed


@njit
def changed(space: Space, kind: int, step: float, state: State, clone: Clone, trial: Clone) -> bool:
    """Change the trial, a copy of the clone; False if the prior of what it became is 0."""
    if kind == SWAP:
        return swap(space, trial.species, state)
    if kind == TRANSMUTE:
        transmute(space, trial.species, state)
        return True
    if kind == ATOM:
        i = int(uniform(state) * len(trial.positions))
        for c in range(3):
            change = step * (2.0 * uniform(state) - 1.0)
            if space.free[i, c]:
                trial.positions[i, c] += change
        wrap(space, trial, trial.positions)
        return not outside(space, trial, trial.positions)
    move_cell(kind, step, state, trial.cell.reshape(CELL_SIZE))
    if not allowed(trial.cell.reshape(CELL_SIZE), space.bounds, np.empty(3)):
        return False
    growth = volume(trial.cell.reshape(CELL_SIZE)) / volume(clone.cell.reshape(CELL_SIZE))
    if kind == VOLUME and uniform(state) >= growth**space.bounds.power:
        return False
    surround(space, trial)
    for i in range(len(trial.positions)):
        u = fraction(clone.inverse, clone.positions, i, 0)
        v = fraction(clone.inverse, clone.positions, i, 1)
        w = fraction(clone.inverse, clone.positions, i, 2)
        for c in range(3):
            trial.positions[i, c] = u * trial.cell[0, c] + v * trial.cell[1, c] + w * trial.cell[2, c]
    return True
