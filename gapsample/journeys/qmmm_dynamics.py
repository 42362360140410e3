"""Kinds of dynamics that a QM/MM config may name: what each starts from, and how its state is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import SettingsError
from gapsample.sampling import adaptive_langevin, dynamics
from gapsample.sampling.adaptive_langevin import ADAPTIVE_CODEC
from gapsample.sampling.checkpoints import Codec
from gapsample.sampling.dynamics import CODEC, Integrator, State, System

Velocities = Generator | NDArray[np.float64]
"""What they are drawn with at the temperature of the dynamics, or themselves, shape (n_atoms, 3), Å / t."""


@dataclass(frozen=True)
class Verlet:
    """Newton's equations; mixed forces conserve no energy, so that this is for short checks.

    Attributes
    ----------
    temperature : K, that velocities are drawn at, if they are
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

    def begin(self, system: System, velocities: Velocities) -> Any:
        """The first state."""
        return _moving(system, self.temperature, velocities)


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

    def begin(self, system: System, velocities: Velocities) -> Any:
        """The first state."""
        return _moving(system, self.temperature, velocities)


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

    def begin(self, system: System, velocities: Velocities) -> Any:
        """The first state."""
        return self.integrator(system).start(_moving(system, self.temperature, velocities))


Dynamics = Verlet | Langevin | AdaptiveLangevin


def _moving(system: System, temperature: float, velocities: Velocities) -> State:
    """The state that dynamics begins with; fixed atoms rest."""
    if not temperature >= 0.0:
        raise SettingsError(f"dynamics.temperature is in K and >= 0, got {temperature}")
    if isinstance(velocities, Generator):
        return system.thermal(temperature, velocities)
    return system.at_rest()._replace(velocities=np.where(system.inverse_masses > 0.0, velocities, 0.0))
