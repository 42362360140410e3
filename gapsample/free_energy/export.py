"""Surfaces for other programs: PLUMED grids, and npz files that xarray understands."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, InputError
from gapsample.files import replacing, write_text
from gapsample.free_energy.grid import Grid

if TYPE_CHECKING:
    from xarray import Dataset

Floats = NDArray[np.float64]

KJ_PER_MOL = units.kJ / units.mol  # PLUMED's unit of energy, in eV
NM = units.nm


def write_npz(path: str | Path, grid: Grid, names: Sequence[str]) -> None:
    """Write a grid: ``free_energy`` and ``std`` (eV), one array for each variable, ``dims`` with their names.

    ``gradient`` is there where the grid has it, periods are in ``periods`` (NaN where open).
    """
    _check_names(grid, names)
    arrays: dict[str, Any] = dict(zip(names, grid.coordinates, strict=True))
    arrays |= {"dims": np.array(names), "free_energy": grid.free_energy, "std": grid.std}
    arrays["periods"] = np.array([np.nan if p is None else p for p in grid.periods])
    if grid.gradient is not None:
        arrays["gradient"] = grid.gradient
    with replacing(path) as stream:
        np.savez_compressed(stream, **arrays)


def to_xarray(grid: Grid, names: Sequence[str]) -> Dataset:
    """The grid as an `xarray.Dataset` (extra ``xarray``), units in its attributes."""
    import xarray

    _check_names(grid, names)
    dims = tuple(names)
    data = {"free_energy": (dims, grid.free_energy), "std": (dims, grid.std)}
    result = xarray.Dataset(data, coords=dict(zip(dims, grid.coordinates, strict=True)))
    for name in data:
        result[name].attrs["units"] = "eV"
    for name, period in zip(dims, grid.periods, strict=True):
        if period is not None:
            result[name].attrs["period"] = period
    return result


def write_plumed(
    path: str | Path,
    grid: Grid,
    names: Sequence[str],
    column: str = "file.free",
    energy: float = KJ_PER_MOL,
    scales: Sequence[float] | None = None,
) -> None:
    """Write a grid as PLUMED and its sum_hills do, the first variable running fastest.

    Parameters
    ----------
    column : name of the values; an EXTERNAL bias wants ``<label>.bias``
    energy : unit of the file in eV, PLUMED's kJ/mol by default
    scales : unit of each variable of the file in ours: 1 for angles (both in radians), `NM` for distances
    """
    _check_names(grid, names)
    scales = (1.0,) * len(names) if scales is None else scales
    fields = [*names, column]
    lines = []
    steps = [line / scale for line, scale in zip(grid.coordinates, scales, strict=True)]
    for name, line, period in zip(names, steps, grid.periods, strict=True):
        step = line[1] - line[0]
        low, high = line[0], line[-1] + (0.0 if period is None else step)
        bins = len(line) - (1 if period is None else 0)
        lines += [
            f"#! SET min_{name} {low:.12g}",
            f"#! SET max_{name} {high:.12g}",
            f"#! SET nbins_{name}  {bins}",
        ]
        lines.append(f"#! SET periodic_{name} {'false' if period is None else 'true'}")
    columns = [mesh.ravel(order="F") for mesh in np.meshgrid(*steps, indexing="ij")]
    columns.append(grid.free_energy.ravel(order="F") / energy)
    if grid.gradient is not None:
        fields += [f"der_{name}" for name in names]
        columns += [g.ravel(order="F") / energy * s for g, s in zip(grid.gradient, scales, strict=True)]
    table = np.column_stack(columns)
    run = len(steps[0])
    blocks = [
        "\n".join(" ".join(f"{x:.9f}" for x in row) for row in table[i : i + run])
        for i in range(0, len(table), run)
    ]
    separator = "\n\n" if len(steps) > 1 else "\n"
    text = "\n".join([f"#! FIELDS {' '.join(fields)}", *lines]) + "\n" + separator.join(blocks) + "\n"
    write_text(path, text)


def read_plumed(
    path: str | Path, energy: float = KJ_PER_MOL, scales: Sequence[float] | None = None
) -> tuple[Grid, tuple[str, ...]]:
    """Read a PLUMED grid and the names of its variables; its std is not known and is NaN.

    Raises
    ------
    FileFormatError
        The header is not that of a grid, or its numbers do not fill it.
    """
    text = Path(path).read_text()
    header = [line.split()[1:] for line in text.splitlines() if line.startswith("#!")]
    fields = next((words[1:] for words in header if words[:1] == ["FIELDS"]), [])
    settings = {words[1]: words[2] for words in header if words[:1] == ["SET"] and len(words) == 3}
    names = tuple(f for f in fields if f"min_{f}" in settings)
    d = len(names)
    if d == 0 or len(fields) not in (d + 1, 2 * d + 1):
        raise FileFormatError(f"{path} is no PLUMED grid: its FIELDS are {' '.join(fields) or 'missing'}")
    try:
        bins = [int(settings[f"nbins_{name}"]) for name in names]
        periodic = [settings[f"periodic_{name}"] == "true" for name in names]
        low = [_number(settings[f"min_{name}"]) for name in names]
        high = [_number(settings[f"max_{name}"]) for name in names]
        table = np.loadtxt(io.StringIO(text), comments="#", ndmin=2)
    except (KeyError, ValueError) as problem:
        raise FileFormatError(f"{path} is no PLUMED grid: {problem}") from problem
    shape = tuple(n if wraps else n + 1 for n, wraps in zip(bins, periodic, strict=True))
    if table.shape != (int(np.prod(shape)), len(fields)):
        raise FileFormatError(
            f"{path} promises {int(np.prod(shape))} points of {len(fields)} fields, it holds {table.shape}"
        )
    scales = (1.0,) * d if scales is None else scales
    lines = tuple(
        s * (a + (b - a) * np.arange(m) / n)
        for a, b, m, n, s in zip(low, high, shape, bins, scales, strict=True)
    )
    periods = tuple(
        s * (b - a) if wraps else None for a, b, wraps, s in zip(low, high, periodic, scales, strict=True)
    )
    values = [column.reshape(shape, order="F") * energy for column in table.T[d:]]
    gradient = np.array([g / s for g, s in zip(values[1:], scales, strict=True)]) if len(values) > 1 else None
    return Grid(lines, periods, values[0], np.full(shape, np.nan), gradient), names


def _number(text: str) -> float:
    """A number as PLUMED writes it; ``pi`` and ``-pi`` are numbers there."""
    return {"pi": np.pi, "-pi": -np.pi}.get(text) or float(text)


def _check_names(grid: Grid, names: Sequence[str]) -> None:
    if len(names) != len(grid.coordinates) or len(set(names)) != len(names) or not all(names):
        raise InputError(f"{len(grid.coordinates)} variables need as many different names, got {list(names)}")
