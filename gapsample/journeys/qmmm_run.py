"""From a config to a folder of an adaptive QM/MM run: begin, or go on exactly where it was cut."""

from __future__ import annotations

import io
import time
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms
from numpy.random import Generator

from gapsample.errors import GapsampleError
from gapsample.files import write_text
from gapsample.journeys.commands import begun_in
from gapsample.journeys.qmmm_config import QmmmConfig, qmmm_config
from gapsample.journeys.qmmm_problem import (
    fingerprint_of,
    first_motion,
    input_files,
    stepper_of,
)
from gapsample.journeys.qmmm_records import frames, record_files
from gapsample.journeys.qmmm_report import write_qmmm_report
from gapsample.journeys.qmmm_state import RunState, run_codec
from gapsample.journeys.qmmm_stepper import Stepper, Story
from gapsample.journeys.qmmm_summary import Summary, summarize
from gapsample.journeys.sources import read_frame
from gapsample.progress import Progress
from gapsample.provenance import MANIFEST, manifest, sha256, spent, write_json
from gapsample.rng import stream
from gapsample.sampling.checkpoints import Checkpoint, Checkpoints
from gapsample.sampling.loop import Every, Reason, Until, first_of, run, wall_time

CHECKPOINTS, TRAJECTORY = "checkpoints", "trajectory.xyz"
RUNNING = "RUNNING"
MOTION = 2  # the run number of the stream that drives the dynamics


@dataclass(frozen=True)
class QmmmOutcome:
    """How a call ended, what the run says so far, and its files."""

    reason: Reason
    summary: Summary
    written: tuple[Path, ...]


class _Noted:
    """A step that remembers where the run stands, so that one that fails leaves a checkpoint of that."""

    def __init__(self, step: Stepper, begun: Checkpoint[RunState]) -> None:
        self.step, self.state, self.n_steps = step, begun.state, begun.n_steps
        self.rng = deepcopy(begun.rng)

    def __call__(self, state: RunState, rng: Generator) -> tuple[RunState, Story]:
        after, story = self.step(state, rng)
        self.state, self.rng, self.n_steps = after, deepcopy(rng), self.n_steps + 1
        return after, story


def run_qmmm(config: QmmmConfig, *, progress: Progress | None = None) -> QmmmOutcome:
    """Run until a limit is reached; called again, go on where the run stands.

    Raises
    ------
    InputError
        The folder holds a run with other settings or files.
    QuantumFailed
        The engine gave up. The state before that step is on disk, and the same call tries it again.
    GapsampleError
        From files, potentials or the region; the state stands likewise.
    """
    folder, began = config.output.folder, time.monotonic()
    before = spent(folder / MANIFEST, "a QM/MM run")
    atoms = read_frame(config.start.file, config.start.frame)
    codec = run_codec(config.dynamics.codec, blocks=config.engine.every > 1)
    checkpoints = Checkpoints(folder / CHECKPOINTS, codec, model=fingerprint_of(config))
    found = checkpoints.latest()

    with stepper_of(config, atoms) as stepper:
        if found is None:
            begun = stepper.start(first_motion(config, stepper))
            found = Checkpoint(begun, stream(config.seed, MOTION), 0, None)

        def note(state: RunState, reason: str = RUNNING) -> tuple[Path, ...]:
            seconds = round(before + time.monotonic() - began, 3)
            write_json(folder / MANIFEST, _manifest(config, state, reason, seconds))
            if progress is not None:
                progress("steps", state.step, config.stop.steps)
            report = write_qmmm_report(config, atoms, reason) if state.step else ()
            return folder / MANIFEST, *report

        with record_files(folder, atoms, config.output.frames_every, found.marks) as records:
            step = _Noted(stepper, found)
            try:
                ended = run(
                    step,
                    found.state,
                    found.rng,
                    until=_until(config),
                    record=records,
                    checkpoints=checkpoints,
                    checkpoint_every=Every(config.output.checkpoint_seconds),
                    n_steps=found.n_steps,
                    watch=lambda state, _: _ignored(note(state)),
                )
            except GapsampleError as problem:
                checkpoints.save(Checkpoint(step.state, step.rng, step.n_steps, records.sync()))
                note(step.state, f"FAILED: {problem}")
                raise
        written = note(ended.state, ended.reason.name)
        if stepper.teacher is not None:
            stepper.teacher.give()
    if ended.state.step:
        written = (*written, _trajectory(folder, atoms))
    return QmmmOutcome(ended.reason, summarize(config, atoms), written)


def resume(
    folder: str | Path, overrides: tuple[str, ...] = (), *, progress: Progress | None = None
) -> QmmmOutcome:
    """Go on with the run in a folder, which may have been moved.

    Parameters
    ----------
    overrides : of settings that no number so far depends on, such as ``"stop.steps=4000"``

    Raises
    ------
    FileFormatError
        The folder holds none.
    GapsampleError
        As `run_qmmm`.
    """
    config = qmmm_config(begun_in(folder).settings, overrides)
    output = replace(config.output, folder=Path(folder).absolute())
    return run_qmmm(replace(config, output=output), progress=progress)


def _until(config: QmmmConfig) -> Until[RunState]:
    stop = config.stop

    def enough(state: RunState, _: int) -> Reason | None:
        return Reason.STEP_LIMIT if state.step >= stop.steps else None

    return enough if stop.wall_time is None else first_of(enough, wall_time(stop.wall_time))


def _trajectory(folder: Path, atoms: Atoms) -> Path:
    """The frames as extended XYZ, for other programs."""
    text = io.StringIO()
    ase.io.write(text, list(frames(folder, atoms)), format="extxyz")
    write_text(folder / TRAJECTORY, text.getvalue())
    return folder / TRAJECTORY


def _manifest(config: QmmmConfig, state: RunState, reason: str, seconds: float) -> dict[str, Any]:
    return manifest(
        config.as_dict(),
        seed=config.seed,
        model={
            "fingerprint": fingerprint_of(config),
            "files": {str(path): sha256(path) for path in input_files(config)},
            "generation": state.generation,
        },
        steps=state.step,
        reason=reason,
        cost={"seconds": seconds},
    )


def _ignored(_: object) -> None:
    """What a watcher returns counts for nothing."""
