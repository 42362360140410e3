"""When a run has seen enough."""

from __future__ import annotations

import numpy as np

from gapsample.errors import InputError
from gapsample.nested.problem import Problem, observed
from gapsample.nested.state import State
from gapsample.nested.tuning import SMALLEST_STEP
from gapsample.sampling.loop import Reason, Until


def log_remaining_evidence(state: State, inverse_temperature: float) -> float:
    """Log of the share of the partition function that the live points still hold, as far as they know."""
    log_mean = np.logaddexp.reduce(-inverse_temperature * state.live.value) - np.log(len(state.live.value))
    log_live = state.log_X + float(log_mean)
    return float(log_live - np.logaddexp(log_live, state.log_Z_dead))


def evidence_below(fraction: float, inverse_temperature: float) -> Until[State]:
    """Converged when the live points hold less than `fraction` of the partition function.

    Averages at this temperature and above then miss nothing but basins that no live point has found. The
    `Stepper` must follow the evidence at the same temperature.
    """
    if not 0.0 < fraction < 1.0:
        raise InputError(f"the evidence left at the end must be a fraction between 0 and 1, got {fraction}")
    limit = float(np.log(fraction))

    def until(state: State, n_steps: int) -> Reason | None:
        return Reason.CONVERGED if log_remaining_evidence(state, inverse_temperature) < limit else None

    return until


def temperature_below(thermal_energy: float) -> Until[State]:
    """Converged when the ceiling falls by less than `thermal_energy` per unit of log volume.

    This slope is the microcanonical temperature at the ceiling; a plateau is not taken for cold.
    """

    def until(state: State, n_steps: int) -> Reason | None:
        return Reason.CONVERGED if state.slope < thermal_energy else None

    return until


def stuck(problem: Problem) -> Until[State]:
    """Give up when every kind of move that has a step size has it at the smallest and still is refused."""

    def until(state: State, n_steps: int) -> Reason | None:
        largest = problem.largest_steps
        sized = np.isfinite(largest)
        small = state.steps[sized] <= SMALLEST_STEP * largest[sized]
        return Reason.STUCK if len(small) and small.all() else None

    return until


def observable_above(problem: Problem, name: str, limit: float, *, share: float = 0.0) -> Until[State]:
    """End where more than a share of the live points has an observable above a limit.

    With the predicted error of a model as observable, such as ``"energy_std"``, the run stops where its
    model is no longer to be believed, and its live points are what the model has to learn.
    """
    if not 0.0 <= share < 1.0:
        raise InputError(f"the share of live points must lie between 0 and 1, got {share}")

    def until(state: State, n_steps: int) -> Reason | None:
        return (
            Reason.UNCERTAIN
            if np.mean(observed(problem, state.live.coordinates, name) > limit) > share
            else None
        )

    return until
