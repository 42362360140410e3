"""Kinds of dynamics that a QM/MM config may name: what each starts from, and how its state is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.random import Generator

from gapsample.errors import SettingsError
from gapsample.sampling import adaptive_langevin, dynamics
from gapsample.sampling.adaptive_langevin import ADAPTIVE_CODEC
from gapsample.sampling.checkpoints import Codec
from gapsample.sampling.dynamics import CODEC, Integrator, System


@dataclass(frozen=True)
class Verlet:
    """Newton's equations; mixed forces conserve no energy, so that this is for short checks.

    Attributes
    ----------
    temperature : K, that velocities are drawn at
    time_step : fs
    """

    temperature: float
    time_step: float = 1.0

    @property
    def codec(self) -> Codec[Any]:
        return CODEC

    def integrator(self, system: System) -> Integrator[Any]:
        """What takes the steps."""
        return dynamics.VelocityVerlet(system, self.time_step)

    def begin(self, system: System, rng: Generator) -> Any:
        """The first state."""
        return system.thermal(_positive(self.temperature), rng)


@dataclass(frozen=True)
class Langevin:
    """Langevin dynamics (BAOAB); leaves a quantum region hotter than its surroundings.

    Attributes
    ----------
    temperature : K
    time_step : fs
    friction : 1/fs
    """

    temperature: float
    time_step: float = 1.0
    friction: float = 0.01

    @property
    def codec(self) -> Codec[Any]:
        return CODEC

    def integrator(self, system: System) -> Integrator[Any]:
        """What takes the steps."""
        return dynamics.Langevin(system, self.temperature, self.time_step, self.friction)

    def begin(self, system: System, rng: Generator) -> Any:
        """The first state."""
        return system.thermal(_positive(self.temperature), rng)


@dataclass(frozen=True)
class AdaptiveLangevin:
    """Langevin dynamics with a drag of its own for every atom (BADODAB): the one to take.

    Attributes
    ----------
    temperature : K
    time_step : fs
    friction : 1/fs
    period : fs, how fast drags answer
    """

    temperature: float
    time_step: float = 1.0
    friction: float = 0.01
    period: float = 100.0

    @property
    def codec(self) -> Codec[Any]:
        return ADAPTIVE_CODEC

    def integrator(self, system: System) -> adaptive_langevin.AdaptiveLangevin:
        """What takes the steps."""
        return adaptive_langevin.AdaptiveLangevin(
            system, self.temperature, self.time_step, self.friction, self.period
        )

    def begin(self, system: System, rng: Generator) -> Any:
        """The first state."""
        return self.integrator(system).start(system.thermal(_positive(self.temperature), rng))


Dynamics = Verlet | Langevin | AdaptiveLangevin


def _positive(temperature: float) -> float:
    if not temperature >= 0.0:
        raise SettingsError(f"dynamics.temperature is in K and >= 0, got {temperature}")
    return temperature
