"""Loops over pairs of atoms: covariances with sparse points, and tabulated pair energies.

Species are atomic numbers, zero standing for any. Every pair of a full neighbour list is met twice, once
from either side; a pair counts for ``(z1, z2)`` in either order.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.cutoff import tailed_switch
from gapsample.compiled.jit import njit
from gapsample.compiled.splines import look_up

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@njit
def pair_matches(za: int, zb: int, z1: int, z2: int) -> bool:
    """Whether atoms of species `za`, `zb` are a pair ``(z1, z2)`` in either order."""
    return ((z1 == 0 or za == z1) and (z2 == 0 or zb == z2)) or (
        (z2 == 0 or za == z2) and (z1 == 0 or zb == z1)
    )


@njit
def select_pairs(
    numbers: Integers, i: Integers, j: Integers, d: Floats, species: Integers, cutoff: float
) -> Integers:
    """Positions in the pair list of the pairs of one kind closer than `cutoff`."""
    found = np.empty(len(d), np.int64)
    n = 0
    for p in range(len(d)):
        if d[p] < cutoff and pair_matches(numbers[i[p]], numbers[j[p]], species[0], species[1]):
            found[n] = p
            n += 1
    return found[:n]


@njit
def switch_all(
    r: Floats, cutoff: float, width: float, tail_range: float, tail_exponent: float
) -> tuple[Floats, Floats]:
    """`tailed_switch` and its slope for many distances."""
    value, slope = np.empty(len(r)), np.empty(len(r))
    for p in range(len(r)):
        value[p], slope[p] = tailed_switch(r[p], cutoff, width, tail_range, tail_exponent)
    return value, slope


@njit(relaxed=True)
def pair_covariances(
    x: Floats,
    dx: Floats,
    switch: Floats,
    dswitch: Floats,
    points: Floats,
    theta: float,
    variance: float,
    offset: float,
    values: Floats,
    slopes: Floats,
) -> None:
    """Covariance of every pair with every sparse point, and its slope with the distance.

    Parameters
    ----------
    x, dx, switch, dswitch : shape (n_pairs,), descriptor and cutoff function with their slopes
    points : shape (n_sparse,), descriptor of the sparse points
    theta, variance, offset : kernel is variance * exp(-(x - x')^2 / (2 theta^2)) + offset
    values, slopes : shape (n_pairs, n_sparse), overwritten
    """
    for p in range(len(x)):
        for s in range(len(points)):
            g = (x[p] - points[s]) / theta
            k = variance * math.exp(-0.5 * g * g)
            values[p, s] = (k + offset) * switch[p]
            slopes[p, s] = (k + offset) * dswitch[p] - k * g / theta * dx[p] * switch[p]


@njit(relaxed=True)
def add_pair_local_rows(
    i: Integers,
    x: Floats,
    switch: Floats,
    points: Floats,
    theta: float,
    variance: float,
    offset: float,
    rows: Floats,
) -> None:
    """Covariances of `pair_covariances` summed for each atom `i`; `rows` of shape (n_atoms, n_sparse)."""
    for p in range(len(x)):
        for s in range(len(points)):
            g = (x[p] - points[s]) / theta
            rows[i[p], s] += (variance * math.exp(-0.5 * g * g) + offset) * switch[p]


@njit(relaxed=True)
def add_pair_forces(
    i: Integers, D: Floats, d: Floats, slopes: Floats, forces: Floats, virial: Floats
) -> None:
    """Forces and virial of a sum over both members of every pair.

    Parameters
    ----------
    i, D, d : the pairs, each present from both sides
    slopes : shape (n_pairs, n_functions), derivative of one member's energy by distance
    forces, virial : shapes (n_atoms, 3, n_functions) and (3, 3, n_functions), added to
    """
    for p in range(len(d)):
        for a in range(3):
            along = D[p, a] / d[p]
            for s in range(slopes.shape[1]):
                forces[i[p], a, s] += 2.0 * along * slopes[p, s]
            for b in range(3):
                for s in range(slopes.shape[1]):
                    virial[a, b, s] -= along * D[p, b] * slopes[p, s]


@njit(relaxed=True)
def add_tabulated_pairs(
    numbers: Integers,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
    species: Integers,
    start: float,
    stop: float,
    inverse_step: float,
    coefficients: Floats,
    energies: Floats,
    forces: Floats,
    virial: Floats,
    with_virial: bool,
) -> None:
    """Add tabulated pair energies: each atom gets the tabulated value for each of its neighbours.

    Parameters
    ----------
    species, start, stop, inverse_step, coefficients : kind of pair and its `Table`; pairs outside
        ``[start, stop)`` are passed over
    energies : shape (n_functions, n_atoms), added to
    forces, virial : shapes (n, n_atoms, 3) and (n, 3, 3), of the first n functions, added to; the virial
        only when asked
    """
    for f in range(coefficients.shape[0]):
        with_forces = f < forces.shape[0]
        for i in range(len(first) - 1):
            energy = fx = fy = fz = 0.0
            for p in range(first[i], first[i + 1]):
                r = d[p]
                if not (start <= r < stop):
                    continue
                if not pair_matches(numbers[i], numbers[j[p]], species[0], species[1]):
                    continue
                u = (r - start) * inverse_step
                cell = min(int(u), coefficients.shape[1] - 1)
                value, slope = look_up(coefficients[f, cell], u - cell)
                energy += value
                if with_forces:
                    pull = slope * inverse_step / r
                    x, y, z = D[p, 0], D[p, 1], D[p, 2]
                    fx += pull * x
                    fy += pull * y
                    fz += pull * z
                    if with_virial:
                        virial[f, 0, 0] -= pull * x * x
                        virial[f, 1, 1] -= pull * y * y
                        virial[f, 2, 2] -= pull * z * z
                        virial[f, 0, 1] -= pull * x * y
                        virial[f, 0, 2] -= pull * x * z
                        virial[f, 1, 2] -= pull * y * z
                        virial[f, 1, 0] -= pull * x * y
                        virial[f, 2, 0] -= pull * x * z
                        virial[f, 2, 1] -= pull * y * z
            energies[f, i] += energy
            if with_forces:
                forces[f, i, 0] += 2.0 * fx
                forces[f, i, 1] += 2.0 * fy
                forces[f, i, 2] += 2.0 * fz


@njit(relaxed=True)
def pair_self_covariance(
    i: Integers, x: Floats, switch: Floats, theta: float, variance: float, offset: float, n_atoms: int
) -> Floats:
    """Prior variance of each atom's sum over its pairs; pairs sorted by atom `i`."""
    result = np.zeros(n_atoms)
    for p in range(len(x)):
        result[i[p]] += (variance + offset) * switch[p] ** 2
        q = p + 1
        while q < len(x) and i[q] == i[p]:
            g = (x[p] - x[q]) / theta
            result[i[p]] += 2.0 * (variance * math.exp(-0.5 * g * g) + offset) * switch[p] * switch[q]
            q += 1
    return result
