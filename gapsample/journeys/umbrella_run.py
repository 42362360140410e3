"""From a config to a campaign of windows on disk, and from these to the surface."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms

from gapsample.database import Label
from gapsample.free_energy.adaptive import Campaign, explore
from gapsample.free_energy.campaign import run_windows
from gapsample.free_energy.fitting import Options
from gapsample.free_energy.samples import WindowRun
from gapsample.free_energy.variables import periods_of
from gapsample.journeys.changes import Inputs
from gapsample.journeys.surface import Questions, SurfaceOutcome, map_surface
from gapsample.journeys.surface_data import of_windows
from gapsample.journeys.umbrella_changes import check_campaign
from gapsample.journeys.umbrella_config import UmbrellaConfig
from gapsample.journeys.umbrella_folder import FOLDER, FREE, WINDOWS, open_campaign
from gapsample.journeys.umbrella_problem import Placement, Problem, umbrella_problem
from gapsample.journeys.visited import store
from gapsample.journeys.workers import executor_of
from gapsample.progress import Progress
from gapsample.provenance import MANIFEST, manifest, write_json

log = logging.getLogger(__name__)

SOURCE, UNCERTAIN = "umbrella", "umbrella_uncertain"
"""What the database knows these rows by: their source, and the config_type where the potential is unsure."""


@dataclass(frozen=True, eq=False)
class UmbrellaOutcome:
    """A campaign and its surface.

    Attributes
    ----------
    ending : why no more windows were placed, in words; empty where they were given beforehand
    database : where visited configurations went, if anywhere
    n_collected : configurations new there
    """

    folder: Path
    runs: list[WindowRun]
    ending: str
    mapped: SurfaceOutcome
    database: str | None
    n_collected: int


class Sampled(NamedTuple):
    """Windows of a campaign, all on disk; `ending` as in `UmbrellaOutcome`."""

    problem: Problem
    runs: list[WindowRun]
    ending: str


def run_umbrella(
    config: UmbrellaConfig, *, ask: Questions = Questions(), progress: Progress | None = None
) -> UmbrellaOutcome:
    """Sample the windows that are not there yet, collect what they visited, fit the surface.

    Called again it goes on where it was cut, exactly as if it had not been; complete, it only fits.

    Raises
    ------
    InputError
        The folder holds windows of other settings or files: names them.
    GapsampleError
        From the files, the dynamics or the fit.
    """
    problem, runs, ending = sample_campaign(config, progress=progress)
    n_collected = _collect(config, problem, runs)
    evidence = of_windows(config.names, [run.samples for run in runs], config.lengths)
    folder, grid = config.output.folder, config.surface.grid
    mapped = map_surface(evidence, folder, _options(config), grid=grid, ask=ask)
    return UmbrellaOutcome(folder, runs, ending, mapped, config.output.database, n_collected)


def sample_campaign(config: UmbrellaConfig, *, progress: Progress | None = None) -> Sampled:
    """Sample the windows that are not there yet; errors as `run_umbrella`."""
    folder, who = config.output.folder, config.sampling
    inputs, problem = check_campaign(config), umbrella_problem(config)
    known = open_campaign(folder).cost if (folder / MANIFEST).exists() else FREE
    _note(config, problem, inputs, known)
    began = time.monotonic(), time.process_time()
    with executor_of(who.executor, who.workers, who.address) as executor:
        runs, ending = _sampled(config, problem, executor, progress)
    spent = {"seconds": time.monotonic() - began[0], "cpu_seconds": time.process_time() - began[1]}
    _note(config, problem, inputs, {name: round(known[name] + spent[name], 3) for name in known})
    return Sampled(problem, runs, ending)


def resume(
    folder: str | Path, overrides: tuple[str, ...] = (), *, progress: Progress | None = None
) -> UmbrellaOutcome:
    """Go on with the campaign in a folder, which may have been moved.

    Parameters
    ----------
    overrides : of settings that no window depends on, such as ``"sampling.workers=4"``

    Raises
    ------
    FileFormatError
        The folder holds no campaign.
    InputError
        A window there was sampled in another way.
    """
    return run_umbrella(open_campaign(folder, overrides).config, progress=progress)


def _sampled(
    config: UmbrellaConfig, problem: Problem, executor: Executor, progress: Progress | None
) -> tuple[list[WindowRun], str]:
    """All windows, and why there are no more."""
    folder, seed, placed = config.output.folder / FOLDER, config.sampling.seed, problem.windows
    if not isinstance(placed, Placement):
        telling = _Telling(executor, progress, folder, len(placed))
        given = (folder, problem.ensemble, placed, problem.start, config.schedule)
        return run_windows(*given, seed=seed, executor=telling, model=problem.level), ""
    goal, plan = placed
    telling = _Telling(executor, progress, folder, plan.most_windows)
    sampler = Campaign(folder, problem.ensemble, problem.start, config.schedule, seed, telling, problem.level)
    periods = periods_of(problem.ensemble.variables)
    found = explore(sampler, goal, plan, periods, folder=folder, options=_options(config))
    return sampler.runs, str(found)


def _options(config: UmbrellaConfig) -> Options:
    how = config.surface
    return Options(kernel=how.kernel, hyper=how.hyper, free_noise=how.free_noise)


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


def _note(config: UmbrellaConfig, problem: Problem, inputs: Inputs, cost: Mapping[str, float]) -> None:
    facts = {"model": problem.level, "files": inputs.hashes, "cost": dict(cost)}
    write_json(
        config.output.folder / MANIFEST, manifest(config.as_dict(), seed=config.sampling.seed, **facts)
    )


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
