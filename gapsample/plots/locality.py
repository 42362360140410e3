"""How force errors fall with the size of the cluster they were found in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from gapsample.plots.house import COLORS, GUIDE, Floats, styled
from gapsample.plots.nested_progress import SIZE
from gapsample.plots.qmmm import MARKERS

OFFSET = 0.015  # of the range of radii, between the points of curves drawn side by side


class Curve(NamedTuple):
    """Errors of one kind: `radii` and `rms` of shape (n_radii,), single `norms` (n_radii, n_atoms), eV/Å."""

    name: str
    radii: Floats
    rms: Floats
    norms: Floats


@styled
def locality_figure(curves: Sequence[Curve], *, wanted: Sequence[float] = ()) -> Figure:
    """Force error against the radius of clusters: root mean square as lines, single atoms as dots.

    Parameters
    ----------
    wanted : eV/Å, errors to draw as guides
    """
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.subplots()
    for error in wanted:
        axes.axhline(error, lw=0.8, ls="--", color=GUIDE)
    for number, curve in enumerate(curves):
        color = COLORS[number % len(COLORS)]
        aside = (number - 0.5 * (len(curves) - 1)) * OFFSET * float(np.ptp(curve.radii))
        x = np.repeat(curve.radii + aside, curve.norms.shape[1])
        axes.plot(x, curve.norms.ravel(), ".", ms=4, alpha=0.35, mew=0, color=color, rasterized=True)
        marker = MARKERS[number % len(MARKERS)]
        axes.plot(curve.radii, curve.rms, f"{marker}-", ms=5, lw=1.5, color=color, label=curve.name)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set(title="How far forces reach", xlabel="radius of the cluster (Å)", ylabel="force error (eV/Å)")
    axes.legend()
    return figure
