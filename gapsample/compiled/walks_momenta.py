"""Momenta and directions drawn at random: of any direction, uniform in a ball of kinetic energy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.walks_clones import Clone, Space
from gapsample.compiled.walks_random import uniform

Floats = NDArray[np.float64]
State = NDArray[np.uint64]


@njit
def isotropic(space: Space, state: State, out: Floats) -> int:
    """Independent normal numbers for all free coordinates, 0 for others, shape (n, 3); count the former."""
    count, spare = 0, 0.0
    for i in range(len(out)):
        for k in range(3):
            out[i, k] = 0.0
            if not space.free[i, k]:
                continue
            if count % 2 == 0:
                radius = np.sqrt(-2.0 * np.log(1.0 - uniform(state)))
                angle = 2.0 * np.pi * uniform(state)
                out[i, k], spare = radius * np.cos(angle), radius * np.sin(angle)
            else:
                out[i, k] = spare
            count += 1
    return count


@njit
def aim(space: Space, step: float, state: State, velocities: Floats) -> None:
    """Velocities of any direction, of `step` (root mean square over free atoms)."""
    isotropic(space, state, velocities)
    for i in range(len(velocities)):
        for c in range(3):
            velocities[i, c] *= step / np.sqrt(3.0)


@njit
def kinetic(momenta: Floats) -> float:
    """Half the sum of squares."""
    total = 0.0
    for i in range(len(momenta)):
        for k in range(3):
            total += momenta[i, k] * momenta[i, k]
    return 0.5 * total


@njit
def fresh_momenta(space: Space, most: float, state: State, out: Floats) -> float:
    """Momenta uniform in the ball of kinetic energy up to `most`; return their kinetic energy."""
    count = isotropic(space, state, out)
    radius = np.sqrt(2.0 * most) * uniform(state) ** (1.0 / count)
    scale = radius / np.sqrt(2.0 * kinetic(out))
    for i in range(len(out)):
        for k in range(3):
            out[i, k] *= scale
    return kinetic(out)


@njit
def redrawn(space: Space, floor: float, ceiling: float, state: State, clone: Clone) -> float:
    """New momenta, uniform in the ball that the ceiling leaves above `floor`; return the value then."""
    energy = fresh_momenta(space, min(ceiling - floor, space.largest_kinetic), state, clone.momenta)
    while floor + energy > ceiling:  # by rounding only
        for i in range(len(clone.momenta)):
            for c in range(3):
                clone.momenta[i, c] *= 1.0 - 1e-12
        energy = kinetic(clone.momenta)
    return floor + energy
