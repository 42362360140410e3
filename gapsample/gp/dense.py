"""The exact Gaussian process on averaged gradients and values: O(N^3), for small problems and as the oracle.

Every observation is a linear map of the function: a weighted sum of its values or of its derivatives along
one axis. Nothing is truncated; the kernels are evaluated in closed form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky

from gapsample.gp.spectra import Axis

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Functional:
    """A weighted sum of the function over points, or of its derivative along `axis`.

    Attributes
    ----------
    points : shape (n, d)
    weights : shape (n,)
    axis : None for the value
    """

    points: Floats
    weights: Floats
    axis: int | None


@dataclass(frozen=True)
class DensePosterior:
    """Answer of the exact Gaussian process for the functionals asked about."""

    mean: Floats
    covariance: Floats
    log_evidence: float


def covariance(
    axes: Sequence[Axis], lengths: Floats, left: Sequence[Functional], right: Sequence[Functional]
) -> Floats:
    """Prior covariance of functionals at unit amplitude, shape (n_left, n_right)."""
    return np.array([[_pair(axes, lengths, one, other) for other in right] for one in left])


def posterior(
    axes: Sequence[Axis],
    x: Floats,
    data: tuple[Sequence[Functional], Floats, Floats],
    questions: Sequence[Functional],
) -> DensePosterior:
    """Posterior of the questions given functionals, their values and the covariance of their noise.

    Parameters
    ----------
    x : logs of the amplitude and of one length for each axis
    """
    seen, y, noise = data
    square, lengths = np.exp(2.0 * x[0]), np.exp(x[1:])
    lower = cholesky(square * covariance(axes, lengths, seen, seen) + noise, lower=True)
    cross = square * covariance(axes, lengths, questions, seen)
    own = square * covariance(axes, lengths, questions, questions)
    weights = cho_solve((lower, True), y)
    log_det = 2.0 * float(np.sum(np.log(np.diag(lower))))
    evidence = -0.5 * (float(y @ weights) + log_det + len(y) * np.log(2.0 * np.pi))
    return DensePosterior(cross @ weights, own - cross @ cho_solve((lower, True), cross.T), evidence)


def _pair(axes: Sequence[Axis], lengths: Floats, one: Functional, other: Functional) -> float:
    product = np.multiply.outer(one.weights, other.weights)
    for a, (axis, length) in enumerate(zip(axes, lengths, strict=True)):
        value, first, second = axis.covariance(
            one.points[:, a][:, None] - other.points[:, a][None, :], float(length)
        )
        left, right = one.axis == a, other.axis == a
        product *= (-second if right else first) if left else (-first if right else value)
    return float(np.sum(product))
