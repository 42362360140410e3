"""Independent oscillators: one atom, three coordinates, a well each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from gapsample.potential.protocol import Evaluation

K, MASS = 2.0, 4.0
OMEGA = np.sqrt(K / MASS)


@dataclass(frozen=True)
class Wells:
    """Every coordinate in k/2 x^2 + c/4 x^4."""

    k: float = K
    c: float = 0.0

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        x = atoms.positions
        energy = 0.5 * self.k * np.sum(x**2) + 0.25 * self.c * np.sum(x**4)
        return Evaluation(float(energy), -self.k * x - self.c * x**3)


def gas(n=400):
    return Atoms("He" * n, np.zeros((n, 3)), masses=np.full(n, MASS))
