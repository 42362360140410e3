"""How well a model predicts: parity, true against predicted errors, z-scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gapsample.plots.house import COLORS, GUIDE, Floats, group_colors, styled

MAX_POINTS = 20_000


@styled
def parity(
    reference: Floats, predicted: Floats, groups: Sequence[str], *, title: str, unit: str, rmse: str
) -> Figure:
    """Predicted against reference, one color for each group, and below it the error on its own scale.

    Parameters
    ----------
    reference, predicted : shape (n, n_components)
    groups : n names, one for each row
    title, unit : of the quantity
    rmse : written into the title, with its unit
    """
    figure = Figure(figsize=(4.6, 5.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    names = np.array(groups)
    size = 4.0 if len(reference) > 500 else 7.0
    for name, color in group_colors(groups).items():
        x, y = _thinned(reference[names == name].ravel(), predicted[names == name].ravel())
        top.plot(x, y, ".", ms=size, alpha=0.6, mew=0, color=color, label=name, rasterized=True)
        bottom.plot(x, y - x, ".", ms=size, alpha=0.6, mew=0, color=color, rasterized=True)
    low, high = float(np.min(reference)), float(np.max(reference))
    top.plot([low, high], [low, high], "-", lw=0.8, color=GUIDE)
    bottom.axhline(0.0, lw=0.8, color=GUIDE)
    top.set_title(f"{title}: RMSE {rmse}")
    top.set_ylabel(f"predicted ({unit})")
    bottom.set_ylabel("error")
    bottom.set_xlabel(f"reference ({unit})")
    _legend(top, len(set(groups)))
    return figure


@styled
def error_against_predicted(
    error: Floats, std: Floats, *, title: str, unit: str, rank: float | None
) -> Figure:
    """True error against the one the model predicted, with the running root mean square and y = x.

    A point on the line is one whose error is as large as predicted; a calibrated model has its running
    root mean square on the line, and half to two thirds of its points below it.

    Parameters
    ----------
    error, std : shape (n,), non-negative
    rank : Spearman correlation for the title
    """
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    shown = (error > 0.0) & (std > 0.0)
    error, std = error[shown], std[shown]
    axes.set_title(title if rank is None else f"{title}: rank correlation {rank:.2f}")
    axes.set_xlabel(f"predicted error ({unit})")
    axes.set_ylabel(f"true error ({unit})")
    if error.size == 0:
        axes.text(0.5, 0.5, "no errors to show", ha="center", transform=axes.transAxes, color=GUIDE)
        return figure
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.plot(*_thinned(std, error), ".", ms=3, alpha=0.35, mew=0, color=COLORS[0], rasterized=True)
    x, y = running_rms(std, error)
    axes.plot(x, y, "o-", ms=4, lw=1.5, color=COLORS[1], label="running RMS")
    ends = np.array([std.min(), std.max()])
    axes.plot(ends, ends, "-", lw=1.0, color=GUIDE, label="as predicted")
    axes.set_ylim(float(np.quantile(error, 0.005)) / 2, float(error.max()) * 2)
    axes.legend(loc="upper left")
    return figure


@styled
def z_histogram(scores: Mapping[str, Floats], *, title: str) -> Figure:
    """Error over predicted error, against the standard normal.

    Parameters
    ----------
    scores : arrays of z by name, e.g. after and before calibration; the first one sets the scale
    """
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    edges = np.linspace(-5.0, 5.0, 51)
    width = edges[1] - edges[0]
    tops = [0.4]
    for (name, z), color in zip(scores.items(), COLORS, strict=False):
        counts = np.histogram(np.clip(z, -4.999, 4.999), bins=edges)[0] / (max(len(z), 1) * width)
        tops.append(float(counts.max(initial=0.0)))
        label = f"{name}: z = {np.sqrt(np.mean(z**2)):.2f}"
        axes.stairs(counts, edges, fill=True, alpha=0.35, color=color, label=label)
        axes.stairs(counts, edges, lw=1.2, color=color)
    x = np.linspace(-5.0, 5.0, 201)
    axes.plot(x, np.exp(-0.5 * x**2) / np.sqrt(2.0 * np.pi), lw=1.2, color=GUIDE, label="normal")
    axes.set_xlim(-5.0, 5.0)
    axes.set_ylim(0.0, 1.4 * max(tops[:2]))
    axes.set_title(title)
    axes.set_xlabel("error / predicted error (beyond ±5 in the outermost bars)")
    axes.set_ylabel("density")
    axes.legend(loc="upper left")
    return figure


def running_rms(std: Floats, error: Floats, n_bins: int = 12) -> tuple[Floats, Floats]:
    """Root mean square of predicted and of true error in bins of equal count, sorted by prediction."""
    order = np.argsort(std, kind="stable")
    bins = [part for part in np.array_split(order, min(n_bins, max(1, len(std) // 5))) if part.size]
    rms = [[np.sqrt(np.mean(values[part] ** 2)) for part in bins] for values in (std, error)]
    return np.array(rms[0]), np.array(rms[1])


def _thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most `MAX_POINTS` points, evenly spaced through the data, for the picture only."""
    step = -(-len(x) // MAX_POINTS) or 1
    return x[::step], y[::step]


def _legend(axes: Axes, n_groups: int) -> None:
    if 1 < n_groups <= 14:
        axes.legend(loc="upper left", markerscale=2.5, ncols=1 if n_groups <= 7 else 2, handletextpad=0.2)
