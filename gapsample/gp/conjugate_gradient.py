"""More modes than a matrix can hold: the same posterior without ever forming it.

The averages of the products of modes over each observation are kept (n_observations x n_products numbers),
and B = 1 + D G' S^-1 G D is only ever applied, at a cost of their number. The modes of largest prior variance
make a block that is factorized exactly and serves as preconditioner; the others are scaled by their diagonal.
Draws come from perturbing data and prior and solving again (Papandreou & Yuille, NIPS 2010).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from gapsample.errors import FitError
from gapsample.gp.features import Features

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEADING = 800  # modes of the factorized block
TOLERANCE = 1e-8  # of the residual
MOST_STEPS = 500


@dataclass(frozen=True)
class GradientData:
    """Averaged gradients for the matrix-free operator.

    Attributes
    ----------
    averages : shape (n, n_products), of `Features.average`
    values : shape (n, d)
    precisions : shape (n, d, d), inverses of the noise covariances
    """

    averages: Floats
    values: Floats
    precisions: Floats

    @classmethod
    def of(
        cls, features: Features, points: Sequence[Floats], values: Floats, covariances: Floats
    ) -> GradientData:
        """From the points of each observation, its value and its covariance."""
        return cls(
            np.array([features.average(some) for some in points]),
            values,
            np.asarray(np.linalg.inv(covariances)),
        )


@dataclass(frozen=True)
class MatrixFree:
    """Posterior of weights at given hyper-parameters, by preconditioned conjugate gradients.

    Attributes
    ----------
    features : modes, the first `len(block)` of `leading` in the preconditioner
    data : all observations
    deviations : shape (M,), prior standard deviations of the weights
    """

    features: Features
    data: GradientData
    deviations: Floats
    leading: Integers
    block: tuple[Floats, bool]
    diagonal: Floats

    @classmethod
    def prepare(cls, features: Features, data: GradientData, deviations: Floats) -> MatrixFree:
        """Factorize the block of the leading modes.

        Raises
        ------
        FitError
            Anything is not finite.
        """
        if not all(np.all(np.isfinite(a)) for a in (data.averages, data.values, data.precisions, deviations)):
            raise FitError("observations hold NaN or infinite numbers; check points, values and covariances")
        leading = np.sort(np.argsort(-deviations, kind="stable")[:LEADING])
        block, diagonal = np.eye(len(leading)), np.ones(len(features))
        for average, precision in zip(data.averages, data.precisions, strict=True):
            rows = features.gradient_rows(average) * deviations
            weighted = precision @ rows
            diagonal += np.sum(rows * weighted, axis=0)
            block += rows[:, leading].T @ weighted[:, leading]
        return cls(features, data, deviations, leading, cho_factor(block), diagonal)

    def mean(self) -> Floats:
        """Posterior mean of the weights, shape (M,)."""
        weighted = np.einsum("nab,nb->na", self.data.precisions, self.data.values)
        return self.deviations * self._solve(self._transposed(weighted)[:, None])[:, 0]

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Weights drawn from the posterior, shape (n, M)."""
        roots = np.linalg.cholesky(self.data.precisions)
        right = np.empty((len(self.features), n))
        for k in range(n):
            noise = np.einsum("nab,nb->na", roots, rng.standard_normal(self.data.values.shape))
            right[:, k] = self._transposed(noise) + rng.standard_normal(len(self.features))
        return self.mean() + (self.deviations[:, None] * self._solve(right)).T

    def _predicted(self, standard: Floats) -> Floats:
        """G D u: averaged gradients of weights in units of their deviations, shape (n, d)."""
        spread = self.features.gradient_weights(self.deviations * standard)
        return self.data.averages @ spread.T

    def _transposed(self, gradients: Floats) -> Floats:
        """D G' g for gradients of shape (n, d)."""
        products = gradients.T @ self.data.averages  # (d, n_products)
        return self.deviations * self.features.gather(products)

    def _apply(self, standard: Floats) -> Floats:
        weighted = np.einsum("nab,nb->na", self.data.precisions, self._predicted(standard))
        return standard + self._transposed(weighted)

    def _precondition(self, residual: Floats) -> Floats:
        result = residual / self.diagonal
        result[self.leading] = cho_solve(self.block, residual[self.leading])
        return result

    def _solve(self, right: Floats) -> Floats:
        """B^-1 of each column."""
        return np.stack([self._solve_one(column) for column in right.T], axis=1)

    def _solve_one(self, right: Floats) -> Floats:
        solution, residual = np.zeros_like(right), right.copy()
        direction = corrected = self._precondition(residual)
        size = float(residual @ corrected)
        goal = TOLERANCE * float(np.linalg.norm(right))
        for _ in range(MOST_STEPS):
            if np.linalg.norm(residual) <= goal:
                return solution
            applied = self._apply(direction)
            step = size / float(direction @ applied)
            solution, residual = solution + step * direction, residual - step * applied
            corrected = self._precondition(residual)
            size, before = float(residual @ corrected), size
            direction = corrected + size / before * direction
        left = np.linalg.norm(residual) / np.linalg.norm(right)
        raise FitError(
            f"conjugate gradients left {left:.1e} of the residual after {MOST_STEPS} steps, wanted "
            f"{TOLERANCE:.0e}; raise the noise or lower the amplitude"
        )
