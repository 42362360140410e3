"""Silicon with and without hydrogen: crystal, slab, molecule, capped cluster."""

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

CELL = 5.43  # Å
SI_H = 1.48  # Å


def rattled(atoms: Atoms, amplitude: float = 0.1, seed: int = 0) -> Atoms:
    """The same atoms, each moved at random."""
    moved = atoms.copy()
    moved.positions += amplitude * np.random.default_rng(seed).normal(size=moved.positions.shape)
    return moved


def crystal(amplitude: float = 0.1) -> Atoms:
    """Eight atoms in the cubic cell, off their sites."""
    return rattled(bulk("Si", cubic=True, a=CELL), amplitude)


def primitive(amplitude: float = 0.1) -> Atoms:
    """Two atoms in a skewed cell so small that an atom is bonded to its own images."""
    atoms = rattled(bulk("Si", a=CELL), amplitude)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.04 * np.array([[0, 1, 2], [1, 0, 0], [0, -1, 1]])), True)
    return atoms


def squeezed() -> Atoms:
    """One atom whose only neighbours are its own images."""
    return Atoms("Si", cell=[[2.5, 0.1, 0.0], [0.0, 2.6, 0.2], [0.1, 0.0, 2.7]], pbc=True)


def silane(amplitude: float = 0.1) -> Atoms:
    """SiH4, no cell."""
    return rattled(molecule("SiH4"), amplitude)


def radical() -> Atoms:
    """SiH3: an odd number of electrons."""
    return rattled(molecule("SiH3"), 0.1)


def slab() -> Atoms:
    """Periodic in two directions, the broken bonds of both faces capped with hydrogen; off the sites."""
    whole = bulk("Si", cubic=True, a=CELL).repeat((1, 1, 3))
    layers = np.abs(whole.positions[:, 2] - 1.4 * CELL) < 0.6 * CELL
    atoms = capped(whole, layers)
    atoms.set_cell(whole.cell)
    atoms.pbc = [True, True, False]
    return rattled(atoms, 0.05)


def cluster(radius: float) -> Atoms:
    """A sphere around an atom of the crystal, its broken bonds capped with hydrogen."""
    n = 2 * int(np.ceil(radius / CELL)) + 1
    whole = bulk("Si", cubic=True, a=CELL).repeat(n)
    middle = whole.positions[np.argmin(np.linalg.norm(whole.positions - 0.5 * n * CELL, axis=1))]
    return capped(whole, np.linalg.norm(whole.positions - middle, axis=1) < radius)


def capped(crystal: Atoms, kept: np.ndarray) -> Atoms:
    """Some atoms of a crystal, with hydrogen where bonds to the others were cut; no cell."""
    i, j, D, d = neighbor_list("ijDd", crystal, 2.6)
    cut = kept[i] & ~kept[j]
    caps = crystal.positions[i[cut]] + SI_H * (D / d[:, None])[cut]
    return Atoms(crystal[kept].symbols, crystal.positions[kept]) + Atoms("H" * len(caps), caps)
