"""The force that keeps the density of an adaptive run, as config files name it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import SettingsError
from gapsample.qmmm import ThermodynamicForce

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DensitySettings:
    """One more force, on atoms around the region, that keeps their density: see `qmmm.ThermodynamicForce`.

    Attributes
    ----------
    middle : of the region; an atom, or a point, Å
    inner, outer : Å; the force acts between them
    heights : eV; zeros in the run that is to be balanced, then what `gapsample balance` says
    species : of the atoms that feel it, one of every molecule; none: all
    """

    middle: int | tuple[float, float, float]
    inner: float
    outer: float
    heights: tuple[float, ...] = (0.0,) * 5
    species: str | None = None

    def force(self, atoms: Atoms) -> ThermodynamicForce:
        """The force on these atoms.

        Raises
        ------
        SettingsError
            The middle is none of the atoms, or there are none of the species.
        InputError
            As `ThermodynamicForce`.
        """
        feels = np.ones(len(atoms), bool)
        if self.species is not None:
            feels = np.array(atoms.symbols) == self.species
        middle: int | Floats = self.middle if isinstance(self.middle, int) else np.array(self.middle)
        if isinstance(middle, int):
            if not 0 <= middle < len(atoms):
                raise SettingsError(f"density.middle is a point or one of {len(atoms)} atoms, got {middle}")
            feels[middle] = False
        if not feels.any():
            raise SettingsError(f"density.species wants one that is there, got {self.species!r}")
        return ThermodynamicForce(
            middle, np.flatnonzero(feels), self.inner, self.outer, np.array(self.heights)
        )
