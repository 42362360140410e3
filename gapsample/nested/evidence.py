"""Evidence of dead points at one temperature: followed step by step, and found again for another one."""

from __future__ import annotations

import numpy as np

from gapsample.nested.problem import Floats
from gapsample.nested.settings import Settings


def step_shrinkage(settings: Settings) -> Floats:
    """Expected -log t of each death of one step: 1/k with k points alive, fewer within a batch."""
    alive = settings.n_live - np.arange(settings.n_cull)
    return np.tile(1.0 / alive, settings.iterations_per_step)


def after_step(before: float, values: Floats, log_x: Floats, shrinkage: Floats, beta: float) -> float:
    """Log of the Boltzmann-weighted mass of the dead points once one more step of them is dead.

    Parameters
    ----------
    before : the same, one step ago
    values, log_x, shrinkage : shape (n,), of the deaths of the step
    beta : inverse temperature, 1/energy
    """
    log_mass = log_x + np.log(np.expm1(shrinkage))
    return float(np.logaddexp(before, np.logaddexp.reduce(log_mass - beta * values)))


def of_dead(values: Floats, settings: Settings, beta: float) -> float:
    """What `after_step` would have come to, step by step, had a run been told of this temperature.

    Equal to the last bit: no other number of a run depends on the temperature, so that a run that has ended
    goes on to a lower one as if it had been told of that from the start.

    Parameters
    ----------
    values : shape (n_steps * deaths per step,), in the order of dying
    """
    shrinkage = step_shrinkage(settings)
    log_z, log_x = float("-inf"), 0.0
    for block in np.reshape(values, (-1, len(shrinkage))):
        volumes = log_x - np.cumsum(shrinkage)
        log_z = after_step(log_z, block, volumes, shrinkage, beta)
        log_x = float(volumes[-1])
    return log_z
