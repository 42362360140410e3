"""The run loop of every engine: it ends with a reason, and can be cut anywhere and resumed exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from numpy.random import Generator

from gapsample.sampling.checkpoints import Checkpoints

State = TypeVar("State")
Info = TypeVar("Info")
Info_contra = TypeVar("Info_contra", contravariant=True)


class Reason(Enum):
    """Why a run ended; the text says what to try."""

    CONVERGED = "the goal of the run is reached; its results are ready to be analyzed"
    STEP_LIMIT = "the limit on steps is reached; raise it and resume to go on"
    TIME_LIMIT = "the limit on wall time is reached; resume to go on"
    INTERRUPTED = "interrupted from the keyboard; resume to go on"
    TERMINATED = "asked to end by a signal (batch limit or kill); resume to go on"
    STUCK = "walks no longer move; check the smallest step sizes and the ceiling in the report, or walk longer"
    UNCERTAIN = "the predicted error passed its limit; label the collected configurations, refit and resume"


@dataclass(frozen=True)
class Finished(Generic[State]):
    """How a run ended: the last state, steps done in all (before a resume too), and why."""

    state: State
    n_steps: int
    reason: Reason


@dataclass(frozen=True)
class Every:
    """When to write a checkpoint: after so many steps, or after so many seconds, whichever comes first."""

    seconds: float = 60.0
    steps: int | None = None


class Record(Protocol[Info_contra]):
    """Where the story of a run goes: a `RecordFile` if the info is a block of records, or a `RecordSet`."""

    def append(self, block: Info_contra, /) -> None:
        """Take the info of one step."""
        ...

    def sync(self) -> Any:
        """Flush; return the JSON-able mark that the checkpoint shall hold."""
        ...


Step = Callable[[State, Generator], tuple[State, Info]]
Until = Callable[[State, int], Reason | None]
"""Asked before every step with the state and the steps done; a reason ends the run."""


def run(
    step: Step[State, Info],
    state: State,
    rng: Generator,
    *,
    until: Until[State],
    record: Record[Info] | None = None,
    checkpoints: Checkpoints[State] | None = None,
    checkpoint_every: Every = Every(),
    n_steps: int = 0,
    watch: Callable[[State, int], None] | None = None,
) -> Finished[State]:
    """Take steps until there is a reason not to.

    Parameters
    ----------
    step : ``step(state, rng) -> (state, info)``; a pure function but for `rng`
    state, rng, n_steps : where to begin; from `Checkpoint` when resuming
    until : asked before every step; see `steps`, `wall_time`, `first_of`
    record : takes the info of every step
    checkpoints : where state, generator and the record's mark are kept: before the first step, now and
        then, and at the end
    watch : called with state and steps done after each checkpoint, e.g. to refresh a report

    Notes
    -----
    Ctrl-C and SIGTERM let the step in progress end, write a checkpoint and return; a second Ctrl-C stops
    at once, and the last checkpoint stands. An exception from `step` is raised as it is.
    """
    raise NotImplementedError


def steps(limit: int) -> Until[Any]:
    """Stop after `limit` steps in all, those before a resume included."""
    raise NotImplementedError


def wall_time(seconds: float) -> Until[Any]:
    """Stop when `seconds` have passed since this call."""
    raise NotImplementedError


def first_of(*conditions: Until[State]) -> Until[State]:
    """Stop when any of the conditions says so; the first of them gives the reason."""
    raise NotImplementedError
