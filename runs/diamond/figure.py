"""The one figure: elastic constants, phonons, vacancy migration and thermal expansion, all columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.interpolate import CubicSpline

from gapsample.plots import style

Properties = Mapping[str, Any]

COLORS = ("#222222", "#D55E00", "#56B4E9")
LINES = ("-", "--", "-")
WIDTHS = (2.2, 1.6, 1.1)
MARKERS = ("o", "D", "^")
ELASTIC = (("c11", "C₁₁"), ("c12", "C₁₂"), ("c44_unrelaxed", "C₄₄ unrelaxed"), ("c44", "C₄₄ relaxed"))


def draw(columns: Mapping[str, Properties]) -> Figure:
    """Four panels from the properties of up to three potentials, the reference first."""
    with style():
        figure = Figure(figsize=(11.0, 8.4), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.08, wspace=0.04, hspace=0.04)
        axes = figure.subplots(2, 2)
        _elastic(axes[0, 0], columns)
        _bands(axes[0, 1], columns)
        _migration(axes[1, 0], columns)
        _expansion(axes[1, 1], columns)
        handles, labels = axes[0, 1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(columns), fontsize=11)
    return figure


def _elastic(ax: Axes, columns: Mapping[str, Properties]) -> None:
    width = 0.86 / len(columns)
    for number, properties in enumerate(columns.values()):
        left = np.arange(len(ELASTIC)) + (number - 0.5 * (len(columns) - 1)) * width
        heights = [properties["elasticity"][key] for key, _ in ELASTIC]
        bars = ax.bar(left, heights, 0.9 * width, color=COLORS[number])
        ax.bar_label(bars, fmt="%.0f", fontsize=7.5, padding=2)
    ax.set_xticks(range(len(ELASTIC)), [label for _, label in ELASTIC])
    ax.tick_params(axis="x", length=0)
    ax.grid(False, axis="x")
    ax.set(ylabel="elastic constant (GPa)", title="a  Elastic constants")


def _bands(ax: Axes, columns: Mapping[str, Properties]) -> None:
    for number, (name, properties) in enumerate(columns.items()):
        bands = properties["bands"]
        lines = ax.plot(bands["x"], bands["frequencies"], **_line(number))
        lines[0].set_label(name)
    ticks = next(iter(columns.values()))["bands"]["ticks"]
    ax.set_xticks([position for position, _ in ticks], [name for _, name in ticks])
    ax.grid(False, axis="y")
    ax.set(ylabel="frequency (THz)", title="b  Phonons", xlim=(ticks[0][0], ticks[-1][0]))
    ax.set_ylim(bottom=0.0)


def _migration(ax: Axes, columns: Mapping[str, Properties]) -> None:
    for number, properties in enumerate(columns.values()):
        vacancy = properties["vacancy"]
        along, energies = np.array(vacancy["path"]) / vacancy["path"][-1], np.array(vacancy["energies"])
        fine = np.linspace(0.0, 1.0, 201)
        ax.plot(fine, CubicSpline(along, energies, bc_type="clamped")(fine), **_line(number))
        ax.plot(along, energies, MARKERS[number], color=COLORS[number], markersize=6, zorder=4)
    ax.set(
        xlabel="fraction of the path from site to site",
        ylabel="energy (eV)",
        title="c  Vacancy migration",
        xlim=(-0.02, 1.02),
    )
    ax.set_ylim(bottom=0.0)


def _expansion(ax: Axes, columns: Mapping[str, Properties]) -> None:
    for number, properties in enumerate(columns.values()):
        expansion = properties["expansion"]
        ax.plot(expansion["temperatures"], 1e6 * np.array(expansion["alpha"]), **_line(number))
    ax.set(
        xlabel="temperature (K)",
        ylabel="linear expansion coefficient (10⁻⁶/K)",
        title="d  Thermal expansion",
        xlim=(0.0, expansion["temperatures"][-1]),
    )


def _line(number: int) -> dict[str, Any]:
    return {
        "color": COLORS[number],
        "linestyle": LINES[number],
        "linewidth": WIDTHS[number],
        "zorder": 3 if number == 1 else 2 - 0.5 * number,
    }
