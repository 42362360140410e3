"""How a nested-sampling run goes: values, walks, moves, heat capacity so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gapsample.plots.house import COLORS, GUIDE, Floats, styled

SIZE = (5.4, 3.4)
MOST_POINTS = 2000
MOST_NAMES = 10


class Line(NamedTuple):
    """A curve of one run: its name, x and y of shape (n,), and the standard error of y, if any."""

    name: str
    x: Floats
    y: Floats
    err: Floats | None = None


@styled
def nested_traces(
    lines: Sequence[Line], *, title: str, x: str, y: str, log: bool = False, level: float | None = None
) -> Figure:
    """Any quantity of several runs; `level` a line to compare with, `log` a logarithmic axis of y."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for number, line in enumerate(lines):
        color = COLORS[number % len(COLORS)]
        chosen = thinned(line.x)
        axes.plot(line.x[chosen], line.y[chosen], "-", lw=1.3, color=color, label=line.name)
        if line.err is not None:
            low, high = line.y - line.err, line.y + line.err
            axes.fill_between(line.x[chosen], low[chosen], high[chosen], color=color, alpha=0.25, lw=0)
    if log:
        axes.set_yscale("log")
    if level is not None:
        axes.axhline(level, lw=0.8, color=GUIDE, ls="--")
    _finish(axes, len(lines), title, x, y)
    return figure


@styled
def nested_moves(
    depth: Floats, acceptance: Mapping[str, Floats], sizes: Mapping[str, Floats], *, aim: float
) -> Figure:
    """Acceptance and size of each kind of move along one run.

    Parameters
    ----------
    depth : shape (n,), -log X
    acceptance, sizes : by move, shape (n,); moves without a size have none
    """
    figure = Figure(figsize=(SIZE[0], 1.4 * SIZE[1]), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    colors = {name: COLORS[i % len(COLORS)] for i, name in enumerate(acceptance)}
    chosen = thinned(depth)
    for axes, columns in ((top, acceptance), (bottom, sizes)):
        for name, column in columns.items():
            axes.plot(depth[chosen], column[chosen], "-", lw=1.1, color=colors[name], label=name)
    top.axhline(aim, lw=0.8, color=GUIDE, ls="--")
    top.set_ylim(0.0, 1.0)
    _finish(top, len(acceptance), "Moves", "", "acceptance")
    bottom.set_yscale("log")
    bottom.set_xlabel("−log X")
    bottom.set_ylabel("step size")
    return figure


@styled
def nested_heat_capacity(
    lines: Sequence[Line], peaks: Mapping[str, Sequence[tuple[float, float]]], *, x: str, y: str, title: str
) -> Figure:
    """Heat capacities with their bands; peaks, by the name of the line, as (temperature, error)."""
    draw: Callable[..., Figure] = nested_traces
    figure = draw(lines, title=title, x=x, y=y)
    axes = figure.axes[0]
    for number, line in enumerate(lines):
        for temperature, err in peaks.get(line.name, ()):
            axes.axvspan(
                temperature - err, temperature + err, color=COLORS[number % len(COLORS)], alpha=0.15, lw=0
            )
    return figure


def thinned(x: Floats) -> np.ndarray:
    """Places of at most `MOST_POINTS` of the points, the first and the last among them."""
    return np.unique(np.linspace(0, max(len(x) - 1, 0), min(len(x), MOST_POINTS)).astype(int))


def _finish(axes: Axes, n: int, title: str, x: str, y: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if 1 < n <= MOST_NAMES:
        axes.legend()
