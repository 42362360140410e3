"""Boltzmann-weighted sums over dead points, streamed in blocks so that nothing over- or underflows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Features = Callable[[slice], Floats]


class Sums(NamedTuple):
    """Log partition function, and averages under it.

    Attributes
    ----------
    log_Z : shape (n_draws, n_temperatures)
    means : shape (n_draws, n_temperatures, n_features)
    """

    log_Z: Floats
    means: Floats


def boltzmann_sums(
    shells: Iterable[tuple[slice, Floats]], log_boltzmann: Features, features: Features, n_features: int
) -> Sums:
    """Sum over points of prior mass times Boltzmann factor times features, by matrix products.

    Parameters
    ----------
    shells : blocks of points with their log prior masses, shape (n_draws, n_block)
    log_boltzmann : block -> shape (n_block, n_temperatures)
    features : block -> shape (n_block, n_temperatures, n_features)
    """
    scale = total = None
    for block, log_mass in shells:
        exponent = log_boltzmann(block)
        top_mass = log_mass.max(axis=1, keepdims=True)
        top = exponent.max(axis=0, keepdims=True)
        weights = np.exp(exponent - top)
        n, n_temperatures = weights.shape
        terms = np.empty((n, n_temperatures, 1 + n_features))
        terms[..., 0] = weights
        terms[..., 1:] = weights[..., None] * features(block)
        part = np.exp(log_mass - top_mass) @ terms.reshape(n, -1)
        part = part.reshape(-1, n_temperatures, 1 + n_features)
        here = top_mass + top
        if scale is None or total is None:
            scale, total = here, part
            continue
        higher = np.maximum(scale, here)
        total = total * np.exp(scale - higher)[..., None] + part * np.exp(here - higher)[..., None]
        scale = higher
    if scale is None or total is None:
        raise ValueError("there is no dead point to sum over")
    with np.errstate(divide="ignore", invalid="ignore"):
        return Sums(scale + np.log(total[..., 0]), total[..., 1:] / total[..., :1])
