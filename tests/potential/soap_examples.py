"""SOAP terms, and configurations of every awkward kind, that several tests share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.potential.terms.soap import SoapTerm


def soap_term(
    configurations: list[Atoms],
    center: str,
    species: str,
    *,
    basis: SoapBasis | None = None,
    n_sparse: int = 12,
    zeta: float = 4.0,
    delta: float = 1.3,
    tolerance: float = 1e-6,
    mixing: np.ndarray | None = None,
) -> SoapTerm:
    """A term whose sparse points are environments of the configurations; `species` as "Si O"."""
    basis = basis or SoapBasis(3.6, 4, 3)
    numbers = tuple(atomic_numbers[symbol] for symbol in species.split())
    empty = SoapTerm(
        basis, atomic_numbers[center], numbers, np.empty((0, 0)), zeta, delta, 1.0, tolerance, mixing
    )
    points = np.concatenate(
        [empty.descriptors(find_neighbours(atoms, basis.cutoff)) for atoms in configurations]
    )
    return replace(empty, sparse=points[:n_sparse])


def rattled(atoms: Atoms, size: float = 0.15, seed: int = 0) -> Atoms:
    moved = atoms.copy()
    moved.rattle(size, seed=seed)
    return moved


def silicon_cells(n: int = 3) -> list[Atoms]:
    return [rattled(bulk("Si", cubic=True), seed=seed) for seed in range(n)]


def four_species() -> Atoms:
    """Eight atoms of four species, disordered, in a cell smaller than twice the cutoff."""
    atoms = rattled(bulk("SiC", "zincblende", a=4.5, cubic=True), 0.2, seed=4)
    atoms.symbols = "SiOHCSiOHC"
    return atoms


def thin_cell() -> Atoms:
    """One cell vector much shorter than any cutoff: an atom sees several of its own images."""
    return Atoms("Si3", [[0, 0, 0], [1.1, 2.0, 2.2], [0.4, 4.1, 0.7]], cell=[2.1, 6.0, 5.0], pbc=True)


def skewed_cell() -> Atoms:
    """A cell so skewed that its shortest image is not a neighbouring cell."""
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=2)
    cell = atoms.cell.array
    cell[1] += 2.0 * cell[0]
    cell[2] += -1.0 * cell[0] + 2.0 * cell[1]
    atoms.set_cell(cell)
    return atoms


def slab() -> Atoms:
    """Periodic in two directions only."""
    atoms = rattled(bulk("Si", cubic=True), seed=6)
    atoms.pbc = (True, True, False)
    return atoms
