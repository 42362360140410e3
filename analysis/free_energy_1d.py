# %% [markdown]
# # A free energy along one distance, and whether to believe its error bar
#
# Two atoms held by a double well in their distance r. Space gives them more room far apart than close by, and
# so F(r) = V(r) - 2 kT log r, exactly. Umbrella windows by Langevin dynamics, the surface from histograms of
# the restrained samples and from instantaneous collective forces, and MBAR on the same samples where pymbar
# is installed. Then many replicates, to hold the error bars against the true errors.
#
#     python analysis/free_energy_1d.py          # longer windows, 200 replicates
#     python analysis/free_energy_1d.py --fast   # in seconds

# %%
from __future__ import annotations

import argparse
import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from gapsample import free_energy
from gapsample.files import replacing
from gapsample.free_energy.bins import Bins
from gapsample.free_energy.comparators import compare
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.potential.protocol import Evaluation
from gapsample.provenance import write_json
from gapsample.sampling.executors import threads

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="F along a distance, its error bar, and MBAR beside.")
parser.add_argument("--fast", action="store_true", help="shorter windows, fewer replicates")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]

KJ = units.kJ / units.mol
TEMPERATURE = 300.0
KT = units.kB * TEMPERATURE
N_STEPS = 6_000 if arguments.fast else 40_000
N_REPLICATES = 60 if arguments.fast else 200
N_INDEPENDENT = 200  # samples of a window in a replicate

# %% [markdown]
# ## The problem


# %%
@dataclass(frozen=True)
class Well:
    """V(r) = height ((r - middle)^2 / width^2 - 1)^2 between two atoms."""

    height: float = 0.15
    middle: float = 4.0
    width: float = 1.0

    def energy(self, r: Floats) -> Floats:
        """V(r), eV."""
        return np.asarray(self.height * (((r - self.middle) / self.width) ** 2 - 1.0) ** 2)

    def free_energy(self, r: Floats) -> Floats:
        """F(r), its lowest value zero."""
        height = self.energy(r) - 2.0 * KT * np.log(r)
        return np.asarray(height - height.min())

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: Any = False
    ) -> Evaluation:
        """As any potential."""
        away = atoms.positions[1] - atoms.positions[0]
        r = float(np.linalg.norm(away))
        x = (r - self.middle) / self.width
        push = -4.0 * self.height * (x * x - 1.0) * x / self.width * away / r
        return Evaluation(float(self.energy(np.array(r))), np.array([-push, push]) if forces else None)


WELL = Well()
GRID = np.linspace(2.8, 5.2, 121)
EXACT = WELL.free_energy(GRID)
N_BINS = 40
CENTERS = np.linspace(2.8, 5.2, 13)
KAPPA = 2.0  # eV/Å^2
ENDS = np.array([[3.0], [5.0]])

# %% [markdown]
# ## Dynamics, and three estimates from the same samples

# %%
distance = free_energy.Distance(0, 1)
field = free_energy.DistanceField(distance, (1,))
ensemble = free_energy.Ensemble(WELL, (distance,), (field,))
windows = [free_energy.Window((center,), (KAPPA,)) for center in CENTERS]
starts = [Atoms("Ar2", [(0.0, 0.0, 0.0), (center, 0.0, 0.0)]) for center in CENTERS]
schedule = free_energy.Schedule(
    TEMPERATURE, 4.0, 0.02, n_steering=0, n_equilibration=500, n_steps=N_STEPS, every=5, keep_every=0
)
with threads(1) as executor:
    runs = free_energy.run_windows(
        arguments.out / "free_energy_1d" / f"windows-{N_STEPS}",
        ensemble,
        windows,
        starts,
        schedule,
        seed=2,
        executor=executor,
    )
by_force = [run.samples for run in runs]
by_restraint = [replace(samples, gradients=None) for samples in by_force]


def surface_of(samples: list[free_energy.Samples]) -> free_energy.Surface:
    """The surface of all that the samples say, over all of the grid."""
    seen = np.concatenate([window.s[:, 0] for window in samples])
    limits = (min(float(seen.min()), GRID[0]), max(float(seen.max()), GRID[-1]))
    return free_energy.reconstruct(samples, ranges=[limits])


def rms(r: Floats, mean: Floats) -> float:
    """RMS error of a profile up to its constant, kJ/mol; points that it does not know are left out."""
    error = (mean - np.interp(r, GRID, EXACT))[np.isfinite(mean)]
    return float(np.std(error) / KJ)


surfaces = {"collective force": surface_of(by_force), "restraint": surface_of(by_restraint)}
summary: dict[str, Any] = {}
lines: dict[str, tuple[Floats, Floats, Floats | None]] = {}
for name, surface in surfaces.items():
    anchor = ENDS[0]
    mean, std = surface.mean(GRID[:, None], anchor), surface.std(GRID[:, None], anchor)
    value, error = surface.difference(*ENDS)
    lines[name] = GRID, mean, std
    summary[name] = {
        "rms_kJ_mol": rms(GRID, mean),
        "difference_kJ_mol": value / KJ,
        "difference_std_kJ_mol": error / KJ,
    }

# %% [markdown]
# ## MBAR on the same samples
#
# A histogram of all samples, each with its weight in the unbiased ensemble.

# %%
if importlib.util.find_spec("pymbar") is not None:
    bins = Bins((np.linspace(GRID[0], GRID[-1], N_BINS + 1),), (None,))
    found = compare(by_restraint, bins, methods=("mbar",)).estimates["mbar"]
    lines["MBAR"] = bins.centers[:, 0], found.free_energy, found.std
    summary["MBAR"] = {"rms_kJ_mol": rms(*lines["MBAR"][:2])}

# %% [markdown]
# ## Are the error bars right?
#
# Windows of independent samples from the exact densities, many times. The error of F(5 Å) - F(3 Å) over its
# predicted standard deviation must have a standard deviation of 1.


# %%
def replicate(rng: np.random.Generator) -> tuple[float, float]:
    """F(5 Å) - F(3 Å) and its standard deviation from new samples."""
    fine = np.linspace(2.0, 6.0, 4001)
    found = []
    for center in CENTERS:
        density = np.exp(-(WELL.free_energy(fine) + 0.5 * KAPPA * (fine - center) ** 2) / KT)
        total = np.cumsum(density)
        r = np.interp(rng.uniform(size=N_INDEPENDENT), total / total[-1], fine)
        window = free_energy.Window((center,), (KAPPA,))
        found.append(free_energy.Samples(window, r[:, None], TEMPERATURE, (None,)))
    return surface_of(found).difference(*ENDS)


rng = np.random.default_rng(7)
replicates = np.array([replicate(rng) for _ in range(N_REPLICATES)])
true_difference = float(np.diff(np.interp(ENDS[:, 0], GRID, EXACT))[0])
z = (replicates[:, 0] - true_difference) / replicates[:, 1]

# %% [markdown]
# ## The figure


# %%
def draw() -> Figure:
    """The profiles, their errors within their bands, and the z-scores of the replicates."""
    figure = Figure(figsize=(11.0, 3.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.plot(GRID, EXACT / KJ, "--", lw=1.2, color=GUIDE, label="exact")
    for (name, (r, mean, std)), color in zip(lines.items(), COLORS, strict=False):
        known = np.isfinite(mean)
        exact = np.interp(r, GRID, EXACT)
        shift = float(np.mean((exact - mean)[known]))
        left.plot(r, (mean + shift) / KJ, "-", lw=1.2, color=color, label=name)
        error = (mean - mean[known][0] - exact + exact[known][0]) / KJ
        middle.plot(r, error, "-", lw=1.2, color=color, label=name)
        if std is not None:
            middle.fill_between(r, error - 2 * std / KJ, error + 2 * std / KJ, color=color, alpha=0.2, lw=0)
    middle.axhline(0.0, lw=0.8, ls="--", color=GUIDE)
    edges = np.linspace(-4.0, 4.0, 17)
    x = np.linspace(-4.0, 4.0, 201)
    right.hist(z, edges, density=True, color=COLORS[0], alpha=0.4)
    right.plot(x, np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi), lw=1.2, color=GUIDE)
    left.set(title="Two atoms in a double well", xlabel="r (Å)", ylabel="F (kJ/mol)")
    middle.set(title="Error, with two deviations", xlabel="r (Å)", ylabel="kJ/mol")
    right.set(title=f"{len(z)} replicates: z = {z.std():.2f}", xlabel="error / predicted error")
    left.legend()
    middle.legend()
    return figure


with style():
    picture = png(draw())
arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "free_energy_1d.png") as stream:
    stream.write(picture)
write_json(
    arguments.out / "free_energy_1d.json",
    {
        "estimates": summary,
        "exact_difference_kJ_mol": true_difference / KJ,
        "replicates": {"n": len(z), "z_mean": float(z.mean()), "z_std": float(z.std(ddof=1))},
    },
)
for name, numbers in summary.items():
    print(name, {key: round(value, 3) for key, value in numbers.items()})
print(
    f"z of {len(z)} replicates: {z.mean():.2f} ± {z.std(ddof=1):.2f}; exact {true_difference / KJ:.3f} kJ/mol"
)
