"""The prior of the cell: one that stays, or any of some pressure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gapsample.compiled import walks_cell
from gapsample.compiled.walks_cell import Bounds
from gapsample.errors import InputError
from gapsample.nested.problem import Floats, Keys

SQUARE = 1e-9  # of the lengths of vectors; what counts as a right angle
Axes = tuple[bool, bool, bool]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Fixed:
    """A cell that stays as it is, periodic or closed by hard walls.

    Parameters
    ----------
    cell : shape (3, 3) or three edges or one, Å; rows are vectors, right-handed
    pbc : along each axis; where not, hard walls keep atoms within the cell, and its vector must stand at
        right angles to the others
    """

    cell: ArrayLike
    pbc: bool | Axes = True

    def __post_init__(self) -> None:
        matrix = self.matrix
        if not (np.isfinite(matrix).all() and np.linalg.det(matrix) > 0.0):
            raise InputError(
                f"a cell needs a positive volume, got {np.linalg.det(matrix)} for {matrix.tolist()}; give "
                "three vectors (Å) in right-handed order"
            )
        lengths = np.linalg.norm(matrix, axis=1)
        skewed = abs(matrix @ matrix.T) > SQUARE * np.outer(lengths, lengths)
        np.fill_diagonal(skewed, False)
        if (wrong := np.flatnonzero(skewed.any(axis=1) & self.walls)).size:
            raise InputError(
                f"hard walls along axis {wrong[0]} need its vector at right angles to the others, got the "
                f"cell {matrix.tolist()}; make it periodic there, or orthogonal"
            )

    @property
    def matrix(self) -> Floats:
        """The vectors, shape (3, 3), Å."""
        given = np.array(self.cell, float)
        if given.shape not in ((), (3,), (3, 3)):
            raise InputError(f"a cell is one edge, three edges or three vectors, got shape {given.shape}")
        return given if given.ndim == 2 else np.eye(3) * given

    @property
    def axes(self) -> Axes:
        """Whether periodic along each axis."""
        return axes_of(self.pbc)

    @property
    def walls(self) -> Flags:
        """Axes closed by walls, shape (3,)."""
        return ~np.array(self.axes)

    @property
    def fingerprint(self) -> str:
        """Text that differs for priors that differ."""
        return f"Fixed({self.matrix.tolist()}, {self.axes})"

    def bounds(self, n_atoms: int) -> Bounds:
        """No pressure, no moves of the cell."""
        return Bounds(0.0, 0.0, np.inf, 0.0, 0.0)

    def largest_volume_of(self, n_atoms: int) -> float:
        """Volume of the cell, Å^3."""
        return float(np.linalg.det(self.matrix))

    def draw(self, n_atoms: int, keys: Keys) -> Floats:
        """The cell again and again, shape (m, 3, 3)."""
        return np.tile(self.matrix, (len(keys), 1, 1))


@dataclass(frozen=True)
class Pressure:
    """A periodic cell of any volume and shape.

    Parameters
    ----------
    pressure : eV/Å^3 (`ase.units.GPa` turns GPa into it), positive
    largest_volume : per atom, Å^3; the gas must find room in it: several kT / pressure at the highest T
    smallest_volume : per atom, Å^3; below that of any solid
    prior : ``"V^N"``, the physical measure, or ``"flat"`` in the volume: reweight with N log V
    height : smallest height of the cell over the cube root of its volume; keeps slivers away, costs solids of
        few atoms some of their shapes
    cubic : keep the cell a cube
    """

    pressure: float
    largest_volume: float
    smallest_volume: float
    prior: Literal["V^N", "flat"] = "V^N"
    height: float = 0.8
    cubic: bool = False

    def __post_init__(self) -> None:
        if not (self.pressure > 0.0 and np.isfinite(self.pressure)):
            raise InputError(f"the pressure must be positive and finite, got {self.pressure} eV/Å^3")
        if not 0.0 < self.smallest_volume < self.largest_volume < np.inf:
            raise InputError(
                f"volumes per atom need 0 < smallest < largest, got {self.smallest_volume} and "
                f"{self.largest_volume} Å^3"
            )
        if self.prior not in ("V^N", "flat"):
            raise InputError(f'the prior of the volume is "V^N" or "flat", got {self.prior!r}')
        if not 0.0 < self.height < 1.0:
            raise InputError(f"the smallest height must lie between 0 and 1 (a cube), got {self.height}")

    @property
    def axes(self) -> Axes:
        """Periodic along all axes."""
        return True, True, True

    @property
    def walls(self) -> Flags:
        """None, shape (3,)."""
        return np.zeros(3, bool)

    @property
    def fingerprint(self) -> str:
        """Text that differs for priors that differ."""
        return repr(self)

    def bounds(self, n_atoms: int) -> Bounds:
        """Prior of the cell for the compiled walks."""
        return Bounds(
            pressure=self.pressure,
            smallest=n_atoms * self.smallest_volume,
            largest=n_atoms * self.largest_volume,
            power=float(n_atoms) if self.prior == "V^N" else 0.0,
            height=self.height,
        )

    def largest_volume_of(self, n_atoms: int) -> float:
        """Largest volume of a cell, Å^3."""
        return n_atoms * self.largest_volume

    def draw(self, n_atoms: int, keys: Keys) -> Floats:
        """Cells from the prior, shape (m, 3, 3), Å."""
        cells = np.empty((len(keys), 9))
        walks_cell.draw(self.bounds(n_atoms), self.cubic, keys, cells)
        return cells.reshape(-1, 3, 3)


Ensemble = Fixed | Pressure


def axes_of(pbc: bool | Axes) -> Axes:
    """The flag of each axis."""
    a, b, c = (pbc,) * 3 if isinstance(pbc, bool) else (bool(flag) for flag in pbc)
    return a, b, c
