"""Phases: the diagram with its error bars, shares over temperature, basins, and maps of structures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gapsample.plots.house import COLORS, GUIDE, Floats, styled

if TYPE_CHECKING:  # drawing does not need what compiles walks
    from gapsample.nested.basins import Basin
    from gapsample.nested.phase_diagram import Line, PhaseDiagram
    from gapsample.nested.thermodynamics import Curve

MARKERS = "osD^v<>P"
DECADE = 8.0  # pressures that span more are drawn on a logarithmic axis


@styled
def phase_diagram(
    diagram: PhaseDiagram, *, title: str, temperature_unit: str = "", pressure_unit: str = ""
) -> Figure:
    """Temperature against pressure: the ridges of the heat capacity, and lines with error bars on them.

    Thick bars are the statistical error, thin ones with caps the spread of the seeds, wide pale ones the
    potential's share. Filled markers are transitions of first order, open ones continuous.
    """
    figure = Figure(figsize=(5.6, 4.2), layout="constrained")
    axes = figure.subplots()
    p, t = diagram.pressures, diagram.temperatures
    if len(p) > 1:
        ridges = np.log10(np.maximum(diagram.heat_capacity.T, 1e-300))
        low, high = np.quantile(ridges, (0.05, 1.0))
        colors = axes.pcolormesh(
            p, t, ridges, cmap="Greys", shading="nearest", vmin=low, vmax=high, alpha=0.7
        )
        figure.colorbar(colors, label="log10 heat capacity", pad=0.01)
    for number, line in enumerate(diagram.lines):
        _draw_line(axes, line, COLORS[number % len(COLORS)], MARKERS[number % len(MARKERS)])
    if p.min() > 0.0 and p.max() > DECADE * p.min():
        axes.set_xscale("log")
    axes.grid(False)
    axes.set_title(title)
    axes.set_xlabel(_labelled("pressure", pressure_unit))
    axes.set_ylabel(_labelled("temperature", temperature_unit))
    if diagram.lines:
        axes.legend(loc="best", frameon=True, framealpha=0.85)
    return figure


@styled
def shares(temperatures: Floats, curves: Mapping[str, Curve], *, title: str, unit: str = "") -> Figure:
    """Shares of phases over temperature, or any averages of one scale, with bands of one standard error."""
    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, (name, curve) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        axes.plot(temperatures, curve.value, color=color, label=name)
        axes.fill_between(
            temperatures, curve.value - curve.err, curve.value + curve.err, color=color, alpha=0.25, lw=0
        )
    axes.set_title(title)
    axes.set_xlabel(_labelled("temperature", unit))
    axes.set_ylabel("share")
    axes.legend(loc="best")
    return figure


@styled
def radial_distributions(r: Floats, g: Curve, temperatures: Floats, *, title: str, unit: str = "Å") -> Figure:
    """Averaged g(r) at several temperatures.

    Parameters
    ----------
    r : shape (n_bins,)
    g : from `averages`, its value of shape (n_temperatures, n_bins)
    """
    figure = Figure(figsize=(5.2, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, (t, value, err) in enumerate(zip(temperatures, g.value, g.err, strict=True)):
        color = COLORS[number % len(COLORS)]
        axes.plot(r, value, color=color, label=f"T = {t:g}")
        axes.fill_between(r, value - err, value + err, color=color, alpha=0.25, lw=0)
    axes.axhline(1.0, lw=0.8, color=GUIDE)
    axes.set_title(title)
    axes.set_xlabel(_labelled("r", unit))
    axes.set_ylabel("g(r)")
    axes.legend(loc="best")
    return figure


@styled
def structure_map(
    places: Floats, colored_by: Floats, *, title: str, color_label: str, references: Mapping[str, Floats] = {}
) -> Figure:
    """Configurations on a map of `environment.embed`, colored by a number, with named reference phases.

    Parameters
    ----------
    places : shape (m, 2)
    colored_by : shape (m,), such as the enthalpy
    references : places of shape (2,) by name
    """
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    axes = figure.subplots()
    order = np.argsort(colored_by)[::-1]
    dots = axes.scatter(
        places[order, 0], places[order, 1], c=colored_by[order], s=8.0, lw=0, cmap="viridis", rasterized=True
    )
    for (name, place), marker in zip(references.items(), MARKERS * len(references), strict=False):
        axes.plot(*place, marker, ms=9, mfc="none", mec="k", mew=1.5)
        axes.annotate(name, (float(place[0]), float(place[1])), textcoords="offset points", xytext=(7, 5))
    figure.colorbar(dots, label=color_label, pad=0.01)
    axes.set_title(title)
    axes.set_xlabel("first coordinate")
    axes.set_ylabel("second coordinate")
    return figure


@styled
def disconnectivity(basins: Sequence[Basin], *, title: str, unit: str = "") -> Figure:
    """Basins as branches that end at their minima and join where they connect; labels are populations.

    Parameters
    ----------
    basins : from `nested.basins.disconnectivity`
    """
    figure = Figure(figsize=(5.6, 4.4), layout="constrained")
    axes = figure.subplots()
    finite = [basin.merge for basin in basins if np.isfinite(basin.merge)]
    low, high = min(basin.lowest for basin in basins), max([*finite, max(b.lowest for b in basins)])
    top = high + 0.15 * (high - low or 1.0)
    place = _branches(basins)
    for number, basin in enumerate(basins):
        color, x, end = COLORS[number % len(COLORS)], place[number], min(basin.merge, top)
        axes.plot([x, x], [basin.lowest, end], color=color, lw=1.8, solid_capstyle="round")
        if basin.parent >= 0:
            axes.plot([x, place[basin.parent]], [end, end], color=color, lw=1.2)
        axes.annotate(
            f"{basin.population}\nlog X {round(basin.log_volume, 1) + 0.0:.1f}",
            (x, basin.lowest),
            textcoords="offset points",
            xytext=(0, -3),
            ha="center",
            va="top",
            fontsize=7,
        )
    axes.set_ylim(low - 0.15 * (top - low), top)
    axes.set_xlim(-0.8, len(basins) - 0.2)
    axes.set_xticks([])
    axes.set_title(title)
    axes.set_ylabel(_labelled("energy", unit))
    return figure


def _draw_line(axes: Axes, line: Line, color: str, marker: str) -> None:
    p = np.array([t.pressure for t in line.transitions])
    t = np.array([t.temperature for t in line.transitions])
    statistical = np.array([t.temperature_err_statistical for t in line.transitions])
    seeds = np.array([t.temperature_err_seeds for t in line.transitions])
    model = np.array([t.temperature_err_model for t in line.transitions])
    for errors, width, cap, alpha in (
        (model, 5.0, 0.0, 0.3),
        (seeds, 0.9, 3.0, 1.0),
        (statistical, 2.2, 0.0, 1.0),
    ):
        known = np.isfinite(errors)
        if known.any():
            axes.errorbar(
                p[known],
                t[known],
                yerr=errors[known],
                fmt="none",
                ecolor=color,
                elinewidth=width,
                capsize=cap,
                alpha=alpha,
            )
    axes.plot(p, t, "-", lw=1.2, color=color)
    first_order = np.array([t.first_order for t in line.transitions])
    for chosen, face, words in ((first_order, color, ""), (~first_order, "white", " (continuous)")):
        if chosen.any():
            label = f"{line.name}{words}"
            axes.plot(p[chosen], t[chosen], marker, color=color, mfc=face, ms=4.5, label=label)


def _branches(basins: Sequence[Basin]) -> list[int]:
    """Where each basin stands: children beside their parents, so that few branches cross."""
    place: dict[int, int] = {}

    def stand(number: int) -> None:
        children = sorted(
            (k for k, b in enumerate(basins) if b.parent == number), key=lambda k: basins[k].merge
        )
        for child in children[1::2][::-1]:
            stand(child)
        place[number] = len(place)
        for child in children[::2]:
            stand(child)

    for number, basin in enumerate(basins):
        if basin.parent < 0:
            stand(number)
    return [place[number] for number in range(len(basins))]


def _labelled(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name
