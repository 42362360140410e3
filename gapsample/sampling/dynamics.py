"""Molecular dynamics over any Potential: Langevin by BAOAB, and velocity Verlet.

Both are steps ``step(state, rng) -> (state, info)`` for `gapsample.sampling.loop.run` or a plain loop. The
state holds the forces too, so that a run cut anywhere and resumed from its state equals one never cut, bit
for bit. Positions are never wrapped into the cell. Where forces come from elsewhere, a step is taken in two
parts, `Integrator.move` and `Integrator.kick`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self, TypeVar

import numpy as np
from ase import Atoms, units
from ase.constraints import FixAtoms
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import GapsampleError, InputError
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.sampling.checkpoints import Codec, Packed

Floats = NDArray[np.float64]


class State(NamedTuple):
    """What a trajectory goes on from.

    Attributes
    ----------
    positions : shape (n_atoms, 3), Å
    velocities : shape (n_atoms, 3), Å / t, with t the unit of time of `ase.units`
    forces : shape (n_atoms, 3), eV/Å, at these positions
    """

    positions: Floats
    velocities: Floats
    forces: Floats


class Motion(Protocol):
    """What every state of a trajectory has: `State`, or a tuple with more in it."""

    @property
    def positions(self) -> Floats: ...
    @property
    def velocities(self) -> Floats: ...
    @property
    def forces(self) -> Floats: ...
    def _replace(self, **kwargs: Any) -> Self: ...


Moving = TypeVar("Moving", bound=Motion)


class Integrator(Protocol[Moving]):
    """A time step in two parts; the forces between them are the caller's affair."""

    @property
    def time_step(self) -> float:
        """In fs."""
        ...

    def move(self, state: Moving, rng: Generator) -> Moving:
        """As far as the new positions; the forces of the result are still those of the old ones."""
        ...

    def kick(self, state: Moving, forces: Floats) -> Moving:
        """From there to the end of the step, with the forces at the new positions."""
        ...


class BrokenDown(GapsampleError):
    """Energy or forces are no longer finite; `energy` is the last one, NaN where none is known."""

    def __init__(self, energy: float, time_step: float) -> None:
        self.energy, self.time_step = energy, time_step
        super().__init__(
            f"the dynamics broke down: the potential gives {energy} eV after a step of {time_step} fs; take "
            "a shorter time step, weaker restraints, or a start nearer to them"
        )

    def __reduce__(self) -> tuple[type[BrokenDown], tuple[float, float]]:
        return type(self), (self.energy, self.time_step)


@dataclass(frozen=True, eq=False)
class System:
    """Atoms that move on a potential; only their species, masses, cell and fixed atoms matter here.

    Attributes
    ----------
    atoms : constraints other than `ase.constraints.FixAtoms` are refused
    error : have the potential's predicted error with every step (see `Potential.evaluate`)
    """

    atoms: Atoms
    potential: Potential
    error: ErrorRequest = False
    inverse_masses: Floats = field(init=False, repr=False)
    _moving: Atoms = field(init=False, repr=False)

    def __post_init__(self) -> None:
        masses = self.atoms.get_masses()
        if not np.all(masses > 0.0):
            raise InputError(
                f"atoms that move need positive masses, atom {int(np.argmin(masses))} has {masses.min()}"
            )
        inverse = np.repeat(1.0 / masses[:, None], 3, axis=1)
        for constraint in self.atoms.constraints:
            if not isinstance(constraint, FixAtoms):
                raise InputError(
                    f"dynamics knows FixAtoms only, got {type(constraint).__name__}; remove it, or restrain "
                    "instead"
                )
            inverse[constraint.index] = 0.0
        moving = self.atoms.copy()
        moving.set_constraint()
        object.__setattr__(self, "inverse_masses", inverse)
        object.__setattr__(self, "_moving", moving)

    def evaluate(self, positions: Floats) -> Evaluation:
        """Energy and forces at these positions, shape (n_atoms, 3)."""
        self._moving.arrays["positions"] = positions
        return self.potential.evaluate(self._moving, forces=True, error=self.error)

    def at_rest(self, positions: Floats | None = None) -> State:
        """State with zero velocities, at the atoms' own positions unless others are given."""
        x = np.array(self.atoms.positions if positions is None else positions)
        return State(x, np.zeros_like(x), _forces(self.evaluate(x)))

    def thermal(self, temperature: float, rng: Generator, positions: Floats | None = None) -> State:
        """State with velocities drawn from Maxwell's distribution at `temperature`, K."""
        still = self.at_rest(positions)
        spread = np.sqrt(units.kB * temperature * self.inverse_masses)
        return still._replace(velocities=spread * rng.standard_normal(spread.shape))

    def temperature(self, state: State) -> float:
        """Kinetic temperature, K, with three degrees of freedom for every atom that moves."""
        free = self.inverse_masses > 0.0
        twice = np.sum(state.velocities[free] ** 2 / self.inverse_masses[free])
        return float(twice / (free.sum() * units.kB))


@dataclass(frozen=True, eq=False)
class Langevin:
    """Langevin dynamics, splitting BAOAB: positions are sampled with the smallest bias known.

    Attributes
    ----------
    temperature : K
    time_step : fs
    friction : 1/fs

    References
    ----------
    Leimkuhler & Matthews, Appl. Math. Res. Express 2013, 34; J. Chem. Phys. 138, 174102 (2013).
    """

    system: System
    temperature: float
    time_step: float
    friction: float
    _half: float = field(init=False, repr=False)
    _kick: Floats = field(init=False, repr=False)
    _keep: float = field(init=False, repr=False)
    _noise: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (self.temperature >= 0.0 and self.time_step > 0.0 and self.friction >= 0.0):
            raise InputError(
                f"Langevin dynamics wants temperature >= 0, time_step > 0 and friction >= 0; got "
                f"{self.temperature} K, {self.time_step} fs and {self.friction} / fs"
            )
        h = self.time_step * units.fs
        keep = math.exp(-self.friction * self.time_step)
        spread = np.sqrt(units.kB * self.temperature * self.system.inverse_masses)
        object.__setattr__(self, "_half", 0.5 * h)
        object.__setattr__(self, "_kick", 0.5 * h * self.system.inverse_masses)
        object.__setattr__(self, "_keep", keep)
        object.__setattr__(self, "_noise", math.sqrt(1.0 - keep * keep) * spread)

    def step(self, state: State, rng: Generator) -> tuple[State, Evaluation]:
        """One time step; the info is the potential's evaluation at the new positions.

        Raises
        ------
        BrokenDown
            Energy or forces are not finite.
        """
        state = self.move(state, rng)
        seen = self.system.evaluate(state.positions)
        return self.kick(state, sound_forces(seen, self.time_step)), seen

    def move(self, state: State, rng: Generator) -> State:
        """See `Integrator.move`."""
        v = state.forces * self._kick
        v += state.velocities
        x = v * self._half
        x += state.positions
        v *= self._keep
        noise = rng.standard_normal(v.shape)
        noise *= self._noise
        v += noise
        x += v * self._half
        return State(x, v, state.forces)

    def kick(self, state: State, forces: Floats) -> State:
        """See `Integrator.kick`."""
        return State(state.positions, state.velocities + forces * self._kick, forces)


@dataclass(frozen=True, eq=False)
class VelocityVerlet:
    """Newton's equations at constant energy.

    Attributes
    ----------
    time_step : fs

    References
    ----------
    Swope et al., J. Chem. Phys. 76, 637 (1982).
    """

    system: System
    time_step: float
    _whole: float = field(init=False, repr=False)
    _kick: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.time_step > 0.0:
            raise InputError(f"dynamics wants time_step > 0, got {self.time_step} fs")
        h = self.time_step * units.fs
        object.__setattr__(self, "_whole", h)
        object.__setattr__(self, "_kick", 0.5 * h * self.system.inverse_masses)

    def step(self, state: State, rng: Generator | None = None) -> tuple[State, Evaluation]:
        """One time step, `BrokenDown` as for `Langevin`; no random numbers are used."""
        state = self.move(state)
        seen = self.system.evaluate(state.positions)
        return self.kick(state, sound_forces(seen, self.time_step)), seen

    def move(self, state: State, rng: Generator | None = None) -> State:
        """See `Integrator.move`."""
        v = state.velocities + state.forces * self._kick
        return State(state.positions + v * self._whole, v, state.forces)

    def kick(self, state: State, forces: Floats) -> State:
        """See `Integrator.kick`."""
        return State(state.positions, state.velocities + forces * self._kick, forces)


CODEC = Codec[State](
    kind="dynamics",
    schema=1,
    pack=lambda state: Packed(state._asdict(), {}),
    unpack=lambda packed: State(**packed.arrays),
)
"""How checkpoints of a trajectory are written."""


def _forces(seen: Evaluation) -> Floats:
    if seen.forces is None:
        raise InputError("dynamics needs forces, and the potential gives none")
    return seen.forces


def sound_forces(seen: Evaluation, time_step: float) -> Floats:
    """The forces, if they and the energy are finite; else `BrokenDown`."""
    if not math.isfinite(seen.energy):
        raise BrokenDown(seen.energy, time_step)
    return finite_forces(_forces(seen), time_step, seen.energy)


def finite_forces(forces: Floats, time_step: float, energy: float = math.nan) -> Floats:
    """The forces, if they are finite; else `BrokenDown`. They need not have an energy."""
    if not math.isfinite(forces.sum()):
        raise BrokenDown(energy, time_step)
    return forces
