"""The core repulsion of Ziegler, Biersack and Littmark, switched off smoothly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.errors import SettingsError
from gapsample.potential.protocol import ErrorRequest, Evaluation

Floats = NDArray[np.float64]

COULOMB = units.Hartree * units.Bohr  # eV Å, e^2 / (4 pi epsilon_0)
SCREENING = 0.8854 * units.Bohr  # Å; divided by Z1^0.23 + Z2^0.23
HEIGHTS = np.array([0.18175, 0.50986, 0.28022, 0.02817])
DECAYS = np.array([3.19980, 0.94229, 0.40290, 0.20162])


@dataclass(frozen=True)
class ZBL:
    """Screened nuclear repulsion at short range; a `Potential`.

    Multiplied by 1 - 10 t^3 + 15 t^4 - 6 t^5, t = (r - inner) / (outer - inner), between the two radii:
    energy, forces and their slopes are continuous.

    Attributes
    ----------
    inner, outer : Å; full strength below `inner`, nothing beyond `outer`

    References
    ----------
    Ziegler, Biersack & Littmark, *The Stopping and Range of Ions in Solids*, vol. 1 (1985).
    """

    inner: float
    outer: float

    def __post_init__(self) -> None:
        if not 0.0 < self.inner < self.outer:
            raise SettingsError(
                f"ZBL needs two radii with 0 < inner < outer (Å); got {self.inner} and {self.outer}"
            )

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy, forces and virial; the predicted error is not known (`Potential.evaluate`)."""
        return self.of_neighbours(find_neighbours(atoms, self.outer), forces=forces, virial=virial)

    def of_neighbours(self, near: Neighbours, *, forces: bool = True, virial: bool = False) -> Evaluation:
        """The same from a neighbour list that reaches at least to `outer`."""
        near = near.within(self.outer)
        values, slopes = self.pair_energies(near.d, near.numbers[near.i], near.numbers[near.j])
        local = (0.5 * np.bincount(near.i, values, near.n_atoms)).astype(np.float64)
        pull = (slopes / near.d)[:, None] * near.D
        return Evaluation(
            energy=float(local.sum()),
            forces=np.stack([np.bincount(near.i, pull[:, a], near.n_atoms) for a in range(3)], axis=1)
            if forces
            else None,
            virial=-0.5 * near.D.T @ pull if virial else None,
            local_energies=local,
        )

    def pair_energies(self, r: Floats, z1: NDArray[np.int64], z2: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Energy of each pair (eV) and its slope with the distance (eV/Å)."""
        decays = DECAYS[:, None] * (z1**0.23 + z2**0.23) / SCREENING
        shares = HEIGHTS[:, None] * np.exp(-decays * r)
        screened, screened_slope = shares.sum(axis=0), -(decays * shares).sum(axis=0)
        bare = COULOMB * z1 * z2 / r
        t = np.clip((r - self.inner) / (self.outer - self.inner), 0.0, 1.0)
        switch = 1.0 - t**3 * (10.0 - t * (15.0 - 6.0 * t))
        switch_slope = -30.0 * (t * (1.0 - t)) ** 2 / (self.outer - self.inner)
        slope = screened_slope * switch + screened * switch_slope - screened * switch / r
        return bare * screened * switch, bare * slope
