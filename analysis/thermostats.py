# %% [markdown]
# # Forces that derive from no energy, and which thermostat can bear them
#
# 432 Lennard-Jones particles in a cube. In a sphere in the middle, or around one wandering particle, the
# forces on particles are those of another potential, of 1.3 times the well depth; outside nothing changes;
# the net force is taken away from all alike. Particles come and go. Such forces heat the sphere and cool what
# is around it: how much is left of that depends on the thermostat. The control has one potential everywhere.
#
#     python analysis/thermostats.py          # 20,000 steps, three or eight seeds each; some minutes
#     python analysis/thermostats.py --fast   # 3,000 steps, one seed

# %%
from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from gapsample import nested
from gapsample.compiled.models_pairs import pairs
from gapsample.files import replacing
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.plots.nested_progress import Line
from gapsample.plots.qmmm import draw_profile
from gapsample.potential.protocol import Evaluation
from gapsample.provenance import write_json
from gapsample.rng import stream
from gapsample.sampling.adaptive_langevin import AdaptiveLangevin, AdaptiveState
from gapsample.sampling.dynamics import Langevin, State, System, VelocityVerlet

Floats = NDArray[np.float64]

parser = argparse.ArgumentParser(description="Thermostats for forces that derive from no energy.")
parser.add_argument("--fast", action="store_true", help="fewer steps and one seed")
parser.add_argument("--out", type=Path, default=Path("analysis/out"), help="folder of the results")
arguments = parser.parse_known_args()[0]

# %% [markdown]
# ## The liquid
#
# Argon's ε, σ and mass; lengths in σ, times in τ = σ √(m/ε), temperatures in ε/k below. The density is that
# of a dense liquid, far from freezing and from boiling.

# %%
N, DENSITY, KT, RATIO, RADIUS, CUTOFF = 432, 0.85, 1.0, 1.3, 2.2, 3.0
EPSILON, SIGMA, MASS = 0.0103, 3.4, 39.95
TAU = SIGMA * np.sqrt(MASS / EPSILON) / units.fs
TEMPERATURE = KT * EPSILON / units.kB
EDGE = (N / DENSITY) ** (1 / 3) * SIGMA
TIME_STEP, FRICTION, PERIOD = 0.005, 0.5, 0.5  # τ, 1/τ, τ
N_STEPS = 3_000 if arguments.fast else 20_000
FEW, MANY = (1, 1) if arguments.fast else (3, 8)  # seeds: temperatures are known sooner than densities
EQUILIBRATION = 1_500
SKIPPED = N_STEPS // 10
EVERY = 10
N_BLOCKS = 5 if arguments.fast else 10
SHELLS = np.array([0.0, 1.4, 1.8, 2.2, 2.6, 3.0, 3.4, EDGE / SIGMA / 2])


CONSTANTS = nested.PairModel(nested.LennardJones(EPSILON, SIGMA, CUTOFF * SIGMA)).compiled(("Ar",))


@dataclass(frozen=True, eq=False)
class Argon:
    """Lennard-Jones, its forces `ratio` times as large on particles in the sphere, as of an ε so much larger.

    Attributes
    ----------
    ratio : 1 for the same potential everywhere
    around : the particle that the sphere follows; None: it stays in the middle of the cell
    """

    ratio: float = RATIO
    around: int | None = None

    def distance(self, positions: Floats) -> Floats:
        """From the middle of the sphere, shape (N,), σ."""
        middle = np.full(3, 0.5 * EDGE) if self.around is None else positions[self.around]
        away = positions - middle
        return np.asarray(np.linalg.norm(away - EDGE * np.rint(away / EDGE), axis=1) / SIGMA)

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: Any = False
    ) -> Evaluation:
        """Energy of the potential outside; mixed forces."""
        found = np.empty((N, 3))
        energy = pairs(CONSTANTS, atoms.positions, np.zeros(N, np.int64), atoms.cell.array, found)
        found[self.distance(atoms.positions) < RADIUS] *= self.ratio
        return Evaluation(energy, found - found.mean(axis=0))


def liquid(seed: int) -> tuple[Atoms, State]:
    """An equilibrated liquid of the control's forces."""
    corner = np.stack(np.meshgrid(*[np.arange(6)] * 3), axis=-1).reshape(-1, 3)
    start = np.concatenate((corner, corner + 0.5)) * EDGE / 6
    atoms = Atoms(f"Ar{N}", start, cell=np.full(3, EDGE), pbc=True, masses=np.full(N, MASS))
    system, rng = System(atoms, Argon(ratio=1.0)), stream(seed)
    melting = Langevin(system, TEMPERATURE, TIME_STEP * TAU, 1.0 / TAU)
    state = system.thermal(TEMPERATURE, rng)
    for _ in range(EQUILIBRATION):
        state, _ = melting.step(state, rng)
    return atoms, state


# %% [markdown]
# ## What is measured on the way
#
# In shells around the middle of the sphere: particles, their kinetic temperature, the heat that the
# thermostat takes out of them; and who crosses the boundary.


# %%
@dataclass(frozen=True, eq=False)
class Measured:
    """One run; shells and moments in time as given.

    Attributes
    ----------
    counts, hot, heat : shape (n_moments, n_shells): particles, the sum of their kinetic temperatures over
        T, and the heat taken out of them since the moment before, kT
    crossings : particles that entered the sphere, over the whole run
    renewed : share of the particles in the sphere at the end that were not there at the start
    """

    counts: Floats
    hot: Floats
    heat: Floats
    crossings: int
    renewed: float


def measure(kind: str, argon: Argon, seed: int) -> Measured:
    """Run one kind of dynamics."""
    atoms, start = liquid(seed)
    system = System(atoms, argon)
    dynamics = THERMOSTATS[kind](system)
    state = dynamics.start(start) if isinstance(dynamics, AdaptiveLangevin) else start
    rng, moments, crossings = stream(seed, 1), [], 0
    first = inside = argon.distance(start.positions) < RADIUS
    heat = _heat(state)
    for n in range(N_STEPS):
        state, _ = dynamics.step(state, rng)
        distance = argon.distance(state.positions)
        before, inside = inside, distance < RADIUS
        crossings += int(np.count_nonzero(inside & ~before))
        if (n + 1) % EVERY == 0:
            kinetic = np.sum(state.velocities**2, axis=1) * MASS / (3.0 * units.kB * TEMPERATURE)
            taken = (heat - _heat(state)) / (units.kB * TEMPERATURE)
            heat = _heat(state)
            shell = np.digitize(distance, SHELLS) - 1
            moments.append([np.bincount(shell, w, len(SHELLS))[:-1] for w in (None, kinetic, taken)])
    counts, hot, taken = np.array(moments, float).transpose(1, 0, 2)
    return Measured(counts, hot, taken, crossings, float(np.mean(~first[inside])))


def _heat(state: State | AdaptiveState) -> Floats:
    return state.heat if isinstance(state, AdaptiveState) else np.zeros(N)


COMMON = (TEMPERATURE, TIME_STEP * TAU, FRICTION / TAU)
THERMOSTATS: dict[str, Any] = {
    "none (NVE)": partial(VelocityVerlet, time_step=TIME_STEP * TAU),
    "Langevin": lambda system: Langevin(system, *COMMON),
    "global adaptive": lambda system: AdaptiveLangevin(system, *COMMON, PERIOD * TAU, shared=True),
    "massive adaptive": lambda system: AdaptiveLangevin(system, *COMMON, PERIOD * TAU),
}
MASSIVE = "massive adaptive"
FAILING = [kind for kind in THERMOSTATS if kind != MASSIVE]
runs = {kind: [measure(kind, Argon(), seed) for seed in range(FEW)] for kind in FAILING}
runs[MASSIVE] = [measure(MASSIVE, Argon(), seed) for seed in range(MANY)]
control = [measure(MASSIVE, Argon(ratio=1.0), seed) for seed in range(MANY)]
following = [measure(MASSIVE, Argon(around=0), seed) for seed in range(FEW)]
following_control = [measure(MASSIVE, Argon(ratio=1.0, around=0), seed) for seed in range(FEW)]

# %% [markdown]
# ## Profiles, with errors from blocks of the runs

# %%
VOLUMES = 4.0 / 3.0 * np.pi * np.diff(SHELLS**3)
MIDDLES = 0.75 * np.diff(SHELLS**4) / np.diff(SHELLS**3)  # mean distance of evenly spread particles


def blocks(runs: list[Measured], name: str) -> Floats:
    """Sums over stretches of all runs but their beginnings, shape (n_blocks, n_shells)."""
    kept = [getattr(each, name)[SKIPPED // EVERY :] for each in runs]
    return np.array([part.mean(axis=0) for each in kept for part in np.array_split(each, N_BLOCKS)])


def mean(values: Floats) -> tuple[Floats, Floats]:
    """Mean over blocks, and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))


def temperature(runs: list[Measured]) -> tuple[Floats, Floats]:
    """Kinetic temperature of every shell, over that of the thermostat."""
    counts, hot = blocks(runs, "counts"), blocks(runs, "hot")
    return hot.sum(axis=0) / counts.sum(axis=0), mean(hot / counts)[1]


def density(runs: list[Measured]) -> tuple[Floats, Floats]:
    """Density of every shell over that of the whole cell, which is the control's everywhere."""
    value, err = mean(blocks(runs, "counts"))
    return value / (DENSITY * VOLUMES), err / (DENSITY * VOLUMES)


def density_beside(runs: list[Measured], of: list[Measured]) -> tuple[Floats, Floats]:
    """Density of every shell over that of another set of runs."""
    (value, err), (other, other_err) = density(runs), density(of)
    ratio = value / other
    return ratio, ratio * np.hypot(err / value, other_err / other)


def zones(runs: list[Measured]) -> tuple[Floats, Floats]:
    """The same as `density` for the sphere, the two shells around it, and the rest."""
    first = np.searchsorted(SHELLS, [0.0, RADIUS, SHELLS[5]])
    value, err = mean(np.add.reduceat(blocks(runs, "counts"), first, axis=1))
    volumes = DENSITY * np.add.reduceat(VOLUMES, first)
    return value / volumes, err / volumes


def heat_taken(runs: list[Measured]) -> tuple[Floats, Floats]:
    """Heat taken out by the thermostat for each particle of a shell, kT/τ."""
    counts = blocks(runs, "counts")
    value, err = mean(blocks(runs, "heat") / counts)
    return value / (EVERY * TIME_STEP), err / (EVERY * TIME_STEP)


def region_temperature(runs: list[Measured]) -> Floats:
    """Temperature of the sphere in twenty stretches of time, all runs together, shape (20,)."""
    inside = SHELLS[1:] <= RADIUS
    parts = [
        np.array_split(sum(getattr(each, name)[:, inside].sum(axis=1) for each in runs), 20)
        for name in ("hot", "counts")
    ]
    return np.array([hot.sum() / counts.sum() for hot, counts in zip(*parts, strict=True)])


# %% [markdown]
# ## The figure


# %%
def draw() -> Figure:
    """Four panels: temperature, its course, density, heat."""
    with style():
        figure = Figure(figsize=(11.0, 8.0))
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
        (hot, course), (dense, heat) = figure.subplots(2, 2)
        lines = [Line(kind, MIDDLES, *temperature(found)) for kind, found in runs.items()]
        draw_profile(hot, lines, RADIUS, band=0.03)
        hot.set(title="a  Only a drag of its own for each particle keeps T", ylabel="temperature / T")
        time = (np.arange(20) + 0.5) * N_STEPS * TIME_STEP / 20
        for color, (kind, found) in zip(COLORS, runs.items(), strict=False):
            course.plot(time, region_temperature(found), color=color, lw=1.6, label=kind)
        course.axhline(1.0, color=GUIDE, lw=0.8, ls="--")
        course.set(title="b  In the sphere, as time goes on", xlabel="time (τ)", ylabel="temperature / T")
        draw_profile(
            dense,
            [
                Line("sphere at rest", MIDDLES, *density(runs[MASSIVE])),
                Line("sphere around a particle", MIDDLES, *density_beside(following, following_control)),
                Line("one potential", MIDDLES, *density(control)),
            ],
            RADIUS,
            band=0.03,
        )
        dense.set(title="c  Density, massive adaptive", ylabel="density / that of one potential")
        draw_profile(
            heat,
            [
                Line("mixed forces", MIDDLES, *heat_taken(runs[MASSIVE])),
                Line("one potential", MIDDLES, *heat_taken(control)),
            ],
            RADIUS,
            level=0.0,
        )
        heat.set(title="d  Heat that the thermostat takes out", ylabel="for each particle (kT/τ)")
        for axes in (hot, dense, heat):
            axes.set_xlabel("distance from the middle (σ)")
    return figure


arguments.out.mkdir(parents=True, exist_ok=True)
with replacing(arguments.out / "thermostats.png") as written:
    written.write(png(draw()))

# %% [markdown]
# ## The numbers


# %%
def summary(found: list[Measured], profile: tuple[Floats, Floats]) -> dict[str, Any]:
    """What one kind of dynamics says; `profile` its density, beside what it should be."""
    t, t_err = temperature(found)
    rho, rho_err = profile
    heat, heat_err = heat_taken(found)
    course = region_temperature(found)
    return {
        "temperature": t.tolist(),
        "temperature_err": t_err.tolist(),
        "largest_temperature_deviation": float(np.abs(t - 1.0).max()),
        "density": rho.tolist(),
        "density_err": rho_err.tolist(),
        "heat_taken": heat.tolist(),
        "heat_taken_err": heat_err.tolist(),
        "region_temperature_first_and_last_fifth": [float(course[:4].mean()), float(course[-4:].mean())],
        "crossings": sum(each.crossings for each in found),
        "renewed": float(np.mean([each.renewed for each in found])),
    }


numbers: dict[str, Any] = {
    "n_steps": N_STEPS,
    "n_seeds": [FEW, MANY],
    "shells": SHELLS.tolist(),
    "fixed": {kind: summary(found, density(found)) for kind, found in runs.items()},
    "control": summary(control, density(control)),
    "zones": {
        name: dict(zip(("density", "density_err"), (part.tolist() for part in zones(found)), strict=True))
        for name, found in ((MASSIVE, runs[MASSIVE]), ("control", control))
    },
    "following": summary(following, density_beside(following, following_control)),
}
write_json(arguments.out / "thermostats.json", numbers)
print("density of sphere, surroundings, rest", numbers["zones"])
for kind, found in {
    **numbers["fixed"],
    "control": numbers["control"],
    "following": numbers["following"],
}.items():
    shown = {name: np.round(found[name], 3).tolist() for name in ("temperature", "density", "heat_taken")}
    print(kind, shown, "crossings", found["crossings"], "renewed", round(found["renewed"], 2))
