"""Who is near whom: a full neighbour list as plain arrays, from vesin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import vesin
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TOO_CLOSE = 1e-3  # Å; below this two atoms count as the same point


@dataclass(frozen=True)
class Neighbours:
    """All ordered pairs i -> j within `cutoff`, sorted by i; periodic images are pairs of their own.

    Attributes
    ----------
    numbers : shape (n_atoms,), atomic numbers
    first : shape (n_atoms + 1,); the pairs of atom i are ``first[i]:first[i + 1]``
    i, j : shape (n_pairs,), centre and neighbour
    D : shape (n_pairs, 3), Å, position of the image of j minus position of i
    d : shape (n_pairs,), Å, length of `D`
    cutoff : Å
    """

    numbers: Integers
    first: Integers
    i: Integers
    j: Integers
    D: Floats
    d: Floats
    cutoff: float

    @property
    def n_atoms(self) -> int:
        return len(self.numbers)

    def within(self, cutoff: float) -> Neighbours:
        """The same list restricted to pairs closer than `cutoff`."""
        if cutoff >= self.cutoff:
            return self
        keep = self.d < cutoff
        i = self.i[keep]
        return Neighbours(
            self.numbers, _first(i, self.n_atoms), i, self.j[keep], self.D[keep], self.d[keep], cutoff
        )


def find_neighbours(atoms: Atoms, cutoff: float) -> Neighbours:
    """Full neighbour list of a configuration, in any cell or none.

    Raises
    ------
    InputError
        Positions or cell are not finite, a periodic direction has no cell vector, there are no atoms,
        or two atoms sit on the same point.
    """
    if len(atoms) == 0:
        raise InputError("a configuration needs at least one atom; got an empty Atoms object")
    positions, cell, pbc = atoms.positions, atoms.cell.array, atoms.pbc
    if not np.all(np.isfinite(positions)):
        bad = np.flatnonzero(~np.isfinite(positions).all(axis=1))
        raise InputError(f"positions of {len(bad)} atoms are not finite (first: atom {bad[0]})")
    if not np.all(np.isfinite(cell)):
        raise InputError("the cell holds NaN or infinite numbers")
    if np.any(pbc) and abs(np.linalg.det(atoms.cell.complete().array)) < 1e-10:
        raise InputError(f"the cell is singular although pbc={pbc.tolist()}; set atoms.cell or pbc=False")
    missing = pbc & (np.linalg.norm(cell, axis=1) == 0.0)
    if np.any(missing):
        raise InputError(f"pbc={pbc.tolist()} but cell vectors {np.flatnonzero(missing).tolist()} are zero")
    i, j, d, D = vesin.NeighborList(cutoff=cutoff, full_list=True, sorted=True).compute(
        points=positions, box=atoms.cell.complete().array, periodic=pbc, quantities="ijdD"
    )
    i, j = i.astype(np.int64), j.astype(np.int64)
    if len(d) and d.min() < TOO_CLOSE:
        worst = int(np.argmin(d))
        raise InputError(
            f"atoms {i[worst]} and {j[worst]} are {d[worst]:.2g} Å apart; "
            "remove the duplicate or check the cell"
        )
    return Neighbours(atoms.numbers.astype(np.int64), _first(i, len(atoms)), i, j, D, d, float(cutoff))


def _first(i: Integers, n_atoms: int) -> Integers:
    return np.concatenate(([0], np.cumsum(np.bincount(i, minlength=n_atoms)))).astype(np.int64)
