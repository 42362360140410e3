"""How many neighbours at which distance: the radial distribution function and coordination numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from numpy.typing import NDArray

from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.errors import InputError, UnknownSpecies

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RadialDistribution:
    """Neighbours by distance.

    Attributes
    ----------
    edges : shape (n_bins + 1,), Å
    g : shape (n_bins,); density of neighbours over the mean density of the cell, 1 far away
    coordination : shape (n_bins,); mean number of neighbours closer than the upper edge
    """

    edges: Floats
    g: Floats
    coordination: Floats

    @property
    def r(self) -> Floats:
        """Centres of the bins, shape (n_bins,), Å."""
        return np.asarray(0.5 * (self.edges[1:] + self.edges[:-1]))


def radial_distribution(
    atoms: Atoms, cutoff: float, *, n_bins: int = 100, between: tuple[str, str] | None = None
) -> RadialDistribution:
    """Radial distribution function of a periodic cell of any shape, also beyond half of it.

    Every periodic image counts as a neighbour, an atom's own images too: they are part of what an atom of
    the infinite system sees. (In a cell of N atoms of an ideal gas g is therefore 1 - 1/N away from the
    lattice vectors, and 1 on average.)

    Parameters
    ----------
    cutoff : Å
    between : symbols of the central atoms and of the neighbours; None: all atoms

    Raises
    ------
    InputError
        The configuration is not periodic in three directions: it has no mean density. For clusters use
        `coordination`.
    UnknownSpecies
        There is no atom of a species asked for.
    """
    if not atoms.pbc.all():
        raise InputError(
            f"a radial distribution needs periodicity in three directions, got pbc={atoms.pbc.tolist()}; "
            "use coordination() for molecules, clusters and surfaces"
        )
    if n_bins < 1 or not cutoff > 0.0:
        raise InputError(f"needs a positive cutoff and one or more bins, got {cutoff} and {n_bins}")
    near = find_neighbours(atoms, cutoff)
    centres, partners = (np.ones(len(atoms), bool),) * 2
    if between is not None:
        centres, partners = (_of_species(atoms, symbol) for symbol in between)
    counts, edges = np.histogram(near.d[centres[near.i] & partners[near.j]], n_bins, (0.0, cutoff))
    per_atom = counts / centres.sum()
    shells = 4.0 / 3.0 * np.pi * np.diff(edges**3)
    density = partners.sum() / float(atoms.get_volume())
    return RadialDistribution(edges, per_atom / (shells * density), np.cumsum(per_atom))


def coordination(near: Neighbours, cutoff: float | None = None) -> Floats:
    """Number of neighbours of every atom within the cutoff, that of the list if None; shape (n_atoms,)."""
    if cutoff is not None and cutoff > near.cutoff:
        raise InputError(f"the neighbour list ends at {near.cutoff} Å, before the cutoff of {cutoff} Å")
    return np.diff((near if cutoff is None else near.within(cutoff)).first).astype(float)


def _of_species(atoms: Atoms, symbol: str) -> NDArray[np.bool_]:
    chosen = atoms.numbers == atomic_numbers.get(symbol, -1)
    if not chosen.any():
        raise UnknownSpecies([symbol], set(atoms.get_chemical_symbols()))
    return np.asarray(chosen)
