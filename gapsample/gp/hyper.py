"""Hyper-parameters by evidence: data are streamed once, then any amplitude and noise is a matter of M^3.

With the sparse points fixed, the rows of a term scale with the square of its amplitude and the weight of
an observation with the inverse of its noise. So one triangle for each kind of observation, at unit noise,
is all that the evidence needs; the data are not seen again, and no normal equations are formed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import emcee
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from gapsample.errors import FitError
from gapsample.gp.linear_system import LinearSystem, Posterior, absorb_block

Floats = NDArray[np.float64]


class HasEvidence(Protocol):
    """A posterior, of whatever."""

    @property
    def log_evidence(self) -> float:
        """log p(y)."""
        ...


Found = TypeVar("Found", bound=HasEvidence)


class HyperParameters(Protocol[Found]):
    """A Gaussian process some of whose parameters x are still to be chosen."""

    @property
    def n_parameters(self) -> int:
        """Length of x."""
        ...

    def posterior(self, x: Floats) -> Found:
        """The posterior at x."""
        ...

    def log_evidence(self, x: Floats) -> float:
        """log p(y | x)."""
        ...

    def gradient(self, x: Floats, posterior: Found) -> Floats:
        """Derivative of the log evidence by x, from the posterior at x."""
        ...


@dataclass(frozen=True)
class Kind:
    """All observations whose noise is one unknown factor times their relative sigmas, as a triangle.

    Attributes
    ----------
    triangle : shape (M + 1, M + 1), of the rows divided by their relative sigmas, without prior
    log_relative : sum of the logs of the relative sigmas
    n_rows : observations absorbed
    """

    triangle: Floats
    log_relative: float
    n_rows: int

    @classmethod
    def of(cls, system: LinearSystem) -> Kind:
        """From a system started by `LinearSystem.without_prior` that absorbed relative sigmas."""
        seen = system.posterior()
        return cls(seen.triangle, seen.log_noise, seen.n_rows)


@dataclass(frozen=True)
class Reduced:
    """A sparse Gaussian process whose amplitudes and noises may still be chosen.

    The hyper-parameters x are natural logs: one amplitude for each block (a factor on its delta), then one
    noise for each kind (a factor on its relative sigmas).

    Attributes
    ----------
    blocks : covariance of the sparse points of each block at amplitude 1, no jitter; together M
    jitter : on the diagonal of K_mm, whatever the amplitudes
    kinds : observations with unknown noise
    fixed : observations whose sigmas are known and stay as they are
    """

    blocks: tuple[Floats, ...]
    jitter: float
    kinds: tuple[Kind, ...]
    fixed: Kind

    @property
    def n_parameters(self) -> int:
        return len(self.blocks) + len(self.kinds)

    def posterior(self, x: Floats) -> Posterior:
        """Posterior of the weights, as if the data had been absorbed with these hyper-parameters.

        Parameters
        ----------
        x : shape (n_blocks + n_kinds,)

        Raises
        ------
        FitError
            K_mm at these amplitudes is not positive definite.
        """
        squares, noise = self._scales(x)
        k_mm = block_diag(*[square * block for square, block in zip(squares, self.blocks, strict=True)])
        prior = LinearSystem.from_prior(k_mm, self.jitter).posterior()
        triangle = np.array(prior.triangle, order="F")
        columns = np.append(np.repeat(squares, [len(block) for block in self.blocks]), 1.0)
        log_noise, n_rows = 0.0, 0
        for kind, sigma in zip((*self.kinds, self.fixed), (*noise, 1.0), strict=True):
            absorb_block(triangle, np.asfortranarray(kind.triangle * (columns / sigma)))
            log_noise += kind.log_relative + kind.n_rows * np.log(sigma)
            n_rows += kind.n_rows
        return Posterior(np.triu(triangle), prior.log_det_prior, float(log_noise), n_rows)

    def log_evidence(self, x: Floats) -> float:
        """log p(y | x)."""
        return self.posterior(x).log_evidence

    def gradient(self, x: Floats, posterior: Posterior) -> Floats:
        """Derivative of the log evidence by x, from the posterior at x.

        By amplitude: alpha' K alpha + 2 j |alpha|^2 - m + tr(C K) + 2 j tr(C) - j tr((K + j)^-1), with j the
        jitter and K, alpha, C, m the block's covariance, weights, posterior covariance and size. By noise:
        chi^2 of the kind + trace of the posterior covariance of its predictions, in units of its noise,
        - number of its observations.
        """
        squares, noise = self._scales(x)
        alpha = posterior.alpha
        root = solve_triangular(posterior.R, np.eye(len(alpha)))  # C = root root'
        slopes, start, j = [], 0, self.jitter
        for square, block in zip(squares, self.blocks, strict=True):
            part = slice(start, start + len(block))
            start += len(block)
            k, a, c = square * block, alpha[part], root[part]
            factor = cholesky(k + j * np.eye(len(k)), lower=True)
            slopes.append(
                a @ k @ a
                + 2.0 * j * (a @ a)
                - len(k)
                + np.sum(c * (k @ c))
                + 2.0 * j * np.sum(c * c)
                - j * np.trace(cho_solve((factor, True), np.eye(len(k))))
            )
        columns = np.repeat(squares, [len(block) for block in self.blocks])
        for kind, sigma in zip(self.kinds, noise, strict=True):
            rows = kind.triangle[:, :-1] * (columns / sigma)
            misfit = kind.triangle[:, -1] / sigma - rows @ alpha
            slopes.append(misfit @ misfit + np.sum((rows @ root) ** 2) - kind.n_rows)
        return np.array(slopes)

    def _scales(self, x: Floats) -> tuple[Floats, Floats]:
        n = len(self.blocks)
        return np.exp(2.0 * x[:n]), np.exp(x[n:])


def maximize(problem: HyperParameters[Found], start: Floats, bounds: Sequence[tuple[float, float]]) -> Floats:
    """Hyper-parameters of largest evidence within bounds, by L-BFGS-B from `start`.

    Raises
    ------
    FitError
        The search ended without an answer; the message is the optimizer's.
    """

    def downhill(x: Floats) -> tuple[float, Floats]:
        posterior = problem.posterior(x)
        return -posterior.log_evidence, -problem.gradient(x, posterior)

    found = minimize(downhill, start, jac=True, method="L-BFGS-B", bounds=bounds)
    if not np.all(np.isfinite(found.x)) or not np.isfinite(found.fun):
        raise FitError(f"the evidence has no maximum that can be found: {found.message}; narrow the bounds")
    return np.asarray(found.x)


def sample(
    problem: HyperParameters[Found],
    start: Floats,
    bounds: Sequence[tuple[float, float]],
    n_walkers: int,
    n_steps: int,
    rng: np.random.Generator,
    after: Callable[[int], None] | None = None,
) -> tuple[Floats, Floats]:
    """Posterior of the hyper-parameters with a prior flat in their logs within bounds.

    Walkers start in a small ball about `start`; the first steps are theirs to find the posterior, and
    the reader's to cut away.

    Parameters
    ----------
    after : called with the number of steps done

    Returns
    -------
    chain : shape (n_steps, n_walkers, n_parameters)
    log_evidence : shape (n_steps, n_walkers)

    References
    ----------
    Foreman-Mackey, Hogg, Lang & Goodman, Publ. Astron. Soc. Pac. 125, 306 (2013).
    """
    low, high = np.array(bounds).T
    if n_walkers < 2 * problem.n_parameters:
        raise FitError(
            f"{problem.n_parameters} hyper-parameters need at least {2 * problem.n_parameters} walkers, "
            f"got {n_walkers}"
        )

    def log_density(x: Floats) -> float:
        if np.any(x < low) or np.any(x > high):
            return -np.inf
        return problem.log_evidence(x)

    ball = start + 0.05 * rng.standard_normal((n_walkers, problem.n_parameters))
    edge = 1e-6 * (high - low)
    seed = np.random.RandomState(int(rng.integers(2**32)))
    state = emcee.State(np.clip(ball, low + edge, high - edge), random_state=seed.get_state())
    sampler = emcee.EnsembleSampler(n_walkers, problem.n_parameters, log_density)
    for done, _ in enumerate(sampler.sample(state, iterations=n_steps), start=1):
        if after is not None:
            after(done)
    return sampler.get_chain(), sampler.get_log_prob()
