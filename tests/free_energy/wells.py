"""Potentials whose free energies are known in closed form; importable by worker processes."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from gapsample.potential.protocol import Evaluation


@dataclass(frozen=True)
class Pair:
    """Two particles on a spring, V = k/2 (r - r0)^2: F(r) = V(r) - 2 kT ln r."""

    k: float = 2.0
    r0: float = 2.0

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        away = atoms.positions[1] - atoms.positions[0]
        r = np.linalg.norm(away)
        push = -self.k * (r - self.r0) * away / r
        return Evaluation(0.5 * self.k * (r - self.r0) ** 2, np.array([-push, push]) if forces else None)

    def slope(self, r, temperature):
        """dF/dr."""
        return self.k * (r - self.r0) - 2.0 * units.kB * temperature / r


@dataclass(frozen=True)
class Springs:
    """Every atom tied to the origin, V = k/2 |x|^2."""

    k: float = 1.0

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        x = atoms.positions
        known = {"energy_std": 0.25, "forces_std": np.full_like(x, 0.5)} if error else {}
        return Evaluation(0.5 * self.k * float(np.sum(x * x)), -self.k * x if forces else None, **known)


def pair(r=2.0):
    """Two argon atoms at distance r."""
    return Atoms("Ar2", [(0.0, 0.0, 0.0), (r, 0.0, 0.0)])
