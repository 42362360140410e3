"""Gradient of the novelty of SOAP environments: the adjoint pass with weights of each atom's own."""

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
from gapsample.compiled.soap_energy import kernel_power, most_neighbours

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@njit
def add_novelty_gradient(
    density: Density,
    sparse: Floats,
    zeta: float,
    precision: Floats,
    centres: Integers,
    numbers: Integers,
    first: Integers,
    j: Integers,
    D: Floats,
    d: Floats,
    out: Floats,
) -> None:
    """Add d/dr of -sum_i k_i^T B k_i over the given centres to `out`, shape (n_atoms, 3).

    Parameters
    ----------
    precision : B, the inverse of the sparse points' covariance times delta^4, shape (n_sparse, n_sparse)
    """
    n_sparse, dimension = sparse.shape
    most, n_species = most_neighbours(first), density.mixing.shape[1]
    scratch, back = make_scratch(density, most, 1), make_scratch(density, most, 1)
    gradient = np.empty((3, scratch.r.shape[0]))
    p, dp = np.empty((1, dimension)), np.empty((1, dimension))
    c, dc = np.empty(density.c_start[-1]), np.empty(density.c_start[-1])
    lower, upper = np.empty((1, n_sparse)), np.empty((1, n_sparse))
    for b in range(len(centres)):
        i = centres[b]
        n = gather(density, centres[b : b + 1], numbers, first, j, D, d, LANES, scratch)
        prepare(density, n, scratch)
        coefficients(density, 0, scratch, c)
        norm = power_spectrum(density, c, p[0])
        np.dot(p, sparse.T, lower)
        kernel_power(lower, zeta, lower, upper)
        slope = np.dot(upper, precision)
        for s in range(n_sparse):
            slope[0, s] *= -2.0 * zeta * lower[0, s]
        np.dot(slope, sparse, dp)
        power_spectrum_adjoint(density, c, p[0], norm, dp[0], dc)
        coefficients_adjoint(density, 0, scratch, dc, back)
        gradients(density, n, scratch, back, gradient)
        for k in range(scratch.start[n_species]):
            if scratch.pair[k] >= 0:
                for x in range(3):
                    out[j[scratch.pair[k]], x] += gradient[x, k]
                    out[i, x] -= gradient[x, k]
