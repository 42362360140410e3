"""What a study would do: runs, atoms, prior draws and the time of a walk, found without sampling."""

from __future__ import annotations

import time

import numpy as np

from gapsample.errors import GapsampleError
from gapsample.journeys.check import Findings, duration, writable
from gapsample.journeys.nested_atoms import degrees_of_freedom, n_atoms
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_problem import problem
from gapsample.journeys.nested_study import Study
from gapsample.nested.problem import Ceiling, Problem, Walk
from gapsample.provenance import MANIFEST
from gapsample.rng import stream

N_DRAWS, N_SWEEPS = 16, 2
NATS_PER_ATOM = 8.0
"""Of log volume between gas and crystal, roughly: what a run has to shrink through."""


def check_nested(config: NestedConfig) -> Findings:
    """Look at everything a study needs; never writes and walks a few sweeps only."""
    study, sampling = Study(config, config.output.folder), config.sampling
    lines, problems, leaves = [], [], study.leaves
    pressures = ", ".join(f"{p:g}" for p in config.ensemble.listed)
    where = f"P = {pressures} {config.pressure_unit}".rstrip() if pressures else "fixed cell"
    try:
        n, free = n_atoms(config), degrees_of_freedom(config)
    except (GapsampleError, OSError) as error:  # the file of the atoms
        return Findings((), (str(error),))
    held = "" if free in (0, 3 * n) else f", {3 * n - free} coordinates of {3 * n} held"
    lines.append(f"system       {n} atoms{held}, {where}")
    lines.append(f"runs         {len(leaves)}: {', '.join(leaf.name for leaf in leaves)}")
    if sampling.exchange:
        lines.append(
            f"exchange     the {len(config.ensemble.listed)} pressures of each seed go in lockstep, "
            f"{sampling.n_live} attempts between neighbors in every step"
        )
    lines.append(
        f"sampling     {sampling.n_live} live points, {sampling.n_cull} die at once, walks of "
        f"{sampling.walk_length} sweeps, {sampling.workers} {sampling.executor}"
    )
    for pressure in dict.fromkeys(leaf.pressure for leaf in leaves):
        shown = "" if pressure is None else f"P = {pressure:g}: "
        try:
            lines += [f"prior        {shown}{line}" for line in _tried(config, problem(config, pressure))]
        except (GapsampleError, OSError) as error:
            problems.append(f"{shown}{error}")
    problems += _idle(config)
    problems += [
        f"phases.references.{name}: {path} does not exist"
        for name, path in config.phases.references.items()
        if not path.exists()
    ]
    if config.output.database is not None and not (config.output.keep_every or config.collected_above):
        problems.append("nothing would go to the database: set output.keep_every")
    if (study.folder / MANIFEST).exists():
        problems.append(f"{study.folder} holds a study already; resume it or choose another output.folder")
    if not writable(study.folder):
        problems.append(f"cannot write into {study.folder}")
    lines.append(f"would write  {study.folder}")
    return Findings(tuple(lines), tuple(problems))


def _idle(config: NestedConfig) -> list[str]:
    """What is wrong with the number of workers."""
    sampling = config.sampling
    n, what, cure = sampling.n_cull, "clones", "raise sampling.n_cull"
    if sampling.exchange:
        n, what, cure = len(config.ensemble.listed), "pressures", "lower sampling.workers"
    if sampling.workers <= n:
        return []
    return [f"{sampling.workers} workers share {n} {what}, so that some would idle; {cure}"]


def _tried(config: NestedConfig, sampled: Problem) -> list[str]:
    """Prior draws and a short walk, and what a run would cost at that speed."""
    keys = stream(config.sampling.seed).integers(2**64, size=N_DRAWS, dtype=np.uint64)
    coordinates, values = sampled.draw(keys)
    finite = np.isfinite(values)
    if not finite.all():
        return [f"{np.sum(~finite)} of {N_DRAWS} draws have no finite value"]
    ceiling = Ceiling(float(values.max()), 1.0)
    finite_steps = np.where(np.isinf(sampled.largest_steps), np.inf, 0.1 * sampled.largest_steps)
    task = Walk(coordinates, values, ceiling, finite_steps, N_SWEEPS, keys)
    sampled.walk(task)  # compiles
    began = time.process_time()
    walked = sampled.walk(task)
    per_sweep = (time.process_time() - began) / (N_DRAWS * N_SWEEPS)
    deaths = NATS_PER_ATOM * n_atoms(config) * config.sampling.n_live
    total = deaths * per_sweep * config.sampling.walk_length * config.sampling.seeds
    return [
        f"values {values.min():.4g} to {values.max():.4g}, moves {', '.join(sampled.move_names)}, "
        f"{walked.failed.sum()} failed evaluations",
        f"{1e6 * per_sweep:.3g} µs a sweep: very roughly {duration(total)} for its runs on one core",
    ]
