"""The TOML file of adaptive QM/MM: both potentials, the region, the dynamics, audits and learning."""

from __future__ import annotations

import math
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
from gapsample.journeys.sources import Python, Start
from gapsample.journeys.workers import check_quantum_workers
from gapsample.learning import Policy
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
class AuditSettings:
    """Quantum calculations spent on atoms drawn at random, flagged or not.

    Attributes
    ----------
    every : steps between audits
    atoms : drawn for each; those of one configuration count as one audit
    coverage, memory : of the bound on errors, see `learning.conformal`; memory in generations of the model
    first : the bound is so many times the predicted error while audits are too few for one
    """

    every: int = 10
    atoms: int = 4
    coverage: float = 0.95
    memory: float = 4.0
    first: float = 4.0

    def __post_init__(self) -> None:
        if self.every < 1 or self.atoms < 1 or not self.first > 0.0:
            raise SettingsError(
                f"audits want every >= 1, atoms >= 1 and first > 0, got {self.every}, {self.atoms} and "
                f"{self.first}"
            )


@dataclass(frozen=True)
class LearnSettings:
    """How the classical potential, a GAP, learns from quantum forces that were paid for anyway.

    Attributes
    ----------
    database : that the GAP was fitted to; a run works on its own copy of what the GAP has learned, and adds
        its labels at the end of every call
    level : of theory, of the labels
    every : steps between labels of the region, neighbours in time being alike; audits are always kept
    energies : keep the energy too where a cluster is the whole configuration; not to be mixed with those of
        cells whose k-points are others
    absorb_every, novel_share, n_sparse, growth, n_sample : as `learning.Policy`; growth None: never from
        scratch
    fallback : potential that gives the forces on atoms outside of the domain of the GAP, most often its
        baseline (see `learning.Guarded`); none: the GAP always does
    """

    database: str
    level: str
    every: int = 10
    energies: bool = True
    absorb_every: int = 10
    novel_share: float = 0.05
    n_sparse: int = 50
    growth: float | None = None
    n_sample: int = 16
    fallback: ClassicalModel | None = None

    def __post_init__(self) -> None:
        if self.every < 1 or self.absorb_every < 1:
            raise SettingsError(
                f"learning wants every >= 1 and absorb_every >= 1, got {self.every} and {self.absorb_every}"
            )

    def policy(self, threshold: float, audits: AuditSettings, seed: int) -> Policy:
        """What the learner goes by."""
        return Policy(
            self.level,
            threshold,
            coverage=audits.coverage,
            memory=audits.memory,
            absorb_every=self.absorb_every,
            novel_share=self.novel_share,
            n_sparse=self.n_sparse,
            growth=math.inf if self.growth is None else self.growth,
            n_sample=self.n_sample,
            seed=seed,
        )


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
        learn=None if config.learn is None else _anchored_learning(config.learn, folder),
        output=replace(config.output, folder=folder / config.output.folder),
    )


def _anchored_learning(learn: LearnSettings, folder: Path) -> LearnSettings:
    database = learn.database if "://" in learn.database else str(folder / learn.database)
    fallback = None if learn.fallback is None else anchored_model(learn.fallback, folder)
    return replace(learn, database=database, fallback=fallback)
