"""Distance of every atom from the nearest atom of a set, over all periodic images."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def distance_to(atoms: Atoms, members: Bools, reach: float) -> Floats:
    """Distance (Å) of each atom from the nearest image of a set, shape (n_atoms,); inf from `reach` on.

    In any cell, however small or oblique, or none. The cost is linear in the atoms.
    """
    if not members.any() or reach <= 0.0:
        return np.where(members, 0.0, np.inf)
    cell = atoms.cell.complete().array
    inverse = np.linalg.inv(cell)
    scaled = atoms.positions @ inverse
    scaled -= np.where(atoms.pbc, np.floor(scaled), 0.0)
    margin = reach * np.linalg.norm(inverse, axis=0) + 1e-9
    images = scaled[members]
    for axis in np.flatnonzero(atoms.pbc):
        images = _repeated(images, int(axis), float(margin[axis]))
    nearest, _ = cKDTree(images @ cell).query(scaled @ cell, distance_upper_bound=reach)
    return np.where(members, 0.0, nearest)


def _repeated(scaled: Floats, axis: int, margin: float) -> Floats:
    """Points and their images along one cell vector that lie within `margin` of the cell."""
    n = int(np.ceil(margin))
    images = np.repeat(scaled[None], 2 * n + 1, axis=0)
    images[:, :, axis] += np.arange(-n, n + 1)[:, None]
    images = images.reshape(-1, 3)
    return images[(images[:, axis] >= -margin) & (images[:, axis] <= 1.0 + margin)]
