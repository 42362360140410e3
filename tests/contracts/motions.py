"""Configurations moved in ways a law of physics speaks about; the given atoms stay as they are."""

import numpy as np
from ase import Atoms
from scipy.spatial.transform import Rotation


def displaced(atoms: Atoms, shift: np.ndarray) -> Atoms:
    """Atoms moved by `shift`, shape (3,) or (n_atoms, 3), Å; not wrapped."""
    moved = atoms.copy()
    moved.positions += shift
    return moved


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    """Positions and cell deformed by the matrix 1 + strain."""
    moved = atoms.copy()
    deformation = np.eye(3) + strain
    moved.set_cell(atoms.cell.array @ deformation)
    moved.positions = atoms.positions @ deformation
    return moved


def turned(atoms: Atoms, seed: int = 0) -> tuple[Atoms, np.ndarray]:
    """Atoms and cell turned at random, and the matrix R that turns row vectors v into v @ R."""
    R = Rotation.random(random_state=seed).as_matrix().T
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ R)
    moved.positions = atoms.positions @ R
    return moved, R


def shuffled(atoms: Atoms, seed: int = 0) -> tuple[Atoms, np.ndarray]:
    """Atoms in another order, and that order."""
    order = np.random.default_rng(seed).permutation(len(atoms))
    return atoms[order], order


def away(atoms: Atoms, start: float, stop: float, n_steps: int) -> list[Atoms]:
    """The last atom taken from `start` to `stop` (Å) from the first, in vacuum, on a straight line."""
    path = []
    direction = np.array([0.36, 0.48, 0.8])
    for distance in np.linspace(start, stop, n_steps):
        moved = Atoms(atoms.numbers, atoms.positions)
        moved.positions[-1] = moved.positions[0] + distance * direction
        path.append(moved)
    return path
