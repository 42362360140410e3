"""From a config to a campaign of windows on disk, and from these to the surface."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from gapsample.database import Label
from gapsample.errors import FileFormatError
from gapsample.free_energy.campaign import run_windows
from gapsample.free_energy.fitting import Options
from gapsample.free_energy.samples import WindowRun
from gapsample.journeys.surface import Questions, SurfaceOutcome, map_surface
from gapsample.journeys.surface_data import WINDOWS, of_windows
from gapsample.journeys.umbrella_config import UmbrellaConfig, Workers
from gapsample.journeys.umbrella_problem import Problem, umbrella_problem
from gapsample.journeys.visited import store
from gapsample.progress import Progress
from gapsample.provenance import manifest, write_json
from gapsample.sampling.executors import cluster, local, threads

log = logging.getLogger(__name__)

MANIFEST, FOLDER = "manifest.json", "windows"
SOURCE, UNCERTAIN = "umbrella", "umbrella_uncertain"
"""What the database knows these rows by: their source, and the config_type where the potential is unsure."""


@dataclass(frozen=True, eq=False)
class UmbrellaOutcome:
    """A campaign and its surface.

    Attributes
    ----------
    n_collected : configurations new in the database
    """

    folder: Path
    runs: list[WindowRun]
    mapped: SurfaceOutcome
    n_collected: int


def run_umbrella(
    config: UmbrellaConfig, *, ask: Questions = Questions(), progress: Progress | None = None
) -> UmbrellaOutcome:
    """Sample the windows that are not there yet, collect what they visited, fit the surface.

    Called again it goes on where it was cut, exactly as if it had not been; complete, it only fits.

    Raises
    ------
    InputError
        The folder holds windows of another campaign.
    GapsampleError
        From the files, the dynamics or the fit.
    """
    folder = config.output.folder
    problem = umbrella_problem(config)
    known = _noted(folder)
    _note(config, problem, known)
    began = time.monotonic(), time.process_time()
    with _executor(config.sampling) as executor:
        runs = run_windows(
            folder / FOLDER,
            problem.ensemble,
            problem.windows,
            problem.start,
            config.schedule,
            seed=config.sampling.seed,
            executor=_Telling(executor, progress, folder / FOLDER, len(problem.windows)),
            model=problem.level,
        )
    spent = {"seconds": time.monotonic() - began[0], "cpu_seconds": time.process_time() - began[1]}
    _note(config, problem, {name: round(known[name] + spent[name], 3) for name in known})
    n_collected = _collect(config, problem, runs)
    chosen = config.surface
    mapped = map_surface(
        of_windows(config.names, [run.samples for run in runs]),
        folder,
        Options(kernel=chosen.kernel, hyper=chosen.hyper, free_noise=chosen.free_noise),
        grid=chosen.grid,
        ask=ask,
    )
    return UmbrellaOutcome(folder, runs, mapped, n_collected)


def labeled(config: UmbrellaConfig, problem: Problem, runs: list[WindowRun]) -> Iterator[tuple[Atoms, Label]]:
    """Visited configurations with the potential's energy as label, and its predicted error where it has one.

    In ``atoms.info``: ``umbrella_run`` (folder and window), the values of the variables by their names, and
    ``energy_std`` and ``force_std`` where they are known. Rows above ``output.keep_above`` have the
    config_type ``"umbrella_uncertain"``.
    """
    limit = config.output.keep_above
    for number, run in enumerate(runs):
        seen = run.visited
        for positions, energy, energy_std, force_std in zip(*seen, strict=True):
            atoms = problem.start.copy()
            atoms.set_constraint()
            atoms.positions = positions
            atoms.info = {"umbrella_run": f"{config.output.folder.name}/{number}"}
            for name, variable in zip(config.names, problem.ensemble.variables, strict=True):
                atoms.info[name] = variable.evaluate(atoms)[0]
            for name, value in (("energy_std", energy_std), ("force_std", force_std)):
                if np.isfinite(value):
                    atoms.info[name] = float(value)
            unsure = limit is not None and bool(energy_std > limit)
            yield atoms, Label(problem.level, SOURCE, UNCERTAIN if unsure else SOURCE, energy=float(energy))


def _collect(config: UmbrellaConfig, problem: Problem, runs: list[WindowRun]) -> int:
    address = config.output.database
    if address is None:
        return 0
    n = store(address, labeled(config, problem, runs))
    log.info("%d configurations new in %s", n, address)
    return n


def _noted(folder: Path) -> dict[str, float]:
    """What the campaign cost before, from its manifest."""
    path = folder / MANIFEST
    if not path.exists():
        return {"seconds": 0.0, "cpu_seconds": 0.0}
    try:
        cost = json.loads(path.read_text(encoding="utf-8"))["cost"]
        return {name: float(cost[name]) for name in ("seconds", "cpu_seconds")}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise FileFormatError(f"{path} is no manifest of a campaign: {problem!r}; move it away") from problem


def _note(config: UmbrellaConfig, problem: Problem, cost: dict[str, float]) -> None:
    record = manifest(config.as_dict(), seed=config.sampling.seed, model=problem.level, cost=cost)
    write_json(config.output.folder / MANIFEST, record)


def _executor(who: Workers) -> AbstractContextManager[Executor]:
    if who.executor == "cluster":
        return cluster(who.address)
    return (local if who.executor == "local" else threads)(who.workers)


class _Telling(Executor):
    """An executor that tells of every window done."""

    def __init__(self, inner: Executor, progress: Progress | None, folder: Path, total: int) -> None:
        self.inner, self.progress, self.folder, self.total = inner, progress, folder, total

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand on a task; its end is told."""
        future = self.inner.submit(fn, *args, **kwargs)
        if self.progress is not None:
            future.add_done_callback(self._tell)
        return future

    def _tell(self, _: Future[Any]) -> None:
        assert self.progress is not None
        self.progress("windows", len(list(self.folder.glob(WINDOWS))), self.total)
