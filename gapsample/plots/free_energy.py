"""Free-energy surfaces: profiles with their bands, maps beside the map of their error, paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from ase import units
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gapsample.plots.house import COLORS, GUIDE, Floats, styled

SIZE = (5.4, 3.6)
KJ = units.kJ / units.mol
LEVELS = 25
LIGHT = 0.85  # of white in the lines between levels
MAP, ERROR_MAP = "viridis", "magma"


class Profile(NamedTuple):
    """F along one variable: its name, s and F (eV) of shape (n,), and the standard deviation, if any."""

    name: str
    s: Floats
    free_energy: Floats
    std: Floats | None = None


@styled
def profiles(
    lines: Sequence[Profile], *, name: str, exact: Profile | None = None, title: str = "Free energy"
) -> Figure:
    """Several estimates along one variable, the first one leading: the band is two standard deviations.

    Parameters
    ----------
    lines : ours first, comparators after it; each is shifted to agree with the first on average
    name : of the variable
    exact : the right answer, where it is known; all are shifted to it
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    leader = exact or lines[0]
    for number, line in reversed(list(enumerate(lines))):
        _profile(axes, line, _shift(line, leader), COLORS[number % len(COLORS)], 2.0 if number == 0 else 1.2)
    if exact is not None:
        axes.plot(exact.s, exact.free_energy / KJ, "--", lw=1.0, color=GUIDE, label=exact.name)
    _finish(axes, title, name)
    if len(lines) + (exact is not None) > 1:
        axes.legend()
    return figure


@styled
def panels(lines: Sequence[Profile]) -> Figure:
    """Profiles of several variables, one panel each, named by them."""
    figure = Figure(figsize=(SIZE[0], 2.2 * len(lines)), layout="constrained")
    for axes, line in zip(figure.subplots(len(lines), 1, squeeze=False).ravel(), lines, strict=True):
        _profile(axes, line, 0.0, COLORS[0], 1.6)
        _finish(axes, "", line.name)
    return figure


@styled
def surface_map(
    coordinates: Sequence[Floats],
    periods: Sequence[float | None],
    free_energy: Floats,
    std: Floats,
    *,
    names: Sequence[str],
    highest: float,
    path: Floats | None = None,
    minima: Floats | None = None,
    centers: Floats | None = None,
) -> Figure:
    """A surface in two variables, and beside it the map of its standard deviation.

    Parameters
    ----------
    coordinates, free_energy, std : as of `gapsample.free_energy.Grid`, eV
    highest : eV; the colors end there
    path : shape (n, 2), drawn in pieces where it crosses the end of a period
    minima, centers : shape (m, 2), marked on the left and on the right
    """
    figure = Figure(figsize=(2.0 * SIZE[0], 4.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    x, y, height = _closed(coordinates, periods, free_energy / KJ)
    levels = MaxNLocator(LEVELS).tick_values(0.0, highest / KJ)
    filled = left.contourf(x, y, height.T, levels, cmap=MAP, extend="max")
    left.contour(x, y, height.T, levels[::4], colors=[(LIGHT,) * 3], linewidths=0.5)
    figure.colorbar(filled, ax=left, label="F (kJ/mol)", ticks=levels[::4])
    error = _closed(coordinates, periods, std / KJ)[2]
    known = np.where(height <= levels[-1], error, 0.0)
    steps = MaxNLocator(LEVELS).tick_values(0.0, float(known.max()) or 1.0)
    shown = right.contourf(x, y, error.T, steps, cmap=ERROR_MAP, extend="max")
    figure.colorbar(shown, ax=right, label="standard deviation (kJ/mol)", ticks=steps[::4])
    if path is not None:
        for piece in _pieces(path, periods):
            left.plot(*piece.T, "-", lw=1.6, color="white")
            left.plot(*piece.T, "--", lw=1.0, color=COLORS[1])
    if minima is not None and len(minima):
        left.plot(*minima.T, "o", ms=5, mec="black", mfc="white")
    if centers is not None and len(centers):
        right.plot(*_home(centers, periods).T, ".", ms=2.5, color="white", alpha=0.7)
    for axes, title in ((left, "Free energy"), (right, "Error, to the lowest point")):
        axes.grid(False)
        axes.set_title(title)
        axes.set_xlabel(names[0])
    left.set_xlim(x[0], x[-1])
    left.set_ylim(y[0], y[-1])
    left.set_ylabel(names[1])
    return figure


@styled
def maps(
    coordinates: Sequence[Floats],
    periods: Sequence[float | None],
    free_energies: Mapping[str, Floats],
    *,
    names: Sequence[str],
) -> Figure:
    """Several estimates of a surface in two variables beside each other, with the same colors.

    Parameters
    ----------
    coordinates : along each variable
    free_energies : by method, ours first, eV, NaN where unknown; the first decides where the colors end
    """
    figure = Figure(figsize=(SIZE[0] * 0.8 * len(free_energies), 4.0), layout="constrained")
    row = figure.subplots(1, len(free_energies), sharex=True, sharey=True, squeeze=False)[0]
    known = np.all([np.isfinite(height) for height in free_energies.values()], axis=0)
    leader = next(iter(free_energies.values()))[known] / KJ
    levels = MaxNLocator(LEVELS).tick_values(0.0, float(np.ptp(leader)))
    for axes, (method, free_energy) in zip(row, free_energies.items(), strict=True):
        height = free_energy / KJ - leader.min() - np.mean(free_energy[known] / KJ - leader)
        x, y, height = _closed(coordinates, periods, height)
        filled = axes.contourf(x, y, height.T, levels, cmap=MAP, extend="both")
        axes.grid(False)
        axes.set_title(method)
        axes.set_xlabel(names[0])
    row[0].set_ylabel(names[1])
    figure.colorbar(filled, ax=list(row), label="F (kJ/mol)", ticks=levels[::4])
    return figure


def _profile(axes: Axes, line: Profile, shift: float, color: str, width: float) -> None:
    height = (line.free_energy + shift) / KJ
    axes.plot(line.s, height, "-", lw=width, color=color, label=line.name)
    if line.std is not None:
        band = 2.0 * line.std / KJ
        axes.fill_between(line.s, height - band, height + band, color=color, alpha=0.25, lw=0)


def _shift(line: Profile, leader: Profile) -> float:
    """What takes a profile onto the leader, on average over the points of it that the leader covers."""
    known = np.isfinite(line.free_energy) & (line.s >= leader.s[0]) & (line.s <= leader.s[-1])
    if not known.any():
        return 0.0
    target = np.interp(line.s[known], leader.s, leader.free_energy)
    return float(np.mean(target - line.free_energy[known]))


def _finish(axes: Axes, title: str, name: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(name)
    axes.set_ylabel("F (kJ/mol)")


def _closed(
    coordinates: Sequence[Floats], periods: Sequence[float | None], values: Floats
) -> tuple[Floats, Floats, Floats]:
    """Coordinates and values with the first row of a periodic variable repeated at its end."""
    lines = []
    for axis, (line, period) in enumerate(zip(coordinates, periods, strict=True)):
        lines.append(line if period is None else np.append(line, line[0] + period))
        if period is not None:
            values = np.concatenate([values, values.take([0], axis=axis)], axis=axis)
    return lines[0], lines[1], values


def _home(points: Floats, periods: Sequence[float | None]) -> Floats:
    """Points with periodic variables within half a period of zero."""
    result = points.copy()
    for a, period in enumerate(periods):
        if period is not None:
            result[:, a] -= period * np.rint(result[:, a] / period)
    return result


def _pieces(path: Floats, periods: Sequence[float | None]) -> list[Floats]:
    """A path brought home, cut where it jumps by half a period or more."""
    home = _home(path, periods)
    jumps = np.zeros(len(path) - 1, dtype=bool)
    for a, period in enumerate(periods):
        if period is not None:
            jumps |= np.abs(np.diff(home[:, a])) >= 0.5 * period
    return np.split(home, np.flatnonzero(jumps) + 1)
