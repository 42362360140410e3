"""Flexible TIP3P water through OpenMM (extra ``gapsample[openmm]``), any number of molecules of it.

An OpenMM System is tied to its particles; this potential makes one for every number of molecules it meets,
so that a box of water and a cluster carved out of it have one and the same potential.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

import numpy as np
import openmm
from ase import Atoms
from ase.geometry import minkowski_reduce

from gapsample.errors import InputError
from gapsample.potential.openmm import NM, OpenMM
from gapsample.potential.protocol import ErrorRequest, Evaluation

MOLECULE = (8, 1, 1)
BOND, BOND_STIFFNESS = 0.09572, 462750.4  # nm, kJ/mol/nm^2
ANGLE, ANGLE_STIFFNESS = 1.82421813418, 836.8  # rad, kJ/mol/rad^2
CHARGE_H, SIGMA, EPSILON = 0.417, 0.31507524065751241, 0.635968  # e, nm, kJ/mol; Lennard-Jones on O alone
PRECISION = 1e-5  # of Ewald sums, relative


@dataclass(frozen=True)
class FlexibleTIP3P:
    """TIP3P water with the flexible bonds and angles of Amber and CHARMM; a `Potential`.

    In a cell the charges are summed by particle-mesh Ewald; without one there is no cutoff at all.

    Attributes
    ----------
    cutoff : Å, of Lennard-Jones forces and the real part of Ewald sums in a cell; in a small cell it shrinks
        to just below half of its smallest height
    platform : as `OpenMM`
    charge : e, of a hydrogen; that of an oxygen is -2 times it. Other values make other waters, with weaker
        or stronger hydrogen bonds, as a control may want

    References
    ----------
    Jorgensen et al., J. Chem. Phys. 79, 926 (1983); Neria, Fischer & Karplus, J. Chem. Phys. 105, 1902
    (1996).
    """

    cutoff: float = 9.0
    platform: str = "Reference"
    charge: float = CHARGE_H

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy and forces, and without a cell the virial; no predicted error is known.

        Raises
        ------
        InputError
            The atoms are not whole molecules one after the other, each as O, H, H, or their cell is not
            periodic all around; or as `OpenMM.evaluate`.
        """
        n = len(atoms) // len(MOLECULE)
        if n == 0 or not np.array_equal(atoms.numbers, MOLECULE * n):
            raise InputError(
                f"TIP3P wants water molecules one after the other, each as O, H, H; got {atoms.symbols}"
            )
        if atoms.pbc.any() and not atoms.pbc.all():
            raise InputError(
                f"TIP3P wants a cell that is periodic all around, or none; got pbc {atoms.pbc.tolist()}. A "
                "cluster that meets its own image wants a smaller region or buffer, or a larger cell"
            )
        ewald = _ewald(atoms, self.cutoff) if atoms.pbc.any() else None
        made = _made(n, ewald, self.charge, self.platform)
        return made.evaluate(atoms, forces=forces, virial=virial, error=error)


class Ewald(NamedTuple):
    """How charges in a cell are summed: cutoff in nm, width in 1/nm, points of the mesh along each vector."""

    cutoff: float
    alpha: float
    mesh: tuple[int, int, int]


def _ewald(atoms: Atoms, cutoff: float) -> Ewald:
    """OpenMM's own rules for a precision; left to itself it would follow them for a cell of 2 nm."""
    reduced = minkowski_reduce(atoms.cell.array)[0]
    heights = 1.0 / np.linalg.norm(np.linalg.inv(reduced), axis=0)
    cutoff = min(cutoff, 0.49 * float(heights.min())) / NM
    alpha = np.sqrt(-np.log(2.0 * PRECISION)) / cutoff
    a, b, c = (ceil(2.0 * alpha * length / NM / (3.0 * PRECISION**0.2)) for length in atoms.cell.lengths())
    return Ewald(cutoff, float(alpha), (max(a, 6), max(b, 6), max(c, 6)))


@lru_cache(maxsize=64)
def _made(n: int, ewald: Ewald | None, charge: float, platform: str) -> OpenMM:
    return OpenMM.of(_system(n, ewald, charge), MOLECULE * n, platform=platform)


def _system(n: int, ewald: Ewald | None, charge: float) -> Any:
    """The OpenMM System of n molecules with this charge of H (e), periodic with Ewald sums."""
    system, bonds, angles = openmm.System(), openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    others = openmm.NonbondedForce()
    for o in range(0, len(MOLECULE) * n, len(MOLECULE)):
        for mass, q, epsilon in (
            (15.99943, -2.0 * charge, EPSILON),
            (1.007947, charge, 0.0),
            (1.007947, charge, 0.0),
        ):
            system.addParticle(mass)
            others.addParticle(q, SIGMA, epsilon)
        for h in (o + 1, o + 2):
            bonds.addBond(o, h, BOND, BOND_STIFFNESS)
        angles.addAngle(o + 1, o, o + 2, ANGLE, ANGLE_STIFFNESS)
        for i, j in ((o, o + 1), (o, o + 2), (o + 1, o + 2)):
            others.addException(i, j, 0.0, SIGMA, 0.0)
    for force in (bonds, angles):
        force.setUsesPeriodicBoundaryConditions(ewald is not None)
    if ewald is None:
        others.setNonbondedMethod(others.NoCutoff)
    else:
        others.setNonbondedMethod(others.PME)
        others.setCutoffDistance(ewald.cutoff)
        others.setPMEParameters(ewald.alpha, *ewald.mesh)
        others.setUseDispersionCorrection(False)
    for force in (bonds, angles, others):
        system.addForce(force)
    return system
