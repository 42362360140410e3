"""The TOML file of adaptive QM/MM: both potentials, the region, the dynamics, audits and learning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any, Literal

from gapsample.errors import SettingsError
from gapsample.journeys.engines import ENGINE_KINDS, ClassicalModel, QuantumModel, anchored_model
from gapsample.journeys.nested_potentials import GapModel
from gapsample.journeys.qmmm_density import DensitySettings
from gapsample.journeys.qmmm_dynamics import AdaptiveLangevin, Dynamics, Langevin, Verlet
from gapsample.journeys.qmmm_learning import AuditSettings, LearnSettings, anchored_learning
from gapsample.journeys.sources import Python, Start
from gapsample.journeys.workers import check_quantum_workers
from gapsample.potential.recipe import KINDS, Recipe
from gapsample.qmmm import Bonding, ErrorThreshold, Hops, Within
from gapsample.qmmm.mixing import Mixing
from gapsample.qmmm.momentum import Share
from gapsample.settings import build, dump, load_overridden, override

Grown = Within | Hops


@dataclass(frozen=True)
class QmmmStart(Start):
    """Atoms to begin from: a frame of a file that ASE reads.

    Its initial charges and magnetic moments go with every cluster to the quantum engine, most of which take
    total charge and spin from their sums; so an ion is told from a neutral molecule. Fixed atoms stay.

    Attributes
    ----------
    velocities : drawn at the temperature of the dynamics, or those of the file
    """

    velocities: Literal["drawn", "file"] = "drawn"


@dataclass(frozen=True)
class RegionSettings:
    """Which atoms are quantum, and how clusters are cut out for them.

    Attributes
    ----------
    error : eV/Å, `enter` and `leave`; atoms whose bound on the force error is larger. With learning, both
        grow with the residual that the model leaves (see `learning.lowest_threshold`)
    seeds : atoms that are always quantum, and `around` them
    criterion : a function of yours that returns one (see `qmmm.selection.Criterion`)
    growth, ramp : as `qmmm.Selection`
    buffer, terminate, vacuum, partial : as `qmmm.Carving`
    how, momentum : as `qmmm.ForceMixing`
    buffer_error : eV/Å, what a locality scan says of this buffer; for the error budget
    """

    error: ErrorThreshold | None = None
    seeds: tuple[int, ...] = ()
    around: Grown | None = None
    criterion: Python | None = None
    growth: Grown | None = None
    ramp: float = 0.0
    buffer: Grown = field(default_factory=lambda: Within(7.0))
    terminate: bool = True
    vacuum: float | None = None
    partial: bool = False
    how: Mixing = "subtractive"
    momentum: Share | None = "quantum"
    bonding: Bonding = field(default_factory=Bonding)
    buffer_error: float = 0.0

    def __post_init__(self) -> None:
        if self.error is None and self.criterion is None and not self.seeds:
            raise SettingsError("a region wants error = { enter, leave }, seeds, or a criterion; got none")


@dataclass(frozen=True)
class EngineSettings:
    """How quantum calculations are run.

    Attributes
    ----------
    every : steps between them; more than 1: predictor and corrector (see `qmmm.predictor_corrector`)
    timeout : seconds for one, which is then ended and tried with the next settings
    carry : recipe of a small GAP of what quantum forces add to the classical ones, which carries it between
        calculations (see `qmmm.DeltaGap`); none: it is carried along a straight line
    memory : calculations that this GAP learns from
    workers : calculations at once on this machine
    address : of the scheduler of a dask cluster that runs them instead
    enlargements : how often a buffer grows where all settings fail
    """

    every: int = 1
    carry: Recipe | None = None
    memory: int = 2
    timeout: float | None = None
    workers: int = 1
    address: str | None = None
    enlargements: int = 1

    def __post_init__(self) -> None:
        check_quantum_workers(self.workers, self.timeout, self.address)
        if self.every < 1 or self.enlargements < 0:
            raise SettingsError(
                f"wanted every >= 1 and enlargements >= 0, got {self.every} and {self.enlargements}"
            )
        if self.carry is not None and self.every == 1:
            raise SettingsError("engine.carry does nothing where every = 1; set engine.every above 1")


@dataclass(frozen=True)
class StopSettings:
    """When to end; asked anew every time, so that a larger limit goes on.

    Attributes
    ----------
    steps : time steps in all
    wall_time : seconds, of one call
    """

    steps: int
    wall_time: float | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError(f"wanted one step or more, got steps = {self.steps}")


@dataclass(frozen=True)
class QmmmOutput:
    """Where everything goes: records, frames, checkpoints, generations, labels, report.

    Attributes
    ----------
    frames_every : steps between frames of the trajectory
    checkpoint_seconds : between checkpoints, at which the report is written anew
    """

    folder: Path
    frames_every: int = 20
    checkpoint_seconds: float = 30.0

    def __post_init__(self) -> None:
        if self.frames_every < 1 or not self.checkpoint_seconds >= 0.0:
            raise SettingsError(
                f"wanted frames_every >= 1 and checkpoint_seconds >= 0, got {self.frames_every} and "
                f"{self.checkpoint_seconds}"
            )


QMMM_KINDS: Mapping[str, type] = {
    **KINDS,
    **ENGINE_KINDS,
    "within": Within,
    "hops": Hops,
    "verlet": Verlet,
    "langevin": Langevin,
    "adaptive_langevin": AdaptiveLangevin,
}
"""What potentials, growths and dynamics are called in config files."""


@dataclass(frozen=True)
class QmmmConfig:
    """All of a config file.

    Attributes
    ----------
    mm : the classical potential
    qm : the quantum engine, and the same with safer settings for when it fails. It is handed the initial
        charges and magnetic moments of the atoms in `start`
    density : a force that keeps the density around the region, where the models would press it together
    """

    start: QmmmStart
    mm: ClassicalModel
    qm: tuple[QuantumModel, ...]
    region: RegionSettings
    dynamics: Dynamics
    stop: StopSettings
    output: QmmmOutput
    engine: EngineSettings = field(default_factory=EngineSettings)
    audits: AuditSettings | None = None
    learn: LearnSettings | None = None
    density: DensitySettings | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.region.error is None and (self.audits is not None or self.learn is not None):
            raise SettingsError("audits and learning go by the predicted error; give region.error")
        if self.learn is not None and self.audits is None:
            raise SettingsError("learning without audits would not know what it misses; give [audits]")
        if self.learn is not None and not isinstance(self.mm, GapModel):
            raise SettingsError("a model that learns is a GAP; give mm = { kind = 'gap', model = ... }")

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=QMMM_KINDS)
        return settings


def qmmm_config(settings: Mapping[str, Any], overrides: Iterable[str] = ()) -> QmmmConfig:
    """A config from its nested tables, some of them replaced."""
    return build(QmmmConfig, reduce(override, overrides, dict(settings)), kinds=QMMM_KINDS)


def load_qmmm_config(path: str | Path, overrides: Iterable[str] = ()) -> QmmmConfig:
    """Read a config file; relative paths in it start from the folder it lies in.

    Parameters
    ----------
    overrides : assignments such as ``"stop.steps=2000"``

    Raises
    ------
    SettingsError
        The file is missing, no TOML, has an unknown key (names the near miss) or settings that do not match.
    """
    return _anchored(qmmm_config(load_overridden(path, overrides)), Path(path).absolute().parent)


def _anchored(config: QmmmConfig, folder: Path) -> QmmmConfig:
    criterion = config.region.criterion
    if criterion is not None:
        criterion = anchored_model(criterion, folder)
    return replace(
        config,
        start=replace(config.start, file=folder / config.start.file),
        mm=anchored_model(config.mm, folder),
        qm=tuple(anchored_model(model, folder) for model in config.qm),
        region=replace(config.region, criterion=criterion),
        learn=None if config.learn is None else anchored_learning(config.learn, folder),
        output=replace(config.output, folder=folder / config.output.folder),
    )
