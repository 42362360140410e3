"""Two-centre couplings of s and p orbitals, and how their energy turns with the bond.

A block holds the orbitals s, p_x, p_y, p_z of the first atom in its rows, those of the second in its columns.
Amplitudes, shape (n_bonds, 5), are: ss sigma, sp sigma, ps sigma, pp sigma, pp pi; a direction points from
the first atom to the second. Orbitals an atom lacks have amplitude zero.

References
----------
Slater & Koster, Phys. Rev. 94, 1498 (1954).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def blocks(directions: Floats, amplitudes: Floats) -> Floats:
    """Couplings of each bond, in units of the amplitudes.

    Parameters
    ----------
    directions : shape (n_bonds, 3), unit vectors
    amplitudes : shape (n_bonds, 5)

    Returns
    -------
    shape (n_bonds, 4, 4)
    """
    ss, sp, ps, sigma, pi = amplitudes.T
    found = np.empty((len(directions), 4, 4))
    found[:, 0, 0] = ss
    found[:, 0, 1:] = sp[:, None] * directions
    found[:, 1:, 0] = -ps[:, None] * directions
    along = directions[:, :, None] * directions[:, None, :]
    found[:, 1:, 1:] = (sigma - pi)[:, None, None] * along + pi[:, None, None] * np.eye(3)
    return found


def contracted(directions: Floats, amplitudes: Floats, orders: Floats) -> tuple[Floats, Floats]:
    """Sum of `blocks` times bond orders, for each bond, and its gradient with the direction.

    Parameters
    ----------
    orders : shape (n_bonds, 4, 4)

    Returns
    -------
    values : shape (n_bonds,)
    gradients : shape (n_bonds, 3); the directions taken as free vectors, not of unit length
    """
    ss, sp, ps, sigma, pi = amplitudes.T
    turning = sp[:, None] * orders[:, 0, 1:] - ps[:, None] * orders[:, 1:, 0]
    pp = orders[:, 1:, 1:]
    leaning = (sigma - pi)[:, None] * np.einsum("nab,nb->na", pp + pp.transpose(0, 2, 1), directions)
    values = (
        ss * orders[:, 0, 0]
        + pi * np.trace(pp, axis1=1, axis2=2)
        + np.einsum("na,na->n", turning + 0.5 * leaning, directions)
    )
    return values, turning + leaning
