"""From evidence to a surface on paper: fit, grids for other programs, figure, and a summary in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from ase import units
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.files import replacing, write_text
from gapsample.free_energy.diagnosis import Finding, diagnose
from gapsample.free_energy.export import KJ_PER_MOL, write_npz, write_plumed
from gapsample.free_energy.fitting import Options
from gapsample.free_energy.grid import Grid
from gapsample.free_energy.observations import GradientAverage
from gapsample.free_energy.paths import Path as MinimumPath
from gapsample.free_energy.plumed import number_of
from gapsample.free_energy.reconstruction import reconstruct
from gapsample.free_energy.surface import Surface
from gapsample.free_energy.variables import shortest
from gapsample.journeys.surface_comparison import Beside, beside
from gapsample.journeys.surface_data import Evidence
from gapsample.plots import Figure, png
from gapsample.plots import free_energy as drawn

Floats = NDArray[np.float64]

GRID = {1: 301, 2: 91, 3: 40, 4: 20, 5: 12, 6: 8}
PROFILE = 121  # points of the profile of one of many variables
MOST_MINIMA = 8
SAME = 0.03  # of a period or range: minima nearer than this are one


@dataclass(frozen=True)
class Questions:
    """What is asked of a surface besides its map: pairs of points, and whether other methods agree."""

    differences: tuple[tuple[Floats, Floats], ...] = ()
    path: tuple[Floats, Floats] | None = None
    compare: bool = False


@dataclass(frozen=True, eq=False)
class SurfaceOutcome:
    """A fitted surface, and what was found on it.

    Attributes
    ----------
    minima : shape (m, d), the lowest first
    path : the one asked for, or None
    beside : other methods, where they were asked for
    summary : in words
    written : files
    """

    surface: Surface
    grid: Grid
    minima: Floats
    path: MinimumPath | None
    beside: Beside | None
    summary: str
    written: tuple[Path, ...] = field(default=())


def map_surface(
    evidence: Evidence,
    folder: Path,
    options: Options | None = None,
    *,
    grid: int | None = None,
    ask: Questions = Questions(),
) -> SurfaceOutcome:
    """Fit a surface and write ``surface.npz``, ``surface.grid``, ``surface.png``, ``surface.txt``.

    Parameters
    ----------
    grid : points along each variable; None leaves it to the number of variables
    ask : what else is wanted; a path is written to ``path.npz``, other methods to ``comparison.tsv`` and
        ``comparison.png``

    Raises
    ------
    InputError
        A point that is asked for has another dimension, or lies outside of what is known.
    """
    if evidence.windows:
        surface = reconstruct(evidence.windows, options=options)
    else:
        surface = Surface.fit(evidence.observations, evidence.periods, options=options)
    on_grid = surface.grid(GRID[len(evidence.names)] if grid is None else grid)
    minima = lowest_minima(surface, on_grid)
    path = None if ask.path is None else surface.minimum_free_energy_path(*ask.path)
    lines = [*_fit_lines(evidence, surface), *_minimum_lines(evidence.names, surface, minima)]
    for a, b in ask.differences:
        value, std = surface.difference(a, b)
        lines.append(f"F({_point(b)}) - F({_point(a)}) = {_both(value, std)}")
    if path is not None:
        value, std = surface.difference(path.points[0], path.points[-1])
        lines.append(f"path from {_point(path.points[0])} to {_point(path.points[-1])}:")
        lines.append(f"  barrier {_both(path.barrier, path.barrier_std)}, difference {_both(value, std)}")
    others = beside(evidence, surface, _highest(surface)) if ask.compare else None
    lines.extend(() if others is None else others.lines())
    lines.extend(_check_lines(diagnose(surface, evidence.windows, refit=False).warnings))
    summary = "\n".join(lines)
    picture = figure(evidence, surface, on_grid, minima, path)
    written = [*_write(evidence, folder, on_grid, summary, picture)]
    written += [] if path is None else [_write_path(evidence, folder, path)]
    written += [] if others is None else [*_write_beside(others, folder)]
    return SurfaceOutcome(surface, on_grid, minima, path, others, summary, tuple(written))


def point_of(text: str, d: int) -> Floats:
    """A point from text such as ``-1.36,1.0``, ``-pi/2,0`` or ``-78deg,57deg``."""
    words = text.split(",")
    if len(words) != d:
        raise InputError(f"a point in {d} variables wants {d} numbers with commas between, got {text!r}")
    values = [
        np.radians(number_of(word.removesuffix("deg"))) if word.endswith("deg") else number_of(word)
        for word in map(str.strip, words)
    ]
    return np.array(values, dtype=float)


def lowest_minima(surface: Surface, grid: Grid) -> Floats:
    """Local minima among visited regions, slid down from the grid, shape (m, d), the lowest first."""
    height = grid.free_energy
    highest = _highest(surface)
    periods = grid.periods
    extent = np.array([axis.extent for axis in surface.axes])
    found: list[Floats] = []
    for index in _local_minima(height, periods):
        if len(found) == MOST_MINIMA or height[index] > highest:
            break
        start = np.array([line[i] for line, i in zip(grid.coordinates, index, strict=True)])
        point = surface.minimum(start)
        point -= _turns(point, periods)
        near = [np.linalg.norm(shortest(point - other, periods) / extent) < SAME for other in found]
        if not any(near):
            found.append(point)
    return np.array(found).reshape(-1, len(periods))


def figure(
    evidence: Evidence, surface: Surface, grid: Grid, minima: Floats, path: MinimumPath | None = None
) -> Figure:
    """A profile with its band, a map with its error, or the profiles of each of many variables."""
    d = len(evidence.names)
    if d == 1:
        line = drawn.Profile("free energy", grid.coordinates[0], grid.free_energy, grid.std)
        return drawn.profiles([line], name=evidence.names[0])
    if d == 2:
        way = None if path is None else path.points
        centers = np.array([o.center for o in surface.observations if isinstance(o, GradientAverage)])
        return drawn.surface_map(
            grid.coordinates,
            grid.periods,
            grid.free_energy,
            grid.std,
            names=evidence.names,
            highest=_highest(surface),
            path=way,
            minima=minima,
            centers=centers,
        )
    if evidence.temperature is None:
        raise InputError(f"profiles of {d} variables want a temperature; give --temperature")
    kT = units.kB * evidence.temperature
    lines = []
    for a, name in enumerate(evidence.names):
        found = surface.marginal([a], kT, PROFILE)
        lines.append(drawn.Profile(name, found.coordinates[0], found.free_energy, found.std))
    return drawn.panels(lines)


def _highest(surface: Surface) -> float:
    """F at the highest of the observed centers, above the lowest: beyond it little is known."""
    centers = np.concatenate(
        [o.center[None] if isinstance(o, GradientAverage) else o.points for o in surface.observations]
    )
    known = surface.mean(centers)
    return float(np.ptp(known))


def _local_minima(height: Floats, periods: Sequence[float | None]) -> list[tuple[int, ...]]:
    """Places on a grid that no neighbor lies below, the lowest first."""
    lowest = np.ones(height.shape, dtype=bool)
    for axis, period in enumerate(periods):
        for step in (1, -1):
            beside = np.roll(height, step, axis=axis)
            if period is None:
                edge = [slice(None)] * height.ndim
                edge[axis] = slice(0, 1) if step == 1 else slice(-1, None)
                beside[tuple(edge)] = np.inf
            lowest &= height <= beside
    places = np.argwhere(lowest)
    order = np.argsort(height[lowest], kind="stable")
    return [tuple(int(i) for i in places[k]) for k in order]


def _turns(point: Floats, periods: Sequence[float | None]) -> Floats:
    """Whole periods to take off so that each variable lies within half a period of zero."""
    return np.array([0.0 if p is None else p * np.rint(x / p) for x, p in zip(point, periods, strict=True)])


def _fit_lines(evidence: Evidence, surface: Surface) -> Iterator[str]:
    n = sum(len(samples.s) for samples in evidence.windows)
    seen = (
        f"{n} samples in {len(evidence.windows)} windows" if n else f"{len(evidence.observations)} gradients"
    )
    d = len(evidence.names)
    at = "" if evidence.temperature is None else f", {evidence.temperature:g} K"
    yield f"{seen}{at}; F({', '.join(evidence.names)})"
    x = np.median(surface.fitted.parameters, axis=0)
    lengths = ", ".join(
        f"{name} {length:.3g}" for name, length in zip(evidence.names, np.exp(x[1 : 1 + d]), strict=True)
    )
    amplitude = np.exp(x[0]) / KJ_PER_MOL
    yield f"length scales: {lengths}; amplitude {amplitude:.3g} kJ/mol; {len(surface.features)} features"
    misfit = surface.window_chi2()
    known = misfit[np.isfinite(misfit)]
    if known.size:
        yield f"misfit of windows (chi^2 per degree of freedom, 1 is right): {known.mean() / d:.2f}"


def _minimum_lines(names: Sequence[str], surface: Surface, minima: Floats) -> Iterator[str]:
    if not len(minima):
        yield "no minimum inside of what was seen"
        return
    yield f"minima ({', '.join(names)}), F above the lowest:"
    for point, value, std in zip(
        minima, surface.mean(minima, minima[0]), surface.std(minima, minima[0]), strict=True
    ):
        yield f"  {_point(point)}  {_both(float(value), float(std))}"


def _check_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """One line for each kind of finding, with its worst case."""
    for concern in dict.fromkeys(finding.concern for finding in findings):
        alike = [finding for finding in findings if finding.concern is concern]
        more = f", and {len(alike) - 1} more" if len(alike) > 1 else ""
        yield f"warning: {alike[0]}{more}"


def _point(point: Floats) -> str:
    return ", ".join(f"{x:.4g}" for x in point)


def _both(value: float, std: float) -> str:
    return f"{value:.4f} ± {std:.4f} eV ({value / KJ_PER_MOL:.2f} ± {std / KJ_PER_MOL:.2f} kJ/mol)"


def _write(evidence: Evidence, folder: Path, grid: Grid, summary: str, picture: Figure) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"surface.{suffix}" for suffix in ("npz", "grid", "png", "txt")]
    write_npz(files[0], grid, evidence.names)
    write_plumed(files[1], grid, evidence.names, energy=evidence.unit.energy, scales=evidence.scales)
    with replacing(files[2]) as stream:
        stream.write(png(picture))
    write_text(files[3], summary + "\n")
    return tuple(files)


def _write_path(evidence: Evidence, folder: Path, path: MinimumPath) -> Path:
    with replacing(folder / "path.npz") as stream:
        np.savez(
            stream,
            dims=np.array(evidence.names),
            points=path.points,
            free_energy=path.free_energy,
            std=path.std,
            barrier=path.barrier,
            barrier_std=path.barrier_std,
        )
    return folder / "path.npz"


def _write_beside(others: Beside, folder: Path) -> tuple[Path, Path]:
    table, picture = folder / "comparison.tsv", folder / "comparison.png"
    write_text(table, others.found.table())
    with replacing(picture) as stream:
        stream.write(png(others.figure()))
    return table, picture
