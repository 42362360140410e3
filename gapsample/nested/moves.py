"""How often a walk tries what: the kinds of moves that `System` knows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gapsample.errors import SettingsError
from gapsample.nested.problem import Integers

NAMES = ("atom", "volume", "shear", "stretch", "galilean", "hmc", "swap", "transmute")
CELL_MOVES = ("volume", "shear", "stretch")


@dataclass(frozen=True)
class Moves:
    """Trial moves in one sweep; the length of a walk counts sweeps.

    Parameters
    ----------
    atom : trials of every atom, one by one, each an evaluation of the whole configuration
    galilean : straight flights of all atoms, reflected below the ceiling by the direction of the force
    hmc : flights by molecular dynamics; momenta are then sampled too, and values hold the kinetic energy.
        Slow while energies still vary by more than `System.largest_kinetic`: keep other moves beside it
    n_steps : of one flight
    volume, shear, stretch : of the cell; need an ensemble of some pressure
    swap : of two atoms of different species
    transmute : of one atom to another species; needs chemical potentials

    Raises
    ------
    SettingsError
        A number is negative, nothing moves at all, or flights have no steps.
    """

    atom: int = 0
    galilean: int = 1
    hmc: int = 0
    n_steps: int = 8
    volume: int = 0
    shear: int = 0
    stretch: int = 0
    swap: int = 0
    transmute: int = 0

    def __post_init__(self) -> None:
        if (negative := [name for name in NAMES if getattr(self, name) < 0]) or self.n_steps < 1:
            what = f"{negative[0]}={getattr(self, negative[0])}" if negative else f"n_steps={self.n_steps}"
            raise SettingsError(f"numbers of moves are 0 or more and flights have a step or more, got {what}")
        if not self.used:
            raise SettingsError(f"nothing would ever move: make one of {', '.join(NAMES)} positive")

    @property
    def used(self) -> tuple[str, ...]:
        """Names of the moves that are tried at all."""
        return tuple(name for name in NAMES if getattr(self, name) > 0)

    def trials(self, n_atoms: int) -> Integers:
        """Trials of each kind in a sweep, shape (8,), in the order of the compiled walks."""
        counts = np.array([getattr(self, name) for name in NAMES], np.int64)
        counts[0] *= n_atoms
        return counts

    @staticmethod
    def of_cell(n: int = 1, *, cubic: bool = False) -> dict[str, int]:
        """The moves of a cell, `n` of each kind: ``Moves(galilean=4, **Moves.of_cell())``."""
        return {name: n for name in CELL_MOVES if name == "volume" or not cubic}
