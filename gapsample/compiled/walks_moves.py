"""Moves of whole configurations below a ceiling: trajectories that reflect or conserve, changes of species.

A trajectory depends on nothing but its start: run backward it returns, and it preserves volume, so that
accepting its end whenever it lies below the ceiling keeps the prior below the ceiling.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.walks_clones import Clone, Space
from gapsample.compiled.walks_core import CORE, overlap
from gapsample.compiled.walks_models import evaluate, inlined
from gapsample.compiled.walks_random import uniform

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
State = NDArray[np.uint64]


class Scratch(NamedTuple):
    """Room for a trajectory: shapes (n, 3), and (0, 3) for forces that nobody wants."""

    velocities: Floats
    forces: Floats
    no_forces: Floats


@inlined
def energy_of(model: Any, space: Space, clone: Clone, forces: Floats) -> float:
    """Energy of the clone, eV; NaN where the model fails."""
    x, species, outer = clone.positions, clone.species, clone.outer
    if space.hard:
        inside = overlap(space.nearest, x, species, outer, clone.outer_inverse, forces)
        if inside > 0.0:
            return inside
    energy = evaluate(model, x, species, outer, forces)
    return energy if np.isfinite(energy) else np.nan


@inlined
def galilean(
    model: Any,
    space: Space,
    clone: Clone,
    scratch: Scratch,
    n_steps: int,
    rest: float,
    ceiling: float,
) -> float:
    """Straight flight that is reflected wherever a step ends above the ceiling.

    Parameters
    ----------
    clone : moved
    scratch : its `velocities` (Å per step, 0 where frozen) are those of the start, then those of the end
    rest : eV, what is added to energies before they are compared with the ceiling

    Returns
    -------
    float
        Energy at the end: infinite if it is not allowed, NaN if the model failed.

    References
    ----------
    Skilling, AIP Conf. Proc. 1443, 145 (2012).
    """
    x, velocities, forces = clone.positions, scratch.velocities, scratch.forces
    energy = np.inf
    for step in range(n_steps):
        last = step == n_steps - 1
        advance(x, velocities, 1.0)
        if last:
            wrap(space, clone, x)
        energy = np.inf
        if space.closed and bounced(space, clone, x, velocities):
            continue
        energy = energy_of(model, space, clone, scratch.no_forces)
        if np.isnan(energy):
            return energy
        if energy + rest <= ceiling:
            continue
        if last:
            return np.inf
        energy = energy_of(model, space, clone, forces)
        if np.isnan(energy) or not masked(space.free, forces):
            return np.nan
        reflect(forces, velocities)
    return energy


@inlined
def hmc(
    model: Any,
    space: Space,
    clone: Clone,
    forces: Floats,
    n_steps: int,
    time_step: float,
    rest: float,
    ceiling: float,
) -> float:
    """Molecular dynamics by velocity Verlet, reflected where the potential alone exceeds the ceiling.

    Within the hard core, where forces only show the way out, atoms fly straight.

    Parameters
    ----------
    clone : moved, its momenta too
    forces : shape (n, 3), room for them
    time_step : Å (mass unit / eV)^1/2
    rest : eV, what is added to energies before they are compared with the ceiling

    Returns
    -------
    float
        Potential energy at the end: infinite if it is not allowed, NaN if the model failed. The kinetic
        energy is not yet compared with anything.

    References
    ----------
    Baldock, Bernstein, Salerno, Pártay & Csányi, Phys. Rev. E 96, 043311 (2017).
    """
    x, momenta, lightness = clone.positions, clone.momenta, space.lightness
    energy = energy_of(model, space, clone, forces)
    if np.isnan(energy) or (energy < CORE and not kick(momenta, forces, lightness, 0.5 * time_step)):
        return np.nan
    for step in range(n_steps):
        last = step == n_steps - 1
        drift(x, momenta, lightness, time_step)
        if last:
            wrap(space, clone, x)
        energy = np.inf
        if space.closed and bounced(space, clone, x, momenta):
            continue
        energy = energy_of(model, space, clone, forces)
        if np.isnan(energy):
            return energy
        if energy + rest > ceiling:
            if not weighed(lightness, forces):
                return np.nan
            reflect(forces, momenta)
            energy = np.inf
        elif energy < CORE and not kick(momenta, forces, lightness, 0.5 * time_step if last else time_step):
            return np.nan
    return energy


@njit
def swap(space: Space, species: Integers, state: State) -> bool:
    """Let two atoms of different species exchange them; False if all are of one."""
    n = len(space.mutable)
    i = space.mutable[int(n * uniform(state))]
    others = 0
    for j in space.mutable:
        others += species[j] != species[i]
    if others == 0:
        return False
    place = int(others * uniform(state))
    for j in space.mutable:
        if species[j] == species[i]:
            continue
        if place == 0:
            species[i], species[j] = species[j], species[i]
            return True
        place -= 1
    return False


@njit
def transmute(space: Space, species: Integers, state: State) -> None:
    """Give one atom another species."""
    i = space.mutable[int(len(space.mutable) * uniform(state))]
    species[i] = (species[i] + 1 + int((len(space.levels) - 1) * uniform(state))) % len(space.levels)


@njit
def advance(positions: Floats, velocities: Floats, time: float) -> None:
    """Add ``time * velocities``, shape (n, 3)."""
    for i in range(len(positions)):
        for k in range(3):
            positions[i, k] += time * velocities[i, k]


@njit
def drift(positions: Floats, momenta: Floats, lightness: Floats, time: float) -> None:
    """Let atoms fly for a time with momenta as in `Clone`."""
    for i in range(len(positions)):
        for k in range(3):
            positions[i, k] += time * momenta[i, k] * lightness[i, k]


@njit
def kick(momenta: Floats, forces: Floats, lightness: Floats, time: float) -> bool:
    """Let forces act on momenta for a time, both as in `Clone`; False if one is not finite."""
    total = 0.0
    for i in range(len(momenta)):
        for k in range(3):
            push = forces[i, k] * lightness[i, k]
            momenta[i, k] += time * push
            total += push
    return np.isfinite(total)


@njit
def masked(free: Flags, forces: Floats) -> bool:
    """Let no force act on frozen coordinates; False if one of the others is not finite."""
    total = 0.0
    for i in range(len(forces)):
        for k in range(3):
            forces[i, k] = forces[i, k] if free[i, k] else 0.0
            total += forces[i, k]
    return np.isfinite(total)


@njit
def weighed(lightness: Floats, forces: Floats) -> bool:
    """Make forces what changes momenta as they are in `Clone`; False if one is not finite."""
    total = 0.0
    for i in range(len(forces)):
        for k in range(3):
            forces[i, k] *= lightness[i, k]
            total += forces[i, k]
    return np.isfinite(total)


@njit
def reflect(normal: Floats, velocities: Floats) -> None:
    """Reflect velocities at the plane across `normal`, shapes (n, 3); without a normal they stay."""
    along, square = 0.0, 0.0
    for i in range(len(normal)):
        for k in range(3):
            along += normal[i, k] * velocities[i, k]
            square += normal[i, k] * normal[i, k]
    if square > 0.0:
        advance(velocities, normal, -2.0 * along / square)


@njit
def bounced(space: Space, clone: Clone, positions: Floats, velocities: Floats) -> bool:
    """Reflect, wall by wall, the velocities of atoms that are outside; whether there are any."""
    any_outside = False
    for k in range(3):
        if not space.walls[k]:
            continue
        vector = clone.cell[k]
        square = vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2
        for i in range(len(positions)):
            if 0.0 <= fraction(clone.inverse, positions, i, k) <= 1.0:
                continue
            any_outside = True
            along = 0.0
            for c in range(3):
                along += velocities[i, c] * vector[c]
            for c in range(3):
                velocities[i, c] -= 2.0 * along / square * vector[c]
    return any_outside


@njit
def outside(space: Space, clone: Clone, positions: Floats) -> bool:
    """Whether an atom is beyond a wall."""
    for k in range(3):
        if space.walls[k]:
            for i in range(len(positions)):
                if not 0.0 <= fraction(clone.inverse, positions, i, k) <= 1.0:
                    return True
    return False


@njit
def wrap(space: Space, clone: Clone, positions: Floats) -> None:
    """Bring atoms back into the cell along its periodic axes; frozen coordinates stay."""
    for k in range(3):
        if space.walls[k]:
            continue
        for i in range(len(positions)):
            cells = np.floor(fraction(clone.inverse, positions, i, k))
            if cells != 0.0:
                for c in range(3):
                    if space.free[i, c]:
                        positions[i, c] -= cells * clone.cell[k, c]


@njit
def fraction(inverse: Floats, positions: Floats, i: int, k: int) -> float:
    """Fractional coordinate of one atom along one axis of the cell."""
    return positions[i, 0] * inverse[0, k] + positions[i, 1] * inverse[1, k] + positions[i, 2] * inverse[2, k]
