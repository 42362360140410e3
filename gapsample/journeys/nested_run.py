"""From a config to a folder of runs: begin a study, or go on where it was cut."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gapsample.errors import InputError
from gapsample.journeys.nested_changes import check_changes
from gapsample.journeys.nested_config import NestedConfig, nested_config
from gapsample.journeys.nested_journey import Journey, StudyOutcome
from gapsample.journeys.nested_problem import input_files, problem
from gapsample.journeys.nested_study import Leaf, Study, open_study
from gapsample.journeys.visited import watermark
from gapsample.nested.problem import Problem
from gapsample.progress import Progress
from gapsample.provenance import MANIFEST, manifest, sha256


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
    return Journey(_written_down(config, problems), problems, progress).go()


def resume(
    folder: str | Path,
    overrides: tuple[str, ...] = (),
    *,
    config: NestedConfig | None = None,
    progress: Progress | None = None,
) -> StudyOutcome:
    """Go on where the last checkpoints of a study stand, exactly as if it had never been cut.

    Runs that have ended go on too, if `stop.lowest_temperature` or `stop.remaining` is lowered: exactly as if
    told of that from the start. What the database was given of their last live points stays there.

    Parameters
    ----------
    overrides : of settings that change no number so far, such as ``"stop.wall_time=3600"``,
        ``"sampling.workers=4"`` or ``"stop.lowest_temperature=300"``; more seeds, or pressures behind those
        there are, become further runs
    config : in place of the one that the study was begun with, likewise

    Raises
    ------
    InputError
        A file of the model, or a setting that numbers depend on, is no longer what it was; says which.
    """
    study = open_study(folder)
    changed = study.config if config is None else config
    if overrides:
        changed = nested_config(changed.as_dict(), overrides)
    check_changes(study.config, study.manifest["model"]["files"], changed)
    study = replace(study, config=replace(changed, output=replace(changed.output, folder=study.folder)))
    problems = problems_of(study)
    known = study.manifest
    resumed = [*known.get("resumed", []), datetime.now(UTC).isoformat(timespec="seconds")]
    model = {**known["model"], "files": _hashed(study.config)}
    again = {**known, "settings": study.config.as_dict(), "model": model, "resumed": resumed}
    return Journey(study.write(again), problems, progress).go()


def problems_of(study: Study) -> dict[Leaf, Problem]:
    """What each run samples; seeds share one problem."""
    made: dict[float | None, Problem] = {}
    for leaf in study.leaves:
        if leaf.pressure not in made:
            made[leaf.pressure] = problem(study.config, leaf.pressure)
    return {leaf: made[leaf.pressure] for leaf in study.leaves}


def _written_down(config: NestedConfig, problems: dict[Leaf, Problem]) -> Study:
    """The new study with its manifest, before anything is sampled."""
    first = next(iter(problems.values()))
    record = manifest(
        config.as_dict(),
        seed=config.sampling.seed,
        model={"fingerprint": first.fingerprint, "files": _hashed(config)},
        database={"path": config.output.database, "watermark": watermark(config)},
        cost={"seconds": 0.0, "cpu_seconds": 0.0},
        worker_deaths=0,
        runs={},
    )
    return Study(config, config.output.folder).write(record)


def _hashed(config: NestedConfig) -> dict[str, str]:
    """SHA-256 of every file that numbers depend on."""
    return {str(path): sha256(path) for path in input_files(config)}
