"""Evidence about a surface from files: finished windows, PLUMED's output, tables of mean gradients."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, InputError
from gapsample.free_energy.campaign import read_window
from gapsample.free_energy.estimators import gradient_averages
from gapsample.free_energy.observations import GradientAverage, Observation
from gapsample.free_energy.plumed import (
    Colvar,
    Restraint,
    Units,
    read_colvar,
    read_input,
    read_windows,
    samples_of,
)
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.variables import Periods
from gapsample.journeys.umbrella_folder import FOLDER, WINDOWS, open_campaign
from gapsample.provenance import MANIFEST

Floats = NDArray[np.float64]

INPUT = "plumed.dat"
PLUMED = Units()


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a surface is learned from.

    Attributes
    ----------
    names : of the variables
    temperature : K, None where nobody knows it
    windows : samples, where there are some, for comparators
    lengths : those of the variables that are lengths, here in Å
    unit : in which PLUMED is to have the surface
    """

    names: tuple[str, ...]
    periods: Periods
    observations: tuple[Observation, ...]
    temperature: float | None
    windows: tuple[Samples, ...] = ()
    lengths: tuple[str, ...] = ()
    unit: Units = PLUMED

    @property
    def scales(self) -> tuple[float, ...]:
        """PLUMED's unit of each variable in ours."""
        return tuple(self.unit.length if name in self.lengths else 1.0 for name in self.names)


@dataclass(frozen=True)
class Reading:
    """How files are to be read.

    Attributes
    ----------
    names : of the variables: columns of COLVAR files, in the order of a list's centers. Not needed where a
        restraint names them
    lengths : those of `names` that are lengths, in PLUMED's files in its unit of length. A campaign's folder
        knows its own
    plumed : PLUMED inputs, one for all COLVAR files or one each; without one ``plumed.dat`` beside each
    temperature : K; needed for PLUMED's files
    skip : samples at the beginning of each file to leave out
    """

    names: tuple[str, ...] = ()
    lengths: tuple[str, ...] = ()
    plumed: tuple[Path, ...] = ()
    temperature: float | None = None
    skip: int = 0


def read_evidence(files: Sequence[Path], how: Reading) -> Evidence:
    """Read everything: all of one kind.

    Folders hold windows of a campaign. An ``.npz`` is such a window, or a table with ``points`` (n, d),
    ``gradient`` (n, d, eV per unit, dF/ds), its ``std`` (n, d) or ``covariance`` (n, d, d), ``periods`` (d,
    NaN where open) and perhaps ``names`` and ``temperature``. Other files are COLVAR files with a RESTRAINT,
    or one list with lines ``file center... kappa...``.

    Raises
    ------
    InputError, FileFormatError
        Files of different kinds or temperatures, or that cannot be read.
    """
    found = [path for file in files for path in _expanded(file)]
    kinds = {path.suffix == ".npz" for path in found}
    if len(kinds) != 1:
        raise InputError(
            f"give either .npz files (or folders of them) or PLUMED's, got {list(map(str, files))}"
        )
    if kinds == {False}:
        names, plumed, unit = _plumed(found, how)
        return of_windows(names, plumed, how.lengths, unit)
    if len(found) == 1 and "gradient" in (table := _arrays(found[0])):
        return _table(found[0], table, how)
    windows = [_cut(read_window(path).samples, how.skip) for path in found]
    names, lengths = _variables_beside(found[0], len(windows[0].periods))
    return of_windows(how.names or names, windows, how.lengths or lengths)


def of_windows(
    names: tuple[str, ...],
    windows: Sequence[Samples],
    lengths: tuple[str, ...] = (),
    unit: Units = PLUMED,
) -> Evidence:
    """Averaged gradients of windows, with their noise."""
    observations = tuple(gradient_averages(windows))
    first = windows[0]
    if len(names) != len(first.periods):
        raise InputError(f"{len(first.periods)} variables want as many names, got {list(names)}")
    if not set(lengths) <= set(names):
        raise InputError(f"lengths {list(lengths)} must be among the variables {list(names)}")
    return Evidence(names, first.periods, observations, first.temperature, tuple(windows), lengths, unit)


def _expanded(file: Path) -> list[Path]:
    if not file.is_dir():
        return [file]
    found = sorted(file.glob(WINDOWS)) or sorted((file / FOLDER).glob(WINDOWS))
    if not found:
        raise InputError(f"{file} holds no windows of a campaign ({WINDOWS})")
    return found


def _cut(samples: Samples, skip: int) -> Samples:
    gradients = None if samples.gradients is None else samples.gradients[skip:]
    return Samples(samples.window, samples.s[skip:], samples.temperature, samples.periods, gradients)


def _variables_beside(path: Path, d: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names, and those of them that are lengths, from a campaign's manifest; else s1, s2, ..."""
    folder = path.parent.parent
    if path.parent.name != FOLDER or not (folder / MANIFEST).exists():
        return _numbered(d), ()
    config = open_campaign(folder).config
    return config.names, config.lengths


def _numbered(d: int) -> tuple[str, ...]:
    return tuple(f"s{a + 1}" for a in range(d))


def _plumed(found: Sequence[Path], how: Reading) -> tuple[tuple[str, ...], list[Samples], Units]:
    if how.temperature is None:
        raise InputError("PLUMED's files do not say their temperature; give --temperature")
    if len(found) == 1 and not _is_colvar(found[0]):
        if not how.names:
            raise InputError(f"the list {found[0]} does not name its variables; give --variables")
        unit = read_input(how.plumed[0])[1] if how.plumed else PLUMED
        listed = read_windows(
            found[0], how.names, temperature=how.temperature, lengths=how.lengths, unit=unit, skip=how.skip
        )
        return how.names, listed, unit
    inputs = how.plumed or tuple(path.parent / INPUT for path in found)
    if len(inputs) not in (1, len(found)):
        raise InputError(f"{len(found)} COLVAR files want one PLUMED input or as many, got {len(inputs)}")
    names, windows = how.names, []
    for path, given in zip(found, inputs * (len(found) if len(inputs) == 1 else 1), strict=True):
        restraint, unit = _restraint(given, names)
        names = names or restraint.arguments
        window = restraint.window(names, how.lengths, unit)
        colvar: Colvar = read_colvar(path)
        windows.append(
            samples_of(
                colvar,
                window,
                names,
                temperature=how.temperature,
                lengths=how.lengths,
                unit=unit,
                skip=how.skip,
            )
        )
    return names, windows, unit


def _is_colvar(path: Path) -> bool:
    with path.open(encoding="utf-8") as stream:
        return stream.readline().startswith("#! FIELDS")


def _restraint(path: Path, names: tuple[str, ...]) -> tuple[Restraint, Units]:
    """All restraints of an input as one."""
    restraints, unit = read_input(path)
    arguments = tuple(a for restraint in restraints for a in restraint.arguments)
    if not arguments or len(set(arguments)) < len(arguments) or not set(names) <= {*arguments, *names}:
        raise InputError(f"{path} wants one RESTRAINT on each variable, got them on {list(arguments)}")
    at = tuple(x for restraint in restraints for x in restraint.at)
    kappa = tuple(x for restraint in restraints for x in restraint.kappa)
    return Restraint("+".join(r.label for r in restraints), arguments, at, kappa), unit


def _arrays(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as problem:
        raise FileFormatError(f"{path} cannot be read as .npz: {problem}") from problem


def _table(path: Path, table: dict[str, Any], how: Reading) -> Evidence:
    try:
        points, gradient, periods = table["points"], table["gradient"], table["periods"]
        std = table.get("std")
        noise = table["covariance"] if std is None else np.array([np.diag(row) for row in np.square(std)])
        observations = tuple(
            GradientAverage(s[None], g, c) for s, g, c in zip(points, gradient, noise, strict=True)
        )
    except (KeyError, ValueError, TypeError) as problem:
        raise FileFormatError(
            f"{path} is no table of mean gradients: wanted points, gradient, std or covariance, periods; "
            f"{problem}"
        ) from problem
    names = how.names or (tuple(table["names"].tolist()) if "names" in table else _numbered(len(periods)))
    temperature = float(table["temperature"]) if "temperature" in table else how.temperature
    periodic = tuple(None if np.isnan(period) else float(period) for period in periods)
    return Evidence(names, periodic, observations, temperature, lengths=how.lengths)
