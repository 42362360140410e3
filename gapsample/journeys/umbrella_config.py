"""The TOML file of an umbrella campaign: atoms and potential, variables, windows, how long, and where to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from gapsample.errors import SettingsError
from gapsample.free_energy.windows import Schedule
from gapsample.journeys.nested_config import CalculatorModel, GapModel
from gapsample.settings import build, dump, load_overridden

Fragment = Literal["bonded"] | tuple[int, ...] | None
PERIOD = "period"


@dataclass(frozen=True)
class Python:
    """What a function in a Python file of yours returns: start atoms, or a potential.

    As potential a `Potential` or an ASE calculator counts. For other processes it must be picklable.

    Attributes
    ----------
    settings : keyword arguments of the function
    """

    file: Path
    function: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """Atoms to begin from: a frame of a file that ASE reads."""

    file: Path
    frame: int = -1


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
class Workers:
    """Who samples: the first four as in nested sampling."""

    seed: int = 0
    executor: Literal["threads", "local", "cluster"] = "threads"
    workers: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise SettingsError(f"wanted one or more workers, got {self.workers}")
        if (self.executor == "cluster") != (self.address is not None):
            raise SettingsError("a cluster, and nothing else, needs the address of its scheduler")


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
}
"""What starts, potentials, variables and windows are called in config files."""


@dataclass(frozen=True)
class UmbrellaConfig:
    """All of a config file."""

    start: Start | Python
    potential: GapModel | CalculatorModel | Python
    variables: tuple[VariableOf, ...]
    windows: GridOfWindows | ListOfWindows
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
        if isinstance(self.windows, GridOfWindows):
            wrong |= len(self.windows.n) != d or min(self.windows.n) < 1
            wrong |= self.windows.ranges is not None and len(self.windows.ranges) != d
        else:
            wrong |= not self.windows.centers or any(len(c) != d for c in self.windows.centers)
        if wrong:
            raise SettingsError(f"windows: {d} variables want {d} numbers each, got {self.windows}")
        if self.output.database is not None and self.schedule.keep_every == 0:
            raise SettingsError("output.database wants configurations; set schedule.keep_every above 0")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the variables."""
        return tuple(variable.name for variable in self.variables)

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=UMBRELLA_KINDS)
        return settings


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
    config = build(UmbrellaConfig, load_overridden(path, overrides), kinds=UMBRELLA_KINDS)
    return _anchored(config, Path(path).absolute().parent)


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
