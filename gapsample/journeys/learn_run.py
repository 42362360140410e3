"""From a config to a model that is good enough: label, fit, explore, label what is not known, and again."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gapsample.journeys.commands import begun_in
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
from gapsample.provenance import MANIFEST, manifest, spent, write_json

MODEL, GENERATIONS = "gap.npz", "generations"


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
    GapsampleError
        From files, fits or exploration. Quantum calculations that fail raise nothing.
    """
    folder, began = config.output.folder, time.monotonic()
    before = spent(folder / MANIFEST, "learning")
    line = folder / GENERATIONS
    start, database = start_cells(config), filled_database(config)
    with engine_of(config) as (quantum, executor):
        gap = None
        if not any(line.glob("*.json")):
            gap = first_model(config, database, start, quantum, executor, progress)
        learner = Learner(gap, database, line, config.learn, progress=progress)

        def note(learner: Learner, learned: Learned | None = None) -> tuple[Path, ...]:
            seconds = round(before + time.monotonic() - began, 3)
            write_json(folder / MANIFEST, _manifest(config, learner, learned, seconds))
            return write_learn_report(folder, learner, config.stop, learned)

        note(learner)
        learned = learn(
            learner,
            quantum,
            exploration(config, start),
            executor,
            stop=config.stop,
            batch=config.batch,
            watch=note,
        )
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


def _manifest(
    config: LearnConfig, learner: Learner, learned: Learned | None, seconds: float
) -> dict[str, Any]:
    newest, database = learner.generation, learner.database
    return manifest(
        config.as_dict(),
        seed=config.learn.seed,
        model={"generation": newest.number, "sha256": newest.sha256},
        database={"path": config.database.path, "rows": len(database), "watermark": database.watermark},
        reason=None if learned is None else learned.reason.name,
        failures=None if learned is None else learned.failures,
        cost={"seconds": seconds},
    )
