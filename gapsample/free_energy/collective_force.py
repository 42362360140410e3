"""The instantaneous collective force: the gradient of F at one configuration, up to noise of zero mean.

For vector fields v_a over the positions with v_a . grad xi_b = delta_ab, the gradient of the free energy is
dF/ds_a = < grad V . v_a - kT div v_a >, averaged at fixed s or, with any bias that depends on s alone, over
the samples of a window (den Otter & Briels, J. Chem. Phys. 109, 4139 (1998); Ciccotti, Lelièvre &
Vanden-Eijnden, Commun. Pure Appl. Math. 61, 371 (2008)). V is the potential without the bias.

A field that moves a whole fragment as one rigid piece leaves its bonds and angles as they are, and so the
average has little noise. Forces of constraints are not accounted for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from ase import Atoms
from ase.geometry import find_mic
from ase.neighborlist import natural_cutoffs, neighbor_list
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.variables import Angle, Distance, Torsion

Floats = NDArray[np.float64]

BOND = 1.25  # bonded are atoms closer than this times the sum of their covalent radii
DUAL = 1e-6  # how far v_a . grad xi_b may be from delta_ab


class Field(Protocol):
    """A way to move the atoms that changes its own variable at rate 1 and the others not at all."""

    def evaluate(self, atoms: Atoms) -> tuple[Floats, float]:
        """Vector field, shape (n_atoms, 3), and its divergence over all positions."""
        ...


def collective_gradient(
    fields: Sequence[Field], atoms: Atoms, forces: Floats, gradients: Floats, kT: float
) -> Floats:
    """grad V . v_a - kT div v_a for each field, shape (d,), eV per unit of s.

    Parameters
    ----------
    forces : shape (n_atoms, 3), eV/Å, of the potential without bias
    gradients : shape (d, n_atoms, 3), of the variables, to check the fields against
    kT : eV

    Raises
    ------
    InputError
        v_a . grad xi_b is not delta_ab; the message holds the matrix.
    """
    moves, divergences = zip(*(field.evaluate(atoms) for field in fields), strict=True)
    v = np.array(moves).reshape(len(fields), -1)
    rates = v @ gradients.reshape(len(gradients), -1).T
    if rates.shape[0] != rates.shape[1] or np.max(np.abs(rates - np.eye(len(rates)))) > DUAL:
        raise InputError(
            "each field must change its own variable at rate 1 and no other, but they change them at rates "
            f"{np.round(rates, 6).tolist()}; choose fragments that leave the other variables unchanged, "
            "or use the umbrella estimate"
        )
    return -v @ forces.reshape(-1) - kT * np.array(divergences)


@dataclass(frozen=True)
class TorsionField:
    """Turns a fragment about the middle bond of a torsion; its collective force is a torque.

    Attributes
    ----------
    fragment : holds the torsion's last atom but neither of the first two, or its first but neither of the
        last two. Best is all that hangs on that side of the bond (`fragment_beyond`)
    """

    torsion: Torsion
    fragment: tuple[int, ...]

    def __post_init__(self) -> None:
        t = self.torsion
        _check_side(self.fragment, last=(t.l, (t.i, t.j)), first=(t.i, (t.l, t.k)))

    @classmethod
    def of(cls, torsion: Torsion, atoms: Atoms) -> TorsionField:
        """With all atoms beyond the bond, on the side of the torsion's last atom."""
        return cls(torsion, fragment_beyond(atoms, torsion.j, torsion.k))

    def evaluate(self, atoms: Atoms) -> tuple[Floats, float]:
        """u x (x - x_k) for the atoms of the fragment, u the unit vector of the bond; no divergence."""
        t = self.torsion
        far = t.l in self.fragment
        axis = _vectors(atoms, t.j, (t.k,))[0] * (1.0 if far else -1.0)
        arms = _vectors(atoms, t.k if far else t.j, self.fragment)
        return _field(atoms, self.fragment, _turning(axis / np.linalg.norm(axis), arms)), 0.0


@dataclass(frozen=True)
class DistanceField:
    """Moves a fragment along the line between two atoms.

    Attributes
    ----------
    fragment : holds one of the two atoms and not the other
    """

    distance: Distance
    fragment: tuple[int, ...]

    def __post_init__(self) -> None:
        d = self.distance
        _check_side(self.fragment, last=(d.j, (d.i,)), first=(d.i, (d.j,)))

    def evaluate(self, atoms: Atoms) -> tuple[Floats, float]:
        """The unit vector that lengthens the distance; its divergence is 2/r."""
        d = self.distance
        along = _vectors(atoms, d.i, (d.j,))[0]
        r = float(np.linalg.norm(along))
        unit = along / r * (1.0 if d.j in self.fragment else -1.0)
        return _field(atoms, self.fragment, unit), 2.0 / r


@dataclass(frozen=True)
class AngleField:
    """Turns a fragment about the normal of an angle's plane, through its middle atom.

    Attributes
    ----------
    fragment : holds one end of the angle, and neither the other end nor the middle
    """

    angle: Angle
    fragment: tuple[int, ...]

    def __post_init__(self) -> None:
        a = self.angle
        _check_side(self.fragment, last=(a.k, (a.i, a.j)), first=(a.i, (a.k, a.j)))

    def evaluate(self, atoms: Atoms) -> tuple[Floats, float]:
        """n x (x - x_j) with n the unit normal; its divergence is the cotangent of the angle."""
        a = self.angle
        still, moving = (a.i, a.k) if a.k in self.fragment else (a.k, a.i)
        u, w = _vectors(atoms, a.j, (still, moving))
        normal = np.cross(u, w)
        sine = float(np.linalg.norm(normal))
        arms = _vectors(atoms, a.j, self.fragment)
        return _field(atoms, self.fragment, _turning(normal / sine, arms)), float(u @ w) / sine


@dataclass(frozen=True)
class CustomField:
    """Your own field: a function of the atoms that gives v, shape (n_atoms, 3), and its divergence."""

    function: Callable[[Atoms], tuple[Floats, float]]

    def evaluate(self, atoms: Atoms) -> tuple[Floats, float]:
        """What the function gives."""
        return self.function(atoms)


def fragment_beyond(atoms: Atoms, i: int, j: int) -> tuple[int, ...]:
    """Atoms that hang on j, j included, once the bond i-j is cut; bonds are found by covalent radii.

    Raises
    ------
    InputError
        The atoms are not bonded, or the bond is part of a ring.
    """
    first, second = neighbor_list("ij", atoms, natural_cutoffs(atoms, mult=BOND))
    bonded: dict[int, set[int]] = {a: set() for a in range(len(atoms))}
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        bonded[a].add(b)
    if j not in bonded[i]:
        raise InputError(f"atoms {i} and {j} are not bonded; give the fragment yourself")
    found, front = {j}, [j]
    while front:
        atom = front.pop()
        new = bonded[atom] - found - ({i} if atom == j else set())
        found |= new
        front.extend(new)
    if i in found:
        raise InputError(f"the bond {i}-{j} is part of a ring, or atoms crowd; give the fragment yourself")
    return tuple(sorted(found))


def _check_side(
    fragment: tuple[int, ...], *, last: tuple[int, tuple[int, ...]], first: tuple[int, tuple[int, ...]]
) -> None:
    for inside, outside in (last, first):
        if inside in fragment and not set(outside) & set(fragment):
            return
    raise InputError(
        f"a fragment must hold atom {last[0]} and none of {last[1]}, or atom {first[0]} and none of "
        f"{first[1]}; got {fragment}"
    )


def _vectors(atoms: Atoms, origin: int, others: tuple[int, ...]) -> Floats:
    """Vectors from one atom to others, shape (n, 3), to the nearest images where space repeats."""
    vectors = atoms.positions[list(others)] - atoms.positions[origin]
    return np.asarray(find_mic(vectors, atoms.cell, atoms.pbc)[0]) if atoms.pbc.any() else vectors


def _turning(axis: Floats, arms: Floats) -> Floats:
    """axis x arm for every arm, shape (n, 3)."""
    x, y, z = axis.tolist()
    return arms @ np.array([[0.0, z, -y], [-z, 0.0, x], [y, -x, 0.0]])


def _field(atoms: Atoms, fragment: tuple[int, ...], moves: Floats) -> Floats:
    field = np.zeros((len(atoms), 3))
    field[list(fragment)] = moves
    return field
