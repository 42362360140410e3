"""The matrix of a configuration at each k-point, and bond orders and forces back from its density matrix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import InputError
from gapsample.reference.bowler import BONDS, CUTOFF, ELEMENTS
from gapsample.reference.kpoints import own_mirror
from gapsample.reference.slater_koster import blocks, contracted

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Matrix = NDArray[np.float64] | NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Bonds:
    """Pairs that couple, both ways round, an entry for every image.

    Attributes
    ----------
    i, j : shape (n_bonds,), first and second atom
    images : shape (n_bonds, 3), which periodic image of the second atom, in cell vectors
    r : shape (n_bonds,), Å
    directions : shape (n_bonds, 3), unit vectors from first to second
    amplitudes : shape (n_bonds, 5), eV, couplings at the reference distance (`slater_koster`)
    hopping, repulsion : shape (n_bonds, 2), value and slope (1/Å; eV and eV/Å) at this distance
    """

    i: Integers
    j: Integers
    images: Integers
    r: Floats
    directions: Floats
    amplitudes: Floats
    hopping: Floats
    repulsion: Floats


@dataclass(frozen=True, eq=False)
class Hamiltonian:
    """Levels and couplings of a configuration.

    Attributes
    ----------
    slots : shape (n_atoms, 4), number of the orbital s, p_x, p_y, p_z of each atom; -1 where it has none
    onsite : shape (n_orbitals,), eV
    electrons : how many there are
    """

    slots: Integers
    onsite: Floats
    electrons: int
    bonds: Bonds

    @property
    def repulsion(self) -> float:
        """Energy of all pairs of cores, eV."""
        return float(0.5 * self.bonds.repulsion[:, 0].sum())

    @cached_property
    def _entries(self) -> tuple[NDArray[np.bool_], Integers, Floats]:
        """Which of the 4 x 4 couplings of each bond exist, their place in the flat matrix, their energy."""
        rows, columns = self.slots[self.bonds.i][:, :, None], self.slots[self.bonds.j][:, None, :]
        exists = (rows >= 0) & (columns >= 0)
        places = (rows * len(self.onsite) + columns)[exists]
        couplings = blocks(self.bonds.directions, self.bonds.amplitudes)
        return exists, places, (self.bonds.hopping[:, 0, None, None] * couplings)[exists]

    def at(self, k: Floats) -> Matrix:
        """The matrix at a point k (units of the reciprocal cell), eV; real where it can be."""
        exists, places, couplings = self._entries
        phases = np.broadcast_to(self._phases(k)[:, None, None], exists.shape)[exists]
        size = len(self.onsite)
        flat: Matrix = _summed(places, phases.real * couplings, size * size)
        if np.iscomplexobj(phases):
            flat = flat + 1j * _summed(places, phases.imag * couplings, size * size)
        flat[:: size + 1] += self.onsite
        return flat.reshape(size, size)

    def bond_orders(self, k: Floats, density: Matrix) -> Floats:
        """Derivative of the electronic energy with each coupling, shape (n_bonds, 4, 4).

        Parameters
        ----------
        density : sum over states of occupation |state><state|, shape (n_orbitals, n_orbitals)
        """
        exists, places, _ = self._entries
        orders = np.zeros(exists.shape)
        phases = np.broadcast_to(self._phases(k)[:, None, None], exists.shape)[exists]
        orders[exists] = np.real(phases * density.ravel()[places].conj())
        return orders

    def forces(self, orders: Floats) -> tuple[Floats, Floats]:
        """Forces (eV/Å), shape (n_atoms, 3), and virial (eV) of electrons and cores.

        Parameters
        ----------
        orders : bond orders summed over k-points, spin included
        """
        b = self.bonds
        turned, leaning = contracted(b.directions, b.amplitudes, orders)
        value, slope = b.hopping.T
        across = leaning - np.sum(leaning * b.directions, axis=1)[:, None] * b.directions
        along = slope * turned + 0.5 * b.repulsion[:, 1]
        gradients = along[:, None] * b.directions + (value / b.r)[:, None] * across
        n = len(self.slots)
        forces = np.stack([_summed(b.i, g, n) - _summed(b.j, g, n) for g in gradients.T], axis=1)
        return forces, -(b.r[:, None] * b.directions).T @ gradients

    def _phases(self, k: Floats) -> Matrix:
        angles = self.bonds.images @ k
        if own_mirror(k):
            return np.where(np.rint(2.0 * angles) % 2 == 0, 1.0, -1.0)
        phases: Matrix = np.exp(2j * np.pi * angles)
        return phases


def hamiltonian_of(atoms: Atoms) -> Hamiltonian:
    """Set up the matrix elements of a configuration.

    Raises
    ------
    InputError
        Atoms other than hydrogen and silicon; no atoms, atoms on the same point, positions or cell that
        cannot be used (`find_neighbours`).
    """
    strangers = sorted({chemical_symbols[z] for z in atoms.numbers if z not in ELEMENTS})
    if strangers:
        raise InputError(
            f"this tight binding knows H and Si; got {', '.join(strangers)}; "
            "take another engine for them (tblite has all elements up to radon)"
        )
    bonds = _bonds(atoms)
    elements = [ELEMENTS[z] for z in atoms.numbers]
    counts = np.array([len(element.levels) for element in elements])
    order = np.arange(4)
    slots = np.where(order < counts[:, None], (np.cumsum(counts) - counts)[:, None] + order, -1)
    onsite = np.concatenate([element.levels for element in elements])
    return Hamiltonian(slots, onsite, sum(element.electrons for element in elements), bonds)


def _summed(places: Integers, values: Floats, size: int) -> Floats:
    """Values added up by place, shape (size,)."""
    return np.bincount(places, values, size).astype(np.float64, copy=False)


def _bonds(atoms: Atoms) -> Bonds:
    near = find_neighbours(atoms, CUTOFF)
    amplitudes = np.zeros((len(near.d), 5))
    hopping, repulsion = np.zeros((len(near.d), 2)), np.zeros((len(near.d), 2))
    couples = np.zeros(len(near.d), dtype=bool)
    for (first, second), bond in BONDS.items():
        here = (near.numbers[near.i] == first) & (near.numbers[near.j] == second)
        couples |= here
        amplitudes[here] = bond.couplings
        hopping[here] = np.stack(bond.hopping_scaling(near.d[here]), axis=1)
        repulsion[here] = bond.repulsion * np.stack(bond.repulsion_scaling(near.d[here]), axis=1)
    i, j, r, apart = near.i[couples], near.j[couples], near.d[couples], near.D[couples]
    cell = atoms.cell.complete().array
    straight = atoms.positions[j] - atoms.positions[i]
    images = np.rint(np.linalg.solve(cell.T, (apart - straight).T).T).astype(np.int64)
    return Bonds(
        i, j, images, r, apart / r[:, None], amplitudes[couples], hopping[couples], repulsion[couples]
    )
