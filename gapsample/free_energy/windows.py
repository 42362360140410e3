"""Umbrella windows: a harmonic restraint, a trajectory under it, and what is written down on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from ase import Atoms, units
from ase.constraints import FixAtoms
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.biased import Biased
from gapsample.free_energy.collective_force import Field, collective_gradient
from gapsample.free_energy.fingerprints import fingerprint
from gapsample.free_energy.samples import Samples, Visited, Window, WindowRun
from gapsample.free_energy.variables import Variable, along, evaluate_all, periods_of, shortest
from gapsample.potential.protocol import Potential
from gapsample.sampling.dynamics import Langevin, State, System

Floats = NDArray[np.float64]

STAGES = 50  # of steering


@dataclass(frozen=True)
class Ensemble:
    """What is sampled, and as a function of what.

    Attributes
    ----------
    fields : one for each variable where the instantaneous collective force is wanted; they move no fixed atom
    """

    potential: Potential
    variables: tuple[Variable, ...]
    fields: tuple[Field, ...] | None = None

    def __post_init__(self) -> None:
        if self.fields is not None and len(self.fields) != len(self.variables):
            raise InputError(
                f"{len(self.variables)} variables want as many fields, or none; got {len(self.fields)}"
            )

    @property
    def fingerprint(self) -> str:
        """Hash of potential, variables and fields; `gapsample.free_energy.fingerprints` tells its limits."""
        return fingerprint(self.potential, self.variables, self.fields)


@dataclass(frozen=True)
class Schedule:
    """How long a window is sampled, and how.

    Attributes
    ----------
    temperature : K
    time_step : fs
    friction : 1/fs
    n_steering : steps in which the restraint is taken from where the start is to its own center
    n_equilibration : steps not written down after that
    n_steps : steps written down
    every : steps from one sample to the next
    keep_every : samples from one kept configuration to the next; 0 keeps none
    error : have the potential's predicted error at the configurations kept, where it knows it
    """

    temperature: float
    time_step: float = 1.0
    friction: float = 0.01
    n_steering: int = 2000
    n_equilibration: int = 2000
    n_steps: int = 10000
    every: int = 10
    keep_every: int = 100
    error: bool = True

    def __post_init__(self) -> None:
        if not self.temperature > 0.0:
            raise InputError(f"a free energy wants a temperature above 0 K, got {self.temperature}")
        if min(self.n_steering, self.n_equilibration, self.keep_every) < 0 or self.every < 1:
            raise InputError(f"numbers of steps must not be negative, and every at least 1: {self}")
        if self.n_steps < 2 * self.every:
            raise InputError(
                f"{self.n_steps} steps hold fewer than two samples, one every {self.every} steps; take more"
            )


def restrained(potential: Potential, variables: tuple[Variable, ...], window: Window) -> Biased:
    """The potential with the harmonic restraint of a window added."""
    return Biased(potential, variables, partial(window.bias, periods=periods_of(variables)))


def sample_window(
    ensemble: Ensemble, window: Window, start: Atoms, schedule: Schedule, rng: Generator
) -> WindowRun:
    """Steer a configuration into a window, equilibrate, and sample.

    Parameters
    ----------
    start : atoms anywhere, better near; their masses, cell and fixed atoms are used

    Raises
    ------
    BrokenDown
        The dynamics broke down.
    Singularity
        A variable met a point where it has no gradient.
    """
    _check(ensemble, window, start)
    atoms = start.copy()
    atoms.set_constraint()
    state = _steered(ensemble, window, start, schedule, rng)
    dynamics = _langevin(ensemble, window, start, schedule)
    for _ in range(schedule.n_equilibration):
        state, _ = dynamics.step(state, rng)

    seen, gradients, kept = [], [], []
    for n in range(1, schedule.n_steps + 1):
        state, evaluation = dynamics.step(state, rng)
        if n % schedule.every:
            continue
        atoms.arrays["positions"] = state.positions
        s, slopes = evaluate_all(ensemble.variables, atoms)
        energy, push = window.bias(s, periods_of(ensemble.variables))
        seen.append(s)
        if ensemble.fields is not None:
            bare = state.forces + along(push, slopes)
            kT = units.kB * schedule.temperature
            gradients.append(collective_gradient(ensemble.fields, atoms, bare, slopes, kT))
        if schedule.keep_every and len(seen) % schedule.keep_every == 0:
            kept.append((state.positions, evaluation.energy - energy))
    samples = Samples(
        window,
        np.array(seen),
        schedule.temperature,
        periods_of(ensemble.variables),
        np.array(gradients) if ensemble.fields is not None else None,
    )
    return WindowRun(samples, _visited(ensemble, atoms, kept, schedule.error), state)


def _check(ensemble: Ensemble, window: Window, start: Atoms) -> None:
    if len(window.center) != len(ensemble.variables):
        raise InputError(
            f"a window in {len(window.center)} dimensions does not fit {len(ensemble.variables)} variables"
        )
    fixed = [i for c in start.constraints if isinstance(c, FixAtoms) for i in c.index]
    if fixed and any(np.any(each.evaluate(start)[0][fixed]) for each in ensemble.fields or ()):
        raise InputError(
            f"a field moves fixed atoms (of {fixed[:5]}); choose a fragment without them, or release them"
        )


def _langevin(ensemble: Ensemble, window: Window, start: Atoms, schedule: Schedule) -> Langevin:
    biased = restrained(ensemble.potential, ensemble.variables, window)
    return Langevin(System(start, biased), schedule.temperature, schedule.time_step, schedule.friction)


def _steered(ensemble: Ensemble, window: Window, start: Atoms, schedule: Schedule, rng: Generator) -> State:
    """State in the window's own restraint, taken there by the shortest way in equal stages."""
    here, _ = evaluate_all(ensemble.variables, start)
    way = shortest(np.array(window.center) - here, periods_of(ensemble.variables))
    state = _langevin(ensemble, window, start, schedule).system.thermal(schedule.temperature, rng)
    n_stages = min(STAGES, schedule.n_steering)
    for stage in range(n_stages):
        target = Window(tuple((here + way * (stage + 1) / n_stages).tolist()), window.kappa)
        dynamics = _langevin(ensemble, target, start, schedule)
        state = state._replace(forces=dynamics.system.at_rest(state.positions).forces)
        first, last = (schedule.n_steering * k // n_stages for k in (stage, stage + 1))
        for _ in range(last - first):
            state, _ = dynamics.step(state, rng)
    final = _langevin(ensemble, window, start, schedule).system
    return state._replace(forces=final.at_rest(state.positions).forces)


def _visited(ensemble: Ensemble, atoms: Atoms, kept: list[tuple[Floats, float]], error: bool) -> Visited:
    positions = np.array([x for x, _ in kept]).reshape(-1, len(atoms), 3)
    energies = np.array([energy for _, energy in kept])
    energy_std, force_std = np.full(len(kept), np.nan), np.full(len(kept), np.nan)
    for k, x in enumerate(positions if error else ()):
        atoms.arrays["positions"] = x
        found = ensemble.potential.evaluate(atoms, forces=True, error=True)
        if found.energy_std is not None:
            energy_std[k] = found.energy_std
        if found.forces_std is not None:
            force_std[k] = np.max(found.forces_std)
    return Visited(positions, energies, energy_std, force_std)
