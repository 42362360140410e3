"""How a nested-sampling study samples, how far, where it goes and how phases are told apart, from TOML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from gapsample.errors import SettingsError
from gapsample.journeys.workers import Kind, check_workers
from gapsample.nested.settings import Settings


@dataclass(frozen=True)
class Sampling:
    """How to sample; the first seven as `gapsample.nested.Settings` explains them.

    Attributes
    ----------
    exchange : runs of one seed go in lockstep, and their live points change places between neighboring
        pressures; see `gapsample.nested.run_exchange`
    seed : of all randomness in the study
    seeds : independent runs at each pressure; their spread is the error bar that counts at freezing
    executor : ``"threads"``, ``"processes"`` of this machine, or a dask ``"cluster"`` at `address`; no number
        depends on it
    workers : that share the clones of each iteration, up to `n_cull` of use; with `exchange` they share the
        pressures
    """

    n_live: int = Settings.n_live
    n_cull: int = Settings.n_cull
    walk_length: int = Settings.walk_length
    shortest_walk: int | None = None
    longest_walk: int = Settings.longest_walk
    memory: float = Settings.memory
    acceptance: float = Settings.acceptance
    exchange: bool = False
    seed: int = 0
    seeds: int = 1
    executor: Kind = "threads"
    workers: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise SettingsError(f"wanted one or more seeds, got {self.seeds}")
        check_workers(self.executor, self.workers, self.address)
        self.settings()

    def settings(self, keep_every: int = 0, keep_above: tuple[str, float] | None = None) -> Settings:
        """What the engine is told."""
        return Settings(
            n_live=self.n_live,
            n_cull=self.n_cull,
            walk_length=self.walk_length,
            shortest_walk=min(self.walk_length, Settings.shortest_walk)
            if self.shortest_walk is None
            else self.shortest_walk,
            longest_walk=self.longest_walk,
            memory=self.memory,
            acceptance=self.acceptance,
            keep_every=keep_every,
            keep_above=keep_above,
        )


@dataclass(frozen=True)
class Stop:
    """When a run has seen enough, or must end.

    Attributes
    ----------
    lowest_temperature : of interest; K, or reduced
    remaining : share of the partition function there that the live points may still hold
    predicted_error : eV for a whole configuration; the run ends where more than `predicted_error_share` of
        the live points exceeds it
    wall_time : seconds, of the whole study
    steps : of each run; a step is a quarter of the live points
    """

    lowest_temperature: float
    remaining: float = 1e-3
    predicted_error: float | None = None
    predicted_error_share: float = 0.0
    wall_time: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        if not (self.lowest_temperature > 0.0 and isfinite(self.lowest_temperature)):
            raise SettingsError(f"lowest_temperature must be positive, got {self.lowest_temperature}")
        if not 0.0 < self.remaining < 1.0:
            raise SettingsError(f"remaining must lie between 0 and 1, got {self.remaining}")


@dataclass(frozen=True)
class NestedOutput:
    """Where a study goes.

    Attributes
    ----------
    folder : of manifest, report and runs
    keep_every : keep the configuration of every so many dead points
    keep_above : eV; keep, and mark for the learner, those whose predicted error exceeds it
    database : the kept configurations go there with their weights; a file or ``postgresql://...``
    predicted_error : follow the predicted error of the model at every dead point
    error_draws : posterior draws behind it, each a potential with phases of its own
    checkpoint_seconds : between two checkpoints, each of which refreshes the report
    """

    folder: Path
    keep_every: int = 0
    keep_above: float | None = None
    database: str | None = None
    predicted_error: bool = False
    error_draws: int = 16
    checkpoint_seconds: float = 60.0


@dataclass(frozen=True)
class PhaseLook:
    """How `gapsample phases` tells phases apart; lengths not given are taken from the coldest configuration.

    Attributes
    ----------
    references : files of perfect crystals by the names of their phases: each phase is compared with them by
        the average SOAP kernel, at one density
    bonds : nearest neighbors that count as bonded in Q4 and Q6; if not given, the coordination of the
        coldest configuration
    cutoff : of the coordination number, between two shells of neighbors
    soap_cutoff : of the surroundings that are compared with the references
    """

    references: Mapping[str, Path] = field(default_factory=dict)
    bonds: int | None = None
    cutoff: float | None = None
    soap_cutoff: float | None = None

    def __post_init__(self) -> None:
        for name in ("bonds", "cutoff", "soap_cutoff"):
            if (given := getattr(self, name)) is not None and not given > 0:
                raise SettingsError(f"{name} must be positive, got {given}")
