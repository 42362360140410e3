"""From a config to a folder of runs: sample, write down how, and show it while it goes on."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gapsample import nested
from gapsample.errors import InputError
from gapsample.journeys.nested_config import NestedConfig, Sampling, Stop, nested_config
from gapsample.journeys.nested_problem import model_files, problem
from gapsample.journeys.nested_report import write_nested_report
from gapsample.journeys.nested_study import MANIFEST, REPORT, Leaf, Study, open_study
from gapsample.journeys.visited import collect, watermark
from gapsample.nested.problem import Problem
from gapsample.nested.state import State
from gapsample.nested.stop import log_remaining_evidence, observable_above
from gapsample.progress import Progress
from gapsample.provenance import manifest, sha256
from gapsample.sampling import loop
from gapsample.sampling.executors import cluster, local, threads
from gapsample.sampling.resilient import Resilient

log = logging.getLogger(__name__)

ENDS_ALL = (loop.Reason.INTERRUPTED, loop.Reason.TERMINATED, loop.Reason.TIME_LIMIT)
REPORT_SHARE = 0.1  # of the time; a report that takes longer to draw waits for a later checkpoint


@dataclass(frozen=True)
class StudyOutcome:
    """What a study left: its folder, and why each of its runs ended, by name; None: not begun."""

    folder: Path
    reasons: dict[str, loop.Reason | None]


def begin(config: NestedConfig, *, progress: Progress | None = None) -> StudyOutcome:
    """Sample all that a config asks for, in a new folder.

    Raises
    ------
    InputError
        The folder holds a study already.
    GapsampleError
        From the model, the problem or the engine.
    """
    folder = config.output.folder
    if (folder / MANIFEST).exists():
        raise InputError(f"{folder} holds a study; go on with `gapsample resume`, or choose another --folder")
    problems = problems_of(Study(config, folder))
    return _Journey(_written_down(config, problems), problems, progress).go()


def resume(
    folder: str | Path, overrides: tuple[str, ...] = (), *, progress: Progress | None = None
) -> StudyOutcome:
    """Go on where the last checkpoints of a study stand, exactly as if it had never been cut.

    Parameters
    ----------
    overrides : of settings that change no number, such as ``"stop.wall_time=3600"`` or
        ``"sampling.workers=4"``; more seeds or pressures become further runs

    Raises
    ------
    InputError
        The model, or a setting that numbers depend on, is no longer what it was.
    """
    study = open_study(folder)
    if overrides:
        changed = nested_config(study.manifest["settings"], overrides)
        config = replace(changed, output=replace(changed.output, folder=study.folder))
        study = replace(study, config=config)
    problems = problems_of(study)
    known = study.manifest
    resumed = [*known.get("resumed", []), datetime.now(UTC).isoformat(timespec="seconds")]
    again = {**known, "settings": study.config.as_dict(), "resumed": resumed}
    return _Journey(study.write(again), problems, progress).go()


def problems_of(study: Study) -> dict[Leaf, Problem]:
    """What each run samples; seeds share one problem."""
    made: dict[float | None, Problem] = {}
    for leaf in study.leaves:
        if leaf.pressure not in made:
            made[leaf.pressure] = problem(study.config, leaf.pressure)
    return {leaf: made[leaf.pressure] for leaf in study.leaves}


def _written_down(config: NestedConfig, problems: dict[Leaf, Problem]) -> Study:
    """The new study with its manifest, before anything is sampled."""
    files = model_files(config)
    first = next(iter(problems.values()))
    record = manifest(
        config.as_dict(),
        seed=config.sampling.seed,
        model={"fingerprint": first.fingerprint, "files": {str(path): sha256(path) for path in files}},
        database={"path": config.output.database, "watermark": watermark(config)},
        cost={"seconds": 0.0, "cpu_seconds": 0.0},
        worker_deaths=0,
        runs={},
    )
    return Study(config, config.output.folder).write(record)


@dataclass
class _Journey:
    """The runs of a study, one after another, and what is told about them on the way."""

    study: Study
    problems: dict[Leaf, Problem]
    progress: Progress | None
    executor: Executor | None = None
    drawn: float = -math.inf  # when the report was drawn last
    drawing: float = 0.0  # seconds that took
    deaths: int = 0  # of workers, counted in the manifest already
    clock: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.process_time()))

    def go(self) -> StudyOutcome:
        config = self.study.config
        stop = config.stop
        ended: dict[str, loop.Reason | None] = {leaf.name: None for leaf in self.problems}
        limits = [loop.wall_time(stop.wall_time)] if stop.wall_time is not None else []
        limits += [loop.steps(stop.steps)] if stop.steps is not None else []
        with executor_of(config.sampling) as self.executor:
            for leaf, sampled in self.problems.items():
                uncertain = [] if stop.predicted_error is None else [_uncertain(sampled, stop)]
                finished = self._run(leaf, sampled, loop.first_of(*limits, *uncertain, self._telling(leaf)))
                ended[leaf.name] = finished.reason
                self._note(leaf, finished.state, finished.n_steps, finished.reason)
                log.info("%s: %s", leaf.name, finished.reason.value)
                if finished.reason in ENDS_ALL:
                    break
                if config.output.database is not None:
                    n = collect(self.study, leaf, sampled, finished.reason)
                    log.info("%s: %d configurations new in %s", leaf.name, n, config.output.database)
        known = dict(self.study.manifest)
        known["database"] = {"path": config.output.database, "watermark": watermark(config)}
        self.study = self.study.write(known)
        self._draw()
        return StudyOutcome(self.study.folder, ended)

    def _run(self, leaf: Leaf, sampled: Problem, until: loop.Until[State]) -> loop.Finished[State]:
        config = self.study.config
        result = nested.run(
            sampled,
            config.settings,
            seed=config.sampling.seed,
            number=leaf.number,
            lowest_kT=config.lowest_kT,
            remaining=config.stop.remaining,
            folder=self.study.folder / leaf.name,
            resume=True,
            until=until,
            executor=self.executor,
            n_workers=config.sampling.workers,
            checkpoint_every=loop.Every(seconds=config.output.checkpoint_seconds),
            watch=lambda state, n_steps: self._checkpoint(leaf, state, n_steps),
        )
        return result.finished

    def _checkpoint(self, leaf: Leaf, state: State, n_steps: int) -> None:
        self._note(leaf, state, n_steps, None)
        if time.monotonic() - self.drawn > self.drawing / REPORT_SHARE:
            self._draw()

    def _draw(self) -> None:
        began = time.monotonic()
        write_nested_report(self.study, self.study.folder / REPORT)
        self.drawn = time.monotonic()
        self.drawing = self.drawn - began

    def _note(self, leaf: Leaf, state: State, n_steps: int, reason: loop.Reason | None) -> None:
        """Write down where a run stands, and what all have cost so far."""
        known = dict(self.study.manifest)
        status = {
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
        now = (time.monotonic(), time.process_time())
        cost = {
            name: round(known["cost"][name] + after - before, 3)
            for name, before, after in zip(("seconds", "cpu_seconds"), self.clock, now, strict=True)
        }
        self.clock = now
        known |= {"runs": {**known["runs"], leaf.name: status}, "cost": cost}
        if isinstance(self.executor, Resilient):
            known["worker_deaths"] += self.executor.deaths - self.deaths
            self.deaths = self.executor.deaths
        self.study = self.study.write(known)

    def _telling(self, leaf: Leaf) -> loop.Until[State]:
        """A condition that never ends the run but hears of every step."""
        stop, told, lowest = self.study.config.stop, self.progress, self.study.config.lowest_kT

        def until(state: State, n_steps: int) -> loop.Reason | None:
            if told is not None:
                left = min(0.0, log_remaining_evidence(state, 1.0 / lowest))
                done = min(99, int(100.0 * left / math.log(stop.remaining)))
                told(f"{leaf.name}, log X {state.log_X:.0f}, percent of the evidence", done, 100)
            return None

        return until


@contextmanager
def executor_of(sampling: Sampling) -> Iterator[Executor | None]:
    """The workers that a config asks for; None for a single thread."""
    if sampling.executor == "threads" and sampling.workers == 1:
        yield None
        return
    makers: dict[str, Any] = {"threads": threads, "local": local, "cluster": cluster}
    with makers[sampling.executor](sampling.address or sampling.workers) as executor:
        yield executor


def _uncertain(sampled: Problem, stop: Stop) -> loop.Until[State]:
    assert stop.predicted_error is not None
    return observable_above(sampled, "energy_std", stop.predicted_error, share=stop.predicted_error_share)


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
