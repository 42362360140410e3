"""The run loop of every engine: it ends with a reason, and can be cut anywhere and resumed exactly."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from types import FrameType
from typing import Any, Generic, Protocol, TypeVar

from numpy.random import Generator
from threadpoolctl import threadpool_limits

from gapsample.sampling.checkpoints import Checkpoint, Checkpoints

log = logging.getLogger("gapsample")

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
    STUCK = (
        "walks no longer move; check the smallest step sizes and the ceiling in the report, or walk longer"
    )
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

    def due(self, n_steps: int, elapsed: float) -> bool:
        """Whether it is time, `n_steps` steps into the run and `elapsed` seconds after the last one."""
        return elapsed >= self.seconds or (self.steps is not None and n_steps % self.steps == 0)


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
    at once, and the last checkpoint stands. An exception from `step` is raised as it is. BLAS has one thread
    meanwhile: matrices of a step are small, and walks may be threads themselves.
    """
    saved: int | None = n_steps if n_steps > 0 else None
    saved_at = time.monotonic()

    def save() -> None:
        nonlocal saved, saved_at
        marks = None if record is None else record.sync()
        if checkpoints is not None:
            checkpoints.save(Checkpoint(state, rng, n_steps, marks))
        if watch is not None:
            watch(state, n_steps)
        saved, saved_at = n_steps, time.monotonic()

    with _noting_signals() as noted, threadpool_limits(1, user_api="blas"):
        if saved is None:
            save()
        while True:
            reason = until(state, n_steps) or (noted[0] if noted else None)
            if reason is not None:
                break
            state, info = step(state, rng)
            n_steps += 1
            if record is not None:
                record.append(info)
            if checkpoint_every.due(n_steps, time.monotonic() - saved_at):
                save()
        if saved != n_steps:
            save()
    return Finished(state, n_steps, reason)


def steps(limit: int) -> Until[Any]:
    """Stop after `limit` steps in all, those before a resume included."""
    return lambda state, n_steps: Reason.STEP_LIMIT if n_steps >= limit else None


def wall_time(seconds: float) -> Until[Any]:
    """Stop when `seconds` have passed since this call."""
    end = time.monotonic() + seconds
    return lambda state, n_steps: Reason.TIME_LIMIT if time.monotonic() >= end else None


def first_of(*conditions: Until[State]) -> Until[State]:
    """Stop when any of the conditions says so; the first of them gives the reason."""

    def any_of_them(state: State, n_steps: int) -> Reason | None:
        return next((r for condition in conditions if (r := condition(state, n_steps)) is not None), None)

    return any_of_them


SIGNALS = {signal.SIGINT: Reason.INTERRUPTED, signal.SIGTERM: Reason.TERMINATED}


@contextmanager
def _noting_signals() -> Iterator[list[Reason]]:
    """Collect the signals that ask to end; outside the main thread, where Python hears none, do nothing."""
    noted: list[Reason] = []

    def note(number: int, frame: FrameType | None) -> None:
        if noted and number == signal.SIGINT:
            raise KeyboardInterrupt
        noted.append(SIGNALS[signal.Signals(number)])
        log.info("ending after this step (%s)", signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {number: signal.signal(number, note) for number in SIGNALS}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
