"""Steinhardt's bond-orientational order: numbers that tell fcc, hcp, bcc, icosahedra and liquids apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.compiled.harmonics import harmonics, prefactors, recursions
from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.errors import InputError

Floats = NDArray[np.float64]

HIGHEST_DEGREE = 12
GROWTH = 1.4  # of the cutoff, until every atom has enough neighbours


@dataclass(frozen=True)
class BondOrder:
    """Rotation-invariant sizes of averaged spherical harmonics of bonds, all between 0 and 1.

    Attributes
    ----------
    degrees : the l of every column
    whole : shape (n_degrees,), Q_l of the bonds of all atoms together; 0 without bonds
    local : shape (n_atoms, n_degrees), q_l of each atom's own bonds; 0 for an atom without
    averaged : shape (n_atoms, n_degrees), of the mean over an atom and its neighbours

    References
    ----------
    Steinhardt, Nelson & Ronchetti, Phys. Rev. B 28, 784 (1983); `averaged`: Lechner & Dellago, J. Chem. Phys.
    129, 114707 (2008).
    """

    degrees: tuple[int, ...]
    whole: Floats
    local: Floats
    averaged: Floats


def bond_order(near: Neighbours, degrees: Sequence[int] = (4, 6)) -> BondOrder:
    """Bond order of a configuration, every pair of its neighbour list being a bond.

    Parameters
    ----------
    near : from `find_neighbours` with a cutoff between two shells, or from `nearest_neighbours`
    degrees : l, from 0 to 12

    Raises
    ------
    InputError
        A degree is out of range.
    """
    if not degrees or not all(0 <= l <= HIGHEST_DEGREE for l in degrees):
        raise InputError(f"bond order needs degrees from 0 to {HIGHEST_DEGREE}, got {tuple(degrees)}")
    per_bond = _harmonics(near, max(degrees))
    n_bonds = np.bincount(near.i, minlength=near.n_atoms)
    sums = _sums(per_bond, near)
    own = sums / np.maximum(n_bonds, 1)[:, None]
    around = (own + _sums(own[near.j], near)) / (1 + n_bonds)[:, None]
    whole = sums.sum(axis=0, keepdims=True) / max(1, len(near.d))
    sizes = [np.stack([_size(each, l) for l in degrees], axis=1) for each in (whole, own, around)]
    return BondOrder(tuple(degrees), sizes[0][0], sizes[1], sizes[2])


def nearest_neighbours(atoms: Atoms, n: int) -> Neighbours:
    """The n nearest neighbours of every atom, periodic images counted, whatever the density.

    Where equally distant ones compete for the last place, the order of the atoms decides: choose an n that
    closes a shell (12 in fcc and hcp, 14 in bcc, 4 in diamond). An atom of a molecule or cluster of fewer
    than n + 1 atoms has all others for neighbours.

    Returns
    -------
    Neighbours
        Whose `cutoff` lies just beyond the longest pair.
    """
    if n < 1:
        raise InputError(f"nearest neighbours must be one or more, got {n}")
    wanted = n if atoms.pbc.any() else min(n, len(atoms) - 1)
    near = find_neighbours(atoms, _first_cutoff(atoms, n))
    while (np.diff(near.first) < wanted).any():
        near = find_neighbours(atoms, GROWTH * near.cutoff)
    order = np.lexsort((near.d, near.i))
    rank = np.arange(len(order)) - near.first[near.i]
    kept = order[rank < wanted]
    d = near.d[kept]
    return Neighbours(
        near.numbers,
        wanted * np.arange(near.n_atoms + 1, dtype=np.int64),
        near.i[kept],
        near.j[kept],
        near.D[kept],
        d,
        float(np.nextafter(d.max(initial=0.0), np.inf)),
    )


def _first_cutoff(atoms: Atoms, n: int) -> float:
    """Radius of the sphere that holds n atoms at the mean density; of a cluster, that of its box, Å."""
    if atoms.pbc.all():
        volume = float(atoms.get_volume())
    else:
        volume = float(np.prod(np.maximum(np.ptp(atoms.positions, axis=0), 1.0)))
    return float(np.cbrt(3.0 * n * volume / (4.0 * np.pi * max(1, len(atoms)))))


def _harmonics(near: Neighbours, l_max: int) -> Floats:
    """Real spherical harmonics of all bonds, shape (n_pairs, (l_max + 1)^2)."""
    n, rows = len(near.d), (l_max + 1) ** 2
    unit = np.ascontiguousarray((near.D / near.d[:, None]).T)
    q, cs = np.empty(((l_max + 1) * (l_max + 2) // 2, n)), np.empty((2 * l_max + 2, n))
    values = np.empty((rows, n))
    recursions(unit, n, l_max, q, cs)
    harmonics(n, l_max, prefactors(l_max), q, cs, values)
    return values.T


def _sums(per_bond: Floats, near: Neighbours) -> Floats:
    """Sum over the bonds of each atom, shape (n_atoms, n_columns)."""
    running = np.concatenate((np.zeros((1, per_bond.shape[1])), np.cumsum(per_bond, axis=0)))
    return np.asarray(running[near.first[1:]] - running[near.first[:-1]])


def _size(moments: Floats, l: int) -> Floats:
    """sqrt(4 pi / (2 l + 1) sum_m |q_lm|^2), shape (n,)."""
    part = moments[:, l * l : (l + 1) ** 2]
    return np.asarray(np.sqrt(4.0 * np.pi / (2 * l + 1) * np.sum(part**2, axis=1)))
