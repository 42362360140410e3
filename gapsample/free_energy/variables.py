"""Collective variables: distance, angle, torsion, coordination, RMSD, linear combinations, and your own.

A variable turns a configuration into a number s and its gradient with respect to the positions. Lengths are
in Å, angles in radians; a periodic variable knows its period. Where space repeats, vectors between atoms are
those to the nearest image. Indices count atoms from 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from numpy.typing import ArrayLike, NDArray

from gapsample.compiled import collective_variables as compiled
from gapsample.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Periods = tuple[float | None, ...]

TURN = 2.0 * math.pi
NO_BOX = np.zeros((0, 3, 3))
WHOLE = 1e-9  # relative; how near to an integer a ratio of periods must be


@runtime_checkable
class Variable(Protocol):
    """What the surface is a function of. Pure: the atoms are left untouched."""

    @property
    def period(self) -> float | None:
        """The period, None for a variable that has none."""
        ...

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value, and gradient of shape (n_atoms, 3)."""
        ...


class Singularity(InputError):
    """A variable where it has no gradient, such as an angle of 180°; `variable` and `value` are kept."""

    def __init__(self, variable: object, value: float, why: str) -> None:
        self.variable, self.value, self.why = variable, value, why
        super().__init__(f"{variable} has no gradient at {value:.6g}: {why}")

    def __reduce__(self) -> tuple[type[Singularity], tuple[object, float, str]]:
        return type(self), (self.variable, self.value, self.why)


def evaluate_all(variables: Sequence[Variable], atoms: Atoms) -> tuple[Floats, Floats]:
    """Values of several variables, shape (d,), and their gradients, shape (d, n_atoms, 3)."""
    s = np.empty(len(variables))
    gradients = np.empty((len(variables), len(atoms), 3))
    for a, variable in enumerate(variables):
        s[a], gradients[a] = variable.evaluate(atoms)
    return s, gradients


def along(slope: Floats, gradients: Floats) -> Floats:
    """Gradient by positions, shape (n_atoms, 3), of a function of s with derivative `slope`, shape (d,)."""
    return (slope @ gradients.reshape(len(slope), -1)).reshape(-1, 3)


def periods_of(variables: Sequence[Variable]) -> Periods:
    """Period of each variable, None where it has none."""
    return tuple(variable.period for variable in variables)


def shortest(difference: ArrayLike, periods: Periods) -> Floats:
    """Differences of variables, shape (..., d), each periodic one brought to within half its period."""
    wrapped = np.array(difference, dtype=float)
    for a, period in enumerate(periods):
        if period is not None:
            wrapped[..., a] -= period * np.rint(wrapped[..., a] / period)
    return wrapped


@dataclass(frozen=True)
class Distance:
    """Distance of atoms i and j, Å."""

    i: int
    j: int
    _atoms: Integers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_atoms", _distinct(self.i, self.j))

    @property
    def period(self) -> None:
        return None

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value and gradient; Singularity where the atoms coincide."""
        positions = _positions(atoms, self._atoms)
        return _sound(self, atoms, compiled.distance(positions, self._atoms, box_of(atoms)), "they coincide")


@dataclass(frozen=True)
class Angle:
    """Angle at atom j between atoms i and k, radians, from 0 to pi."""

    i: int
    j: int
    k: int
    _atoms: Integers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_atoms", _distinct(self.i, self.j, self.k))

    @property
    def period(self) -> None:
        return None

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value and gradient; Singularity at 0° and 180°."""
        positions = _positions(atoms, self._atoms)
        found = compiled.angle(positions, self._atoms, box_of(atoms))
        return _sound(self, atoms, found, "the atoms lie on a line; keep windows away from 0° and 180°")


@dataclass(frozen=True)
class Torsion:
    """Torsion of atoms i, j, k, l about the bond j-k, radians in (-pi, pi], IUPAC sign."""

    i: int
    j: int
    k: int
    l: int
    _atoms: Integers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_atoms", _distinct(self.i, self.j, self.k, self.l))

    @property
    def period(self) -> float:
        return TURN

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value and gradient; Singularity where three neighbors lie on a line."""
        positions = _positions(atoms, self._atoms)
        found = compiled.torsion(positions, self._atoms, box_of(atoms))
        return _sound(self, atoms, found, "three of its atoms lie on a line; choose other atoms")


@dataclass(frozen=True)
class Coordination:
    """Number of close pairs: the sum of (1 - x^n) / (1 - x^m), x = (r - d0)/r0, as PLUMED's RATIONAL.

    Attributes
    ----------
    first, second : pairs have one atom of each; an atom is no neighbor of its own. With `second` None every
        pair within `first` counts once
    r0, d0 : Å; a pair closer than d0 counts 1
    n, m : exponents, 0 < n < m
    """

    first: tuple[int, ...]
    second: tuple[int, ...] | None
    r0: float
    d0: float = 0.0
    n: int = 6
    m: int = 12
    _pairs: Integers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.r0 > 0.0 and self.d0 >= 0.0 and 0 < self.n < self.m):
            raise InputError(
                f"a coordination number wants r0 > 0, d0 >= 0 and 0 < n < m; got r0 = {self.r0}, "
                f"d0 = {self.d0}, n = {self.n}, m = {self.m}"
            )
        if self.second is None:
            pairs = [(i, j) for a, i in enumerate(self.first) for j in self.first[a + 1 :]]
        else:
            pairs = [(i, j) for i in self.first for j in self.second if i != j]
        if not pairs or min(map(min, pairs)) < 0:
            raise InputError(f"a coordination number wants pairs of atoms counted from 0, got {pairs[:5]}")
        object.__setattr__(self, "_pairs", np.array(pairs, dtype=np.int64))

    @property
    def period(self) -> None:
        return None

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value and gradient, smooth everywhere but at r = d0 for n = 1."""
        positions = _positions(atoms, self._pairs)
        found = compiled.coordination(positions, self._pairs, self.r0, self.d0, self.n, self.m, box_of(atoms))
        return _sound(self, atoms, found, "its gradient is not finite")


@dataclass(frozen=True, eq=False)
class RMSD:
    """Root mean square distance (Å) from a reference after the best shift and rotation; no reflection.

    The atoms must form one piece: positions are taken as they are, whatever the cell.

    Attributes
    ----------
    indices : the atoms that count
    reference : shape (n, 3), Å, of those atoms
    weights : shape (n,), positive, such as masses; None where all count the same
    """

    indices: tuple[int, ...]
    reference: Floats
    weights: Floats | None = None
    _atoms: Integers = field(init=False, repr=False)
    _centered: Floats = field(init=False, repr=False)
    _shares: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.indices)
        reference = np.array(self.reference, dtype=float)
        weights = np.ones(n) if self.weights is None else np.array(self.weights, dtype=float)
        if reference.shape != (n, 3) or weights.shape != (n,) or not np.all(weights > 0.0):
            raise InputError(
                f"an RMSD of {n} atoms wants a reference of shape ({n}, 3) and {n} positive weights; got "
                f"shapes {reference.shape} and {weights.shape}"
            )
        shares = weights / weights.sum()
        object.__setattr__(self, "_atoms", _distinct(*self.indices))
        object.__setattr__(self, "_shares", shares)
        object.__setattr__(self, "_centered", reference - shares @ reference)

    @property
    def period(self) -> None:
        return None

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value and gradient; Singularity at the reference and where two rotations are equally good."""
        positions = _positions(atoms, self._atoms)
        value, gap, gradient = compiled.rmsd(positions, self._atoms, self._centered, self._shares)
        why = "two rotations fit equally well" if gap < compiled.TIED else "this is the reference itself"
        return _sound(self, atoms, (value, gradient), why)


@dataclass(frozen=True)
class Linear:
    """offset + sum of coefficients times variables.

    Attributes
    ----------
    period : of the combination; needed where a variable has one, which times its coefficient must be a
        multiple of it. The value is brought to within half of it
    """

    variables: tuple[Variable, ...]
    coefficients: tuple[float, ...]
    offset: float = 0.0
    period: float | None = None

    def __post_init__(self) -> None:
        if not self.variables or len(self.variables) != len(self.coefficients):
            raise InputError(
                f"a linear combination wants as many coefficients as variables, at least one; got "
                f"{len(self.coefficients)} and {len(self.variables)}"
            )
        for variable, coefficient in zip(self.variables, self.coefficients, strict=True):
            if variable.period is None:
                continue
            if self.period is None:
                raise InputError(f"{variable} has a period; give the period of the combination as well")
            jump = coefficient * variable.period / self.period
            if abs(jump - round(jump)) > WHOLE * max(1.0, abs(jump)):
                raise InputError(
                    f"a turn of {variable} moves the combination by {jump:.6g} of its periods "
                    f"({self.period:.6g}), which must be a whole number"
                )

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value and gradient."""
        value, gradient = self.offset, np.zeros((len(atoms), 3))
        for variable, coefficient in zip(self.variables, self.coefficients, strict=True):
            part, slope = variable.evaluate(atoms)
            value += coefficient * part
            gradient += coefficient * slope
        return value if self.period is None else math.remainder(value, self.period), gradient


@dataclass(frozen=True)
class Custom:
    """Your own function of the atoms, which gives a value and its gradient, shape (n_atoms, 3).

    For windows that run in other processes the function must live in a module they can import.
    """

    function: Callable[[Atoms], tuple[float, Floats]]
    period: float | None = None

    def evaluate(self, atoms: Atoms) -> tuple[float, Floats]:
        """Value and gradient, checked for shape and finiteness."""
        value, slope = self.function(atoms)
        gradient = np.asarray(slope, dtype=float)
        if gradient.shape != (len(atoms), 3):
            raise InputError(
                f"{self.function.__qualname__} must give a gradient of shape ({len(atoms)}, 3), "
                f"got {gradient.shape}"
            )
        if not (math.isfinite(value) and np.all(np.isfinite(gradient))):
            _refuse_broken(atoms)
            raise Singularity(self, float(value), "value or gradient is not finite")
        return float(value), gradient


def box_of(atoms: Atoms) -> Floats:
    """The repeating of space as the compiled loops want it; made once for every cell."""
    periodic = atoms.pbc.tobytes()
    return NO_BOX if periodic == b"\0\0\0" else _box(atoms.cell.array.tobytes(), periodic)


@lru_cache(maxsize=64)
def _box(cell: bytes, periodic: bytes) -> Floats:
    pbc = np.frombuffer(periodic, dtype=bool)
    reduced, _ = minkowski_reduce(np.frombuffer(cell).reshape(3, 3), pbc)
    rows = np.array(reduced)
    if np.linalg.matrix_rank(rows[pbc]) < int(pbc.sum()):
        raise InputError(f"periodic directions {pbc.tolist()} want cell vectors, got {rows.tolist()}")
    rows[~pbc] = 0.0
    return np.stack([rows, np.linalg.pinv(rows)])


def _distinct(*indices: int) -> Integers:
    if len(set(indices)) < len(indices) or not indices or min(indices) < 0:
        raise InputError(f"a variable wants different atoms counted from 0, got {indices}")
    return np.array(indices, dtype=np.int64)


def _positions(atoms: Atoms, used: Integers) -> Floats:
    positions: Floats = atoms.arrays["positions"]
    if used.max() >= len(positions):
        raise InputError(f"atom {used.max()} is wanted, but there are {len(positions)} atoms, from 0 on")
    return positions


def _sound(variable: Any, atoms: Atoms, found: tuple[float, Floats], why: str) -> tuple[float, Floats]:
    value, gradient = found
    if value != value or gradient[0, 0] != gradient[0, 0]:
        _refuse_broken(atoms)
        raise Singularity(variable, value, why)
    return found


def _refuse_broken(atoms: Atoms) -> None:
    broken = np.flatnonzero(~np.all(np.isfinite(atoms.positions), axis=1))
    if len(broken):
        raise InputError(f"positions of atoms {broken[:5].tolist()} are not finite; the dynamics broke down")
