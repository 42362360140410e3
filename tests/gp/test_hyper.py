"""Evidence from reduced triangles: the same numbers as from the data, at any amplitude and noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import block_diag

from gapsample.errors import FitError
from gapsample.gp.hyper import Kind, Reduced, maximize, sample
from gapsample.gp.linear_system import LinearSystem

JITTER = 0.05  # large enough for its own part of the gradient to count
SIZES = (6, 9)
TRUTH = np.log([1.6, 0.5, 0.3, 2.0])
"""Logs of two amplitudes and two noises."""
BOUNDS = [(np.log(1e-2), np.log(1e2))] * 4


class Data:
    """Draws of a Gaussian process with two blocks of sparse points and two kinds of noise."""

    def __init__(self, seed: int = 0, n: int = 400) -> None:
        rng = np.random.default_rng(seed)
        roots = [rng.normal(size=(m, m)) for m in SIZES]
        self.blocks = tuple(root @ root.T + 0.1 * np.eye(m) for root, m in zip(roots, SIZES, strict=True))
        self.rows = [rng.normal(size=(n, sum(SIZES))) for _ in range(3)]
        self.relative = [rng.uniform(0.5, 2.0, n) for _ in range(3)]
        squares = self.squares(TRUTH)
        k_mm = block_diag(*self.blocks) * np.sqrt(np.outer(squares, squares)) + JITTER * np.eye(sum(SIZES))
        weights = rng.multivariate_normal(np.zeros(sum(SIZES)), np.linalg.inv(k_mm))
        self.targets = [
            (rows * squares) @ weights + sigma * relative * rng.normal(size=n)
            for rows, relative, sigma in zip(self.rows, self.relative, (*np.exp(TRUTH[2:]), 1.0), strict=True)
        ]

    @staticmethod
    def squares(x: np.ndarray) -> np.ndarray:
        return np.repeat(np.exp(2.0 * x[:2]), SIZES)

    def reduced(self) -> Reduced:
        kinds = []
        for rows, targets, relative in zip(self.rows, self.targets, self.relative, strict=True):
            system = LinearSystem.without_prior(sum(SIZES))
            for part in np.array_split(np.arange(len(targets)), 3):
                system.absorb(rows[part], targets[part], relative[part])
            kinds.append(Kind.of(system))
        return Reduced(self.blocks, JITTER, tuple(kinds[:2]), kinds[2])

    def direct(self, x: np.ndarray) -> LinearSystem:
        squares = self.squares(x)
        k_mm = block_diag(*self.blocks) * np.sqrt(np.outer(squares, squares))
        system = LinearSystem.from_prior(k_mm, JITTER)
        sigmas = (*np.exp(x[2:]), 1.0)
        for rows, targets, relative, sigma in zip(
            self.rows, self.targets, self.relative, sigmas, strict=True
        ):
            system.absorb(rows * squares, targets, sigma * relative)
        return system


@pytest.fixture(scope="module")
def data() -> Data:
    return Data()


@pytest.mark.parametrize("shift", [0.0, 1.0, -2.0])
def test_evidence_of_reduced_data_is_that_of_the_data(data: Data, shift: float) -> None:
    x = TRUTH + shift * np.array([1.0, -0.5, 0.7, 1.0])
    reduced, direct = data.reduced().posterior(x), data.direct(x).posterior()
    assert reduced.log_evidence == pytest.approx(direct.log_evidence, rel=1e-8)
    np.testing.assert_allclose(reduced.alpha, direct.alpha, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(reduced.R.T @ reduced.R, direct.R.T @ direct.R, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("shift", [0.0, 0.8, -1.5])
def test_gradient_is_the_slope_of_the_evidence(data: Data, shift: float) -> None:
    problem = data.reduced()
    x = TRUTH + shift * np.array([1.0, -1.0, 0.5, 1.0])
    slopes = problem.gradient(x, problem.posterior(x))
    for k, step in enumerate(1e-4 * np.eye(4)):
        near = problem.log_evidence(x + step) - problem.log_evidence(x - step)
        far = problem.log_evidence(x + 2 * step) - problem.log_evidence(x - 2 * step)
        assert slopes[k] == pytest.approx((8.0 * near - far) / 12e-4, rel=1e-6, abs=1e-5)


def test_optimum_is_where_the_gradient_vanishes_and_finds_the_noise(data: Data) -> None:
    problem = data.reduced()
    found = maximize(problem, np.zeros(4), BOUNDS)
    assert np.max(np.abs(problem.gradient(found, problem.posterior(found)))) < 0.05
    assert problem.log_evidence(found) >= problem.log_evidence(TRUTH)
    # the noise of n observations is known to a fraction 1 / sqrt(2 n)
    np.testing.assert_allclose(found[2:], TRUTH[2:], atol=4.0 / np.sqrt(2 * 400))


def test_optimum_stays_within_its_bounds(data: Data) -> None:
    tight = [(-0.1, 0.1)] * 4
    found = maximize(data.reduced(), np.zeros(4), tight)
    assert np.all(np.abs(found) <= 0.1)


def test_sampled_hyper_parameters_cover_the_truth_and_repeat_with_their_seed(data: Data) -> None:
    problem = data.reduced()
    start = maximize(problem, np.zeros(4), BOUNDS)
    chain, log_evidence = sample(problem, start, BOUNDS, 10, 250, np.random.default_rng(2))
    assert chain.shape == (250, 10, 4)
    assert log_evidence.shape == (250, 10)
    assert log_evidence[-1, 0] == pytest.approx(problem.log_evidence(chain[-1, 0]), rel=1e-12)
    settled = chain[80:].reshape(-1, 4)
    mean, spread = settled.mean(axis=0), settled.std(axis=0)
    assert np.all(np.abs(mean - TRUTH) < 4.0 * spread)
    np.testing.assert_allclose(spread[2:], 1.0 / np.sqrt(2 * 400), rtol=0.4)
    again, _ = sample(problem, start, BOUNDS, 10, 5, np.random.default_rng(2))
    np.testing.assert_array_equal(again, chain[:5])


def test_samples_stay_within_bounds(data: Data) -> None:
    tight = [(-0.1, 0.1)] * 4
    chain, _ = sample(data.reduced(), np.zeros(4), tight, 8, 20, np.random.default_rng(0))
    assert np.all(np.abs(chain) <= 0.1)


def test_too_few_walkers_are_refused(data: Data) -> None:
    with pytest.raises(FitError, match="at least 8 walkers, got 4"):
        sample(data.reduced(), np.zeros(4), BOUNDS, 4, 5, np.random.default_rng(0))
