"""What learning would do: what is known already, what a label costs, and how many there may be."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from ase import Atoms

from gapsample.database import Database, fingerprint
from gapsample.errors import GapsampleError
from gapsample.journeys.check import Findings, duration, writable
from gapsample.journeys.learn_config import Dynamics, LearnConfig, NestedStudy
from gapsample.journeys.learn_problem import engine_of, rattled, start_cells
from gapsample.journeys.learnable import learnable
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.umbrella_config import load_umbrella_config
from gapsample.provenance import MANIFEST


def check_learn(config: LearnConfig) -> Findings:
    """Read everything learning needs and label one cell, as the first calculation would; writes nothing."""
    folder, problems = config.output.folder, list[str]()
    try:
        start = start_cells(config)
        known = _known(config)
        lines = [*_inputs(config, start, known), _explored(config, start), *_costs(config, start, known)]
    except (GapsampleError, OSError) as problem:
        return Findings((), (str(problem),))
    if not writable(folder):
        problems.append(f"cannot write into {folder}")
    there = "goes on with what lies in" if (folder / MANIFEST).exists() else "would write "
    return Findings((*lines, f"{there} {folder}"), tuple(problems))


def _known(config: LearnConfig) -> set[str]:
    """Fingerprints of what has a label of this level, in the database and in files to be imported."""
    level = config.learn.level
    known = {entry.fingerprint for entry in Database(config.database.path).select(level=level)}
    for each in config.database.imports:
        known |= {fingerprint(atoms) for atoms, label in each.read().pairs if label.level == level}
    return known


def _inputs(config: LearnConfig, start: Sequence[Atoms], known: set[str]) -> Iterator[str]:
    cells = ", ".join(f"{atoms.get_chemical_formula()} ({len(atoms)} atoms)" for atoms in start)
    yield f"start        {cells}"
    yield f"labels       {len(known)} of {config.learn.level} in {config.database.path}, with imports"
    if config.model is None:
        yield f"model        fitted to them and to {_n_first(config, start, known)} first labels"
        return
    gap = learnable(config.model, config.database.path, "database.path")
    yield f"model        {config.model}, {sum(term.n_sparse for term in gap.terms)} sparse points"


def _n_first(config: LearnConfig, start: Sequence[Atoms], known: set[str]) -> int:
    """Cells to be labeled before there is a model: none where the database has others of this level."""
    cells = {fingerprint(atoms) for atoms in rattled(config, start)}
    return len(cells - known) if config.model is None and known <= cells else 0


def _explored(config: LearnConfig, start: Sequence[Atoms]) -> str:
    """What a round visits; reads the config of a study or a campaign, if that explores."""
    how = config.explore
    if isinstance(how, Dynamics):
        n = len(start) * len(how.temperatures)
        return f"a round      {n} trajectories of {how.steps} steps, {n * (how.steps // how.every)} frames"
    if isinstance(how, NestedStudy):
        load_nested_config(how.config)
        return f"a round      nested sampling as {how.config} says; see `gapsample check` of that"
    load_umbrella_config(how.config)
    return f"a round      umbrella sampling as {how.config} says; see `gapsample check` of that"


def _costs(config: LearnConfig, start: Sequence[Atoms], known: set[str]) -> Iterator[str]:
    """Time of one label, and of all that there may be."""
    cell = max(start, key=len)
    with engine_of(config) as (quantum, _):
        began = time.perf_counter()
        quantum.label(cell)
        seconds = time.perf_counter() - began
    yield f"quantum      {len(cell)} atoms: {seconds:.3g} s a label, on this machine"
    n, workers = _n_first(config, start, known) + config.stop.labels, config.labeling.workers
    yield f"cost         at most {n} labels, {workers} at once: roughly {duration(n * seconds / workers)}"
