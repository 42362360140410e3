# %% [markdown]
# # Does the boundary of a quantum region change the liquid?
#
# The mixed runs of runs/qmmm_water once more, with a classical water of smaller charges in place of GFN2-xTB:
# the liquid of either model alone is known. Is what surrounds the molecule in the middle that of its own
# model, and how large must the region be for that to be so?
#
# The runs are those of runs/qmmm_water/README.md, section "A control".

# %%
from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms, units
from matplotlib.axes import Axes
from numpy.typing import NDArray

from gapsample.files import replacing
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.plots.nested_progress import Line
from gapsample.plots.qmmm import draw_profile
from gapsample.potential.tip3p import CHARGE_H, FlexibleTIP3P
from gapsample.provenance import write_json
from gapsample.sampling.records import read_records
from gapsample.settings import load_toml

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="What the control of runs/qmmm_water says.")
parser.add_argument("--runs", type=Path, default=Path("runs/qmmm_water/out"), help="folder of the runs")
parser.add_argument("--start", type=Path, default=Path("runs/qmmm_water/start.xyz"), help="start.xyz")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]

START = ase.io.read(arguments.start, index=-1)
assert isinstance(START, Atoms)
SIDE = float(START.cell[0, 0])
MASSES = START.get_masses()[:3]
APART = 41  # from the molecule in the middle of one run to that of the next
TIME_STEP, SKIPPED, STRETCH = 1.0, 2000.0, 5000.0  # fs
EDGES = np.arange(22, 77) / 10.0  # Å, of distribution functions
STRAIN, TEMPERATURE = 0.002, 300.0  # of lengths, for pressures; K
SHELLS = np.array([2.2, 2.9, 3.4, 3.9, 4.6, 5.4, 6.3, 7.2])  # Å
NEAR, WIDER = 3.4, 4.6  # Å, of the first shell, and of what is as many in any liquid of this density
TIP3P, WEAKER, BETWEEN = "TIP3P alone", "weaker alone", "enter 3.2 Å"
SETS = {  # folders, and where the region ends, Å
    TIP3P: ("0", 0.0),
    WEAKER: ("control/weaker/0", 0.0),
    "enter 2.9 Å": ("control/smaller/[1-9]", 3.1),
    BETWEEN: ("control/mixed/[1-9]", 3.4),
    "enter 4.5 Å": ("control/larger/[1-9]", 4.7),
    "enter 3.2 Å, all as buffer": ("control/full/[1-9]", 3.4),
    "enter 3.2 Å, every second step": ("control/every/[1-9]", 3.4),
    "enter 3.2 Å, density kept": ("control/even/[1-9]", 3.4),
    "TIP3P in weaker, enter 3.2 Å": ("control/reverse/[1-9]", 3.4),
}
BY_SIZE = ("enter 2.9 Å", BETWEEN, "enter 4.5 Å")

# %% [markdown]
# ## Oxygens around the molecule in the middle, in stretches of each run


# %%
@dataclass(frozen=True, eq=False)
class Around:
    """What is around a molecule.

    Attributes
    ----------
    counts : shape (n_stretches, n_bins), oxygens of other molecules, for each molecule in the middle
    boundary : Å, where its region ends; 0: there is none
    picoseconds : that were looked at
    """

    counts: Floats
    boundary: float
    picoseconds: float

    def within(self, edges: Floats) -> tuple[Floats, Floats]:
        """Molecules between edges, which are some of `EDGES`, and standard errors from the stretches."""
        before = np.pad(np.cumsum(self.counts, axis=1), ((0, 0), (1, 0)))
        parts = np.diff(before[:, np.searchsorted(EDGES, edges - 1e-9)], axis=1)
        return parts.mean(axis=0), parts.std(axis=0, ddof=1) / np.sqrt(len(parts))


def around(folders: str, boundary: float) -> Around | None:
    """All runs of a set; run 0 has no region, and every molecule counts as a middle."""
    counts, frames_fs = list[Floats](), 0.0
    for run in sorted(arguments.runs.glob(folders)):
        frames = read_records(run / "frames.records")
        frames = frames[frames["step"] * TIME_STEP > SKIPPED]
        length = float(frames["step"][-1] - frames["step"][0]) * TIME_STEP
        oxygens = frames["positions"].astype(float).reshape(len(frames), -1, 3, 3)[:, :, 0]
        n, number = oxygens.shape[1], int(run.name)
        middles = range(n) if number == 0 else [APART * (number - 1) % n]
        parts = np.array_split(oxygens, max(2, round(length / STRETCH)))
        counts += [np.mean([_counted(part, one) for one in middles], axis=0) for part in parts]
        frames_fs += length
    return Around(np.array(counts), boundary, frames_fs / 1000.0) if counts else None


def _counted(oxygens: Floats, one: int) -> Floats:
    """Molecules by their distance from one, mean over frames."""
    vectors = np.delete(oxygens, one, axis=1) - oxygens[:, one, None]
    away = np.linalg.norm(vectors - SIDE * np.rint(vectors / SIDE), axis=2)
    return np.histogram(away, EDGES)[0] / len(oxygens)


found = {name: seen for name, (folders, end) in SETS.items() if (seen := around(folders, end)) is not None}

# %% [markdown]
# ## Numbers

# %%
BULK = len(START) / 3 / SIDE**3
IN_BINS = 4.0 / 3.0 * np.pi * np.diff(EDGES**3) * BULK
R = 0.5 * (EDGES[1:] + EDGES[:-1])


def neighbors(seen: Around, until: float = NEAR) -> tuple[float, float]:
    """Molecules nearer than so many Å."""
    value, err = seen.within(np.array([EDGES[0], until]))
    return float(value[0]), float(err[0])


def distribution(seen: Around) -> tuple[Floats, Floats]:
    """g(r) of oxygens."""
    value, err = seen.within(EDGES)
    return value / IN_BINS, err / IN_BINS


def density(seen: Around, of: Around) -> tuple[Floats, Floats]:
    """Molecules in each shell over those of another set."""
    (value, err), (other, other_err) = seen.within(SHELLS), of.within(SHELLS)
    return value / other, value / other * np.hypot(err / value, other_err / other)


# %% [markdown]
# ## What pushes at the boundary
#
# Where quantum forces fade in over a wide ramp, with weight w, what comes to rest is not a region of the
# pressure of its surroundings, but one of p(1) = p(0) + ∫ D(w) dw. D is the pressure of the quantum model's
# forces less that of the classical ones, in a liquid of forces mixed alike everywhere; here by its values at
# both ends, where that liquid is the one model's or the other's. By what p(1) exceeds the pressure of the
# quantum liquid at the same density, the region is compressed.


# %%
def pressure(run: str, charge: float) -> tuple[float, float]:
    """Of the forces of one water in the liquid of another, bar, by moving molecules as a whole."""
    frames = read_records(arguments.runs / run / "frames.records")
    kept = frames[frames["step"] * TIME_STEP > SKIPPED][:: len(frames) // 120]
    potential, found = FlexibleTIP3P(cutoff=0.48 * SIDE, charge=charge), list[float]()
    volumes = SIDE**3 * (1.0 + np.array([-STRAIN, STRAIN])) ** 3
    for positions in kept["positions"].astype(float):
        energies = []
        for strain in (-STRAIN, STRAIN):
            middles = np.einsum("mac,a->mc", positions.reshape(-1, 3, 3), MASSES / MASSES.sum())
            moved = START.copy()
            moved.set_cell(START.cell * (1.0 + strain))
            moved.positions = positions + np.repeat(strain * middles, 3, axis=0)
            energies.append(potential.evaluate(moved, forces=False).energy)
        found.append(float(-np.diff(energies)[0] / np.diff(volumes)[0]))
    ideal = len(START) / 3 * units.kB * TEMPERATURE / SIDE**3
    return (ideal + np.mean(found)) / units.bar, np.std(found) / np.sqrt(len(found)) / units.bar


CHARGE = float(load_toml(arguments.start.with_name("control.toml"))["qm"][0]["settings"]["charge"])
PRESSURES = {
    f"{law} forces in {liquid} liquid": pressure(run, charge)
    for liquid, run in (("TIP3P", "0"), ("weaker", "control/weaker/0"))
    for law, charge in (("TIP3P", CHARGE_H), ("weaker", CHARGE))
}
OUTSIDE, FRESH, STALE, INSIDE = (value for value, _ in PRESSURES.values())
EXCESS = OUTSIDE + 0.5 * (FRESH - OUTSIDE + INSIDE - STALE) - INSIDE

# %% [markdown]
# ## The figure


# %%
def draw() -> Figure:
    """Distribution functions, densities in shells, and neighbors by the size of the region."""
    with style():
        figure = Figure(figsize=(15.0, 4.5))
        figure.set_layout_engine("constrained", w_pad=0.1)
        functions, dense, sizes = figure.subplots(1, 3)
        for color, name in zip(COLORS, [TIP3P, WEAKER, BETWEEN, "enter 4.5 Å"], strict=False):
            if name in found:
                g, err = distribution(found[name])
                functions.plot(R, g, color=color, lw=1.5, label=name)
                functions.fill_between(R, g - err, g + err, color=color, alpha=0.2, lw=0)
        functions.axhline(1.0, color=GUIDE, lw=0.8, ls="--")
        functions.set(title="a  O-O, around the middle", xlabel="distance (Å)", ylabel="g")
        functions.legend()
        centers = 0.5 * (SHELLS[1:] + SHELLS[:-1])
        lines = [
            Line(name, centers, *density(found[name], found[WEAKER])) for name in BY_SIZE if name in found
        ]
        draw_profile(dense, lines, found[BETWEEN].boundary)
        dense.set(
            title="b  Density around the middle",
            xlabel="distance of oxygen from the middle (Å)",
            ylabel="molecules / those in the weaker water",
        )
        _draw_sizes(sizes)
    return figure


def _draw_sizes(axes: Axes) -> None:
    for color, name in ((COLORS[0], TIP3P), (COLORS[1], WEAKER)):
        value, err = neighbors(found[name])
        axes.axhline(value, color=color, lw=1.3, label=name)
        axes.axhspan(value - err, value + err, color=color, alpha=0.2, lw=0)
    drawn = [found[name] for name in BY_SIZE if name in found]
    values, errs = np.array([neighbors(seen) for seen in drawn]).T
    ends = [seen.boundary for seen in drawn]
    axes.errorbar(ends, values, errs, fmt="o", color=COLORS[2], label="weaker in TIP3P")
    axes.set(title="c  Neighbors by size of the region", xlabel="end of the region (Å)")
    axes.set_ylabel(f"molecules within {NEAR} Å")
    axes.legend()


arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "qmmm_water_control.png") as written:
    written.write(png(draw()))


# %% [markdown]
# ## The report


# %%
def said(what: tuple[Floats, Floats]) -> dict[str, Any]:
    """Values and errors as plain lists."""
    return {"value": np.round(what[0], 4).tolist(), "err": np.round(what[1], 4).tolist()}


report = {
    "shells": SHELLS.tolist(),
    "r": R.tolist(),
    "pressures_bar": PRESSURES,
    "excess_bar": EXCESS,
    "sets": {
        name: {
            "picoseconds": seen.picoseconds,
            f"neighbors_within_{NEAR}": neighbors(seen),
            f"neighbors_within_{WIDER}": neighbors(seen, WIDER),
            "density_over_weaker": said(density(seen, found[WEAKER])),
            "density_over_tip3p": said(density(seen, found[TIP3P])),
            "g_OO": said(distribution(seen)),
        }
        for name, seen in found.items()
    },
}
write_json(arguments.out / "qmmm_water_control.json", report)
for name, seen in found.items():
    counted = ", ".join("{:.2f} ± {:.2f}".format(*neighbors(seen, until)) for until in (NEAR, WIDER))
    print(f"{name:>32} {seen.picoseconds:6.1f} ps: {counted} molecules within {NEAR}, {WIDER} Å; by shells")
    print(" " * 32, *(f"{a:.2f}±{b:.2f}" for a, b in zip(*density(seen, found[WEAKER]), strict=True)))
for name, (value, err) in PRESSURES.items():
    print(f"{name:>32} {value:7.0f} ± {err:.0f} bar")
print(f"{'excess of a wide ramp':>32} {EXCESS:7.0f} bar")
