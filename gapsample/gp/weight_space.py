"""A Gaussian process by its weights: data enter as sums that any hyper-parameters can use.

With features f_m and weights w_m ~ N(0, s^2 v_m(l)), observations y = G w + e, e ~ N(0, t^2 S), the posterior
needs only A = G' S^-1 G, b = G' S^-1 y and y' S^-1 y. They are added up as data come and do not know the
hyper-parameters (amplitude s, lengths l and how axes mix, noise factor t): evidence, gradient and posterior
cost O(M^3) whatever the number of data (Rasmussen & Williams, *Gaussian Processes for Machine Learning*, sec.
2.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, blas, cholesky, lapack, solve_triangular

from gapsample.errors import FitError
from gapsample.gp.features import Features

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

ROWS_AT_ONCE = 1024
TYPICAL_LENGTH = 0.16  # of a period or range: one radian on a circle


@dataclass(frozen=True)
class Sums:
    """All that the weights need to know of the data.

    Attributes
    ----------
    precision : shape (M, M), G' S^-1 G
    projection : shape (M,), G' S^-1 y
    square : y' S^-1 y
    log_det : log determinant of S, and what integrating out free constants adds to it
    n : observations, less the constants integrated out
    """

    precision: Floats
    projection: Floats
    square: float
    log_det: float
    n: int

    def subset(self, keep: Integers) -> Sums:
        """Of some of the weights only."""
        return Sums(
            self.precision[np.ix_(keep, keep)], self.projection[keep], self.square, self.log_det, self.n
        )


class Accumulator:
    """Adds observations to sums; what was given first is not altered."""

    def __init__(self, n_weights: int, start: Sums | None = None) -> None:
        if start is None:
            start = Sums(np.zeros((n_weights, n_weights)), np.zeros(n_weights), 0.0, 0.0, 0)
        self._upper = np.array(start.precision, order="F")
        self._projection = start.projection.copy()
        self._square, self._log_det, self._n = start.square, start.log_det, start.n
        self._rows = np.empty((ROWS_AT_ONCE, n_weights))
        self._filled = 0

    def absorb(self, rows: Floats, targets: Floats, covariance: Floats) -> None:
        """Learn ``rows @ w = targets`` with noise of this covariance.

        Parameters
        ----------
        rows : shape (n, M)
        targets : shape (n,)
        covariance : shape (n, n), positive definite
        """
        white, y, log_det = _whiten(rows, targets, covariance)
        self._add(white, y, log_det, len(y))

    def absorb_up_to_constant(self, rows: Floats, targets: Floats, covariance: Floats) -> None:
        """Learn ``rows @ w + c = targets`` with one unknown constant c, integrated out under a flat prior."""
        ones = np.ones((len(targets), 1))
        white, y, log_det = _whiten(np.hstack([rows, ones]), targets, covariance)
        unit = white[:, -1] / np.linalg.norm(white[:, -1])
        white -= np.multiply.outer(unit, unit @ white)
        y = y - unit * (unit @ y)
        scale = np.linalg.norm(_whiten(ones, targets, covariance)[0])
        self._add(white[:, :-1], y, log_det + 2.0 * float(np.log(scale)), len(y) - 1)

    def sums(self) -> Sums:
        """What was added up so far; more can be absorbed afterwards."""
        self._flush()
        whole = np.triu(self._upper)
        whole += np.triu(self._upper, 1).T
        return Sums(whole, self._projection.copy(), self._square, self._log_det, self._n)

    def _add(self, white: Floats, y: Floats, log_det: float, n: int) -> None:
        self._projection += white.T @ y
        self._square += float(y @ y)
        self._log_det += log_det
        self._n += n
        for begin in range(0, len(white), ROWS_AT_ONCE):
            part = white[begin : begin + ROWS_AT_ONCE]
            if self._filled + len(part) > ROWS_AT_ONCE:
                self._flush()
            self._rows[self._filled : self._filled + len(part)] = part
            self._filled += len(part)

    def _flush(self) -> None:
        if self._filled:
            rows = self._rows[: self._filled].T
            self._upper = blas.dsyrk(1.0, rows, beta=1.0, c=self._upper, overwrite_c=1)
            self._filled = 0


@dataclass(frozen=True)
class WeightPosterior:
    """Gaussian posterior of the weights at fixed hyper-parameters.

    With B = 1 + D A D / t^2 = L L' and D the prior deviations, the covariance is D B^-1 D.

    Attributes
    ----------
    deviations : shape (M,), prior standard deviations of the weights
    lower : shape (M, M), L
    standard : shape (M,), posterior mean in units of the prior deviations
    log_evidence : log p(y)
    noise : the factor t
    """

    deviations: Floats
    lower: Floats
    standard: Floats
    log_evidence: float
    noise: float

    @property
    def mean(self) -> Floats:
        """Posterior mean of the weights, shape (M,)."""
        return self.deviations * self.standard

    def half(self, rows: Floats) -> Floats:
        """H with H' H the posterior covariance of ``rows @ w``; shape (M, n) for rows of shape (n, M)."""
        return solve_triangular(self.lower, (rows * self.deviations).T, lower=True)

    def covariance(self, rows: Floats) -> Floats:
        """Posterior covariance of ``rows @ w``, shape (n, n)."""
        half = self.half(rows)
        return half.T @ half

    def variance(self, rows: Floats) -> Floats:
        """Diagonal of `covariance`."""
        return np.sum(self.half(rows) ** 2, axis=0)

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Weights drawn from the posterior, shape (n, M)."""
        z = rng.standard_normal((len(self.standard), n))
        return (
            self.mean + (self.deviations[:, None] * solve_triangular(self.lower, z, lower=True, trans="T")).T
        )

    @cached_property
    def _inverse_diagonal(self) -> Floats:
        inverse, info = lapack.dtrtri(self.lower, lower=1)
        if info != 0:
            raise FitError("the precision of the weights is singular; raise the noise")
        return np.einsum("ij,ij->j", inverse, inverse)


@dataclass(frozen=True)
class WeightSpace:
    """Sums with a prior whose hyper-parameters may still be chosen.

    The hyper-parameters x are the log of the amplitude, the parameters of the features' prior (logs of one
    length for each axis, then how axes mix), and, where `free_noise`, the log of a factor on every noise
    deviation.
    """

    features: Features
    sums: Sums
    free_noise: bool = False

    @property
    def n_parameters(self) -> int:
        return 1 + self.features.n_parameters + int(self.free_noise)

    def posterior(self, x: Floats) -> WeightPosterior:
        """Posterior of the weights.

        Parameters
        ----------
        x : shape (n_parameters,)

        Raises
        ------
        FitError
            The observations are so precise beside the prior that rounding leaves no positive precision.
        """
        deviations, noise = self._scales(x)
        scaled = np.multiply.outer(deviations, deviations)
        scaled *= self.sums.precision
        scaled *= noise**-2
        scaled.flat[:: len(deviations) + 1] += 1.0
        try:
            lower = cholesky(scaled.T, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError as problem:
            raise FitError(
                f"the precision of {len(deviations)} weights is not positive definite at amplitude "
                f"{np.exp(x[0]):.3g}; raise the noise of the observations or narrow the bounds"
            ) from problem
        right = deviations * self.sums.projection / noise**2
        half = solve_triangular(lower, right, lower=True, check_finite=False)
        standard = solve_triangular(lower, half, lower=True, trans="T", check_finite=False)
        log_det = 2.0 * float(np.sum(np.log(np.diag(lower))))
        evidence = -0.5 * (
            self.sums.square / noise**2
            - float(half @ half)
            + log_det
            + self.sums.log_det
            + self.sums.n * np.log(2.0 * np.pi * noise**2)
        )
        return WeightPosterior(deviations, lower, standard, evidence, noise)

    def log_evidence(self, x: Floats) -> float:
        """log p(y | x)."""
        return self.posterior(x).log_evidence

    def gradient(self, x: Floats, posterior: WeightPosterior) -> Floats:
        """Derivative of the log evidence by x, from the posterior at x.

        By the log of a prior variance it is (u^2 + (B^-1)_mm - 1) / 2, with u the standard mean.
        """
        by_variance = 0.5 * (posterior.standard**2 + posterior._inverse_diagonal - 1.0)
        slopes = self.features.prior(self.shape(x)).slopes
        result = [2.0 * float(np.sum(by_variance)), *(slopes @ by_variance)]
        if self.free_noise:
            mean, projection = posterior.mean, self.sums.projection
            fitted = float(mean @ (self.sums.precision @ mean))
            misfit = (self.sums.square - 2.0 * float(mean @ projection) + fitted) / posterior.noise**2
            result.append(misfit + float(np.sum(1.0 - posterior._inverse_diagonal)) - self.sums.n)
        return np.array(result)

    def subset(self, keep: Integers) -> WeightSpace:
        """With some of the waves only; what the others would have explained becomes misfit."""
        sums = self.sums.subset(self.features.numbers(keep))
        return WeightSpace(self.features.subset(keep), sums, self.free_noise)

    def shape(self, x: Floats) -> Floats:
        """The parameters of the features' prior among the hyper-parameters."""
        return x[1 : 1 + self.features.n_parameters]

    def _scales(self, x: Floats) -> tuple[Floats, float]:
        variances = self.features.prior(self.shape(x)).variances
        noise = float(np.exp(x[-1])) if self.free_noise else 1.0
        return np.exp(x[0]) * np.sqrt(variances), noise


@dataclass(frozen=True)
class Cautious:
    """Evidence times a weak prior of the hyper-parameters: what keeps a maximum off the boundaries.

    Where the data hold little more than noise the evidence alone is largest at no amplitude at all, or at
    lengths so short that the function is noise itself, and the posterior would claim to know everything. One
    power of the amplitude moves a maximum by less than a standard error and never lets it reach zero; each
    length is log-normal about a sixth or so of its axis, a factor e either way; axes mix by a standard normal
    share of their lengths.

    References
    ----------
    Chung, Rabe-Hesketh, Dorie, Gelman & Liu, Psychometrika 78, 685 (2013).
    """

    space: WeightSpace

    @property
    def n_parameters(self) -> int:
        return self.space.n_parameters

    def posterior(self, x: Floats) -> WeightPosterior:
        """Of the weights; its `log_evidence` has the log of the prior added."""
        found = self.space.posterior(x)
        log_prior = float(x[0] - 0.5 * np.sum(self._off(x) ** 2))
        return replace(found, log_evidence=found.log_evidence + log_prior)

    def log_evidence(self, x: Floats) -> float:
        return self.posterior(x).log_evidence

    def gradient(self, x: Floats, posterior: WeightPosterior) -> Floats:
        slope = self.space.gradient(x, posterior)
        slope[0] += 1.0
        slope[1 : 1 + self.space.features.n_parameters] -= self._off(x)
        return slope

    def _off(self, x: Floats) -> Floats:
        """Parameters of the features' prior, less what they are expected to be."""
        off = self.space.shape(x).copy()
        off[: self.space.features.dimension] -= np.log(
            [TYPICAL_LENGTH * axis.extent for axis in self.space.features.axes]
        )
        return off


def _whiten(rows: Floats, targets: Floats, covariance: Floats) -> tuple[Floats, Floats, float]:
    """Rows and targets in units in which the noise is the unit matrix, and the log determinant."""
    if not (np.all(np.isfinite(rows)) and np.all(np.isfinite(targets))):
        raise FitError("observations hold NaN or infinite numbers; check points and values")
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as problem:
        raise FitError("the noise covariance of an observation is not positive definite") from problem
    log_det = 2.0 * float(np.sum(np.log(np.diag(lower))))
    inverse = np.linalg.inv(lower)
    return inverse @ rows, inverse @ targets, log_det
