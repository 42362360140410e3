"""The sparse Gaussian process as a least-squares problem, streamed: data pass through, a triangle remains.

With latent weights alpha ~ N(0, K_mm^-1) and observations y = K_nm alpha + e, e ~ N(0, Sigma), the
posterior mean minimizes |Sigma^-1/2 (K_nm alpha - y)|^2 + alpha^T K_mm alpha. Rows are absorbed into the
triangle of a QR decomposition and forgotten, so memory is O(M^2) whatever the amount of data, and the
condition number is never squared (Foster et al., J. Mach. Learn. Res. 10, 857 (2009)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cholesky, lapack, solve_triangular

from gapsample.errors import FitError

Floats = NDArray[np.float64]

QR_BLOCK = 32
ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Posterior:
    """What the data taught: Gaussian posterior of the weights, and the evidence.

    Attributes
    ----------
    triangle : shape (M + 1, M + 1), upper; the left M columns are R, the last is Q^T y with the norm of
        the residual at its end
    log_det_prior : log determinant of (K_mm + jitter)
    log_noise : sum of log sigma over all observations
    n_rows : observations absorbed
    """

    triangle: Floats
    log_det_prior: float
    log_noise: float
    n_rows: int

    @property
    def R(self) -> Floats:
        """Upper triangle with R^T R = K_mm + K_mn Sigma^-1 K_nm."""
        return self.triangle[:-1, :-1]

    @property
    def chi2(self) -> float:
        """Minimum of the least-squares objective, misfit and prior together."""
        return float(self.triangle[-1, -1] ** 2)

    @cached_property
    def alpha(self) -> Floats:
        """Posterior mean of the weights, shape (M,)."""
        weights = solve_triangular(self.R, self.triangle[:-1, -1])
        if not np.all(np.isfinite(weights)):
            raise FitError("the weights are not finite; raise the jitter or take fewer sparse points")
        return weights

    @cached_property
    def log_evidence(self) -> float:
        """log p(y): the marginal likelihood of the sparse (DTC) Gaussian process.

        References
        ----------
        Quiñonero-Candela & Rasmussen, J. Mach. Learn. Res. 6, 1939 (2005).
        """
        log_det = 2.0 * float(np.sum(np.log(np.abs(np.diag(self.R)))))
        return (
            -0.5 * (self.chi2 + log_det - self.log_det_prior + self.n_rows * np.log(2 * np.pi))
            - self.log_noise
        )

    def deviations(self, n: int, rng: np.random.Generator) -> Floats:
        """Draws of the weights about their mean: R^-1 z, shape (n, M)."""
        z = rng.standard_normal((len(self.R), n))
        return solve_triangular(self.R, z).T


class LinearSystem:
    """Absorbs observations into the triangle, block by block."""

    def __init__(self, triangle: Floats, log_det_prior: float, log_noise: float, n_rows: int) -> None:
        self._triangle = np.array(triangle, order="F")
        self._log_det_prior = log_det_prior
        self._log_noise = log_noise
        self._n_rows = n_rows

    @classmethod
    def from_prior(cls, k_mm: Floats, jitter: float) -> LinearSystem:
        """Start from the prior alone.

        Raises
        ------
        FitError
            `k_mm` plus jitter on its diagonal is not positive definite.
        """
        m = len(k_mm)
        try:
            u = cholesky(k_mm + jitter * np.eye(m))
        except (LinAlgError, ValueError) as problem:
            smallest = np.linalg.eigvalsh(k_mm)[0] if np.all(np.isfinite(k_mm)) else np.nan
            raise FitError(
                f"K_mm of {m} sparse points with jitter {jitter:g} is not positive definite (smallest "
                f"eigenvalue {smallest:.2e}); raise the jitter, or take fewer or more diverse sparse points"
            ) from problem
        triangle = np.zeros((m + 1, m + 1), order="F")
        triangle[:m, :m] = u
        return cls(triangle, 2.0 * float(np.sum(np.log(np.diag(u)))), 0.0, 0)

    @classmethod
    def without_prior(cls, n_weights: int) -> LinearSystem:
        """Start from nothing: the triangle of the data alone (see `gp.hyper`)."""
        return cls(np.zeros((n_weights + 1, n_weights + 1)), 0.0, 0.0, 0)

    @classmethod
    def resumed(cls, posterior: Posterior) -> LinearSystem:
        """Go on from an earlier posterior; the data behind it are not needed."""
        return cls(posterior.triangle, posterior.log_det_prior, posterior.log_noise, posterior.n_rows)

    def absorb(self, rows: Floats, targets: Floats, sigmas: Floats) -> None:
        """Learn from observations ``rows @ alpha = targets`` with noise `sigmas`.

        Parameters
        ----------
        rows : shape (n, M)
        targets, sigmas : shape (n,); sigmas positive

        Raises
        ------
        FitError
            Anything is not finite, or a sigma is not positive.
        """
        if not np.all(sigmas > 0.0):
            raise FitError(f"every sigma must be positive, the smallest is {np.min(sigmas):g}")
        if not (np.all(np.isfinite(rows)) and np.all(np.isfinite(targets)) and np.all(np.isfinite(sigmas))):
            raise FitError("observations hold NaN or infinite numbers; check labels and descriptors")
        for begin in range(0, len(targets), ROWS_AT_ONCE):
            part = slice(begin, begin + ROWS_AT_ONCE)
            block = np.empty((len(targets[part]), len(self._triangle)), order="F")
            block[:, :-1] = rows[part] / sigmas[part, None]
            block[:, -1] = targets[part] / sigmas[part]
            absorb_block(self._triangle, block)
        self._log_noise += float(np.sum(np.log(sigmas)))
        self._n_rows += len(targets)

    def posterior(self) -> Posterior:
        """The answer so far; more can be absorbed afterwards."""
        return Posterior(np.triu(self._triangle), self._log_det_prior, self._log_noise, self._n_rows)


def absorb_block(triangle: Floats, block: Floats) -> None:
    """QR of a triangle on top of a block; the triangle is updated in place, the block destroyed."""
    nb = min(QR_BLOCK, len(triangle))
    result, _, _, info = lapack.dtpqrt(0, nb, triangle, block, overwrite_a=1, overwrite_b=1)
    if info != 0:
        raise FitError(f"LAPACK dtpqrt refused argument {-info}")
    if result is not triangle:
        triangle[...] = result
