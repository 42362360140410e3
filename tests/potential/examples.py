"""Small disordered configurations, and pair and three-body terms, that several tests share."""

import numpy as np
from ase import Atoms
from ase.build import bulk, molecule

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.potential.terms.angle import AngleKind, AngleTerm
from gapsample.potential.terms.distance import DistanceKind, DistanceTerm


def oxide_cell() -> Atoms:
    """Eight atoms of two species in a triclinic cell smaller than the cutoffs."""
    atoms = bulk("SiO", "zincblende", a=4.6, cubic=True)
    atoms.rattle(0.15, seed=3)
    shear = np.random.default_rng(0).normal(0.0, 0.1, (3, 3))
    atoms.set_cell(atoms.cell.array + shear, scale_atoms=True)
    return atoms


def silicon_cell() -> Atoms:
    """Two atoms, mostly surrounded by their own images."""
    atoms = bulk("Si")
    atoms.rattle(0.1, seed=1)
    return atoms


def alcohol() -> Atoms:
    """A molecule without a cell."""
    atoms = molecule("CH3CH2OH")
    atoms.rattle(0.05, seed=5)
    return atoms


def cluster(symbols: str) -> Atoms:
    """Four atoms in vacuum; tests move the last one about."""
    return Atoms(symbols, positions=[[0, 0, 0], [1.9, 0.2, 0], [0.1, 2.1, 0.3], [0.5, 0.4, 2.2]])


DISTANCES = {
    "like": DistanceKind((14, 14), 4.0, 0.7, theta=0.8, delta=1.3),
    "unlike": DistanceKind((14, 8), 4.2, 1.2, theta=0.6, f0=0.2),
    "any": DistanceKind((0, 0), 3.5, theta=0.9),
    "tail": DistanceKind((8, 14), 4.0, 1.0, tail_range=0.6, tail_exponent=2.0),
    "inverse": DistanceKind((0, 0), 4.0, 1.0, theta=0.05, exponent=-2.0),
}


def distance_term(kind: DistanceKind, n_sparse: int = 7) -> DistanceTerm:
    x, _, cutoffs, _ = kind.of_distances(np.linspace(1.5, 0.97 * kind.cutoff, n_sparse))
    return DistanceTerm(kind, x, cutoffs)


ANGLES = {
    "like": AngleKind(14, (14, 14), 3.6, 0.7, theta=(0.8, 0.5, 1.1), delta=0.9),
    "unlike": AngleKind(14, (8, 14), 3.2, 1.2, theta=(1.2, 1.0, 0.7), f0=0.1),
    "any": AngleKind(0, (0, 0), 2.8, theta=(1.0, 2.0, 1.0)),
}


def angle_term(kind: AngleKind, n_sparse: int = 9) -> AngleTerm:
    """Sparse points drawn from the triplets of the oxide cell."""
    found = kind.descriptors(find_neighbours(oxide_cell(), kind.cutoff))
    picked = np.random.default_rng(0).choice(len(found.x), n_sparse, replace=False)
    return AngleTerm(kind, found.x[picked], found.cutoffs[picked])
