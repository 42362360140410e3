"""From a config to a model that is good enough: label, fit, explore, label what is not known, and again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from gapsample.database import Database
from gapsample.journeys.commands import begun_in
from gapsample.journeys.learn_changes import GENERATIONS, Checked, check_learning
from gapsample.journeys.learn_config import LearnConfig, learn_config
from gapsample.journeys.learn_problem import (
    engine_of,
    exploration,
    filled_database,
    first_model,
    start_cells,
)
from gapsample.journeys.learn_report import write_learn_report
from gapsample.learning import Learned, Learner, learn
from gapsample.progress import Progress
from gapsample.provenance import MANIFEST, manifest, write_json
from gapsample.sampling.alone import alone_in

MODEL = "gap.npz"


@dataclass(frozen=True)
class LearnOutcome:
    """How learning ended, what learned, and the files that are there now."""

    learned: Learned
    learner: Learner
    written: tuple[Path, ...]


def run_learn(config: LearnConfig, *, progress: Progress | None = None) -> LearnOutcome:
    """Learn until the audited error is below what is asked, or a limit is reached.

    Called again it goes on where it was cut, or with wider limits where it had ended.

    Raises
    ------
    InputError
        The folder holds learning with other settings or files (names them), or another process is at work
        there.
    GapsampleError
        From files, fits or exploration. Quantum calculations that fail raise nothing.
    """
    folder, checked = config.output.folder, check_learning(config)
    line = folder / GENERATIONS
    with alone_in(folder):
        start, database = start_cells(config), filled_database(config)
        note = _Notes(config, checked, database)
        begun, gap = any(line.glob("*.json")), None
        if not begun:
            note.manifest()
        with engine_of(config) as (quantum, executor):
            if not begun:
                gap = first_model(config, database, start, quantum, executor, progress)
            learner = Learner(gap, database, line, config.learn, progress=progress)
            note(learner)
            visit, stop, batch = exploration(config, start), config.stop, config.batch
            learned = learn(learner, quantum, visit, executor, stop=stop, batch=batch, watch=note)
        learner.gap.save(folder / MODEL)
        return LearnOutcome(learned, learner, (folder / MODEL, folder / MANIFEST, *note(learner, learned)))


def resume(
    folder: str | Path, overrides: tuple[str, ...] = (), *, progress: Progress | None = None
) -> LearnOutcome:
    """Go on with the learning in a folder, which may have been moved.

    Parameters
    ----------
    overrides : such as ``"stop.labels=400"``

    Raises
    ------
    FileFormatError
        The folder holds none.
    GapsampleError
        As `run_learn`.
    """
    config = learn_config(begun_in(folder).settings, overrides)
    output = replace(config.output, folder=Path(folder).absolute())
    return run_learn(replace(config, output=output), progress=progress)


class _Notes:
    """What is written at the beginning and after every generation: manifest and report."""

    def __init__(self, config: LearnConfig, checked: Checked, database: Database) -> None:
        self.config, self.checked, self.database = config, checked, database
        self.watermark = database.watermark if checked.watermark is None else checked.watermark
        self.began = time.monotonic()

    def __call__(self, learner: Learner, learned: Learned | None = None) -> tuple[Path, ...]:
        """Write both as things stand; returns the files of the report."""
        self.manifest(learner, learned)
        return write_learn_report(self.config.output.folder, learner, self.config.stop, learned)

    def manifest(self, learner: Learner | None = None, learned: Learned | None = None) -> None:
        """Write the manifest, without a learner before there is a model."""
        config, database = self.config, self.database
        newest = None if learner is None else learner.generation
        record = manifest(
            config.as_dict(),
            seed=config.learn.seed,
            model={
                "generation": None if newest is None else newest.number,
                "sha256": None if newest is None else newest.sha256,
                "files": self.checked.inputs.hashes,
            },
            database={
                "path": config.database.path,
                "rows": len(database),
                "begun": self.watermark,
                "watermark": database.watermark,
            },
            reason=None if learned is None else learned.reason.name,
            failures=None if learned is None else learned.failures,
            cost={"seconds": round(self.checked.seconds + time.monotonic() - self.began, 3)},
        )
        write_json(config.output.folder / MANIFEST, record)
