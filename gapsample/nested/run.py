"""A whole run: from a problem to dead points, in memory or in a folder that outlives the process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gapsample.errors import InputError
from gapsample.nested.engine import Stepper
from gapsample.nested.evidence import of_dead
from gapsample.nested.points import DeadPoints
from gapsample.nested.problem import Problem
from gapsample.nested.records import (
    CODEC,
    DEAD,
    KEPT,
    PROGRESS,
    live_records,
    open_records,
    points_of,
    rows,
    write_live,
)
from gapsample.nested.settings import Settings
from gapsample.nested.sharing import Shared
from gapsample.nested.state import Records, State, Story, start
from gapsample.nested.stop import evidence_below, stuck
from gapsample.rng import stream
from gapsample.sampling import loop
from gapsample.sampling.checkpoints import Checkpoint, Checkpoints

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Result:
    """What a run leaves.

    Attributes
    ----------
    points : dead points, the last live points among them
    kept : records of (number, coordinates) of some dead points, as `Settings.keep_every` says
    progress : one record per step, see `state.progress_dtype`
    finished : why the run ended, and its last state
    """

    points: DeadPoints
    kept: Records
    progress: Records
    finished: loop.Finished[State]


def run(
    problem: Problem,
    settings: Settings = Settings(),
    *,
    seed: int,
    lowest_kT: float,
    remaining: float = 1e-3,
    number: int = 0,
    folder: str | Path | None = None,
    resume: bool = False,
    until: loop.Until[State] | None = None,
    executor: Executor | None = None,
    n_workers: int | None = None,
    checkpoint_every: loop.Every = loop.Every(),
    watch: Callable[[State, int], None] | None = None,
) -> Result:
    """Sample until all that matters down to a temperature has been seen.

    Parameters
    ----------
    seed, number : randomness of the study, and which of its independent runs this is
    lowest_kT : lowest thermal energy of interest, in units of the problem's values
    remaining : end when the live points hold less than this fraction of the partition function there
    folder : records and checkpoints go there; None keeps all in memory
    resume : go on where the folder's last checkpoint stands, exactly as if never cut; with a lower
        `lowest_kT` or `remaining` exactly as if told of it from the start
    until : further reasons to stop, such as `loop.wall_time` or `loop.steps`
    executor : who walks the clones of each iteration; None: this thread. No number depends on it
    n_workers : how many the executor has; the clones of an iteration are shared among so many
    watch : called with state and steps done after each checkpoint of a run in a folder, all of it on disk

    Raises
    ------
    InputError
        `lowest_kT` is not positive, a prior draw has no finite value, an executor comes without its number of
        workers, or the folder holds another run.
    """
    if not lowest_kT > 0.0:
        raise InputError(f"the lowest thermal energy must be positive, got {lowest_kT}")
    beta = 1.0 / lowest_kT
    walk = problem.walk
    if executor is not None:
        if n_workers is None:
            raise InputError(
                "an executor wants n_workers, the number of its workers, to share clones among; got none"
            )
        walk = Shared(problem, executor, n_workers)
    step = Stepper(problem, settings, inverse_temperature=beta, walk=walk)
    reasons = [evidence_below(remaining, beta), stuck(problem), *([until] if until else [])]
    if folder is None:
        if resume:
            raise InputError("resuming needs the folder of the run, got none")
        rng = stream(seed, number)
        story = _Story()
        finished = loop.run(
            step, start(problem, settings, rng), rng, until=loop.first_of(*reasons), record=story
        )
        return _result(problem, finished, story.blocks(problem, finished.state))
    folder = Path(folder)
    model = hashlib.sha256(repr((problem.fingerprint, settings)).encode()).hexdigest()
    checkpoints = Checkpoints(folder / CHECKPOINTS, CODEC, model=model)
    last = checkpoints.latest() if resume else None
    if last is None:
        rng = stream(seed, number)
        last = Checkpoint(start(problem, settings, rng), rng, 0, None)
    record = open_records(problem, last.state, folder, last.marks)
    log_z = of_dead(record.files[DEAD].read()["value"], settings, beta)
    begun = replace(last.state, log_Z_dead=log_z)

    def written(state: State, n_steps: int) -> None:
        write_live(problem, state, folder)
        if watch is not None:
            watch(state, n_steps)

    try:
        finished = loop.run(
            step,
            begun,
            last.rng,
            until=loop.first_of(*reasons),
            record=record,
            checkpoints=checkpoints,
            checkpoint_every=checkpoint_every,
            n_steps=last.n_steps,
            watch=written,
        )
        return _result(
            problem, finished, {name: np.array(file.read()) for name, file in record.files.items()}
        )
    finally:
        for file in record.files.values():
            file.close()


@dataclass
class _Story:
    """A record in memory."""

    stories: list[Story] = field(default_factory=list)

    def append(self, block: Story) -> None:
        self.stories.append(block)

    def sync(self) -> None:
        return None

    def blocks(self, problem: Problem, state: State) -> dict[str, Records]:
        told = [rows(story) for story in self.stories]
        if not told:
            return {
                DEAD: live_records(problem, state.live)[:0],
                KEPT: np.empty(0, "V1"),
                PROGRESS: np.empty(0, "V1"),
            }
        return {name: np.concatenate([blocks[name] for blocks in told]) for name in told[0]}


def _result(problem: Problem, finished: loop.Finished[State], blocks: dict[str, Records]) -> Result:
    points = points_of(blocks[DEAD], live_records(problem, finished.state.live))
    return Result(points, blocks[KEPT], blocks[PROGRESS], finished)
