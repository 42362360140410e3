"""The TOML file of a nested-sampling study: what is sampled, how, how far, and where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from ase import units

from gapsample.errors import SettingsError
from gapsample.nested.moves import Moves
from gapsample.nested.pair_potential import LennardJones
from gapsample.nested.settings import Settings
from gapsample.settings import build, dump, load_overridden, load_toml, override

EMT = "emt"
UnitSystem = Literal["reduced", "eV"]


@dataclass(frozen=True)
class PairBoxSystem:
    """Equal atoms with a pair potential in a cube: give its `edge`, or the `volume_per_atom`."""

    n_atoms: int
    edge: float | None = None
    volume_per_atom: float | None = None
    units: UnitSystem = "reduced"

    def __post_init__(self) -> None:
        if (self.edge is None) == (self.volume_per_atom is None):
            raise SettingsError(
                f"give either edge or volume_per_atom, got {self.edge} and {self.volume_per_atom}"
            )

    @property
    def length(self) -> float:
        """Edge of the cube."""
        return float(
            (self.n_atoms * (self.volume_per_atom or 0.0)) ** (1 / 3) if self.edge is None else self.edge
        )


@dataclass(frozen=True)
class PairCellSystem:
    """Equal atoms with a pair potential at constant pressure, in a cell of any shape."""

    n_atoms: int
    units: UnitSystem = "reduced"


@dataclass(frozen=True)
class AtomsSystem:
    """Atoms of any species, with any model.

    Attributes
    ----------
    symbols : a formula in ASE's words, such as ``"Si8"`` or ``"CuAu3"``
    cell : three rows, Å; for a fixed cell only
    pbc : of a fixed cell
    core : closest distance of two atoms, Å; one number, or one for each pair as in ``{"Si-O" = 1.2}``
    largest_kinetic : of the momenta, which Hamiltonian moves need: eV
    """

    symbols: str
    cell: tuple[tuple[float, float, float], ...] | None = None
    pbc: bool = True
    core: float | Mapping[str, float] = 0.0
    largest_kinetic: float | None = None
    units: UnitSystem = "eV"


@dataclass(frozen=True)
class Morse:
    """``depth (1 - exp(-stiffness (r - distance)))^2 - depth``, cut and shifted."""

    depth: float
    stiffness: float
    distance: float
    cutoff: float


@dataclass(frozen=True)
class Table:
    """A pair potential from a file of two columns, distance and energy, the distances increasing.

    Attributes
    ----------
    scale : energy that precision is measured by, such as the well depth
    """

    file: Path
    scale: float


@dataclass(frozen=True)
class Eam:
    """An embedded-atom model: a file that ASE's EAM calculator reads, or ``"emt"`` for ASE's EMT."""

    file: Path


@dataclass(frozen=True)
class GapModel:
    """A GAP: ``.npz`` or QUIP's ``.xml``."""

    model: Path


@dataclass(frozen=True)
class CalculatorModel:
    """A calculator of ASE by its name there (``"emt"``, ``"tblite"``, ...), and its keywords."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ensemble:
    """Constant pressure, one run for each pressure; without a pressure, a fixed cell.

    Attributes
    ----------
    pressure : one or several
    pressure_unit : ``"GPa"`` unless the system has reduced units
    largest_volume, smallest_volume : per atom
    prior, height, cubic : see `gapsample.nested.PairCell`
    chemical_potentials : by species, eV; needs ``moves.transmute``
    """

    pressure: float | tuple[float, ...] | None = None
    pressure_unit: Literal["GPa", "eV/Å^3", "reduced"] | None = None
    largest_volume: float | None = None
    smallest_volume: float | None = None
    prior: Literal["V^N", "flat"] = "V^N"
    height: float | None = None
    cubic: bool = False
    chemical_potentials: Mapping[str, float] = field(default_factory=dict)

    @property
    def listed(self) -> tuple[float, ...]:
        """The pressures as they were given."""
        if self.pressure is None:
            return ()
        return self.pressure if isinstance(self.pressure, tuple) else (self.pressure,)


@dataclass(frozen=True)
class Sampling:
    """How to sample; the first seven as `gapsample.nested.Settings` explains them.

    Attributes
    ----------
    seed : of all randomness in the study
    seeds : independent runs at each pressure; their spread is the error bar that counts at freezing
    executor : ``"threads"``, ``"local"`` processes, or a dask ``"cluster"`` at `address`
    workers : that share the clones of each iteration, up to `n_cull` of use
    """

    n_live: int = Settings.n_live
    n_cull: int = Settings.n_cull
    walk_length: int = Settings.walk_length
    shortest_walk: int | None = None
    longest_walk: int = Settings.longest_walk
    memory: float = Settings.memory
    acceptance: float = Settings.acceptance
    seed: int = 0
    seeds: int = 1
    executor: Literal["threads", "local", "cluster"] = "threads"
    workers: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.workers < 1:
            raise SettingsError(f"wanted one or more seeds and workers, got {self.seeds} and {self.workers}")
        if (self.executor == "cluster") != (self.address is not None):
            raise SettingsError("a cluster, and nothing else, needs the address of its scheduler")
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


NESTED_KINDS: Mapping[str, type] = {
    "pair_box": PairBoxSystem,
    "pair_cell": PairCellSystem,
    "system": AtomsSystem,
    "lennard_jones": LennardJones,
    "morse": Morse,
    "tabulated": Table,
    "eam": Eam,
    "gap": GapModel,
    "calculator": CalculatorModel,
}
"""What systems and potentials are called in config files."""


@dataclass(frozen=True)
class NestedConfig:
    """All of a config file."""

    system: PairBoxSystem | PairCellSystem | AtomsSystem
    potential: LennardJones | Morse | Table | Eam | GapModel | CalculatorModel
    stop: Stop
    output: NestedOutput
    ensemble: Ensemble = field(default_factory=Ensemble)
    moves: Moves | None = None
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        pairs = isinstance(self.system, PairBoxSystem | PairCellSystem)
        if pairs and not isinstance(self.potential, LennardJones | Morse | Table):
            raise SettingsError("a pair_box or pair_cell needs a pair potential; take system.kind = 'system'")
        if pairs and self.moves is not None:
            raise SettingsError("a pair_box or pair_cell chooses its moves itself; leave [moves] out")
        fixed = not self.ensemble.listed
        if isinstance(self.system, PairBoxSystem) and not fixed:
            raise SettingsError("a pair_box has no pressure; take system.kind = 'pair_cell', or leave it out")
        if isinstance(self.system, PairCellSystem) and fixed:
            raise SettingsError("a pair_cell needs ensemble.pressure; take system.kind = 'pair_box' without")
        if isinstance(self.system, AtomsSystem) and fixed != (self.system.cell is not None):
            raise SettingsError("give either system.cell (fixed) or ensemble.pressure (a cell that moves)")
        if pairs and self.watches_error:
            raise SettingsError("only a GAP predicts its error; leave out predicted_error and keep_above")
        reduced, unit = self.system.units == "reduced", self.ensemble.pressure_unit
        if unit is not None and reduced != (unit == "reduced"):
            raise SettingsError(f"system.units = {self.system.units!r} and a pressure in {unit} do not match")
        if len(set(self.ensemble.listed)) < len(self.ensemble.listed):
            raise SettingsError(f"each pressure once, got {list(self.ensemble.listed)}")

    @property
    def boltzmann(self) -> float:
        """Boltzmann's constant: eV/K, or 1 in reduced units."""
        return 1.0 if self.system.units == "reduced" else float(units.kB)

    @property
    def temperature_unit(self) -> str:
        """``"K"``, or nothing in reduced units."""
        return "" if self.system.units == "reduced" else "K"

    @property
    def pressure_unit(self) -> str:
        """Unit of the pressures as they were given, nothing in reduced units."""
        return "" if self.system.units == "reduced" else self.ensemble.pressure_unit or "GPa"

    def energy_per_volume(self, pressure: float) -> float:
        """A pressure as given, in the units of energies and lengths."""
        return float(pressure * units.GPa) if self.pressure_unit == "GPa" else pressure

    @property
    def lowest_kT(self) -> float:
        """Lowest thermal energy of interest."""
        return self.boltzmann * self.stop.lowest_temperature

    @property
    def collected_above(self) -> float | None:
        """Predicted error above which configurations are kept and marked, eV."""
        return self.stop.predicted_error if self.output.keep_above is None else self.output.keep_above

    @property
    def watches_error(self) -> bool:
        """Whether the predicted error is to be followed."""
        return self.output.predicted_error or self.collected_above is not None

    @property
    def settings(self) -> Settings:
        """What the engine is told."""
        limit = self.collected_above
        return self.sampling.settings(
            self.output.keep_every, None if limit is None else ("energy_std", limit)
        )

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=NESTED_KINDS)
        return settings


def is_nested(path: str | Path) -> bool:
    """Whether a config file is that of a study and not that of a fit."""
    return not {"system", "sampling", "ensemble", "stop"}.isdisjoint(load_toml(path))


def load_nested_config(path: str | Path, overrides: Iterable[str] = ()) -> NestedConfig:
    """Read a config file; relative paths in it start from the folder it lies in.

    Parameters
    ----------
    overrides : assignments such as ``"sampling.n_live=500"``

    Raises
    ------
    SettingsError
        The file is missing, no TOML, has an unknown key (names the near miss) or settings that do not match.
    """
    return anchored(nested_config(load_overridden(path, overrides)), Path(path).absolute().parent)


def nested_config(settings: Mapping[str, Any], overrides: Iterable[str] = ()) -> NestedConfig:
    """A config from its nested tables."""
    return build(NestedConfig, reduce(override, overrides, dict(settings)), kinds=NESTED_KINDS)


def anchored(config: NestedConfig, folder: Path) -> NestedConfig:
    """The config with its relative paths starting from a folder."""
    potential, output = config.potential, config.output
    if isinstance(potential, GapModel):
        potential = replace(potential, model=folder / potential.model)
    elif isinstance(potential, Table) or (isinstance(potential, Eam) and str(potential.file) != EMT):
        potential = replace(potential, file=folder / potential.file)
    database = output.database
    if database is not None and "://" not in database:
        database = str(folder / database)
    return replace(
        config,
        potential=potential,
        output=replace(output, folder=folder / output.folder, database=database),
    )
