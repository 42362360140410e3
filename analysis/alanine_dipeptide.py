# %% [markdown]
# # Alanine dipeptide: a map of phi and psi, and a difference to bet on
#
# ACE-ALA-NME in vacuum with Amber ff14SB (OpenMM, Reference platform) at 300 K. Windows on a grid of both
# torsions, the collective force as a torque over a fragment, one Gaussian-process surface. Held against
# F(C7ax) - F(rest) = 8.69 ± 0.14 kJ/mol from 20 ns of flattened dynamics (C7ax: 0 < phi < 140°), against
# itself (first half and second half of all windows), against the umbrella estimate, and against MBAR on the
# same samples where pymbar is installed, all at several budgets.
#
#     python analysis/alanine_dipeptide.py          # 144 windows, 1 ns in all: minutes, then stored
#     python analysis/alanine_dipeptide.py --fast   # 64 windows, 0.1 ns in all
#
# Finished windows are kept beside the figures, and read from there the next time.

# %%
from __future__ import annotations

import argparse
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import units
from numpy.typing import NDArray

from gapsample import free_energy
from gapsample.files import replacing
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.plots.free_energy import surface_map
from gapsample.provenance import write_json
from gapsample.sampling.autocorrelation import ChainTooShort
from gapsample.sampling.executors import threads

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="The map of alanine dipeptide, with MBAR beside.")
parser.add_argument("--fast", action="store_true", help="fewer and shorter windows")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]
if importlib.util.find_spec("openmm") is None:
    sys.exit("alanine dipeptide wants openmm; pip install 'gapsample[openmm]'")

KJ = units.kJ / units.mol
TEMPERATURE = 300.0
KT = units.kB * TEMPERATURE
KAPPA = (250.0 if arguments.fast else 100.0) * KJ  # eV per radian^2: neighbors overlap, as MBAR needs them to
REFERENCE = 8.69, 0.14  # kJ/mol
N_GRID = 8 if arguments.fast else 12
SCHEDULE = free_energy.Schedule(
    TEMPERATURE,
    time_step=1.0,
    friction=0.01,
    n_steering=700 if arguments.fast else 1500,
    n_equilibration=200 if arguments.fast else 500,
    n_steps=1000 if arguments.fast else 5000,
    every=5,
    keep_every=0,
)
BUDGETS = (1.0,) if arguments.fast else (0.2, 0.5, 1.0)  # shares of each window
MINIMA = {"C7eq": (-78.0, 57.0), "C5": (-150.0, 157.0), "C7ax": (62.0, -42.0)}
N_MAP = 72  # points along each torsion where maps are compared
TOP = 50.0  # kJ/mol: they are compared below
STRIDE = 5 if arguments.fast else 10  # samples left out by MBAR, whose work grows with windows times samples

# %% [markdown]
# ## The campaign


# %%
def campaign() -> list[free_energy.Samples]:
    """Samples of all windows, sampled unless they are there."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "runs" / "alanine_dipeptide"))
    from system import alanine_dipeptide

    molecule = alanine_dipeptide()
    ensemble = free_energy.Ensemble(molecule.potential, (molecule.phi, molecule.psi), molecule.fields)
    line = 2.0 * np.pi * (np.arange(N_GRID) + 0.5) / N_GRID - np.pi
    windows = [free_energy.Window((phi, psi), (KAPPA, KAPPA)) for phi in line for psi in line]
    with threads(1) as executor:
        runs = free_energy.run_windows(
            arguments.out / "alanine_dipeptide" / f"windows-{N_GRID}",
            ensemble,
            windows,
            molecule.atoms,
            SCHEDULE,
            seed=1,
            executor=executor,
        )
    return [run.samples for run in runs]


def cut(windows: list[free_energy.Samples], part: slice, *, force: bool) -> list[free_energy.Samples]:
    """A part of the samples of every window, with or without collective forces."""
    return [
        replace(w, s=w.s[part], gradients=w.gradients[part] if force and w.gradients is not None else None)
        for w in windows
    ]


def surface_of(windows: list[free_energy.Samples]) -> free_energy.Surface:
    """The surface of averaged gradients."""
    return free_energy.Surface.fit(free_energy.gradient_averages(windows), windows[0].periods)


windows = campaign()
n_samples = len(windows[0].s)
full = surface_of(windows)

# %% [markdown]
# ## The difference, the minima, the way between them


# %%
def is_axial(points: Floats) -> NDArray[np.bool_]:
    """Whether points belong to C7ax."""
    phi = np.remainder(points[:, 0] + np.pi, 2.0 * np.pi) - np.pi
    return (phi > 0.0) & (phi < np.radians(140.0))


def is_rest(points: Floats) -> NDArray[np.bool_]:
    return ~is_axial(points)


def difference(surface: free_energy.Surface) -> tuple[float, float]:
    """F(C7ax) - F(rest) and its standard deviation, kJ/mol."""
    value, std = surface.region_difference(is_rest, is_axial, KT)
    return value / KJ, std / KJ


minima = np.array([full.minimum(np.radians(start)) for start in MINIMA.values()])
heights, deviations = full.mean(minima, minima[0]) / KJ, full.std(minima, minima[0]) / KJ
path = full.minimum_free_energy_path(minima[0], minima[2])

# %% [markdown]
# ## Budgets: the same samples by four estimators
#
# The RMS of two maps is taken below 50 kJ/mol, up to a constant. That of the two halves of all windows, which
# are nearly independent, over two is the error of the full map.

# %%
LINE = 2.0 * np.pi * ((np.arange(N_MAP) + 0.5) / N_MAP - 0.5)
POINTS = np.stack(np.meshgrid(LINE, LINE, indexing="ij"), axis=-1).reshape(-1, 2)
FULL_MAP = full.mean(POINTS) / KJ
LOW = FULL_MAP - FULL_MAP.min() < TOP


def rms(one: Floats, other: Floats = FULL_MAP) -> float:
    """RMS difference of two maps at `POINTS` up to a constant, kJ/mol; unknown points (NaN) are left out."""
    return float(np.nanstd((one - other)[LOW]))


def by_surface(samples: list[free_energy.Samples]) -> dict[str, Any]:
    """Difference and map of the surface."""
    try:
        surface = surface_of(samples)
    except ChainTooShort as problem:
        return {"refused": str(problem)}
    value, std = difference(surface)
    return {"difference": value, "std": std, "rms_to_full": rms(surface.mean(POINTS) / KJ)}


def by_mbar(samples: list[free_energy.Samples]) -> dict[str, Any]:
    """Difference and map of MBAR."""
    from reweighting import unbiased

    s, log_weights = unbiased(samples, STRIDE)
    home = np.remainder(s + np.pi, 2.0 * np.pi) - np.pi
    axial = is_axial(home)
    value = np.logaddexp.reduce(log_weights[~axial]) - np.logaddexp.reduce(log_weights[axial])
    edges = np.linspace(-np.pi, np.pi, N_MAP + 1)
    weights = np.histogram2d(
        home[:, 0], home[:, 1], [edges, edges], weights=np.exp(log_weights - log_weights.max())
    )[0]
    height = -KT * np.log(np.where(weights > 0.0, weights, np.nan)) / KJ
    return {"difference": float(KT * value / KJ), "rms_to_full": rms(height.ravel())}


half = n_samples // 2
halves = [
    surface_of(cut(windows, part, force=True)).mean(POINTS) / KJ for part in (slice(half), slice(half, None))
]
budgets: list[dict[str, Any]] = []
for share in BUDGETS:
    n = int(share * n_samples)
    steps = SCHEDULE.n_steering + SCHEDULE.n_equilibration + n * SCHEDULE.every
    budget: dict[str, Any] = {"ns": 1e-6 * len(windows) * steps * SCHEDULE.time_step}
    budget["collective force"] = by_surface(cut(windows, slice(n), force=True))
    budget["restraint"] = by_surface(cut(windows, slice(n), force=False))
    if importlib.util.find_spec("pymbar") is not None:
        budget["MBAR"] = by_mbar(cut(windows, slice(n), force=False))
    budgets.append(budget)

# %% [markdown]
# ## The figures


# %%
def draw_budgets() -> Figure:
    """Difference by budget and estimator, beside the reference."""
    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.axhspan(REFERENCE[0] - REFERENCE[1], REFERENCE[0] + REFERENCE[1], color=GUIDE, alpha=0.25, lw=0)
    for name, color in zip(("collective force", "restraint", "MBAR"), COLORS, strict=False):
        known = [(b["ns"], b[name]) for b in budgets if "difference" in b.get(name, {})]
        if known:
            values, errors = [b["difference"] for _, b in known], [b.get("std", 0.0) for _, b in known]
            axes.errorbar(
                [x for x, _ in known], values, errors, fmt="o-", ms=4, lw=1.2, color=color, label=name
            )
    axes.set(title="F(C7ax) - F(rest)", xlabel="sampled in all (ns)", ylabel="kJ/mol")
    axes.legend()
    return figure


grid = full.grid(N_MAP)
with style():
    pictures = {
        "alanine_dipeptide": surface_map(
            grid.coordinates,
            grid.periods,
            grid.free_energy,
            grid.std,
            names=("phi", "psi"),
            highest=80.0 * KJ,
            path=path.points,
            minima=minima,
            centers=np.array([w.s.mean(axis=0) for w in cut(windows, slice(1), force=False)]),
        ),
        "alanine_dipeptide_budgets": draw_budgets(),
    }
arguments.out.mkdir(parents=True, exist_ok=True)
for name, picture in pictures.items():
    with replacing(arguments.out / f"{name}.png") as stream:
        stream.write(png(picture))
value, std = difference(full)
found = {
    "n_windows": len(windows),
    "ns": budgets[-1]["ns"],
    "difference_kJ_mol": value,
    "difference_std_kJ_mol": std,
    "z": (value - REFERENCE[0]) / float(np.hypot(std, REFERENCE[1])),
    "map_error_from_halves_kJ_mol": 0.5 * rms(*halves),
    "mean_std_below_top_kJ_mol": float(np.mean(full.std(POINTS[LOW], minima[0]) / KJ)),
    "misfit": float(np.mean(full.window_chi2()) / 2.0),
    "minima": {
        name: {"degrees": np.degrees(point).tolist(), "kJ_mol": float(height), "std": float(deviation)}
        for name, point, height, deviation in zip(MINIMA, minima, heights, deviations, strict=True)
    },
    "barrier_kJ_mol": [path.barrier / KJ, path.barrier_std / KJ],
    "budgets": budgets,
}
write_json(arguments.out / "alanine_dipeptide.json", found)
print(f"F(C7ax) - F(rest) = {value:.2f} ± {std:.2f} kJ/mol, reference {REFERENCE[0]} ± {REFERENCE[1]}")
for name, minimum in found["minima"].items():
    print(f"{name}: {np.round(minimum['degrees'])}, {minimum['kJ_mol']:.2f} ± {minimum['std']:.2f} kJ/mol")
for budget in budgets:
    print(
        {
            k: v
            if isinstance(v, float)
            else {n: x if isinstance(x, str) else round(x, 2) for n, x in v.items()}
            for k, v in budget.items()
        }
    )
