"""One configuration while it walks, what may change of it, and the row that it is kept in."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.walks_cell import Bounds, volume
from gapsample.compiled.walks_core import reciprocal

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

CELL_SIZE = 9


class Space(NamedTuple):
    """What walks may change, and how far.

    Attributes
    ----------
    free : shape (n, 3), coordinates that move
    mutable : shape (n_mutable,), atoms whose species may change
    lightness : shape (n, 3), one over the square root of each mass; 0 where frozen
    closed : whether there are walls at all
    walls : shape (3,), axes of the cell along which hard walls close it; orthogonal to all others
    padding : Å, empty space along these axes, which keeps images away
    hard : whether there is a hard core at all
    nearest : shape (n_species, n_species), Å, hard core
    levels : shape (n_species,), eV, minus the chemical potentials
    bounds : of the cell; its pressure counts for a fixed cell too
    largest_kinetic : eV
    """

    free: Flags
    mutable: Integers
    lightness: Floats
    closed: bool
    walls: Flags
    padding: float
    hard: bool
    nearest: Floats
    levels: Floats
    bounds: Bounds
    largest_kinetic: float


class Clone(NamedTuple):
    """One configuration while it walks; its arrays change in place.

    Attributes
    ----------
    positions, momenta : shape (n, 3); momenta in units of the square root of the mass, kinetic = 1/2 sum p^2
    species : shape (n,)
    cell, inverse : shape (3, 3)
    outer, outer_inverse : shape (3, 3), with empty space along walls: the cell that models see
    """

    positions: Floats
    momenta: Floats
    species: Integers
    cell: Floats
    inverse: Floats
    outer: Floats
    outer_inverse: Floats


@njit
def unpacked(space: Space, n: int, row: Floats) -> Clone:
    """One row as a clone, whose positions, momenta and cell are the row's own memory."""
    species = np.empty(n, np.int64)
    for i in range(n):
        species[i] = int(row[3 * n + CELL_SIZE + i])
    clone = Clone(
        row[: 3 * n].reshape(n, 3),
        row[4 * n + CELL_SIZE :].reshape((len(row) - 4 * n - CELL_SIZE) // 3, 3),
        species,
        row[3 * n : 3 * n + CELL_SIZE].reshape(3, 3),
        np.empty((3, 3)),
        np.empty((3, 3)),
        np.empty((3, 3)),
    )
    surround(space, clone)
    return clone


@njit
def packed(clone: Clone, row: Floats) -> None:
    """Write the species back into a row that `unpacked` was given."""
    n = len(clone.species)
    for i in range(n):
        row[3 * n + CELL_SIZE + i] = clone.species[i]


@njit
def surround(space: Space, clone: Clone) -> None:
    """Bring everything that follows from the cell up to date."""
    reciprocal(clone.cell, clone.inverse)
    clone.outer[:] = clone.cell
    for k in range(3):
        if space.walls[k]:
            clone.outer[k] *= 1.0 + space.padding / np.sqrt((clone.cell[k] ** 2).sum())
    reciprocal(clone.outer, clone.outer_inverse)


@njit
def copy_clone(source: Clone, target: Clone) -> None:
    """Make one clone equal to another."""
    start_at(source.positions, target.positions)
    start_at(source.momenta, target.momenta)
    target.species[:] = source.species
    start_at(source.cell, target.cell)
    start_at(source.inverse, target.inverse)
    start_at(source.outer, target.outer)
    start_at(source.outer_inverse, target.outer_inverse)


@njit
def start_at(positions: Floats, out: Floats) -> None:
    """Copy positions, shape (n, 3)."""
    for i in range(len(positions)):
        for k in range(3):
            out[i, k] = positions[i, k]


@njit
def rest_of(space: Space, clone: Clone) -> float:
    """Pressure times volume minus chemical potentials, eV."""
    total = space.bounds.pressure * volume(clone.cell.reshape(CELL_SIZE))
    for kind in clone.species:
        total += space.levels[kind]
    return total
