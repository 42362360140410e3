"""Configurations, cheap potentials and scenes that the laws of QM/MM are tried on."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from gapsample.potential.calculator import FromCalculator
from gapsample.qmmm.bonds import Bonding
from gapsample.qmmm.layers import Scene

SHEAR = np.array([[1.0, 0.0, 0.0], [0.27, 1.0, 0.0], [-0.19, 0.31, 1.0]])


def scene(atoms: Atoms, **bonding: object) -> Scene:
    return Scene(atoms, Bonding(**bonding).find(atoms))


def mask(atoms: Atoms, *indices: int) -> np.ndarray:
    chosen = np.zeros(len(atoms), bool)
    chosen[list(indices)] = True
    return chosen


def silicon(n: int = 3, *, size: float = 0.05, seed: int = 0) -> Atoms:
    atoms = bulk("Si", cubic=True).repeat(n)
    atoms.positions += np.random.default_rng(seed).normal(0.0, size, atoms.positions.shape)
    return atoms


def copper(n: int = 4, *, seed: int = 0, oblique: bool = False) -> Atoms:
    atoms = bulk("Cu", cubic=True).repeat(n)
    if oblique:
        atoms = bulk("Cu").repeat(n + 2)
    atoms.positions += np.random.default_rng(seed).normal(0.0, 0.08, atoms.positions.shape)
    return atoms


def water(n: int = 3, *, seed: int = 0, oblique: bool = False) -> Atoms:
    """Molecules turned at random on a lattice 3.4 Å wide, many of them across periodic boundaries."""
    rng = np.random.default_rng(seed)
    atoms = Atoms(cell=np.eye(3) * 3.4 * n @ (SHEAR if oblique else np.eye(3)), pbc=True)
    for site in np.ndindex(n, n, n):
        one = molecule("H2O")
        one.euler_rotate(*rng.uniform(0.0, 360.0, 3))
        one.positions += np.array(site) @ atoms.cell.array / n + rng.normal(0.0, 0.1, 3)
        atoms += one
    atoms.wrap()
    return atoms


def emt() -> FromCalculator:
    return FromCalculator(EMT())


def lennard_jones(epsilon: float = 0.05, sigma: float = 2.3, cutoff: float = 5.0) -> FromCalculator:
    """Of any species alike, smooth at its cutoff."""
    return FromCalculator(LennardJones(epsilon=epsilon, sigma=sigma, rc=cutoff, ro=0.8 * cutoff, smooth=True))
