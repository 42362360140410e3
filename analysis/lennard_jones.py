# %% [markdown]
# # Seven Lennard-Jones atoms: heat capacity, and whether to believe it
#
# Nested sampling of the cluster LJ7 at two resolutions, K and 4K live points, held against parallel tempering
# (2·10⁸ trials), against each other, and against what the runs say of themselves: ranks of new points, and
# how much clones remember of their ancestors.
#
#     python analysis/lennard_jones.py          # four seeds of K = 500 and 2000; half a minute, then stored
#     python analysis/lennard_jones.py --fast   # two seeds of K = 150 and 600, in seconds
#
# The runs are kept beside the figure, and read from there the next time.

# %%
from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gapsample import nested
from gapsample.files import replacing
from gapsample.nested.diagnostics import rank_correlation
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.provenance import write_json

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="Heat capacity of LJ7 and the checks behind it.")
parser.add_argument("--fast", action="store_true", help="fewer live points and seeds")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]

# %% [markdown]
# ## The reference
#
# Reduced units; a cube of 108 σ³ per atom, minimum image, cut and shifted at 3σ; C/N with the 3/2 of the
# momenta.

# %%
N_ATOMS = 7
REFERENCE = np.array(
    [
        (0.1172, 3.467, 0.019),
        (0.19, 4.40, 0.02),
        (0.28, 8.10, 0.05),
        (0.303, 13.8, 0.1),
        (0.328, 20.5, 0.1),
        (0.348, 16.5, 0.1),
        (0.4, 4.67, 0.03),
    ]
)
BOX = nested.PairBox(N_ATOMS, (108.0 * N_ATOMS) ** (1 / 3), nested.LennardJones())
GRID = np.linspace(0.11, 0.45, 86)
LOWEST_KT = 0.1
RESOLUTIONS = (150, 600) if arguments.fast else (500, 2000)
SEEDS = range(2 if arguments.fast else 4)
STRETCHES = 12

# %% [markdown]
# ## The runs
#
# Each is sampled once; a folder that holds one is read.


# %%
def points(n_live: int, number: int) -> nested.DeadPoints:
    """Dead points of one run, made if it is not there."""
    folder = arguments.out / "lennard_jones" / f"{n_live}-{number}"
    settings = nested.Settings(n_live=n_live, n_cull=n_live // 50)
    nested.run(BOX, settings, seed=n_live, number=number, lowest_kT=LOWEST_KT, folder=folder, resume=True)
    return nested.read_points(folder)


@dataclass(frozen=True, eq=False)
class Sampled:
    """Runs of one resolution."""

    n_live: int
    runs: list[nested.DeadPoints]

    @cached_property
    def merged(self) -> nested.DeadPoints:
        """All runs as one."""
        return nested.merge(self.runs)

    def heat_capacity(self, temperatures: Floats) -> tuple[Floats, Floats]:
        """C/N of the merged runs and its standard error, shape (n_temperatures,)."""
        curve = thermodynamics(self.merged, temperatures).heat_capacity
        return curve.value / N_ATOMS, curve.err / N_ATOMS

    def ranks(self) -> Floats:
        """Ranks of ancestors and clones in the first run, in the order of births, shape (2, n)."""
        run = self.runs[0]
        born = run.take(np.isfinite(run.insertion))
        born = born.take(np.lexsort((born.birth_label, born.birth))[::-1])
        return np.stack((born.ancestor, born.insertion))


def thermodynamics(run: nested.DeadPoints, temperatures: Floats) -> nested.Thermodynamics:
    """Curves with momenta; their error bars always from the same simulated histories."""
    rng = np.random.default_rng(0)
    return nested.thermodynamics(run, temperatures, rng=rng, degrees_of_freedom=3 * N_ATOMS)


sampled = [Sampled(n_live, [points(n_live, number) for number in SEEDS]) for n_live in RESOLUTIONS]
coarse, fine = sampled

# %% [markdown]
# ## K against 4K
#
# If walks mix, resolution changes the error bar and nothing else: differences in units of their combined
# error bar are of order one. Neighboring temperatures see the same dead points, so that z wanders.

# %%
curves = {each.n_live: each.heat_capacity(GRID) for each in sampled}
difference = curves[coarse.n_live][0] - curves[fine.n_live][0]
z = difference / np.hypot(curves[coarse.n_live][1], curves[fine.n_live][1])

# %% [markdown]
# ## The figure


# %%
def draw() -> Figure:
    """Four panels; one color for each resolution."""
    colors = dict(zip(curves, COLORS, strict=False))
    with style():
        figure = Figure(figsize=(11.0, 8.0))
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
        (heat, resolution), (ranks, memory) = figure.subplots(2, 2)
        _draw_heat_capacity(heat, colors)
        _draw_resolution(resolution)
        _draw_ranks(ranks, colors)
        _draw_memory(memory, colors)
    return figure


def _draw_heat_capacity(axes: Axes, colors: dict[int, str]) -> None:
    for n_live, (value, err) in curves.items():
        axes.fill_between(GRID, value - 2 * err, value + 2 * err, color=colors[n_live], alpha=0.25, lw=0)
        label = f"K = {n_live}, {len(SEEDS)} seeds merged, ±2σ"
        axes.plot(GRID, value, color=colors[n_live], lw=1.6, label=label)
    t, value, err = REFERENCE.T
    axes.errorbar(
        t, value, 2 * err, fmt="o", ms=4.5, mfc="white", color=GUIDE, label="parallel tempering, ±2σ"
    )
    axes.set(title="a  Heat capacity of LJ7", xlabel="temperature (ε/k)", ylabel="C / N (k)")
    axes.legend(loc="upper left")


def _draw_resolution(axes: Axes) -> None:
    axes.axhspan(-2, 2, color=GUIDE, alpha=0.08, lw=0)
    axes.plot(GRID, z, color=COLORS[2], lw=1.6)
    axes.set(
        title="b  Resolution changes nothing but the error bar",
        xlabel="temperature (ε/k)",
        ylabel=f"C(K = {coarse.n_live}) − C(K = {fine.n_live}), in its error bar",
        ylim=(-5, 5),
    )


def _draw_ranks(axes: Axes, colors: dict[int, str]) -> None:
    for each in sampled:
        test = nested.insertion_test(each.runs[0])
        density, edges = np.histogram(each.ranks()[1], bins=15, range=(0, 1), density=True)
        label = f"K = {each.n_live}: p = {test.p_value:.2f}"
        axes.stairs(density, edges, baseline=None, color=colors[each.n_live], lw=1.6, label=label)
    axes.axhline(1.0, color=GUIDE, lw=1.0)
    axes.set(
        title="c  New points rank uniformly",
        xlabel="rank among the living",
        ylabel="density",
        ylim=(0.8, 1.2),
    )
    axes.legend(loc="upper left")


def _draw_memory(axes: Axes, colors: dict[int, str]) -> None:
    for each in sampled:
        parts = np.array_split(each.ranks(), STRETCHES, axis=1)
        correlation = [rank_correlation(*part) for part in parts]
        place = (np.arange(STRETCHES) + 0.5) / STRETCHES
        err = 1.0 / np.sqrt(parts[0].shape[1])
        label = f"K = {each.n_live}"
        axes.errorbar(place, correlation, err, fmt="o-", ms=4, color=colors[each.n_live], label=label)
    axes.axhline(0.0, color=GUIDE, lw=1.0)
    axes.set(
        title="d  Clones forget their ancestors",
        xlabel="share of the run done",
        ylabel="rank correlation",
        ylim=(-0.3, 0.3),
    )
    axes.legend(loc="upper left")


arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "lennard_jones.png") as stream:
    stream.write(png(draw()))

# %% [markdown]
# ## The numbers


# %%
def summary(each: Sampled) -> dict[str, Any]:
    """What one resolution says: its peak, its distance from the reference, and its diagnostics."""
    value, err = each.heat_capacity(REFERENCE[:, 0])
    around = GRID > 0.25
    found = nested.peaks(GRID[around], thermodynamics(each.merged, GRID[around]).heat_capacity)
    memories = [nested.memory(run).correlation for run in each.runs]
    return {
        "n_live": each.n_live,
        "n_points": len(each.merged),
        "lowest_energy": float(each.merged.value.min()),
        "peaks": [
            {
                "temperature": p.temperature,
                "temperature_err": p.temperature_err,
                "height": p.height / N_ATOMS,
                "height_err": p.height_err / N_ATOMS,
            }
            for p in found
        ],
        "heat_capacity": value.tolist(),
        "heat_capacity_err": err.tolist(),
        "z": ((value - REFERENCE[:, 1]) / np.hypot(err, REFERENCE[:, 2])).tolist(),
        "insertion_p_values": [nested.insertion_test(run).p_value for run in each.runs],
        "memory": float(np.mean(memories)),
    }


numbers: dict[str, Any] = {
    "reference": REFERENCE.tolist(),
    "runs": [summary(each) for each in sampled],
    "resolutions_rms_z": float(np.sqrt(np.mean(z**2))),
    "resolutions_largest_z": float(np.abs(z).max()),
}
write_json(arguments.out / "lennard_jones.json", numbers)
for run in numbers["runs"]:
    print({key: run[key] for key in ("n_live", "peaks", "z", "insertion_p_values", "memory")})
