"""Atoms with a pair potential in a periodic cube: clusters and gases at fixed volume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from ase import Atoms

from gapsample.compiled import walks_pairs, walks_single
from gapsample.compiled.walks_pairs import Pairs
from gapsample.errors import InputError
from gapsample.nested.pair_potential import cap, quantum
from gapsample.nested.problem import Floats, Keys, Walk, Walked

REDUCED = "Ar"  # species of a pair potential in reduced units, where a configuration must have one


class PairPotential(Protocol):
    """What gives the energy of two atoms."""

    @property
    def scale(self) -> float: ...

    @property
    def cutoff(self) -> float: ...

    @property
    def fingerprint(self) -> str: ...

    def compiled(self, quantum: float, cap: float) -> Pairs: ...


@dataclass(frozen=True)
class PairBox:
    """Equal atoms in a cube with periodic boundaries; the prior is uniform in all positions.

    A point is all x, then all y, then all z of its atoms. Walk lengths count sweeps, trials of every atom.
    Energies are whole multiples of `pair_potential.quantum`, and pair energies are capped at
    `pair_potential.cap`, far above any temperature of interest.

    Parameters
    ----------
    n_atoms : two or more
    edge : of the cube, at least twice the cutoff, so that a pair meets once only
    potential : `LennardJones`, `Tabulated` or the like
    """

    n_atoms: int
    edge: float
    potential: PairPotential

    def __post_init__(self) -> None:
        if self.n_atoms < 2:
            raise InputError(f"a box of pairs needs two or more atoms, got {self.n_atoms}")
        if self.edge < 2.0 * self.potential.cutoff:
            raise InputError(
                f"the edge {self.edge} is shorter than twice the cutoff {self.potential.cutoff}, so that "
                "atoms would meet images of others twice; take a larger cube or a shorter cutoff"
            )

    @property
    def n_coordinates(self) -> int:
        """Three for each atom."""
        return 3 * self.n_atoms

    @property
    def largest_steps(self) -> Floats:
        """Half the edge: a trial position anywhere in the cube."""
        return np.array([0.5 * self.edge])

    @property
    def move_names(self) -> tuple[str, ...]:
        """Atoms move one by one."""
        return ("atom",)

    @property
    def fingerprint(self) -> str:
        """Text that differs wherever energies would."""
        return f"PairBox({self.n_atoms}, {self.edge}, {self.potential.fingerprint})"

    def draw(self, keys: Keys) -> tuple[Floats, Floats]:
        """Uniform positions and their energies."""
        positions = np.empty((len(keys), self.n_coordinates))
        walks_single.draw(self.edge, keys, positions)
        return positions, self.energies(positions)

    def energies(self, positions: Floats) -> Floats:
        """Energies of configurations, shape (m, 3 n) -> (m,)."""
        values = np.empty(len(positions))
        walks_pairs.energies(self._pairs, positions, self.edge, values)
        return values * self._quantum

    def walk(self, task: Walk) -> Walked:
        """Single-atom Monte Carlo, compiled and free of the GIL."""
        positions = task.coordinates.copy()
        values = task.values / self._quantum
        accepted = np.empty((len(values), 1), np.int64)
        walks_single.walk(
            self._pairs,
            self.edge,
            task.ceiling.value / self._quantum,
            task.ceiling.label,
            float(task.steps[0]),
            task.length,
            task.keys,
            positions,
            values,
            accepted[:, 0],
        )
        tried = np.full_like(accepted, task.length * self.n_atoms)
        return Walked(positions, values * self._quantum, tried, accepted, np.zeros(len(values), np.int64))

    def atoms(self, coordinates: Floats) -> Atoms:
        """Argon stands for the atoms."""
        positions = coordinates.reshape(3, -1).T
        return Atoms(f"{REDUCED}{self.n_atoms}", positions=positions, cell=np.eye(3) * self.edge, pbc=True)

    def observe(self, coordinates: Floats) -> Mapping[str, Floats]:
        """Nothing beside the energy."""
        return {}

    @cached_property
    def _pairs(self) -> Pairs:
        return self.potential.compiled(self._quantum, cap(self.n_atoms * (self.n_atoms - 1) / 2))

    @cached_property
    def _quantum(self) -> float:
        return quantum(self.potential.scale)
