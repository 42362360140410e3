"""Atoms with a pair potential at constant pressure, in a cell of any shape with all periodic images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from ase import Atoms

from gapsample.compiled import walks_cell
from gapsample.compiled.walks_cell import ATOM, N_MOVES, STRETCH, VOLUME, Bounds
from gapsample.compiled.walks_pairs import Pairs
from gapsample.errors import InputError
from gapsample.nested.pair_box import REDUCED, PairPotential
from gapsample.nested.pair_potential import cap, quantum
from gapsample.nested.problem import Floats, Integers, Keys, Walk, Walked

BITS = 22  # energies are whole multiples of about 2e-7 of the scale: there are many more terms to sum


@dataclass(frozen=True)
class PairCell:
    """Equal atoms in a periodic cell that changes volume and shape; values are enthalpies E + P V.

    A point is the fractional a, b and c of all atoms, then the three cell vectors. The prior is uniform in
    the fractional positions, and goes as ``V^n_atoms`` in the volume or is uniform there too; all shapes that
    shear and stretch can reach weigh the same, as far as the cell is no thinner than `height`. Walk lengths
    count sweeps: trials of every atom and some of the cell. The volume of each point is observed.

    Parameters
    ----------
    n_atoms : one or more
    potential : `LennardJones`, `Tabulated` or the like
    pressure : energy / volume
    largest_volume, smallest_volume : per atom; keep the smallest below the densest solid
    prior : ``"V^N"``, that of the constant-pressure ensemble, or ``"flat"``, to be reweighted with the log
        weight ``n_atoms * log(volume)``
    height : smallest height of the cell over the cube root of its volume, 1 being a cube
    cubic : keep the cell a cube
    """

    n_atoms: int
    potential: PairPotential
    pressure: float
    largest_volume: float = 100.0
    smallest_volume: float = 0.5
    prior: Literal["V^N", "flat"] = "V^N"
    height: float = 0.8
    cubic: bool = False

    def __post_init__(self) -> None:
        if self.n_atoms < 1:
            raise InputError(f"a cell needs at least one atom, got {self.n_atoms}")
        if not 0.0 < self.smallest_volume < self.largest_volume:
            raise InputError(
                "volumes per atom need 0 < smallest < largest, got "
                f"{self.smallest_volume} and {self.largest_volume}"
            )
        if not 0.0 < self.height < 1.0:
            raise InputError(f"the smallest height must lie between 0 and 1 (a cube), got {self.height}")
        if not self.pressure > 0.0:
            raise InputError(f"constant pressure needs a positive one, got {self.pressure}")

    @property
    def n_coordinates(self) -> int:
        """Three for each atom and nine for the cell."""
        return 3 * self.n_atoms + 9

    @property
    def largest_steps(self) -> Floats:
        """Displacement (half the largest edge), volume, shear and stretch."""
        volume = self.n_atoms * self.largest_volume
        largest = np.array([0.5 * volume ** (1 / 3), 0.5 * volume, 0.5, 0.5])
        return largest[: VOLUME + 1] if self.cubic else largest

    @property
    def move_names(self) -> tuple[str, ...]:
        """Atoms one by one, and the cell."""
        names = ("atom", "volume", "shear", "stretch")
        return names[: VOLUME + 1] if self.cubic else names

    @property
    def fingerprint(self) -> str:
        """Text that differs wherever enthalpies or priors would."""
        numbers = (self.n_atoms, self.pressure, self.largest_volume, self.smallest_volume)
        return f"PairCell{(*numbers, self.prior, self.height, self.cubic, self.potential.fingerprint)}"

    def draw(self, keys: Keys) -> tuple[Floats, Floats]:
        """Draw from the prior: points and enthalpies."""
        points = np.empty((len(keys), self.n_coordinates))
        walks_cell.draw(self._bounds, self.cubic, keys, points)
        return points, self.values(points)

    def values(self, points: Floats) -> Floats:
        """Enthalpies of points, shape (m, 3 n + 9) -> (m,)."""
        values = np.empty(len(points))
        walks_cell.values(self._pairs, self._bounds, self._most_images, points, values)
        return values * self._quantum

    def walk(self, task: Walk) -> Walked:
        """Monte Carlo of atoms and cell, compiled and free of the GIL."""
        points, values = task.coordinates.copy(), np.empty(len(task.values))
        tried, accepted = np.empty((2, len(values), N_MOVES), np.int64)
        steps = np.zeros(N_MOVES)
        steps[: len(task.steps)] = task.steps
        walks_cell.walk(
            self._pairs,
            self._bounds,
            self._most_images,
            task.ceiling.value / self._quantum,
            task.ceiling.label,
            steps,
            self._trials,
            task.length,
            task.keys,
            points,
            values,
            tried,
            accepted,
        )
        n_moves = len(task.steps)
        failed = np.zeros(len(values), np.int64)
        return Walked(points, values * self._quantum, tried[:, :n_moves], accepted[:, :n_moves], failed)

    def atoms(self, coordinates: Floats) -> Atoms:
        """Argon stands for the atoms."""
        scaled, cell = coordinates[:-9].reshape(3, -1).T, coordinates[-9:].reshape(3, 3)
        return Atoms(f"{REDUCED}{self.n_atoms}", scaled_positions=scaled, cell=cell, pbc=True)

    def observe(self, coordinates: Floats) -> Mapping[str, Floats]:
        """The volume of each point, shape (m,)."""
        return {"volume": np.linalg.det(coordinates[:, -9:].reshape(-1, 3, 3))}

    @property
    def _trials(self) -> Integers:
        """Trials of each kind in a sweep."""
        trials = np.zeros(N_MOVES, np.int64)
        trials[ATOM], trials[VOLUME] = self.n_atoms, max(1, self.n_atoms // 32)
        if not self.cubic:
            trials[VOLUME + 1 : STRETCH + 1] = trials[VOLUME]
        return trials

    @cached_property
    def _bounds(self) -> Bounds:
        return Bounds(
            pressure=self.pressure / self._quantum,
            smallest=self.n_atoms * self.smallest_volume,
            largest=self.n_atoms * self.largest_volume,
            power=float(self.n_atoms) if self.prior == "V^N" else 0.0,
            height=self.height,
        )

    @cached_property
    def _most_images(self) -> int:
        thinnest = self.height * (self.n_atoms * self.smallest_volume) ** (1 / 3)
        return int(np.ceil(2.0 * self.potential.cutoff / thinnest + 1e-6) ** 3)

    @cached_property
    def _pairs(self) -> Pairs:
        n_terms = self.n_atoms * (self.n_atoms + 1) / 2 * self._most_images
        return self.potential.compiled(self._quantum, cap(n_terms))

    @cached_property
    def _quantum(self) -> float:
        return quantum(self.potential.scale, BITS)
