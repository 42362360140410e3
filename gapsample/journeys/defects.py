"""A vacancy in a crystal: what it costs to make one, and to move it by one site."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.mep.neb import NEB, NEBOptimizer
from ase.optimize import FIRE
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.journeys.relaxation import converge, relaxed, with_calculator

Floats = NDArray[np.float64]

SPRING = 5.0  # eV/Å^2, between images; stiff springs let the adaptive optimizer converge fastest


@dataclass(frozen=True)
class Migration:
    """A vacancy that hops to a neighbouring site, at fixed cell.

    Attributes
    ----------
    formation : eV, E(vacancy, relaxed) - E(crystal) (N-1)/N, at the cell of the crystal
    formation_unrelaxed : eV, the same before relaxation
    barrier : eV, highest image less the relaxed vacancy
    path : shape (n_images,), Å, length along the path
    energies : shape (n_images,), eV, relative to the relaxed vacancy
    images : the configurations, without calculators
    """

    formation: float
    formation_unrelaxed: float
    barrier: float
    path: Floats
    energies: Floats
    images: tuple[Atoms, ...]


def vacancy_migration(
    crystal: Atoms,
    calculator: Calculator,
    *,
    site: int = 0,
    n_images: int = 7,
    force_tolerance: float = 0.02,
    max_steps: int = 300,
) -> Migration:
    """Remove atom `site`, let a nearest neighbour hop into the hole, and find the path by climbing-image NEB.

    Parameters
    ----------
    crystal : a periodic elemental crystal whose sites are all alike
    n_images : with both ends; odd, so that one image can sit on a saddle in the middle
    force_tolerance : eV/Å, for the ends and the band
    max_steps : of each relaxation

    Raises
    ------
    NotConverged
        If the forces stay above the tolerance.

    References
    ----------
    Henkelman, Uberuaga & Jónsson, J. Chem. Phys. 113, 9901 (2000); the optimizer is that of
    Makri, Ortner & Kermode, J. Chem. Phys. 150, 094109 (2019).
    """
    if n_images < 5 or n_images % 2 == 0:
        raise InputError(f"the path needs an odd number of images, at least 5; got {n_images}")
    before, after = vacancy_hop(crystal, site)
    bulk_energy = _energy(crystal, calculator) * (len(crystal) - 1) / len(crystal)
    unrelaxed = _energy(before, calculator) - bulk_energy
    first, last = (relaxed(end, calculator, force_tolerance, max_steps) for end in (before, after))
    images = interpolated(first, last, n_images)
    band = NEB(images, climb=False, method="improvedtangent", allow_shared_calculator=True, k=SPRING)
    for image in images:
        image.calc = calculator
    NEBOptimizer(band, logfile=None).run(fmax=5.0 * force_tolerance, steps=max_steps)
    band.climb = True  # and now with FIRE: the adaptive optimizer does not look at the climbing image's force
    converge(FIRE(band, logfile=None), "the climbing band", force_tolerance, max_steps)
    energies = np.array([_energy(image, calculator) for image in images])
    path = path_length(images)
    return Migration(
        formation=float(energies[0] - bulk_energy),
        formation_unrelaxed=float(unrelaxed),
        barrier=float(energies.max() - energies[0]),
        path=path,
        energies=energies - energies[0],
        images=tuple(with_calculator(image, None) for image in images),
    )


def vacancy_hop(crystal: Atoms, site: int) -> tuple[Atoms, Atoms]:
    """The cell without atom `site`, before and after its nearest neighbour has hopped into the hole.

    Both have the same order of atoms, so that a path can join them.
    """
    distances = crystal.get_distances(site, range(len(crystal)), mic=True)
    distances[site] = np.inf
    hopper = int(np.argmin(distances))
    before, after = crystal.copy(), crystal.copy()
    after.positions[hopper] -= crystal.get_distance(site, hopper, mic=True, vector=True)
    for atoms in (before, after):
        atoms.calc = None
        del atoms[site]
    return before, after


def interpolated(first: Atoms, last: Atoms, n_images: int) -> list[Atoms]:
    """Images on the straight line between two configurations of the same cell, both ends included."""
    step = last.positions - first.positions
    images = []
    for fraction in np.linspace(0.0, 1.0, n_images):
        image = with_calculator(first, None)
        image.positions += fraction * step
        images.append(image)
    return images


def path_length(images: list[Atoms]) -> Floats:
    """Length of the path up to each image, shape (n_images,), Å."""
    hops = [np.linalg.norm(b.positions - a.positions) for a, b in pairwise(images)]
    return np.concatenate([[0.0], np.cumsum(hops)])


def _energy(atoms: Atoms, calculator: Calculator) -> float:
    return float(with_calculator(atoms, calculator).get_potential_energy())
