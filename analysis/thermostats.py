# %% [markdown]
# # Forces that derive from no energy: which thermostat can bear them, and what keeps the density even
#
# 432 Lennard-Jones particles in a cube. In a sphere in the middle, or around one wandering particle, the
# forces on particles are those of another potential, of 1.3 times the well depth; outside nothing changes;
# the net force is taken away from all alike. Particles come and go. Such forces heat the sphere and cool what
# is around it: how much is left of that depends on the thermostat. They also press particles into the sphere,
# not being each other's reaction: a ramp of weights makes the passage smooth, which does not change that; a
# thermodynamic force does. The control has one potential everywhere.
#
#     python analysis/thermostats.py          # 20,000 steps, three to ten seeds each; a quarter of an hour
#     python analysis/thermostats.py --fast   # 3,000 steps, one seed

# %%
from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from gapsample.qmmm.region import weights_of
from gapsample.qmmm.thermodynamic_force import ThermodynamicForce
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
FEW, HALF, MANY = (1, 1, 1) if arguments.fast else (3, 5, 10)  # seeds: densities want the most
EQUILIBRATION = 1_500
SKIPPED = N_STEPS // 10
EVERY = 10
N_BLOCKS = 5 if arguments.fast else 10
SHELLS = np.array([0.0, 1.4, 1.8, 2.2, 2.6, 3.0, 3.4, EDGE / SIGMA / 2])
RAMP, INNER, OUTER, N_SPLINES = 0.8, 1.0, 3.4, 5  # σ; the range of the thermodynamic force


CONSTANTS = nested.PairModel(nested.LennardJones(EPSILON, SIGMA, CUTOFF * SIGMA)).compiled(("Ar",))


@dataclass(frozen=True, eq=False)
class Argon:
    """Lennard-Jones, its forces `ratio` times as large on particles in the sphere, as of an ε so much larger.

    Attributes
    ----------
    ratio : 1 for the same potential everywhere
    middle : of the sphere, a point, shape (3,), Å, or the particle that it follows
    ramp : width of the shell, half of it in the sphere, in which the factor falls to 1, σ
    heights : of the thermodynamic force, eV
    """

    ratio: float = RATIO
    middle: int | Floats = field(default_factory=lambda: np.full(3, 0.5 * EDGE))
    ramp: float = 0.0
    heights: Floats = field(default_factory=lambda: np.zeros(N_SPLINES))

    @property
    def force(self) -> ThermodynamicForce:
        """What is added to keep the density even."""
        members = np.delete(np.arange(N), self.middle) if isinstance(self.middle, int) else np.arange(N)
        return ThermodynamicForce(self.middle, members, INNER * SIGMA, OUTER * SIGMA, self.heights)

    def distance(self, positions: Floats) -> Floats:
        """From the middle of the sphere, shape (N,), σ."""
        away = positions - (positions[self.middle] if isinstance(self.middle, int) else self.middle)
        return np.asarray(np.linalg.norm(away - EDGE * np.rint(away / EDGE), axis=1) / SIGMA)

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: Any = False
    ) -> Evaluation:
        """Energy of the potential outside; mixed forces."""
        found = np.empty((N, 3))
        energy = pairs(CONSTANTS, atoms.positions, np.zeros(N, np.int64), atoms.cell.array, found)
        depth = self.distance(atoms.positions) - (RADIUS - 0.5 * self.ramp)
        found *= 1.0 + (self.ratio - 1.0) * weights_of(depth < 0.0, depth, self.ramp)[:, None]
        mixed = Evaluation(energy, found - found.mean(axis=0))
        return mixed + self.force.evaluate(atoms) if self.heights.any() else mixed


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
    counts, hot, heat : shape (n_moments, n_shells): particles but the one in the middle, the sum of their
        kinetic temperatures over T, and the heat taken out of them since the moment before, kT
    features : shape (n_moments, N_SPLINES), of the thermodynamic force
    crossings : particles that entered the sphere, over the whole run
    renewed : share of the particles in the sphere at the end that were not there at the start
    """

    counts: Floats
    hot: Floats
    heat: Floats
    features: Floats
    crossings: int
    renewed: float


def measure(kind: str, argon: Argon, seed: int, watched: Sequence[Argon] = ()) -> Measured:
    """Run one kind of dynamics; shells are those of the spheres `watched`, in the mean, or of its own."""
    atoms, start = liquid(seed)
    system = System(atoms, argon)
    dynamics = THERMOSTATS[kind](system)
    state = dynamics.start(start) if isinstance(dynamics, AdaptiveLangevin) else start
    rng, moments, features, crossings = stream(seed, 1), [], [], 0
    first = inside = argon.distance(start.positions) < RADIUS
    heat = _heat(state)
    for n in range(N_STEPS):
        state, _ = dynamics.step(state, rng)
        before, inside = inside, argon.distance(state.positions) < RADIUS
        crossings += int(np.count_nonzero(inside & ~before))
        if (n + 1) % EVERY == 0:
            kinetic = np.sum(state.velocities**2, axis=1) * MASS / (3.0 * units.kB * TEMPERATURE)
            taken = (heat - _heat(state)) / (units.kB * TEMPERATURE)
            heat = _heat(state)
            atoms.positions = state.positions
            spheres = watched or (argon,)
            moments.append(
                np.mean([_shells(each, atoms, (np.ones(N), kinetic, taken)) for each in spheres], axis=0)
            )
            features.append(np.mean([each.force.features(atoms) for each in spheres], axis=0))
    counts, hot, taken = np.array(moments).transpose(1, 0, 2)
    return Measured(counts, hot, taken, np.array(features), crossings, float(np.mean(~first[inside])))


def _shells(argon: Argon, atoms: Atoms, quantities: Sequence[Floats]) -> list[Floats]:
    """Sums over the particles of every shell, but for the one in the middle."""
    distance = argon.distance(atoms.positions)
    others = distance > 0.0
    return [np.histogram(distance[others], SHELLS, weights=each[others])[0] for each in quantities]


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


def massive(argon: Argon, n_seeds: int, first: int = 0, watched: Sequence[Argon] = ()) -> list[Measured]:
    """Runs of massive adaptive Langevin dynamics."""
    return [measure(MASSIVE, argon, first + seed, watched) for seed in range(n_seeds)]


ONE = Argon(ratio=1.0)  # all points and all particles are alike in it
POINTS = [Argon(middle=np.array(corner) * 0.5 * EDGE) for corner in np.ndindex(2, 2, 2)]
PARTICLES = [Argon(middle=each) for each in range(0, N, N // 24)]
control, runs[MASSIVE] = massive(ONE, HALF, watched=POINTS), massive(Argon(), MANY)
ramped = massive(Argon(ramp=RAMP), MANY)
following_control, following = massive(ONE, FEW, watched=PARTICLES), massive(Argon(middle=0), MANY)

# %% [markdown]
# ## The force that keeps the density even
#
# Balanced after the runs without it, and once more after others with it: linear response does not go all
# the way. What is even around a particle is the distribution of distances in the control.


# %%
def balanced(argon: Argon, found: list[Measured], wanted: Floats) -> Argon:
    """The forces with a thermodynamic force, after runs without."""
    once = answered(argon, found, wanted)
    return answered(once, massive(once, HALF, first=MANY), wanted)


def answered(argon: Argon, found: list[Measured], wanted: Floats) -> Argon:
    """The forces with the answer to what their runs say about balance."""
    return replace(argon, heights=argon.force.balanced(seen(found), wanted, TEMPERATURE).heights)


def seen(found: list[Measured]) -> Floats:
    """Features over all runs but their beginnings."""
    return np.concatenate([each.features[SKIPPED // EVERY :] for each in found])


at_rest = balanced(Argon(), runs[MASSIVE], Argon().force.spread(DENSITY / SIGMA**3))
even = massive(at_rest, MANY)
wandering = balanced(Argon(middle=0), following, seen(following_control).mean(axis=0))
following_even = massive(wandering, MANY)

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
    """Density of every shell over that of another set of runs, with the errors of both."""
    (value, err), (other, other_err) = density(runs), density(of)
    ratio = value / other
    return ratio, ratio * np.hypot(err / value, other_err / other)


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
DENSITIES = {
    "abrupt": (runs[MASSIVE], control),
    "ramp": (ramped, control),
    "thermodynamic force": (even, control),
    "abrupt, around a particle": (following, following_control),
    "thermodynamic force, around a particle": (following_even, following_control),
}
densities = {name: density_beside(*pair) for name, pair in DENSITIES.items()}


def draw() -> Figure:
    """Six panels: temperature, its course, heat; density of both spheres, and what keeps it even."""
    with style():
        figure = Figure(figsize=(16.0, 8.0))
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
        (hot, course, heat), (still, moving, potential) = figure.subplots(2, 3)
        lines = [Line(kind, MIDDLES, *temperature(found)) for kind, found in runs.items()]
        draw_profile(hot, lines, RADIUS, band=0.03)
        hot.set(title="a  Only a drag of its own for each particle keeps T", ylabel="temperature / T")
        time = (np.arange(20) + 0.5) * N_STEPS * TIME_STEP / 20
        for color, (kind, found) in zip(COLORS, runs.items(), strict=False):
            course.plot(time, region_temperature(found), color=color, lw=1.6, label=kind)
        course.axhline(1.0, color=GUIDE, lw=0.8, ls="--")
        course.set(title="b  In the sphere, as time goes on", xlabel="time (τ)", ylabel="temperature / T")
        lines = [
            Line("mixed forces", MIDDLES, *heat_taken(runs[MASSIVE])),
            Line("one potential", MIDDLES, *heat_taken(control)),
        ]
        draw_profile(heat, lines, RADIUS, level=0.0)
        heat.set(title="c  Heat that the thermostat takes out", ylabel="for each particle (kT/τ)")
        lines = [Line(name, MIDDLES, *densities[name]) for name in ("abrupt", "thermodynamic force", "ramp")]
        draw_profile(still, lines, RADIUS, band=0.03)
        still.set(title="d  Density, sphere at rest", ylabel="density / that of one potential")
        lines = [
            Line(name, MIDDLES, *densities[f"{name}, around a particle"])
            for name in ("abrupt", "thermodynamic force")
        ]
        draw_profile(moving, lines, RADIUS, band=0.03)
        moving.set(title="e  Density, sphere around a particle", ylabel="density / that of one potential")
        potential.axvline(RADIUS, color=GUIDE, lw=0.8, ls=":")
        for color, (name, argon) in zip(COLORS, ENERGIES.items(), strict=False):
            potential.plot(DISTANCES, energy(argon) / EPSILON, color=color, lw=1.6, label=name)
        potential.set(title="f  Potential of the thermodynamic force", ylabel="energy (kT)", xlim=(0.0, None))
        potential.legend()
        for axes in (hot, heat, still, moving, potential):
            axes.set_xlabel("distance from the middle (σ)")
    return figure


ENERGIES = {"sphere at rest": at_rest, "around a particle": wandering}
DISTANCES = np.linspace(0.1, SHELLS[-1], 80)


def energy(argon: Argon) -> Floats:
    """Of the thermodynamic force on single particles at `DISTANCES` from the middle, eV."""
    line = Atoms("Ar81", np.zeros((81, 3)))
    line.positions[1:, 0] = DISTANCES * SIGMA
    found = replace(argon.force, middle=0, members=np.arange(1, 81)).evaluate(line).local_energies
    assert found is not None
    return found[1:]


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
    "n_seeds": [FEW, HALF, MANY],
    "shells": SHELLS.tolist(),
    "fixed": {kind: summary(found, density(found)) for kind, found in runs.items()},
    "control": summary(control, density(control)),
    "following": summary(following, density_beside(following, following_control)),
    "densities": {
        name: {
            "beside_control": value.tolist(),
            "err": err.tolist(),
            "largest_deviation": float(np.abs(value - 1.0).max()),
            "temperature": temperature(DENSITIES[name][0])[0].tolist(),
        }
        for name, (value, err) in densities.items()
    },
    "heights_kT": {name: (argon.heights / EPSILON).tolist() for name, argon in ENERGIES.items()},
}
write_json(arguments.out / "thermostats.json", numbers)
print("density beside the control, with the standard error of its last digit, and temperature")
for name, found in numbers["densities"].items():
    pairs_of = zip(found["beside_control"], found["err"], strict=True)
    row = "  ".join(f"{value:.3f}({1000 * err:.0f})" for value, err in pairs_of)
    print(f"{name:40s}{row}   T", " ".join(f"{value:.3f}" for value in found["temperature"]))
for kind, found in {
    **numbers["fixed"],
    "control": numbers["control"],
    "following": numbers["following"],
}.items():
    shown = {name: np.round(found[name], 3).tolist() for name in ("temperature", "density", "heat_taken")}
    print(kind, shown, "crossings", found["crossings"], "renewed", round(found["renewed"], 2))
