"""Energies and forces of a SOAP kernel expansion, block by block: two matrix products a block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.power_spectrum import power_spectrum, power_spectrum_adjoint
from gapsample.compiled.soap import (
    LANES,
    Density,
    coefficients,
    coefficients_adjoint,
    gather,
    gradients,
    make_scratch,
    prepare,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BLOCK = 256  # atoms whose power spectra are multiplied with the sparse points at once
PANEL = 128  # sparse points whitened at once
GROUP = 4  # atoms whose neighbours share one pass over the harmonics


@njit
def most_neighbours(first: Integers) -> int:
    """Largest number of neighbours any atom has."""
    most = 0
    for i in range(len(first) - 1):
        most = max(most, first[i + 1] - first[i])
    return most


@njit
def spectra(
    density: Density, centres: Integers, numbers: Integers, first: Integers, j: Integers, D: Floats, d: Floats
) -> Floats:
    """Normalized power spectra of the given centres, shape (len(centres), dimension)."""
    scratch = make_scratch(density, most_neighbours(first), GROUP)
    p = np.empty((len(centres), density.p_start[-1]))
    c = np.empty(density.c_start[-1])
    for begin in range(0, len(centres), GROUP):
        group = centres[begin : begin + GROUP]
        n = gather(density, group, numbers, first, j, D, d, LANES, scratch)
        prepare(density, n, scratch)
        for b in range(len(group)):
            coefficients(density, b, scratch, c)
            power_spectrum(density, c, p[begin + b])
    return p


@njit(relaxed=True)
def kernel_power(g: Floats, zeta: float, less_one: Floats, full: Floats) -> None:
    """g^(zeta - 1) and g^zeta element by element; either may be g itself."""
    flat, lower, upper = g.ravel(), less_one.ravel(), full.ravel()
    if zeta == 4.0:
        for e in range(len(flat)):
            value = flat[e]
            cube = value * value * value
            lower[e] = cube
            upper[e] = cube * value
    elif zeta == np.floor(zeta) and zeta >= 1.0:
        for e in range(len(flat)):
            value, power = flat[e], 1.0
            for _ in range(int(zeta) - 1):
                power *= value
            lower[e] = power
            upper[e] = power * value
    else:
        for e in range(len(flat)):
            value = flat[e]
            lower[e] = value ** (zeta - 1.0) if value > 0.0 else 0.0
            upper[e] = lower[e] * value


@njit(relaxed=True)
def add_explained(rows: Floats, whitener: Floats, centres: Integers, explained: Floats) -> None:
    """Add |U^-T k|^2 of every column k of `rows`, panel by panel of the packed whitener."""
    n_sparse, n_block, place = rows.shape[0], rows.shape[1], 0
    square = np.zeros(n_block)
    for begin in range(0, n_sparse, PANEL):
        end = min(begin + PANEL, n_sparse)
        size = (end - begin) * end
        panel = whitener[place : place + size].reshape(end - begin, end)
        place += size
        kappa = np.dot(panel, rows[:end])
        for s in range(end - begin):
            row = kappa[s]
            for b in range(n_block):
                square[b] += row[b] * row[b]
    for b in range(len(centres)):
        explained[centres[b]] += square[b]


def pack_panels(upper_inverse: Floats) -> Floats:
    """Transposed column panels of an upper triangular matrix U^-1, one after the other, zeros left out."""
    n = len(upper_inverse)
    panels = [upper_inverse[: min(b + PANEL, n), b : b + PANEL].T for b in range(0, n, PANEL)]
    return np.concatenate([panel.ravel() for panel in panels])


@njit(relaxed=True)
def slopes(weights: Floats, zeta: float, lower: Floats, out: Floats) -> None:
    """zeta weight_s lower[s] for every sparse point s, shape (n_sparse, n_block)."""
    for s in range(lower.shape[0]):
        row, target, factor = lower[s], out[s], zeta * weights[s]
        for b in range(len(row)):
            target[b] = factor * row[b]


@njit
def evaluate(
    density: Density,
    sparse: Floats,
    zeta: float,
    weights: Floats,
    quadratic: Floats,
    whitener: Floats,
    centres: Integers,
    numbers: Integers,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
    energies: Floats,
    explained: Floats,
    forces: Floats,
    virial: Floats,
) -> None:
    """Add the expansion of the given centres to energies, explained variances, forces and virial.

    Parameters
    ----------
    sparse : shape (n_sparse, dimension), normalized spectra in the rotated basis
    weights : shape (n_weights, n_sparse), times delta^2
    quadratic : shape (n_weights, dimension, dimension): for zeta = 2 the expansion as a quadratic form,
        used instead of `weights`; empty otherwise
    whitener : packed panels of U^-1 with U^T U the covariance of the sparse points, times delta^2
    energies : shape (n_weights, n_atoms)
    explained : shape (n_atoms,), or empty when not wanted
    forces : shape (n, n_atoms, 3) for the first n weight vectors, or (n, 0, 3) when not wanted
    virial : shape (n, 3, 3)
    """
    n_weights, n_sparse, dimension = weights.shape[0], sparse.shape[0], sparse.shape[1]
    most, n_species = most_neighbours(first), density.mixing.shape[1]
    n_gradients = forces.shape[0] if forces.shape[1] > 0 else 0
    collapse, explain = quadratic.shape[0] > 0, len(explained) > 0
    size = min(BLOCK, len(centres))
    scratch, back = make_scratch(density, most, GROUP), make_scratch(density, most, GROUP)
    gradient = np.empty((3, scratch.r.shape[0]))
    p, dp = np.zeros((size, dimension)), np.empty((size, dimension))
    c, norm = np.empty((size, density.c_start[-1])), np.empty(size)
    dc = np.empty((n_gradients, size, density.c_start[-1]))
    width = n_sparse if (explain or not collapse) else 0
    lower, upper = np.empty((width, size)), np.empty((width, size))
    slope = np.empty((0 if collapse else width, size))
    for begin in range(0, len(centres), BLOCK):
        block = centres[begin : begin + BLOCK]
        for start in range(0, len(block), GROUP):
            group = block[start : start + GROUP]
            n = gather(density, group, numbers, first, j, D, d, LANES, scratch)
            prepare(density, n, scratch)
            for b in range(len(group)):
                coefficients(density, b, scratch, c[start + b])
                norm[start + b] = power_spectrum(density, c[start + b], p[start + b])
        if width > 0:
            np.dot(sparse, p.T, lower)
            kernel_power(lower, zeta, lower, upper)
        if explain:
            add_explained(upper, whitener, block, explained)
        if not collapse:
            local = np.dot(weights, upper)
            for w in range(n_weights):
                for b in range(len(block)):
                    energies[w, block[b]] += local[w, b]
        for w in range(n_weights if collapse else n_gradients):
            if collapse:
                np.dot(p, quadratic[w], dp)
                for b in range(len(block)):
                    energies[w, block[b]] += np.dot(p[b], dp[b])
                dp *= 2.0
            else:
                slopes(weights[w], zeta, lower, slope)
                np.dot(slope.T, sparse, dp)
            for b in range(len(block) if w < n_gradients else 0):
                power_spectrum_adjoint(density, c[b], p[b], norm[b], dp[b], dc[w, b])
        for start in range(0, len(block) if n_gradients > 0 else 0, GROUP):
            group = block[start : start + GROUP]
            n = gather(density, group, numbers, first, j, D, d, LANES, scratch)
            prepare(density, n, scratch)
            for w in range(n_gradients):
                for b in range(len(group)):
                    coefficients_adjoint(density, b, scratch, dc[w, start + b], back)
                gradients(density, n, scratch, back, gradient)
                for b in range(len(group)):
                    left, right = scratch.start[b * n_species], scratch.start[(b + 1) * n_species]
                    scatter(scratch.pair, left, right, group[b], j, D, gradient, forces[w], virial[w])


@njit
def scatter(
    pair: Integers,
    begin: int,
    end: int,
    i: int,
    j: Integers,
    D: Floats,
    gradient: Floats,
    forces: Floats,
    virial: Floats,
) -> None:
    """Turn dE_i/dD of one atom's gathered neighbours into forces and virial."""
    for k in range(begin, end):
        if pair[k] < 0:
            continue
        neighbour = j[pair[k]]
        for x in range(3):
            forces[neighbour, x] -= gradient[x, k]
            forces[i, x] += gradient[x, k]
            for y in range(3):
                virial[y, x] -= D[pair[k], y] * gradient[x, k]
