"""Reading what PLUMED left: COLVAR files, restraints from its input, and lists of windows.

PLUMED's own units are kJ/mol, nm and radians unless its input says otherwise; here they become eV, Å and
radians. Which columns are lengths a COLVAR file does not say: name them.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import units
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, InputError, UnknownName
from gapsample.free_energy.samples import Samples, Window

Floats = NDArray[np.float64]

ENERGIES = {
    "kj/mol": units.kJ / units.mol,
    "kcal/mol": units.kcal / units.mol,
    "ev": 1.0,
    "ha": units.Hartree,
}
LENGTHS = {"nm": units.nm, "a": 1.0, "um": 1e4, "bohr": units.Bohr}
NUMBER = re.compile(r"([+-]?)(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)?\*?(pi)?(?:/(\d+\.?\d*))?$")


@dataclass(frozen=True)
class Units:
    """PLUMED's units in ours: `energy` in eV, `length` in Å."""

    energy: float = ENERGIES["kj/mol"]
    length: float = LENGTHS["nm"]


@dataclass(frozen=True, eq=False)
class Colvar:
    """A COLVAR file as it is written, in its own units.

    Attributes
    ----------
    names : of the columns
    values : shape (n, n_columns)
    periods : of those columns that have one, from ``SET min_… max_…``
    """

    names: tuple[str, ...]
    values: Floats
    periods: Mapping[str, float]

    def __getitem__(self, name: str) -> Floats:
        if name not in self.names:
            raise UnknownName("column of a COLVAR file", name, self.names)
        return self.values[:, self.names.index(name)]


@dataclass(frozen=True)
class Restraint:
    """A RESTRAINT of PLUMED's input, in PLUMED's units: 1/2 kappa (s - at)^2 on each argument."""

    label: str
    arguments: tuple[str, ...]
    at: tuple[float, ...]
    kappa: tuple[float, ...]

    def window(self, names: Sequence[str], lengths: Sequence[str] = (), unit: Units = Units()) -> Window:
        """In our units and the order of `names`, of which `lengths` are lengths; others are left free."""
        for argument in self.arguments:
            if argument not in names:
                raise InputError(
                    f"restraint {self.label!r} acts on {argument}, which is not among the variables {names}"
                )
        center, kappa = [], []
        for name in names:
            scale = unit.length if name in lengths else 1.0
            held = name in self.arguments
            a = self.arguments.index(name) if held else 0
            center.append(self.at[a] * scale if held else 0.0)
            kappa.append(self.kappa[a] * unit.energy / scale**2 if held else 0.0)
        return Window(tuple(center), tuple(kappa))


def read_colvar(path: str | Path) -> Colvar:
    """Read a COLVAR file, restarts appended to it included: of a repeated time the later line counts.

    A last line that is cut short is left out with a warning.

    Raises
    ------
    FileFormatError
        There is no FIELDS line, it changes within the file, or a line does not fit it.
    """
    names: tuple[str, ...] = ()
    limits: dict[str, float] = {}
    rows: list[list[float]] = []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if line.startswith("#! FIELDS"):
            if names and tuple(words[2:]) != names:
                raise FileFormatError(f"{path}, line {number}: FIELDS change within the file; split it there")
            names = tuple(words[2:])
        elif line.startswith("#! SET") and len(words) == 4 and words[2][:4] in ("min_", "max_"):
            limits[words[2]] = number_of(words[3])
        elif words and not line.startswith("#"):
            row = _row(words, names)
            if row is None and number == len(lines) and names:
                warnings.warn(
                    f"{path}: the last line is cut short and left out", RuntimeWarning, stacklevel=2
                )
            elif row is None:
                raise FileFormatError(
                    f"{path}, line {number}: wanted {len(names)} numbers for {names}, got {line!r}"
                )
            else:
                rows.append(row)
    if not names:
        raise FileFormatError(f"{path} has no line '#! FIELDS'; is it a COLVAR file?")
    values = np.array(rows).reshape(-1, len(names))
    if names[0] == "time":
        values = _last_of_each_time(values)
    ends = [(name.removeprefix("max_"), high) for name, high in limits.items() if name.startswith("max_")]
    periods = {name: high - limits[f"min_{name}"] for name, high in ends if f"min_{name}" in limits}
    return Colvar(names, values, periods)


def read_input(path: str | Path) -> tuple[list[Restraint], Units]:
    """Restraints and units from a PLUMED input file.

    Raises
    ------
    FileFormatError
        A restraint lacks ARG, AT or KAPPA, has a SLOPE, or holds what is no number.
    """
    restraints, unit = [], Units()
    for number, (label, action, options) in enumerate(_actions(Path(path).read_text(encoding="utf-8"))):
        if action == "UNITS":
            unit = _units(options)
        elif action == "RESTRAINT":
            label = label or options.get("LABEL", f"@{number}")
            missing = [key for key in ("ARG", "AT", "KAPPA") if key not in options]
            if missing or any(number_of(x) != 0.0 for x in options.get("SLOPE", "0").split(",")):
                raise FileFormatError(
                    f"{path}: restraint {label!r} wants ARG, AT and KAPPA and no SLOPE; got {options}"
                )
            at, kappa = (tuple(map(number_of, options[key].split(","))) for key in ("AT", "KAPPA"))
            arguments = tuple(options["ARG"].split(","))
            if not len(arguments) == len(at) == len(kappa):
                raise FileFormatError(
                    f"{path}: restraint {label!r} wants as many AT and KAPPA as ARG; got {options}"
                )
            restraints.append(Restraint(label, arguments, at, kappa))
    return restraints, unit


def read_windows(
    table: str | Path,
    names: Sequence[str],
    *,
    temperature: float,
    lengths: Sequence[str] = (),
    unit: Units = Units(),
    skip: int = 0,
) -> list[Samples]:
    """Read the windows of a list, the usual input of WHAM programs: ``file center... kappa...`` on each line.

    Parameters
    ----------
    table : its files are relative to its own folder; ``#`` begins a comment
    names : columns of the COLVAR files, in the order of the centers and kappas
    temperature : K
    lengths : those of `names` that are lengths
    unit : of centers, kappas and columns
    skip : samples at the beginning of every file to leave out, for equilibration
    """
    table, windows = Path(table), []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) != 1 + 2 * len(names):
            raise FileFormatError(
                f"{table}, line {number}: wanted a file, {len(names)} centers and {len(names)} kappas, got "
                f"{line!r}"
            )
        numbers = tuple(map(number_of, words[1:]))
        restraint = Restraint(words[0], tuple(names), numbers[: len(names)], numbers[len(names) :])
        colvar = read_colvar(table.parent / words[0])
        window = restraint.window(names, lengths, unit)
        windows.append(
            samples_of(colvar, window, names, temperature=temperature, lengths=lengths, unit=unit, skip=skip)
        )
    return windows


def samples_of(
    colvar: Colvar,
    window: Window,
    names: Sequence[str],
    *,
    temperature: float,
    lengths: Sequence[str] = (),
    unit: Units = Units(),
    skip: int = 0,
) -> Samples:
    """Columns of a COLVAR file as samples of a window; parameters as `read_windows`."""
    scales = [unit.length if name in lengths else 1.0 for name in names]
    s = np.column_stack([colvar[name] * scale for name, scale in zip(names, scales, strict=True)])
    periods = tuple(
        colvar.periods[name] * scale if name in colvar.periods else None
        for name, scale in zip(names, scales, strict=True)
    )
    return Samples(window, s[skip:], temperature, periods)


def number_of(text: str) -> float:
    """A number as PLUMED writes it: also ``pi``, ``-pi/2``, ``0.5*pi``."""
    found = NUMBER.match(text)
    if found and (found[2] or found[3]):
        value = float(found[2] or 1.0) * (math.pi if found[3] else 1.0) / float(found[4] or 1.0)
        return -value if found[1] == "-" else value
    try:
        return float(text)  # nan, inf
    except ValueError:
        raise FileFormatError(f"wanted a number such as 1.5, pi or -pi/2, got {text!r}") from None


def _row(words: Sequence[str], names: Sequence[str]) -> list[float] | None:
    if len(words) != len(names):
        return None
    try:
        return [float(word) for word in words]
    except ValueError:
        return None


def _last_of_each_time(values: Floats) -> Floats:
    """Rows in the order of time; what a restart repeated counts once, as written last."""
    if len(values) < 2 or np.all(np.diff(values[:, 0]) > 0.0):
        return values
    _, first = np.unique(values[::-1, 0], return_index=True)
    return values[::-1][first]


def _actions(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Label, name and options of every action; ``NAME ...`` continues until a line that begins with dots."""
    joined: list[str] = []
    continuing = False
    for raw in text.splitlines():
        line = raw.split("#")[0].strip()
        if continuing and line.startswith("..."):
            continuing = False
        elif continuing:
            joined[-1] += " " + line
        elif line:
            continuing = line.endswith("...")
            joined.append(line.removesuffix("..."))
    actions = []
    for line in joined:
        words = line.split()
        label = words.pop(0)[:-1] if words[0].endswith(":") else ""
        options = dict(word.split("=", 1) for word in words[1:] if "=" in word)
        actions.append((label, words[0] if words else "", options))
    return actions


def _units(options: Mapping[str, str]) -> Units:
    return Units(
        _scale(options.get("ENERGY", "kj/mol"), ENERGIES, ENERGIES["kj/mol"]),
        _scale(options.get("LENGTH", "nm"), LENGTHS, LENGTHS["nm"]),
    )


def _scale(text: str, known: Mapping[str, float], base: float) -> float:
    """A unit by its name, or by a number of PLUMED's base units."""
    if text.lower() in known:
        return known[text.lower()]
    try:
        return float(text) * base
    except ValueError:
        raise UnknownName("unit of PLUMED", text, known) from None
