"""Points of the Brillouin zone to sum over, one of each pair k, -k."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import SettingsError

Floats = NDArray[np.float64]

SAME = 1e-6  # two fractional coordinates of a mesh are never this close


@dataclass(frozen=True)
class KPoints:
    """Points in units of the reciprocal cell, shape (n_points, 3), and weights that sum to one."""

    points: Floats
    weights: Floats

    def __len__(self) -> int:
        return len(self.weights)


def own_mirror(k: Floats) -> bool:
    """Whether k and -k are the same point, so that the matrix is real there."""
    return bool(np.all(2.0 * k == np.rint(2.0 * k)))


def mesh(size: Sequence[int], *, shifted: bool = False) -> KPoints:
    """An even mesh of size[0] x size[1] x size[2] points, reduced by time reversal.

    Parameters
    ----------
    shifted : as Monkhorst and Pack have it, where an even number of points straddles the zone center;
        otherwise the center is always a point, and the mesh equals one point of the repeated cell

    References
    ----------
    Monkhorst & Pack, Phys. Rev. B 13, 5188 (1976).
    """
    offsets = [0.5 if shifted and n % 2 == 0 else 0.0 for n in size]
    axes = [(np.arange(n) + offset) / n for n, offset in zip(size, offsets, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    steps = np.array(size, dtype=float)
    here = np.rint(points * steps - offsets).astype(np.int64) % size
    there = np.rint(-points * steps - offsets).astype(np.int64) % size
    number, mirrored = np.ravel_multi_index(here.T, size), np.ravel_multi_index(there.T, size)
    kept, counts = np.unique(np.minimum(number, mirrored), return_counts=True)
    reduced = points[kept]
    return KPoints(np.where(reduced > 0.5 + SAME, reduced - 1.0, reduced), counts / len(points))


def mesh_size(atoms: Atoms, spacing: float) -> tuple[int, int, int]:
    """The smallest mesh whose points are no further apart than `spacing` (1/Å, the 2 pi included)."""
    lengths = 2.0 * np.pi * np.linalg.norm(atoms.cell.complete().reciprocal().array, axis=1)
    n1, n2, n3 = (max(1, int(np.ceil(length / spacing - SAME))) for length in lengths)
    return n1, n2, n3


def kpoints_of(atoms: Atoms, wanted: tuple[int, int, int] | float, *, shifted: bool) -> KPoints:
    """The points for a configuration: one along directions that are not periodic."""
    size = wanted if isinstance(wanted, tuple) else mesh_size(atoms, wanted)
    return mesh([n if periodic else 1 for n, periodic in zip(size, atoms.pbc, strict=True)], shifted=shifted)


def check_wanted(wanted: tuple[int, int, int] | float) -> None:
    """Refuse what is neither three whole numbers nor a spacing.

    Raises
    ------
    SettingsError
    """
    if isinstance(wanted, tuple):
        good = len(wanted) == 3 and all(isinstance(n, int | np.integer) and n >= 1 for n in wanted)
    else:
        good = isinstance(wanted, float) and np.isfinite(wanted) and wanted > 0.0
    if not good:
        raise SettingsError(
            f"kpoints: wanted a tuple of three whole numbers from 1 upwards, such as (2, 2, 2), or a "
            f"spacing in 1/Å with its decimal point, such as 0.3; got {wanted!r}"
        )
