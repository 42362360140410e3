# %% [markdown]
# # Water around a quantum molecule
#
# One molecule of heavy water and whatever molecules come near it are GFN2-xTB, all others flexible TIP3P. Is
# the liquid the same on both sides of the boundary, where the two models agree, and does it change smoothly
# where they do not? Three runs around different molecules, beside TIP3P alone.
#
# The runs are those of runs/qmmm_water/README.md.

# %%
from __future__ import annotations

import argparse
import json
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
from gapsample.provenance import write_json
from gapsample.qmmm.history import LAYERS
from gapsample.sampling.records import read_records

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="What runs of runs/qmmm_water say.")
parser.add_argument("--runs", type=Path, default=Path("runs/qmmm_water/out"), help="folder of the runs")
parser.add_argument("--start", type=Path, default=Path("runs/qmmm_water/start.xyz"), help="start.xyz")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]

START = ase.io.read(arguments.start, index=-1)
assert isinstance(START, Atoms)
SIDE = float(START.cell[0, 0])
MASSES = START.get_masses()[:3]
APART = 41  # from the molecule in the middle of one run to that of the next
ENTER, LEAVE = 3.2, 3.6  # Å, as config.toml
TIME_STEP, SKIPPED = 1.0, 1000.0  # fs; the beginning, in which TIP3P becomes used to its new neighbors
N_BLOCKS = 5  # stretches of each run, for errors
R = np.arange(2.2, 7.61, 0.15)  # Å, of distribution functions
SHELLS = np.array([0.0, 2.3, 2.9, 3.4, 3.9, 4.6, 5.4, 6.3, 7.2])  # Å; the first is the middle itself

# %% [markdown]
# ## What is seen in a frame
#
# Oxygens and deuteriums around the middle molecule, and around molecules far from it; and by distance from
# the middle: kinetic energy, O-D lengths, molecules.


# %%
@dataclass(frozen=True, eq=False)
class Stretch:
    """Sums over part of a run.

    Attributes
    ----------
    centers : of molecules that count as a middle, and as farther from it than half of the cell's side
    oxygens, deuteriums : shape (2, n_bins), neighbors of those
    molecules, kinetic, lengths : shape (n_shells,); sums over molecules, of K, and of Å
    """

    centers: Floats
    oxygens: Floats
    deuteriums: Floats
    molecules: Floats
    kinetic: Floats
    lengths: Floats


def nearest(vectors: Floats) -> Floats:
    """The images of vectors that are nearest, in the cube."""
    return vectors - SIDE * np.rint(vectors / SIDE)


def stretch(frames: Any, middle: int | None) -> Stretch:
    """Sums over frames; without a middle every molecule is one."""
    x = frames["positions"].astype(float).reshape(len(frames), -1, 3, 3)
    v = frames["velocities"].astype(float).reshape(x.shape)
    temperatures = np.einsum("fmac,a->fm", v**2, MASSES) / (9.0 * units.kB)
    arms = np.linalg.norm(nearest(x[:, :, 1:] - x[:, :, :1]), axis=3).mean(axis=2)
    centers, counts = np.zeros(2), np.zeros((2, 2, len(R) - 1))
    sums = np.zeros((3, len(SHELLS) - 1))
    for one in range(x.shape[1]) if middle is None else [middle]:
        away = np.linalg.norm(nearest(x[:, :, 0] - x[:, one, None, 0]), axis=2)
        for row, weights in enumerate((np.ones_like(away), temperatures, arms)):
            sums[row] += np.histogram(away, SHELLS, weights=weights)[0]
        _count(x, one, centers, counts, 0)
        for other in range(x.shape[1]) if middle is not None else []:
            _count(x[away[:, other] > 0.5 * SIDE], other, centers, counts, 1)
    return Stretch(centers, counts[:, 0], counts[:, 1], *sums)


def _count(x: Floats, around: int, centers: Floats, counts: Floats, kind: int) -> None:
    """Add the neighbors of one molecule, but not its own atoms."""
    away = np.linalg.norm(nearest(x - x[:, around, 0][:, None, None]), axis=3)
    away[:, around] = 0.0
    centers[kind] += len(x)
    counts[kind, 0] += np.histogram(away[:, :, 0], R)[0]
    counts[kind, 1] += np.histogram(away[:, :, 1:], R)[0]


def stretches(number: int) -> list[Stretch]:
    """A run in stretches; run 0 is the control, with many a middle."""
    frames = read_records(arguments.runs / str(number) / "frames.records")
    kept = frames[frames["step"] * TIME_STEP > SKIPPED]
    middle = None if number == 0 else APART * (number - 1)
    return [stretch(part, middle) for part in np.array_split(kept, N_BLOCKS)]


numbers = sorted(
    int(path.name) for path in arguments.runs.iterdir() if path.name.isdigit() and path.name != "0"
)
mixed = [part for number in numbers for part in stretches(number)]
control = stretches(0)

# %% [markdown]
# ## Profiles, with errors from the stretches

# %%
BULK = len(START) / 3 / SIDE**3
IN_SHELLS = 4.0 / 3.0 * np.pi * np.diff(R**3) * BULK
MIDDLES = 0.75 * np.diff(SHELLS**4) / np.diff(SHELLS**3)
MIDDLES[0] = 0.0


def ratio(above: list[Floats], below: list[Floats]) -> tuple[Floats, Floats]:
    """Ratio of sums over stretches, and its standard error by leaving one out at a time."""
    a, b = np.array(above), np.array(below)
    whole = a.sum(axis=0) / b.sum(axis=0)
    without = (a.sum(axis=0) - a) / (b.sum(axis=0) - b)
    n = len(a)
    return whole, np.sqrt((n - 1) / n * np.sum((without - without.mean(axis=0)) ** 2, axis=0))


def distribution(parts: list[Stretch], name: str, kind: int) -> tuple[Floats, Floats]:
    """g(r) around middles (kind 0) or far from them (1)."""
    each = 2.0 if name == "deuteriums" else 1.0
    counts = [getattr(part, name)[kind] for part in parts]
    return ratio(counts, [part.centers[kind] * each * IN_SHELLS for part in parts])


def profile(parts: list[Stretch], name: str) -> tuple[Floats, Floats]:
    """Mean over the molecules in each shell."""
    return ratio([getattr(part, name) for part in parts], [part.molecules for part in parts])


def density(parts: list[Stretch], of: list[Stretch]) -> tuple[Floats, Floats]:
    """Molecules in each shell around a middle over those of another set; the middle itself left out."""
    value, err = ratio([part.molecules for part in parts], [part.centers[:1] for part in parts])
    other, other_err = ratio([part.molecules for part in of], [part.centers[:1] for part in of])
    found = value / other
    return found[1:], (found * np.hypot(err / value, other_err / other))[1:]


def neighbors(parts: list[Stretch], until: float, kind: int) -> tuple[float, float]:
    """Oxygens nearer than so many Å."""
    last = int(np.searchsorted(R, until + 1e-9)) - 1
    inside = [part.oxygens[kind][:last].sum() for part in parts]
    value, err = ratio(inside, [part.centers[kind] for part in parts])
    return float(value), float(err)


def apart(name: str) -> float:
    """Root mean square, in standard errors, of what is between both g(r) beyond the boundary."""
    beyond = R[:-1] > LEAVE
    near, far = (np.array(distribution(mixed, name, kind))[:, beyond] for kind in (0, 1))
    return float(np.sqrt(np.mean((near[0] - far[0]) ** 2 / (near[1] ** 2 + far[1] ** 2))))


# %% [markdown]
# ## Who came and went


# %%
def exchanges(number: int) -> dict[str, float]:
    """Molecules that entered after the start, and how many the region held."""
    history = read_records(arguments.runs / str(number) / "region.records")
    steps = read_records(arguments.runs / str(number) / "steps.records")
    quantum = history[(history["layer"] == LAYERS.index("quantum")) & (history["atom"] % 3 == 0)]
    later = quantum[quantum["step"] > quantum["step"].min()]
    time = float(steps["step"][-1]) * TIME_STEP / 1000.0
    heat = {
        f"heat_{part}_eV_per_ps": float(steps[f"heat_{part}"].sum()) / time
        for part in ("quantum", "classical")
    }
    return {
        "picoseconds": time,
        "quantum_calls": int(steps["calls"].sum()),
        "cluster_molecules": float(steps["cluster_atoms"].mean()) / 3.0,
        "quantum_molecules": float(steps["quantum"].mean()) / 3.0,
        "entered": int(later["entered"].sum()),
        "left": int((~later["entered"]).sum()),
        "different_molecules": len(np.unique(quantum["atom"])),
        "temperature_quantum": float(steps["temperature_quantum"].mean()),
        "temperature_classical": float(steps["temperature_classical"].mean()),
        "surprise_eV_per_A": float(steps["surprise"].mean()),
        **heat,
    }


# %% [markdown]
# ## The figure


# %%
def draw() -> Figure:
    """Both distribution functions and the region over time; temperature, density, O-D lengths."""
    with style():
        figure = Figure(figsize=(15.0, 8.0))
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
        (oo, od, region), (hot, dense, long) = figure.subplots(2, 3)
        _draw_distribution(oo, "oxygens", "a  O-O, between molecules")
        _draw_distribution(od, "deuteriums", "b  O-D, between molecules")
        for color, number in zip(COLORS, numbers, strict=False):
            steps = read_records(arguments.runs / str(number) / "steps.records")
            time, held = steps["step"] * TIME_STEP / 1000.0, steps["quantum"] / 3.0
            region.step(time, held, where="post", lw=0.8, color=color, label=f"run {number}")
        region.set(title="c  Quantum molecules", xlabel="time (ps)", ylabel="molecules", ylim=(0.0, None))
        region.legend()
        boundary = 0.5 * (ENTER + LEAVE)
        for axes, name, title, label in (
            (hot, "kinetic", "d  Temperature across the boundary", "K"),
            (long, "lengths", "f  Mean O-D length across the boundary", "Å"),
        ):
            lines = [
                Line(who, MIDDLES, *profile(parts, name))
                for who, parts in (("quantum in the middle", mixed), ("TIP3P alone", control))
            ]
            draw_profile(axes, lines, boundary, level=None)
            axes.set(title=title, ylabel=label)
        draw_profile(dense, [Line("", MIDDLES[1:], *density(mixed, control))], boundary)
        dense.set(title="e  Density across the boundary", ylabel="molecules / those in TIP3P alone")
        for axes in (hot, dense, long):
            axes.set_xlabel("distance of oxygen from the middle (Å)")
    return figure


def _draw_distribution(axes: Axes, name: str, title: str) -> None:
    r = 0.5 * (R[1:] + R[:-1])
    axes.axvspan(ENTER, LEAVE, color=COLORS[5], alpha=0.2, lw=0)
    axes.axhline(1.0, color=GUIDE, lw=0.8, ls="--")
    curves = [
        ("around the quantum molecule", mixed, 0),
        ("around molecules far from it", mixed, 1),
        ("TIP3P alone", control, 0),
    ]
    for color, (label, parts, kind) in zip(COLORS, curves, strict=False):
        g, err = distribution(parts, name, kind)
        axes.plot(r, g, color=color, lw=1.5, label=label)
        axes.fill_between(r, g - err, g + err, color=color, alpha=0.2, lw=0)
    axes.set(title=title, xlabel="distance (Å)", ylabel="g")
    axes.legend()


arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "qmmm_water.png") as written:
    written.write(png(draw()))

# %% [markdown]
# ## The numbers


# %%
def said(found: tuple[Floats, Floats]) -> dict[str, Any]:
    """Values and errors as plain lists."""
    return {"value": found[0].tolist(), "err": found[1].tolist()}


report = {
    "runs": {str(number): exchanges(number) for number in numbers},
    "shells": SHELLS.tolist(),
    "temperature": {"mixed": said(profile(mixed, "kinetic")), "control": said(profile(control, "kinetic"))},
    "density": said(density(mixed, control)),
    "lengths": {"mixed": said(profile(mixed, "lengths")), "control": said(profile(control, "lengths"))},
    "neighbors_within_3.4": {
        "quantum": neighbors(mixed, 3.4, 0),
        "far": neighbors(mixed, 3.4, 1),
        "control": neighbors(control, 3.4, 0),
    },
    "rms_z_beyond_the_boundary": {name: apart(name) for name in ("oxygens", "deuteriums")},
    "r": (0.5 * (R[1:] + R[:-1])).tolist(),
    "g_OO": {
        "quantum": said(distribution(mixed, "oxygens", 0)),
        "far": said(distribution(mixed, "oxygens", 1)),
        "control": said(distribution(control, "oxygens", 0)),
    },
}
BRIEFLY = ("runs", "temperature", "density", "neighbors_within_3.4", "rms_z_beyond_the_boundary")
write_json(arguments.out / "qmmm_water.json", report)
print(json.dumps({name: report[name] for name in BRIEFLY}, indent=2))
