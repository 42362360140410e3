"""From a config to a folder of an adaptive QM/MM run: begin, or go on exactly where it was cut."""

from __future__ import annotations

import io
import time
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms
from numpy.random import Generator

from gapsample.errors import GapsampleError
from gapsample.files import replacing
from gapsample.journeys.commands import begun_in
from gapsample.journeys.qmmm_changes import CHECKPOINTS, Checked, check_run
from gapsample.journeys.qmmm_config import QmmmConfig, qmmm_config
from gapsample.journeys.qmmm_problem import first_motion, stepper_of
from gapsample.journeys.qmmm_records import frames, record_files
from gapsample.journeys.qmmm_report import write_qmmm_report
from gapsample.journeys.qmmm_state import RunState, run_codec
from gapsample.journeys.qmmm_stepper import Stepper, Story
from gapsample.journeys.qmmm_summary import Summary, summarize
from gapsample.journeys.sources import read_frame
from gapsample.progress import Progress
from gapsample.provenance import MANIFEST, manifest, write_json
from gapsample.rng import stream
from gapsample.sampling.alone import alone_in
from gapsample.sampling.checkpoints import Checkpoint, Checkpoints
from gapsample.sampling.loop import Every, Finished, Reason, Until, first_of, run, wall_time

TRAJECTORY = "trajectory.xyz"
RUNNING = "RUNNING"
MOTION = 2  # the run number of the stream that drives the dynamics


@dataclass(frozen=True)
class QmmmOutcome:
    """How a call ended, what the run says so far (None before its first step), and its files."""

    reason: Reason
    summary: Summary | None
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


@dataclass(frozen=True, eq=False)
class _Notes:
    """What is written whenever a checkpoint is: manifest and report."""

    config: QmmmConfig
    atoms: Atoms
    checked: Checked
    progress: Progress | None
    began: float = field(default_factory=time.monotonic)

    def __call__(self, state: RunState | None, reason: str = RUNNING) -> tuple[Path, ...]:
        """Write them as things stand, None: before anything; returns their paths."""
        config, folder = self.config, self.config.output.folder
        write_json(folder / MANIFEST, self._manifest(state, reason))
        if state is None:
            return (folder / MANIFEST,)
        if self.progress is not None:
            self.progress("steps", state.step, config.stop.steps)
        report = write_qmmm_report(config, self.atoms, reason) if state.step else ()
        return folder / MANIFEST, *report

    def _manifest(self, state: RunState | None, reason: str) -> dict[str, Any]:
        config, checked = self.config, self.checked
        generation = 0 if state is None else state.generation
        known = {"fingerprint": checked.fingerprint, "files": checked.inputs.hashes, "generation": generation}
        return manifest(
            config.as_dict(),
            seed=config.seed,
            model=known,
            steps=0 if state is None else state.step,
            reason=reason,
            cost={"seconds": round(checked.seconds + time.monotonic() - self.began, 3)},
        )


def run_qmmm(config: QmmmConfig, *, progress: Progress | None = None) -> QmmmOutcome:
    """Run until a limit is reached; called again, go on where the run stands.

    Raises
    ------
    InputError
        The folder holds a run with other settings or files (names them), or another process is at work there.
    QuantumFailed
        The engine gave up. The state before that step is on disk, and the same call tries it again.
    GapsampleError
        From files, potentials or the region; the state stands likewise.
    """
    checked, folder = check_run(config), config.output.folder
    atoms = read_frame(config.start.file, config.start.frame)
    note = _Notes(config, atoms, checked, progress)
    with alone_in(folder):
        codec = run_codec(config.dynamics.codec, blocks=config.engine.every > 1)
        checkpoints = Checkpoints(folder / CHECKPOINTS, codec, model=checked.fingerprint)
        found = checkpoints.latest()
        if found is None:
            note(None)
        with stepper_of(config, atoms) as stepper:
            if found is None:
                begun = stepper.start(first_motion(config, stepper))
                found = Checkpoint(begun, stream(config.seed, MOTION), 0, None)
            ended = _gone_on(config, stepper, found, checkpoints, note)
            written = note(ended.state, ended.reason.name)
            if stepper.teacher is not None:
                stepper.teacher.give()
        if not ended.state.step:
            return QmmmOutcome(ended.reason, None, written)
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


def _gone_on(
    config: QmmmConfig,
    stepper: Stepper,
    found: Checkpoint[RunState],
    checkpoints: Checkpoints[RunState],
    note: _Notes,
) -> Finished[RunState]:
    """From a checkpoint to a limit; a step that fails leaves a checkpoint of the state before it."""
    folder, step = config.output.folder, _Noted(stepper, found)
    with record_files(folder, stepper.atoms, config.output.frames_every, found.marks) as records:
        try:
            return run(
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


def _until(config: QmmmConfig) -> Until[RunState]:
    stop = config.stop

    def enough(state: RunState, _: int) -> Reason | None:
        return Reason.STEP_LIMIT if state.step >= stop.steps else None

    return enough if stop.wall_time is None else first_of(enough, wall_time(stop.wall_time))


def _trajectory(folder: Path, atoms: Atoms) -> Path:
    """The frames as extended XYZ, for other programs."""
    with replacing(folder / TRAJECTORY) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8")
        for frame in frames(folder, atoms):
            ase.io.write(text, frame, format="extxyz")
        text.detach()
    return folder / TRAJECTORY


def _ignored(_: object) -> None:
    """What a watcher returns counts for nothing."""
