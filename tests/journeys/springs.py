"""The simplest crystal there is: neighbors joined by springs, whose properties are known in closed form."""

from __future__ import annotations

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from matscipy.neighbours import neighbour_list


class Springs(Calculator):
    """Springs of constant `k` (eV/Å^2) and length `r0` (Å) between all atoms closer than 1.2 `r0`.

    Each spring holds `well` (eV) of energy at rest; with `softening` (1/Å) it weakens as it is stretched:
    energy well + k (r - r0)^2 / 2 * (1 - softening (r - r0)).
    """

    implemented_properties = ("energy", "free_energy", "forces", "stress")

    def __init__(self, k: float, r0: float, well: float = 0.0, softening: float = 0.0) -> None:
        super().__init__()
        self.k, self.r0, self.well, self.softening = k, r0, well, softening

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        i, d, vectors = neighbour_list("idD", self.atoms, 1.2 * self.r0)
        x = d - self.r0
        energy = 0.5 * np.sum(self.well + 0.5 * self.k * x**2 * (1.0 - self.softening * x))
        slope = self.k * x * (1.0 - 1.5 * self.softening * x)
        pull = (slope / d)[:, None] * vectors
        forces = np.zeros((len(self.atoms), 3))
        np.add.at(forces, i, pull)
        stress = 0.5 * vectors.T @ pull / self.atoms.get_volume()
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": forces,
            "stress": stress.flat[[0, 4, 8, 5, 2, 1]],
        }
