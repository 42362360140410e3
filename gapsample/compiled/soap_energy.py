"""Energies and forces of a SOAP kernel expansion, block by block: two matrix products a block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit
from gapsample.compiled.power_spectrum import power_spectrum, power_spectrum_adjoint
from gapsample.compiled.soap import (
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

BLOCK = 64  # atoms whose power spectra are multiplied with the sparse points at once
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
        n = gather(density, group, numbers, first, j, D, d, scratch)
        prepare(density, n, scratch)
        for b in range(len(group)):
            coefficients(density, b, scratch, c)
            power_spectrum(density, c, p[begin + b])
    return p


@njit(relaxed=True)
def kernel_power(g: Floats, zeta: float, less_one: Floats, full: Floats) -> None:
    """g^(zeta - 1) and g^zeta element by element; small whole exponents by multiplication."""
    flat, lower, upper = g.ravel(), less_one.ravel(), full.ravel()
    if zeta == 4.0:
        for e in range(len(flat)):
            cube = flat[e] * flat[e] * flat[e]
            lower[e] = cube
            upper[e] = cube * flat[e]
    elif zeta == 2.0:
        for e in range(len(flat)):
            lower[e] = flat[e]
            upper[e] = flat[e] * flat[e]
    elif zeta == np.floor(zeta) and zeta >= 1.0:
        for e in range(len(flat)):
            power = 1.0
            for _ in range(int(zeta) - 1):
                power *= flat[e]
            lower[e] = power
            upper[e] = power * flat[e]
    else:
        for e in range(len(flat)):
            lower[e] = flat[e] ** (zeta - 1.0) if flat[e] > 0.0 else 0.0
            upper[e] = lower[e] * flat[e]


@njit
def evaluate(
    density: Density,
    sparse: Floats,
    zeta: float,
    weights: Floats,
    quadratic: Floats,
    projector: Floats,
    centres: Integers,
    numbers: Integers,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
    energies: Floats,
    projections: Floats,
    forces: Floats,
    virial: Floats,
) -> None:
    """Add the expansion of the given centres to energies, projections, forces and virial.

    Parameters
    ----------
    sparse : shape (n_sparse, dimension), normalized spectra in the rotated basis
    weights : shape (n_weights, n_sparse), times delta^2
    quadratic : shape (n_weights, dimension, dimension): for zeta = 2 the expansion as a quadratic form,
        used instead of `weights`; empty otherwise
    projector : shape (n_sparse, n_projections), times delta^2; may be empty
    energies : shape (n_weights, n_atoms); projections : shape (n_atoms, n_projections)
    forces : shape (n_weights, n_atoms, 3), or (n_weights, 0, 3) when not wanted; virial likewise
    """
    n_weights, n_sparse, dimension = weights.shape[0], sparse.shape[0], sparse.shape[1]
    most, n_species = most_neighbours(first), density.mixing.shape[1]
    want_forces = forces.shape[1] > 0
    collapse = quadratic.shape[0] > 0
    project = projector.shape[1] > 0
    scratch, back = make_scratch(density, most, GROUP), make_scratch(density, most, GROUP)
    gradient = np.empty((3, scratch.r.shape[0]))
    p = np.empty((BLOCK, dimension))
    c = np.empty((BLOCK, density.c_start[-1]))
    norm = np.empty(BLOCK)
    dp = np.empty((BLOCK, dimension))
    dc = np.empty((n_weights, BLOCK, density.c_start[-1])) if want_forces else np.empty((0, 0, 0))
    width = n_sparse if (project or not collapse) else 0
    g, lower, upper, slope = (
        np.empty((BLOCK, width)),
        np.empty((BLOCK, width)),
        np.empty((BLOCK, width)),
        np.empty((BLOCK, width)),
    )
    for begin in range(0, len(centres), BLOCK):
        n_block = min(BLOCK, len(centres) - begin)
        for start in range(0, n_block, GROUP):
            group = centres[begin + start : min(begin + start + GROUP, begin + n_block)]
            n = gather(density, group, numbers, first, j, D, d, scratch)
            prepare(density, n, scratch)
            for b in range(len(group)):
                coefficients(density, b, scratch, c[start + b])
                norm[start + b] = power_spectrum(density, c[start + b], p[start + b])
        if width > 0:
            np.dot(p[:n_block], sparse.T, g[:n_block])
            kernel_power(g[:n_block], zeta, lower[:n_block], upper[:n_block])
        if project:
            part = np.dot(upper[:n_block], projector)
            for b in range(n_block):
                projections[centres[begin + b]] += part[b]
        for w in range(n_weights):
            if collapse:
                np.dot(p[:n_block], quadratic[w], dp[:n_block])
                for b in range(n_block):
                    energies[w, centres[begin + b]] += np.dot(p[b], dp[b])
                dp *= 2.0
            else:
                for b in range(n_block):
                    energies[w, centres[begin + b]] += np.dot(upper[b], weights[w])
                if want_forces:
                    for b in range(n_block):
                        for s in range(n_sparse):
                            slope[b, s] = zeta * weights[w, s] * lower[b, s]
                    np.dot(slope[:n_block], sparse, dp[:n_block])
            if want_forces:
                for b in range(n_block):
                    power_spectrum_adjoint(density, c[b], p[b], norm[b], dp[b], dc[w, b])
        for start in range(0, n_block if want_forces else 0, GROUP):
            group = centres[begin + start : min(begin + start + GROUP, begin + n_block)]
            n = gather(density, group, numbers, first, j, D, d, scratch)
            prepare(density, n, scratch)
            for w in range(n_weights):
                for b in range(len(group)):
                    coefficients_adjoint(density, b, scratch, dc[w, start + b], back)
                gradients(density, n, scratch, back, gradient)
                for b in range(len(group)):
                    columns = (b * n_species, (b + 1) * n_species)
                    scatter(
                        scratch.pair,
                        scratch.start[columns[0]],
                        scratch.start[columns[1]],
                        group[b],
                        j,
                        D,
                        gradient,
                        forces[w],
                        virial[w],
                    )


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
