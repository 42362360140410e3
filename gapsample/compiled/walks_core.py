"""The hard core: closer pairs are refused without asking the model, by values that still lead out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CORE = 1e6  # eV, value at the surface of the core: above whatever a model says of atoms farther apart


@njit
def reciprocal(cell: Floats, out: Floats) -> None:
    """Inverse of the cell into `out`, both shape (3, 3): fractional = positions @ inverse."""
    for k in range(3):
        p, q = (k + 1) % 3, (k + 2) % 3
        for c in range(3):
            a, b = (c + 1) % 3, (c + 2) % 3
            out[c, k] = cell[p, a] * cell[q, b] - cell[p, b] * cell[q, a]
    v = cell[0, 0] * out[0, 0] + cell[0, 1] * out[1, 0] + cell[0, 2] * out[2, 0]
    for c in range(3):
        for k in range(3):
            out[c, k] /= v


@njit
def overlap(
    nearest: Floats, positions: Floats, species: Integers, cell: Floats, inverse: Floats, forces: Floats
) -> float:
    """Value of a configuration within the hard core, 0 of one without; the forces lead outward.

    ``CORE (1 + sum (1 - d^2 / nearest^2)^2)`` over all pairs, their images among them, d below `nearest`:
    no two configurations have the same value, so that nested sampling finds its way out.

    Parameters
    ----------
    nearest : shape (n_species, n_species), Å, distance below which a pair of species overlaps
    positions, species, cell, forces : as in `gapsample.compiled.walks_models.evaluate`
    inverse : shape (3, 3), of the cell
    """
    longest = nearest.max()
    reach = np.empty(3, np.int64)
    for k in range(3):
        # the height of the cell along an axis is one over the length of the reciprocal vector
        steepness = np.sqrt(inverse[0, k] ** 2 + inverse[1, k] ** 2 + inverse[2, k] ** 2)
        reach[k] = int(longest * steepness + 0.5)
    alone = reach.max() == 0
    total, n = 0.0, len(positions)
    for i in range(n):
        for j in range(i + 1 if alone else i, n):
            limit = nearest[species[i], species[j]] ** 2
            x = positions[j, 0] - positions[i, 0]
            y = positions[j, 1] - positions[i, 1]
            z = positions[j, 2] - positions[i, 2]
            a = np.rint(x * inverse[0, 0] + y * inverse[1, 0] + z * inverse[2, 0])
            b = np.rint(x * inverse[0, 1] + y * inverse[1, 1] + z * inverse[2, 1])
            c = np.rint(x * inverse[0, 2] + y * inverse[1, 2] + z * inverse[2, 2])
            for u in range(-reach[0], reach[0] + 1):
                for v in range(-reach[1], reach[1] + 1):
                    for w in range(-reach[2], reach[2] + 1):
                        if i == j and u == 0 and v == 0 and w == 0:
                            continue
                        ta, tb, tc = u - a, v - b, w - c
                        dx = x + ta * cell[0, 0] + tb * cell[1, 0] + tc * cell[2, 0]
                        dy = y + ta * cell[0, 1] + tb * cell[1, 1] + tc * cell[2, 1]
                        dz = z + ta * cell[0, 2] + tb * cell[1, 2] + tc * cell[2, 2]
                        d2 = dx * dx + dy * dy + dz * dz
                        if d2 >= limit:
                            continue
                        if total == 0.0:
                            forces[:] = 0.0
                        depth = 1.0 - d2 / limit
                        total += (0.5 if i == j else 1.0) * depth * depth
                        if len(forces) and i != j:
                            slope = 4.0 * CORE * depth / limit
                            forces[i, 0] -= slope * dx
                            forces[i, 1] -= slope * dy
                            forces[i, 2] -= slope * dz
                            forces[j, 0] += slope * dx
                            forces[j, 1] += slope * dy
                            forces[j, 2] += slope * dz
    return CORE * (1.0 + total) if total > 0.0 else 0.0
