"""The TOML file of learning: labels, quantum engine, what explores, and when the model is good enough."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from gapsample.errors import SettingsError
from gapsample.journeys.config import DatabaseSettings
from gapsample.journeys.engines import ENGINE_KINDS, QuantumModel, anchored_model
from gapsample.journeys.workers import check_quantum_workers
from gapsample.learning import Batch, Policy, Stop
from gapsample.potential.recipe import KINDS, Recipe
from gapsample.settings import build, dump, load_overridden, override


@dataclass(frozen=True)
class Labeling:
    """How quantum calculations are run.

    Attributes
    ----------
    workers : calculations at once on this machine, each in a process of its own if there are several or a
        timeout
    address : of the scheduler of a dask cluster that runs them instead
    timeout : seconds for one calculation, which is then ended and counts as failed
    virial : label virials too, which the engine must know
    """

    workers: int = 1
    address: str | None = None
    timeout: float | None = None
    virial: bool = False

    def __post_init__(self) -> None:
        check_quantum_workers(self.workers, self.timeout, self.address)


@dataclass(frozen=True)
class StartCells:
    """Where everything begins.

    Attributes
    ----------
    files : that ASE reads, the last frame of each
    labels : rattled copies of each that are labeled before there is a model
    rattle : Å, standard deviation of their displacements
    strain : standard deviation of the entries of their strains
    """

    files: tuple[Path, ...]
    labels: int = 6
    rattle: float = 0.1
    strain: float = 0.02

    def __post_init__(self) -> None:
        if not self.files:
            raise SettingsError("start.files names one or more files with atoms, got none")


@dataclass(frozen=True)
class Dynamics:
    """Langevin dynamics with the model, from every start cell at every temperature, anew in each round.

    Attributes
    ----------
    temperatures : K
    steps : of each trajectory
    every : steps between configurations that are handed over
    time_step : fs
    friction : 1/fs
    largest_error : eV/Å; where the predicted error of a force exceeds it, that configuration is the last
    """

    temperatures: tuple[float, ...]
    steps: int = 1000
    every: int = 50
    time_step: float = 1.0
    friction: float = 0.02
    largest_error: float | None = None

    def __post_init__(self) -> None:
        if not self.temperatures or not 1 <= self.every <= self.steps:
            raise SettingsError(
                f"dynamics wants temperatures and 1 <= every <= steps, got {list(self.temperatures)}, "
                f"{self.every} and {self.steps}"
            )


@dataclass(frozen=True)
class NestedStudy:
    """Nested sampling with the model: a study whose potential is replaced by every generation in turn.

    Attributes
    ----------
    config : of the study, as for `gapsample nested`; its potential and output do not count
    keep_every : hand over every so many dead points
    """

    config: Path
    keep_every: int = 10


@dataclass(frozen=True)
class UmbrellaStudy:
    """Umbrella sampling with the model: a campaign whose potential is replaced by every generation in turn.

    Attributes
    ----------
    config : of the campaign, as for `gapsample umbrella`; its potential and output do not count. Its
        ``schedule.keep_every`` says which configurations are handed over
    """

    config: Path


Exploration = Dynamics | NestedStudy | UmbrellaStudy

LEARN_KINDS: Mapping[str, type] = {
    **KINDS,
    **ENGINE_KINDS,
    "md": Dynamics,
    "nested": NestedStudy,
    "umbrella": UmbrellaStudy,
}
"""What quantum engines and ways to explore are called in config files, besides the terms of a recipe."""


@dataclass(frozen=True)
class LearnOutput:
    """Where everything goes: generations, plans of rounds, table, figure, report, the final model."""

    folder: Path


@dataclass(frozen=True)
class LearnConfig:
    """All of a config file.

    Attributes
    ----------
    qm : a calculator of ASE by name, a function of yours, or tight binding
    learn : `learning.Policy`; its level is what labels are called
    batch, stop : what a round asks for, and when to end
    recipe, model : one of them: how the first model is fitted, or the first model
    """

    database: DatabaseSettings
    qm: QuantumModel
    start: StartCells
    explore: Exploration
    learn: Policy
    stop: Stop
    output: LearnOutput
    batch: Batch = field(default_factory=Batch)
    labeling: Labeling = field(default_factory=Labeling)
    recipe: Recipe | None = None
    model: Path | None = None

    def __post_init__(self) -> None:
        if (self.recipe is None) == (self.model is None):
            raise SettingsError("give either [recipe], to fit the first model, or model, its file")
        level = self.learn.level
        if self.recipe is not None and self.recipe.level not in (None, level):
            raise SettingsError(
                f"recipe.level is {self.recipe.level!r} and learn.level {level!r}; give one of them"
            )
        if self.learn.absorb_every != 1:
            raise SettingsError(
                f"learn.absorb_every is for loops of your own, got {self.learn.absorb_every}: here a model "
                "learns at the end of every round; say how much with batch.labels and batch.audits"
            )

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=LEARN_KINDS)
        return settings


def learn_config(settings: Mapping[str, Any], overrides: Iterable[str] = ()) -> LearnConfig:
    """A config from its nested tables, some of them replaced."""
    return build(LearnConfig, reduce(override, overrides, dict(settings)), kinds=LEARN_KINDS)


def load_learn_config(path: str | Path, overrides: Iterable[str] = ()) -> LearnConfig:
    """Read a config file; relative paths in it start from the folder it lies in.

    Parameters
    ----------
    overrides : assignments such as ``"stop.labels=200"``

    Raises
    ------
    SettingsError
        The file is missing, no TOML, has an unknown key (names the near miss) or settings that do not match.
    """
    return _anchored(learn_config(load_overridden(path, overrides)), Path(path).absolute().parent)


def _anchored(config: LearnConfig, folder: Path) -> LearnConfig:
    database, explore = config.database, config.explore
    if not isinstance(explore, Dynamics):
        explore = replace(explore, config=folder / explore.config)
    imports = tuple(replace(each, file=folder / each.file) for each in database.imports)
    address = database.path if "://" in database.path else str(folder / database.path)
    return replace(
        config,
        database=replace(database, path=address, imports=imports),
        qm=anchored_model(config.qm, folder),
        start=replace(config.start, files=tuple(folder / file for file in config.start.files)),
        explore=explore,
        output=LearnOutput(folder / config.output.folder),
        model=None if config.model is None else folder / config.model,
    )
