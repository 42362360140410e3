"""How dynamics with a quantum region goes: profiles across its boundary, and the region over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gapsample.plots.house import COLORS, GUIDE, Floats, styled
from gapsample.plots.nested_progress import SIZE, Line, thinned

MARKERS = "osD^vP*X"


def draw_profile(
    axes: Axes, lines: Sequence[Line], boundary: float, *, level: float | None = 1.0, band: float = 0.0
) -> None:
    """Draw any quantity against the distance from the middle of the region.

    Parameters
    ----------
    lines : x the distance, y the quantity; points with the error bars of one standard error
    boundary : distance at which the region ends; the region is shaded
    level, band : what the quantity should be, None if nothing in particular; shaded within ± `band`
    """
    axes.axvspan(0.0, boundary, color=COLORS[5], alpha=0.12, lw=0)
    axes.axvline(boundary, color=GUIDE, lw=0.8, ls=":")
    if level is not None:
        axes.axhspan(level - band, level + band, color=GUIDE, alpha=0.10, lw=0)
        axes.axhline(level, color=GUIDE, lw=0.8, ls="--")
    for number, line in enumerate(lines):
        axes.errorbar(
            line.x,
            line.y,
            line.err,
            fmt=f"{MARKERS[number % len(MARKERS)]}-",
            ms=4.0,
            lw=1.3,
            color=COLORS[number % len(COLORS)],
            label=line.name,
        )
    axes.set_xlim(0.0, None)
    if len(lines) > 1:
        axes.legend()


@styled
def profile(
    lines: Sequence[Line],
    boundary: float,
    *,
    title: str,
    x: str,
    y: str,
    level: float | None = 1.0,
    band: float = 0.0,
) -> Figure:
    """A figure of `draw_profile`; `x` and `y` name the axes."""
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    draw_profile(axes, lines, boundary, level=level, band=band)
    axes.set(title=title, xlabel=x, ylabel=y)
    return figure


@styled
def region_over_time(
    layers: Mapping[str, tuple[Floats, Floats]], *, end: float, calls: Floats | None = None, x: str = "step"
) -> Figure:
    """Numbers of atoms in each layer of the region, and quantum calls.

    Parameters
    ----------
    layers : by name; times at which the number changes and numbers from then on, shapes (n_changes,); see
        `gapsample.qmmm.history.sizes`
    end : time of the last step
    calls : shape (n_calls,), times of quantum calls; drawn as a running total below
    """
    rows = 1 if calls is None else 2
    figure = Figure(figsize=(SIZE[0], SIZE[1] * (0.6 + 0.4 * rows)), layout="constrained")
    (top, *below) = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    for number, (name, (times, numbers)) in enumerate(layers.items()):
        chosen = thinned(times)
        steps = np.append(times[chosen], end), np.append(numbers[chosen], numbers[-1:])
        top.step(*steps, where="post", lw=1.3, color=COLORS[number % len(COLORS)], label=name)
    top.set(title="Region", ylabel="atoms", ylim=(0.0, None))
    if len(layers) > 1:
        top.legend()
    for axes in below:
        assert calls is not None
        chosen = thinned(calls)
        axes.step(np.append(calls[chosen], end), np.append(chosen + 1, len(calls)), where="post", color=GUIDE)
        axes.set(ylabel="quantum calls", ylim=(0.0, None))
    figure.axes[-1].set_xlabel(x)
    return figure
