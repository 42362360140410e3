"""Who is bonded to whom, by covalent radii; hops along bonds, and molecules that stay whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import InputError, UnknownName
from gapsample.qmmm.unwrap import Edges, components, unwrapped

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Bonds:
    """Bonds of a configuration, listed both ways.

    Attributes
    ----------
    edges : bonds i -> j with the cell shift of the image of j
    D : shape (n_bonds, 3), Å, from atom i to that image
    molecule : shape (n_atoms,), label of the molecule of each atom
    whole : shape (n_atoms,); atoms of molecules that are never cut
    """

    edges: Edges
    D: Floats
    molecule: Integers
    whole: Bools

    def of(self, atoms: Bools) -> Bonds:
        """The bonds of some atoms only, each listed from them."""
        theirs = atoms[self.edges.i]
        return Bonds(self.edges.where(theirs), self.D[theirs], self.molecule, self.whole)

    def hops_from(self, atoms: Bools, most: int) -> Integers:
        """Bonds between each atom and the nearest of a set, shape (n_atoms,); most + 1 stands for more."""
        hops = np.where(atoms, 0, most + 1)
        front = atoms
        for distance in range(1, most + 1):
            reached = np.zeros_like(atoms)
            reached[self.edges.j[front[self.edges.i]]] = True
            front = reached & (hops > distance)
            hops[front] = distance
        return hops

    def with_molecules(self, atoms: Bools) -> Bools:
        """A set of atoms and all others of the molecules it touches."""
        touched = np.zeros(int(self.molecule.max()) + 1, bool)
        touched[self.molecule[atoms & self.whole]] = True
        return atoms | (self.whole & touched[self.molecule])


@dataclass(frozen=True)
class Bonding:
    """The rule for bonds: closer than `stretch` times the sum of covalent radii.

    Attributes
    ----------
    stretch : dimensionless. At 1.35 bonds of silicon hold at any temperature below melting (one that is lost
        leaves a dangling bond where a cluster is cut, felt atoms away), second neighbours are none, and a
        proton halfway between two oxygen atoms is bonded to both
    largest_molecule : connected sets of at most so many atoms are molecules, never cut; endless ones (a
        crystal in a small cell) are none. 0: no molecules
    radii : Å, by chemical symbol, instead of the covalent radii of ASE; 0 for ions that bond to nothing
    molecules : given labels, one per atom, for molecules that bonds do not tell; all stay whole
    """

    stretch: float = 1.35
    largest_molecule: int = 50
    radii: Mapping[str, float] = field(default_factory=dict)
    molecules: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not (self.stretch > 0.0 and self.largest_molecule >= 0):
            raise InputError(
                f"bonding wants stretch > 0 and largest_molecule >= 0, got {self.stretch} and "
                f"{self.largest_molecule}"
            )
        for symbol, radius in self.radii.items():
            if symbol not in atomic_numbers:
                raise UnknownName("chemical symbol in bonding.radii", symbol, atomic_numbers)
            if not radius >= 0.0:
                raise InputError(f"bonding.radii wants radii >= 0 Å, got {radius} for {symbol}")

    def find(self, atoms: Atoms) -> Bonds:
        """Bonds of a configuration, in any cell or none.

        Raises
        ------
        InputError
            As `find_neighbours`, or `molecules` do not fit the atoms and their bonds.
        """
        radius = self._radii()[atoms.numbers]
        near = find_neighbours(atoms, max(2.0 * self.stretch * float(radius.max()), 0.1))
        bonded = near.d < self.stretch * (radius[near.i] + radius[near.j])
        i, j, D = near.i[bonded], near.j[bonded], near.D[bonded]
        edges = Edges(i, j, image_shifts(atoms, i, j, D))
        if self.molecules is None:
            return Bonds(edges, D, *_molecules(len(atoms), edges, self.largest_molecule))
        labels = _labelled(self.molecules, edges, len(atoms))
        return Bonds(edges, D, labels, np.ones(len(atoms), bool))

    def _radii(self) -> Floats:
        radii = np.array(covalent_radii)
        for symbol, radius in self.radii.items():
            radii[atomic_numbers[symbol]] = radius
        return radii


def image_shifts(atoms: Atoms, i: Integers, j: Integers, D: Floats) -> Integers:
    """Cells between atom j and its image at `D` from atom i, shape (n_pairs, 3)."""
    between = D - (atoms.positions[j] - atoms.positions[i])
    cells = np.rint(between @ np.linalg.inv(atoms.cell.complete().array))
    return np.where(atoms.pbc, cells, 0).astype(np.int64)


def _labelled(molecules: tuple[int, ...], edges: Edges, n_atoms: int) -> Integers:
    """Given molecules, numbered 0, 1, ...; each must hang together by bonds."""
    if len(molecules) != n_atoms:
        raise InputError(f"wanted a molecule for each of {n_atoms} atoms, got {len(molecules)}")
    names, labels = np.unique(np.array(molecules), return_inverse=True)
    pieces = components(n_atoms, edges.where(labels[edges.i] == labels[edges.j]))
    for number, name in enumerate(names):
        if len(np.unique(pieces[labels == number])) > 1:
            raise InputError(f"bonds do not hold molecule {name} together; stretch them, or set other radii")
    return labels.astype(np.int64)


def _molecules(n_atoms: int, edges: Edges, largest: int) -> tuple[Integers, Bools]:
    """Label of the connected set of each atom, and whether it is finite and of at most `largest` atoms."""
    label = components(n_atoms, edges)
    size: Integers = np.bincount(label).astype(np.int64)
    small = np.less_equal(size[label], largest)
    pieces = unwrapped(n_atoms, edges.where(small[edges.i]))
    return label, small & ~np.any(pieces.wraps[pieces.label], axis=1)
