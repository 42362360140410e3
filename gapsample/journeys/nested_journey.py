"""The runs of a study one after another, or side by side where they exchange, and what is told on the way."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from gapsample import nested
from gapsample.journeys.nested_plan import Sampling
from gapsample.journeys.nested_report import write_nested_report
from gapsample.journeys.nested_study import REPORT, Leaf, Study
from gapsample.journeys.visited import collect, watermark
from gapsample.journeys.workers import executor_of
from gapsample.nested.exchange import Exchangeable, Family
from gapsample.nested.problem import Problem
from gapsample.nested.state import State
from gapsample.nested.stop import log_remaining_evidence, observable_above
from gapsample.progress import Progress
from gapsample.sampling import loop
from gapsample.sampling.resilient import Resilient

log = logging.getLogger(__name__)

ENDS_ALL = (loop.Reason.INTERRUPTED, loop.Reason.TERMINATED, loop.Reason.TIME_LIMIT)
REPORT_SHARE = 0.1  # of the time; a report that takes longer to draw waits for a later checkpoint


@dataclass(frozen=True)
class StudyOutcome:
    """What a study left: its folder, and why each of its runs ended, by name; None: not begun."""

    folder: Path
    reasons: dict[str, loop.Reason | None]


@dataclass
class Journey:
    """A study on its way.

    Attributes
    ----------
    problems : what each run samples
    """

    study: Study
    problems: dict[Leaf, Problem]
    progress: Progress | None
    executor: Executor | None = None
    drawn: float = -math.inf  # when the report was drawn last
    drawing: float = 0.0  # seconds that took
    deaths: int = 0  # of workers, counted in the manifest already
    clock: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.process_time()))

    def go(self) -> StudyOutcome:
        """Run all that has not ended yet."""
        config = self.study.config
        stop = config.stop
        ended: dict[str, loop.Reason | None] = {leaf.name: None for leaf in self.problems}
        limits = [loop.wall_time(stop.wall_time)] if stop.wall_time is not None else []
        limits += [loop.steps(stop.steps)] if stop.steps is not None else []
        with _workers(config.sampling) as self.executor:
            for family in self.study.families:
                results = (
                    self._together(family, limits) if len(family) > 1 else self._alone(family[0], limits)
                )
                reasons = [result.finished.reason for result in results]
                ended |= {leaf.name: reason for leaf, reason in zip(family, reasons, strict=True)}
                states = [result.finished.state for result in results]
                self._note(family, states, results[0].finished.n_steps, reasons)
                if any(reason in ENDS_ALL for reason in reasons):
                    break
                self._collect(family, reasons)
        known = dict(self.study.manifest)
        known["database"] = {"path": config.output.database, "watermark": watermark(config)}
        self.study = self.study.write(known)
        self._draw()
        return StudyOutcome(self.study.folder, ended)

    def _alone(self, leaf: Leaf, limits: Sequence[loop.Until[Any]]) -> list[nested.Result]:
        result = nested.run(
            self.problems[leaf],
            folder=self.study.folder / leaf.name,
            number=leaf.number,
            until=loop.first_of(*limits, *self._uncertain(leaf), self._telling(leaf.name)),
            n_workers=self.study.config.sampling.workers,
            watch=lambda state, n_steps: self._checkpoint([leaf], [state], n_steps),
            **self._common(),
        )
        return [result]

    def _together(self, family: Sequence[Leaf], limits: Sequence[loop.Until[Any]]) -> list[nested.Result]:
        """The runs of one seed, which exchange points."""
        seed = family[0].seed
        each = [loop.first_of(*self._uncertain(leaf), self._telling(leaf.name)) for leaf in family]
        return nested.run_exchange(
            [cast(Exchangeable, self.problems[leaf]) for leaf in family],
            folder=self.study.exchange_folder(seed),
            run_folders=[self.study.folder / leaf.name for leaf in family],
            number=seed,
            until=loop.first_of(*limits, _any_of(each)),
            watch=lambda runs, n_steps: self._checkpoint(family, runs.runs, n_steps),
            **self._common(),
        )

    def _common(self) -> dict[str, Any]:
        """What both ways to run are told alike."""
        config = self.study.config
        return {
            "settings": config.settings,
            "seed": config.sampling.seed,
            "lowest_kT": config.lowest_kT,
            "remaining": config.stop.remaining,
            "resume": True,
            "executor": self.executor,
            "checkpoint_every": loop.Every(seconds=config.output.checkpoint_seconds),
        }

    def _collect(self, family: Sequence[Leaf], reasons: Sequence[loop.Reason]) -> None:
        address = self.study.config.output.database
        for leaf, reason in zip(family, reasons, strict=True):
            log.info("%s: %s", leaf.name, reason.value)
            if address is not None:
                n = collect(self.study, leaf, self.problems[leaf], reason)
                log.info("%s: %d configurations new in %s", leaf.name, n, address)

    def _checkpoint(self, family: Sequence[Leaf], states: Sequence[State], n_steps: int) -> None:
        self._note(family, states, n_steps, [None] * len(family))
        if time.monotonic() - self.drawn > self.drawing / REPORT_SHARE:
            self._draw()

    def _draw(self) -> None:
        began = time.monotonic()
        write_nested_report(self.study, self.study.folder / REPORT)
        self.drawn = time.monotonic()
        self.drawing = self.drawn - began

    def _note(
        self,
        family: Sequence[Leaf],
        states: Sequence[State],
        n_steps: int,
        reasons: Sequence[loop.Reason | None],
    ) -> None:
        """Write down where runs stand, and what all have cost so far."""
        known = dict(self.study.manifest)
        told = zip(family, states, reasons, strict=True)
        runs = {leaf.name: self._status(leaf, state, n_steps, reason) for leaf, state, reason in told}
        now = (time.monotonic(), time.process_time())
        cost = {
            name: round(known["cost"][name] + after - before, 3)
            for name, before, after in zip(("seconds", "cpu_seconds"), self.clock, now, strict=True)
        }
        self.clock = now
        known |= {"runs": {**known["runs"], **runs}, "cost": cost}
        if isinstance(self.executor, Resilient):
            known["worker_deaths"] += self.executor.deaths - self.deaths
            self.deaths = self.executor.deaths
        self.study = self.study.write(known)

    def _status(self, leaf: Leaf, state: State, n_steps: int, reason: loop.Reason | None) -> dict[str, Any]:
        return {
            "pressure": leaf.pressure,
            "seed": leaf.seed,
            "number": leaf.number,
            "n_steps": n_steps,
            "n_dead": state.n_dead,
            "log_X": state.log_X,
            "ceiling": _finite(state.ceiling.value),
            "log_remaining": _finite(log_remaining_evidence(state, 1.0 / self.study.config.lowest_kT)),
            "moves": list(self.problems[leaf].move_names),
            "reason": None if reason is None else reason.name,
        }

    def _uncertain(self, leaf: Leaf) -> list[loop.Until[State]]:
        """The condition that ends a run where its model is unsure, if the config has one."""
        stop = self.study.config.stop
        if stop.predicted_error is None:
            return []
        limit, share = stop.predicted_error, stop.predicted_error_share
        return [observable_above(self.problems[leaf], "energy_std", limit, share=share)]

    def _telling(self, name: str) -> loop.Until[State]:
        """A condition that never ends the run but hears of every step."""
        stop, told, lowest = self.study.config.stop, self.progress, self.study.config.lowest_kT

        def until(state: State, n_steps: int) -> loop.Reason | None:
            if told is not None:
                left = min(0.0, log_remaining_evidence(state, 1.0 / lowest))
                done = min(99, int(100.0 * left / math.log(stop.remaining)))
                told(f"{name}, log X {state.log_X:.0f}, percent of the evidence", done, 100)
            return None

        return until


def _workers(sampling: Sampling) -> AbstractContextManager[Executor | None]:
    """The workers that a config asks for; None for a single thread."""
    if sampling.executor == "threads" and sampling.workers == 1:
        return nullcontext()
    return executor_of(sampling.executor, sampling.workers, sampling.address)


def _any_of(ends: Sequence[loop.Until[State]]) -> loop.Until[Family]:
    """End all runs where one of them has a reason to."""

    def until(family: Family, n_steps: int) -> loop.Reason | None:
        reasons = [end(state, n_steps) for end, state in zip(ends, family.runs, strict=True)]
        return next((reason for reason in reasons if reason is not None), None)

    return until


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
