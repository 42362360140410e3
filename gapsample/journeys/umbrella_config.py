"""The TOML file of an umbrella campaign: atoms and potential, variables, windows, how long, and where to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any, Literal

from gapsample.errors import SettingsError
from gapsample.free_energy.windows import Schedule
from gapsample.journeys.nested_potentials import CalculatorModel, GapModel
from gapsample.journeys.sources import Python, Start
from gapsample.journeys.workers import Kind, check_workers
from gapsample.settings import build, dump, load_overridden, override

Fragment = Literal["bonded"] | tuple[int, ...] | None
PERIOD = "period"


@dataclass(frozen=True)
class DistanceOf:
    """Distance of two atoms, Å.

    Attributes
    ----------
    fragment : atoms that move rigidly for the instantaneous collective force, which is used where every
        variable has one
    """

    atoms: tuple[int, int]
    name: str = ""
    fragment: tuple[int, ...] | None = None


@dataclass(frozen=True)
class AngleOf:
    """Angle at the second of three atoms, radians; `fragment` as in a distance."""

    atoms: tuple[int, int, int]
    name: str = ""
    fragment: tuple[int, ...] | None = None


@dataclass(frozen=True)
class TorsionOf:
    """Torsion of four atoms, radians; `fragment` as in a distance, or ``"bonded"``: all beyond the bond."""

    atoms: tuple[int, int, int, int]
    name: str = ""
    fragment: Fragment = None


@dataclass(frozen=True)
class CoordinationOf:
    """Coordination number, see `gapsample.free_energy.Coordination`."""

    first: tuple[int, ...]
    r0: float
    second: tuple[int, ...] | None = None
    d0: float = 0.0
    n: int = 6
    m: int = 12
    name: str = ""


@dataclass(frozen=True)
class RmsdOf:
    """Distance of some atoms from where the same atoms are in a file, best superposed, Å.

    Attributes
    ----------
    masses : weigh the atoms by their masses
    """

    atoms: tuple[int, ...]
    reference: Path
    masses: bool = False
    name: str = ""


Part = DistanceOf | AngleOf | TorsionOf | CoordinationOf | RmsdOf


@dataclass(frozen=True)
class LinearOf:
    """offset + sum of coefficients times `parts`, each a variable; see `gapsample.free_energy.Linear`."""

    parts: tuple[Part, ...]
    coefficients: tuple[float, ...]
    offset: float = 0.0
    period: float | None = None
    name: str = ""


VariableOf = Part | LinearOf


@dataclass(frozen=True)
class GridOfWindows:
    """Windows at the points of a regular grid.

    Attributes
    ----------
    n : windows along each variable
    kappa : eV per squared unit; one for all variables, or one each
    ranges : of each variable [first, last], or ``"period"``; none: all over their periods
    """

    n: tuple[int, ...]
    kappa: float | tuple[float, ...]
    ranges: tuple[Literal["period"] | tuple[float, float], ...] | None = None


@dataclass(frozen=True)
class ListOfWindows:
    """Windows one by one.

    Attributes
    ----------
    centers : one list of values for each window
    kappa : as in a grid
    """

    centers: tuple[tuple[float, ...], ...]
    kappa: float | tuple[float, ...]


@dataclass(frozen=True)
class AdaptiveWindows:
    """Windows that grow from the start to where they teach most; see `gapsample.free_energy.explore`.

    Attributes
    ----------
    kappa : as in a grid
    steps : how far, in each variable, the next windows may lie from those there are
    below : eV above the lowest; higher regions are left alone
    error : eV, of what is asked for, at which to stop
    difference : two points [a, b] if F(b) - F(a) is asked for; none: the surface `below`
    batch : windows in a round, run in parallel
    most : windows, at which to stop as well
    ranges : of each variable [first, last], or ``"period"``; none: no limits
    """

    kappa: float | tuple[float, ...]
    steps: tuple[float, ...]
    below: float
    error: float
    difference: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    batch: int = 8
    most: int = 1000
    ranges: tuple[Literal["period"] | tuple[float, float], ...] | None = None


@dataclass(frozen=True)
class Workers:
    """Who samples: the first four as in nested sampling."""

    seed: int = 0
    executor: Kind = "threads"
    workers: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        check_workers(self.executor, self.workers, self.address)


@dataclass(frozen=True)
class Fitting:
    """How the surface is fitted, see `gapsample.free_energy.Options`.

    Attributes
    ----------
    grid : points along each variable of what is written; none leaves it to the number of variables
    """

    kernel: Literal["se", "matern52"] = "se"
    hyper: Literal["maximize", "sample"] = "maximize"
    free_noise: bool = False
    grid: int | None = None


@dataclass(frozen=True)
class UmbrellaOutput:
    """Where a campaign goes.

    Attributes
    ----------
    folder : of windows, surface, figure and summary
    database : visited configurations go there; a file or ``postgresql://...``
    keep_above : eV; of those whose predicted error exceeds it, the config_type says so
    """

    folder: Path
    database: str | None = None
    keep_above: float | None = None


UMBRELLA_KINDS: Mapping[str, type] = {
    "file": Start,
    "python": Python,
    "gap": GapModel,
    "calculator": CalculatorModel,
    "distance": DistanceOf,
    "angle": AngleOf,
    "torsion": TorsionOf,
    "coordination": CoordinationOf,
    "rmsd": RmsdOf,
    "linear": LinearOf,
    "grid": GridOfWindows,
    "list": ListOfWindows,
    "adaptive": AdaptiveWindows,
}
"""What starts, potentials, variables and windows are called in config files."""


@dataclass(frozen=True)
class UmbrellaConfig:
    """All of a config file."""

    start: Start | Python
    potential: GapModel | CalculatorModel | Python
    variables: tuple[VariableOf, ...]
    windows: GridOfWindows | ListOfWindows | AdaptiveWindows
    schedule: Schedule
    output: UmbrellaOutput
    sampling: Workers = field(default_factory=Workers)
    surface: Fitting = field(default_factory=Fitting)

    def __post_init__(self) -> None:
        d = len(self.variables)
        if not 1 <= d <= 6 or len(set(self.names)) < d or not all(self.names):
            raise SettingsError(f"give one to six variables, each a name of its own; got {list(self.names)}")
        kappa = self.windows.kappa
        wrong = isinstance(kappa, tuple) and len(kappa) != d
        if isinstance(self.windows, ListOfWindows):
            wrong |= not self.windows.centers or any(len(c) != d for c in self.windows.centers)
        else:
            wrong |= self.windows.ranges is not None and len(self.windows.ranges) != d
        if isinstance(self.windows, GridOfWindows):
            wrong |= len(self.windows.n) != d or min(self.windows.n) < 1
        elif isinstance(self.windows, AdaptiveWindows):
            wrong |= len(self.windows.steps) != d or any(len(p) != d for p in self.windows.difference or ())
        if wrong:
            raise SettingsError(f"windows: {d} variables want {d} numbers each, got {self.windows}")
        if self.output.database is not None and self.schedule.keep_every == 0:
            raise SettingsError("output.database wants configurations; set schedule.keep_every above 0")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the variables."""
        return tuple(variable.name for variable in self.variables)

    @property
    def lengths(self) -> tuple[str, ...]:
        """Those of the variables that are lengths."""
        return tuple(variable.name for variable in self.variables if _is_length(variable))

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=UMBRELLA_KINDS)
        return settings


def umbrella_config(settings: Mapping[str, Any], overrides: Iterable[str] = ()) -> UmbrellaConfig:
    """A config from its nested tables, some of them replaced."""
    return build(UmbrellaConfig, reduce(override, overrides, dict(settings)), kinds=UMBRELLA_KINDS)


def load_umbrella_config(path: str | Path, overrides: Iterable[str] = ()) -> UmbrellaConfig:
    """Read a config file; relative paths in it start from the folder it lies in.

    Parameters
    ----------
    overrides : assignments such as ``"schedule.n_steps=50000"``

    Raises
    ------
    SettingsError
        The file is missing, no TOML, has an unknown key (names the near miss) or settings that do not match.
    """
    return _anchored(umbrella_config(load_overridden(path, overrides)), Path(path).absolute().parent)


def _anchored(config: UmbrellaConfig, folder: Path) -> UmbrellaConfig:
    """The config with its relative paths starting from a folder."""
    potential, output = config.potential, config.output
    if isinstance(potential, GapModel):
        potential = replace(potential, model=folder / potential.model)
    elif isinstance(potential, Python):
        potential = replace(potential, file=folder / potential.file)
    database = output.database
    if database is not None and "://" not in database:
        database = str(folder / database)
    return replace(
        config,
        start=replace(config.start, file=folder / config.start.file),
        potential=potential,
        variables=tuple(_variable(variable, folder) for variable in config.variables),
        output=replace(output, folder=folder / output.folder, database=database),
    )


def _variable(variable: Any, folder: Path) -> Any:
    if isinstance(variable, RmsdOf):
        return replace(variable, reference=folder / variable.reference)
    if isinstance(variable, LinearOf):
        return replace(variable, parts=tuple(_variable(part, folder) for part in variable.parts))
    return variable


def _is_length(variable: VariableOf) -> bool:
    if isinstance(variable, LinearOf):
        return all(_is_length(part) for part in variable.parts)
    return isinstance(variable, DistanceOf | RmsdOf)
