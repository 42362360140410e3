"""Langevin dynamics whose friction adapts to heat of unknown origin, atom by atom.

Forces that derive from no energy, such as those of quantum and classical models mixed, heat some atoms and
cool others. Each atom here has an additional drag of its own, which grows while the atom is too hot and
shrinks, below zero if need be, while it is too cold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from ase import units
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.potential.protocol import Evaluation
from gapsample.sampling.checkpoints import Codec, Packed
from gapsample.sampling.dynamics import State, System, sound_forces

Floats = NDArray[np.float64]


class AdaptiveState(NamedTuple):
    """What a trajectory with adaptive drags goes on from.

    Attributes
    ----------
    positions : shape (n_atoms, 3), Å
    velocities : shape (n_atoms, 3), Å / t, with t the unit of time of `ase.units`
    forces : shape (n_atoms, 3), eV/Å, at these positions
    drag : shape (n_atoms,), or (1,) where all atoms share one, 1/t; comes on top of the friction
    heat : shape (n_atoms,), eV, that the thermostat has given to each atom since the start; negative where
        it has taken heat out
    """

    positions: Floats
    velocities: Floats
    forces: Floats
    drag: Floats
    heat: Floats


@dataclass(frozen=True, eq=False)
class AdaptiveLangevin:
    """Adaptive Langevin dynamics, splitting BADODAB.

    With conservative forces every atom is sampled from the canonical distribution, its drag from a normal
    one of variance kT / Q around zero, Q = N kT period² / 4π². Where an unknown source heats an atom at a
    steady rate, its mean drag is that rate over N kT, and its temperature stays. An infinite period gives
    plain Langevin dynamics.

    Attributes
    ----------
    temperature : K
    time_step : fs
    friction : 1/fs, part of the drag that comes with noise
    period : fs, sets how fast the drags answer: they swing freely with this period over √2
    shared : one drag for all atoms (N = three for each atom that moves) instead of one for each (N = 3); it
        cannot see that one region is hot and another cold

    References
    ----------
    Jones & Leimkuhler, J. Chem. Phys. 135, 084125 (2011);
    Leimkuhler & Shang, SIAM J. Sci. Comput. 38, A712 (2016).
    """

    system: System
    temperature: float
    time_step: float
    friction: float
    period: float
    shared: bool = False
    _h: float = field(init=False, repr=False)
    _kick: Floats = field(init=False, repr=False)
    _masses: Floats = field(init=False, repr=False)
    _aim: Floats = field(init=False, repr=False)
    _response: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (
            self.temperature > 0.0 and self.time_step > 0.0 and self.friction >= 0.0 and self.period > 0.0
        ):
            raise InputError(
                "adaptive Langevin dynamics wants temperature, time_step and period > 0 and friction >= 0; "
                f"got {self.temperature} K, {self.time_step} fs, {self.period} fs and {self.friction} / fs"
            )
        h = self.time_step * units.fs
        inverse = self.system.inverse_masses
        moving = inverse[:, 0] > 0.0
        aim = self._grouped(np.where(moving, 3.0 * units.kB * self.temperature, 0.0))
        mass = aim * (self.period * units.fs) ** 2 / (4.0 * math.pi**2)
        object.__setattr__(self, "_h", h)
        object.__setattr__(self, "_kick", 0.5 * h * inverse)
        object.__setattr__(
            self, "_masses", np.divide(1.0, inverse[:, 0], np.zeros(len(inverse)), where=moving)
        )
        object.__setattr__(self, "_aim", aim)
        object.__setattr__(self, "_response", np.divide(0.5 * h, mass, np.zeros_like(mass), where=mass > 0.0))

    def start(self, state: State) -> AdaptiveState:
        """The state with all drags zero and no heat given yet."""
        n = len(state.positions)
        return AdaptiveState(*state, drag=np.zeros(1 if self.shared else n), heat=np.zeros(n))

    def step(self, state: AdaptiveState, rng: Generator) -> tuple[AdaptiveState, Evaluation]:
        """One time step; the info is the potential's evaluation at the new positions.

        Raises
        ------
        BrokenDown
            Energy or forces are not finite.
        """
        state = self.move(state, rng)
        seen = self.system.evaluate(state.positions)
        return self.kick(state, sound_forces(seen, self.time_step)), seen

    def move(self, state: AdaptiveState, rng: Generator) -> AdaptiveState:
        """See `gapsample.sampling.dynamics.Integrator.move`."""
        half = 0.5 * self._h
        v = state.velocities + state.forces * self._kick
        x = state.positions + half * v
        before = self._twice_kinetic(v)
        drag = state.drag + self._driven(before)
        v = self._thermalized(v, drag, rng)
        after = self._twice_kinetic(v)
        drag += self._driven(after)
        x += half * v
        return AdaptiveState(x, v, state.forces, drag, state.heat + 0.5 * (after - before))

    def kick(self, state: AdaptiveState, forces: Floats) -> AdaptiveState:
        """See `gapsample.sampling.dynamics.Integrator.kick`."""
        return state._replace(velocities=state.velocities + forces * self._kick, forces=forces)

    def _thermalized(self, v: Floats, drag: Floats, rng: Generator) -> Floats:
        """Velocities after the exact flow of drag, friction and noise over one step."""
        friction = self.friction / units.fs
        phase = (friction + drag)[:, None] * self._h
        noise = friction * self._h * units.kB * self.temperature * self.system.inverse_masses
        noise = np.sqrt(noise * 2.0 * _mean_decay(2.0 * phase))
        return np.asarray(np.exp(-phase) * v + noise * rng.standard_normal(v.shape))

    def _driven(self, twice_kinetic: Floats) -> Floats:
        """Change of the drags over half a step."""
        return (self._grouped(twice_kinetic) - self._aim) * self._response

    def _twice_kinetic(self, v: Floats) -> Floats:
        return np.einsum("ia,ia,i->i", v, v, self._masses)

    def _grouped(self, each: Floats) -> Floats:
        """Sums over the atoms that share a drag."""
        return each.sum(keepdims=True) if self.shared else each


ADAPTIVE_CODEC = Codec[AdaptiveState](
    kind="adaptive dynamics",
    schema=1,
    pack=lambda state: Packed(state._asdict(), {}),
    unpack=lambda packed: AdaptiveState(**packed.arrays),
)
"""How checkpoints of a trajectory with adaptive drags are written."""


def _mean_decay(phase: Floats) -> Floats:
    """Mean of exp(-s) for s between 0 and `phase`, of any sign; 1 at zero."""
    return np.asarray(np.divide(-np.expm1(-phase), phase, np.ones_like(phase), where=phase != 0.0))
