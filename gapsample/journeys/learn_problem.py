"""From a config of learning to what learns: quantum engine, first labels, first model, exploration."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms

from gapsample.database import Database, fingerprint
from gapsample.errors import FitError
from gapsample.journeys import engines
from gapsample.journeys.learn_config import Dynamics, LearnConfig, NestedStudy
from gapsample.journeys.learn_explore import (
    ExploreByDynamics,
    ExploreByNestedSampling,
    ExploreByUmbrellaSampling,
)
from gapsample.journeys.sources import read_frame
from gapsample.journeys.workers import quantum_workers
from gapsample.learning import Failure, Quantum, label_all
from gapsample.learning.campaign import Explore
from gapsample.potential.files import load
from gapsample.potential.fit import fit
from gapsample.potential.gap import GAP
from gapsample.progress import Progress
from gapsample.rng import stream
from gapsample.sampling.time_limit import InTime

log = logging.getLogger(__name__)

FIRST = 2**32 - 1  # number of the stream that rattles the first cells: no round has it


@contextmanager
def engine_of(config: LearnConfig) -> Iterator[tuple[Quantum, Executor]]:
    """The quantum engine and its workers, which end with the block."""
    how = config.labeling
    named = engines.engine_of(config.qm)
    limited = None if how.timeout is None else InTime(named, how.timeout)
    try:
        with quantum_workers(how.workers, how.timeout, how.address) as executor:
            yield Quantum(limited or named, config.learn.level, virial=how.virial), executor
    finally:
        if limited is not None:
            limited.close()


def filled_database(config: LearnConfig) -> Database:
    """The database with the files of the config in it."""
    if "://" not in config.database.path:
        Path(config.database.path).parent.mkdir(parents=True, exist_ok=True)
    database = Database(config.database.path)
    for report, pairs in [each.read() for each in config.database.imports]:
        log.info("%s", report)
        database.add_many(pairs)
    return database


def start_cells(config: LearnConfig) -> list[Atoms]:
    """The last frame of every start file."""
    return [read_frame(path) for path in config.start.files]


def exploration(config: LearnConfig, start: Sequence[Atoms]) -> Explore:
    """What the config explores with."""
    if isinstance(config.explore, Dynamics):
        return ExploreByDynamics(config.explore, start, config.learn.seed)
    if isinstance(config.explore, NestedStudy):
        return ExploreByNestedSampling(config.explore, config.output.folder)
    return ExploreByUmbrellaSampling(config.explore, config.output.folder)


def first_model(
    config: LearnConfig,
    database: Database,
    start: Sequence[Atoms],
    quantum: Quantum,
    executor: Executor,
    progress: Progress | None = None,
) -> GAP:
    """Generation 0: the model of the config, or one fitted to what the database holds.

    A database without labels of the level gets those of rattled start cells first; cut in the midst of it,
    the same cells are labeled when it is called again.

    Raises
    ------
    FitError
        No label could be had, or the fit fails.
    """
    level, recipe = config.learn.level, config.recipe
    if recipe is None:
        assert config.model is not None
        return load(config.model)
    cells = rattled(config, start)
    known = {entry.fingerprint for entry in database.select(level=level)}
    if known <= {fingerprint(atoms) for atoms in cells}:
        missing = [atoms for atoms in cells if fingerprint(atoms) not in known]
        answers = label_all(quantum, missing, executor, retries=config.batch.retries)
        for atoms, answer in zip(missing, answers, strict=True):
            if not isinstance(answer, Failure):
                database.add(atoms, answer)
    if level not in database.levels():
        raise FitError("no quantum calculation of the start cells gave a label; see the warnings in the log")
    return fit(replace(recipe, level=level), database, progress=progress).gap


def rattled(config: LearnConfig, start: Sequence[Atoms]) -> list[Atoms]:
    """Rattled and strained copies of the start cells, always the same ones."""
    made, how = [], config.start
    for walker, atoms in enumerate(start):
        rng = stream(config.learn.seed, FIRST, walker)
        for _ in range(how.labels):
            copy = atoms.copy()
            copy.set_constraint()
            strain = rng.normal(0.0, how.strain, (3, 3))
            if copy.cell.rank == 3:
                copy.set_cell(copy.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
            copy.positions += rng.normal(0.0, how.rattle, copy.positions.shape)
            made.append(copy)
    return made
