"""Alanine dipeptide (ACE-ALA-NME, the L form) in vacuum with Amber ff14SB through OpenMM.

Everything is made here from the sequence and textbook bond lengths and angles: atoms, topology, potential,
the torsions phi and psi, and the fields that make their instantaneous collective force a torque.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.collective_force import TorsionField
from gapsample.free_energy.variables import Torsion
from gapsample.potential.openmm import OpenMM

RESIDUES = {
    "ACE": "HH31 CH3 HH32 HH33 C O",
    "ALA": "N H CA HA CB HB1 HB2 HB3 C O",
    "NME": "N H CH3 HH31 HH32 HH33",
}
BONDS = (
    *((0, 1), (2, 1), (3, 1), (1, 4), (4, 5), (4, 6)),
    *((6, 7), (6, 8), (8, 9), (8, 10), (10, 11), (10, 12), (10, 13), (8, 14), (14, 15), (14, 16)),
    *((16, 17), (16, 18), (18, 19), (18, 20), (18, 21)),
)
PHI, PSI = Torsion(4, 6, 8, 14), Torsion(6, 8, 14, 16)
N, CA, CB, C = 6, 8, 10, 14

# atom, bonded to, angle with, torsion with, bond (Å), angle, torsion (degrees) plus phi or psi where named
Z_MATRIX = (
    (5, 4, 1, 6, 1.229, 120.5, 180.0, ""),
    (0, 1, 4, 6, 1.09, 109.5, 180.0, ""),
    (2, 1, 4, 6, 1.09, 109.5, 60.0, ""),
    (3, 1, 4, 6, 1.09, 109.5, -60.0, ""),
    (8, 6, 4, 1, 1.449, 121.9, 180.0, ""),
    (7, 6, 4, 1, 1.010, 119.5, 0.0, ""),
    (14, 8, 6, 4, 1.522, 110.4, 0.0, "phi"),
    (10, 8, 6, 4, 1.526, 109.7, -122.0, "phi"),
    (9, 8, 6, 4, 1.09, 109.5, 119.0, "phi"),
    (16, 14, 8, 6, 1.335, 116.6, 0.0, "psi"),
    (15, 14, 8, 6, 1.229, 120.4, 180.0, "psi"),
    (18, 16, 14, 8, 1.449, 121.9, 180.0, ""),
    (17, 16, 14, 8, 1.010, 119.5, 0.0, ""),
    *((h, 10, 8, 6, 1.09, 109.5, turn, "") for h, turn in ((11, 60.0), (12, 180.0), (13, -60.0))),
    *((h, 18, 16, 14, 1.09, 109.5, turn, "") for h, turn in ((19, 60.0), (20, 180.0), (21, -60.0))),
)


class Alanine(NamedTuple):
    """Atoms in vacuum, their potential, both torsions, and one field for each torsion."""

    atoms: Atoms
    potential: OpenMM
    phi: Torsion
    psi: Torsion
    fields: tuple[TorsionField, TorsionField]


def alanine_dipeptide(phi: float = -78.0, psi: float = 57.0, platform: str = "Reference") -> Alanine:
    """The molecule at torsions `phi` and `psi`, degrees, otherwise with textbook geometry."""
    atoms = geometry(phi, psi)
    if handedness(atoms) <= 0.0:
        raise InputError("this is D-alanine: its maps are those of the L form turned inside out")
    extended = geometry(-150.0, 157.0)  # where no two atoms are taken for bonded that are not
    fields = (TorsionField.of(PHI, extended), TorsionField.of(PSI, extended))
    return Alanine(atoms, potential(platform), PHI, PSI, fields)


def handedness(atoms: Atoms) -> float:
    """(N - CA) . ((C - CA) x (CB - CA)), Å^3: positive for the L form, negative for D."""
    n, c, cb = (atoms.positions[i] - atoms.positions[CA] for i in (N, C, CB))
    return float(n @ np.cross(c, cb))


def geometry(phi: float, psi: float) -> Atoms:
    """Positions from bond lengths, angles and torsions (degrees)."""
    turns = {"": 0.0, "phi": phi, "psi": psi}
    x = np.zeros((22, 3))
    x[4] = (1.522, 0.0, 0.0)
    bend = np.radians(116.6)
    x[6] = x[4] + 1.335 * np.array([-np.cos(bend), np.sin(bend), 0.0])
    for atom, bonded, angled, twisted, bond, angle, torsion, name in Z_MATRIX:
        x[atom] = _placed(x[bonded], x[angled], x[twisted], bond, angle, torsion + turns[name])
    symbols = [name[0] for names in RESIDUES.values() for name in names.split()]
    return Atoms(symbols, x)


def _placed(
    b: NDArray[np.float64],
    c: NDArray[np.float64],
    d: NDArray[np.float64],
    bond: float,
    angle: float,
    torsion: float,
) -> NDArray[np.float64]:
    """Position of a with |a b| = bond, angle a-b-c and torsion a-b-c-d, degrees."""
    theta, turn = np.radians(angle), np.radians(torsion)
    back = (c - b) / np.linalg.norm(c - b)
    normal = np.cross(d - c, back)
    normal /= np.linalg.norm(normal)
    aside = np.cross(back, normal)
    direction = np.cos(theta) * back + np.sin(theta) * (np.cos(turn) * aside + np.sin(turn) * normal)
    placed: NDArray[np.float64] = b + bond * direction
    return placed


def potential(platform: str = "Reference") -> OpenMM:
    """Amber ff14SB without cutoff and without constraints."""
    from openmm import app

    topology = app.Topology()
    chain = topology.addChain()
    made = []
    for residue_name, names in RESIDUES.items():
        residue = topology.addResidue(residue_name, chain)
        for name in names.split():
            made.append(topology.addAtom(name, app.Element.getBySymbol(name[0]), residue))
    for i, j in BONDS:
        topology.addBond(made[i], made[j])
    system = app.ForceField("amber14-all.xml").createSystem(
        topology, nonbondedMethod=app.NoCutoff, constraints=None, rigidWater=False
    )
    return OpenMM.of(system, [atom.element.atomic_number for atom in made], platform=platform)
