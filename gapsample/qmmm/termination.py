"""Where bonds are cut: which atoms join so that the cut is clean, and the hydrogens that close it."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from numpy.typing import NDArray

from gapsample.qmmm.bonds import Bonds

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HYDROGEN = 1
DIGITS = 6  # to which stretches of bonds count as the same
ROUNDS = 4  # in which outside atoms bonded twice join


class Caps(NamedTuple):
    """Hydrogens that close cut bonds.

    Attributes
    ----------
    on : shape (n_caps,), the atom that each is bonded to, ascending
    arm : shape (n_caps, 3), Å, from that atom to the hydrogen
    stretch : shape (n_caps,), length of the cut bond over the sum of covalent radii
    """

    on: Integers
    arm: Floats
    stretch: Floats

    def weakest(self) -> int:
        """Number of the hydrogen that closes the bond stretched most; of bonds alike the first."""
        return int(np.argmax(np.round(self.stretch, DIGITS)))


def closed(bonds: Bonds, numbers: Integers, members: Bools, *, terminate: bool) -> Bools:
    """The set grown until it can be cut out: molecules whole, no bond X-H cut.

    With `terminate`, outside atoms bonded to two atoms of the set join too, for their two hydrogens would
    clash where it was. In a crystal that ends by itself, with facets; in a dense liquid it might not, and is
    stopped after four rounds.
    """
    i, j = bonds.edges.i, bonds.edges.j
    hydrogenic = to_hydrogen(bonds, numbers)
    for turn in count():
        crossing = members[i] & ~members[j]
        grown = members.copy()
        grown[j[crossing & hydrogenic]] = True
        if terminate and turn < ROUNDS:
            grown |= np.bincount(j[crossing], minlength=len(members)) >= 2
        grown = bonds.with_molecules(grown)
        if np.array_equal(grown, members):
            break
        members = grown
    return members


def to_hydrogen(bonds: Bonds, numbers: Integers) -> Bools:
    """Whether each bond is to a hydrogen atom, shape (n_bonds,)."""
    return np.logical_or(numbers[bonds.edges.i] == HYDROGEN, numbers[bonds.edges.j] == HYDROGEN)


def caps(bonds: Bonds, numbers: Integers, cut: Bools) -> Caps:
    """A hydrogen on each cut bond i-j, at ``(R_i + R_H) / (R_i + R_j)`` of it.

    R are covalent radii: the hydrogen takes the place of atom j, at its own bond length.

    Parameters
    ----------
    cut : shape (n_bonds,)
    """
    i, j = bonds.edges.i[cut], bonds.edges.j[cut]
    R_i, R_j = covalent_radii[numbers[i]], covalent_radii[numbers[j]]
    share = (R_i + covalent_radii[HYDROGEN]) / (R_i + R_j)
    arm, stretch = share[:, None] * bonds.D[cut], np.linalg.norm(bonds.D[cut], axis=1) / (R_i + R_j)
    order = np.lexsort((j, i))
    return Caps(i[order], arm[order], stretch[order])


def has_odd_electrons(atoms: Atoms) -> bool:
    """Whether nuclear charges minus the initial charges of the atoms are odd."""
    charge = round(float(atoms.get_initial_charges().sum()))
    return (int(atoms.numbers.sum()) - charge) % 2 == 1
