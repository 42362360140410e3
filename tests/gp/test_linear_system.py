"""The streamed least-squares problem against dense linear algebra and the rules of Gaussian processes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2, multivariate_normal

from gapsample.errors import FitError
from gapsample.gp.linear_system import LinearSystem, Posterior

JITTER = 1e-3


class Problem:
    """A small, well-conditioned problem: M weights, n observations."""

    def __init__(self, seed: int = 0, m: int = 7, n: int = 40) -> None:
        rng = np.random.default_rng(seed)
        root = rng.normal(size=(m, m))
        self.k_mm = root @ root.T + 0.5 * np.eye(m)
        self.rows = rng.normal(size=(n, m)) * 3.0
        self.sigmas = rng.uniform(0.1, 1.0, n)
        self.prior = self.k_mm + JITTER * np.eye(m)
        self.weights = rng.multivariate_normal(np.zeros(m), np.linalg.inv(self.prior))
        self.targets = self.rows @ self.weights + self.sigmas * rng.normal(size=n)

    def absorbed(self, *parts: np.ndarray) -> Posterior:
        system = LinearSystem.from_prior(self.k_mm, JITTER)
        for part in parts or (np.arange(len(self.targets)),):
            system.absorb(self.rows[part], self.targets[part], self.sigmas[part])
        return system.posterior()

    @property
    def covariance(self) -> np.ndarray:
        """Of the weights, by the normal equations."""
        return np.linalg.inv(self.prior + self.rows.T @ (self.rows / self.sigmas[:, None] ** 2))


def assert_same_posterior(got: Posterior, wanted: Posterior) -> None:
    np.testing.assert_allclose(got.alpha, wanted.alpha, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(got.R.T @ got.R, wanted.R.T @ wanted.R, rtol=1e-10, atol=1e-8)
    assert got.log_evidence == pytest.approx(wanted.log_evidence, rel=1e-11)
    assert got.chi2 == pytest.approx(wanted.chi2, rel=1e-10)
    assert got.n_rows == wanted.n_rows


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), pieces=st.integers(1, 9))
def test_order_and_size_of_the_pieces_absorbed_are_irrelevant(seed: int, pieces: int) -> None:
    problem = Problem(seed)
    order = np.random.default_rng(seed).permutation(len(problem.targets))
    assert_same_posterior(problem.absorbed(*np.array_split(order, pieces)), problem.absorbed())


def test_more_rows_than_one_block_are_absorbed_like_few() -> None:
    problem = Problem(n=5000)
    pieces = np.array_split(np.arange(5000), 50)
    assert_same_posterior(problem.absorbed(), problem.absorbed(*pieces))


def test_weights_and_covariance_are_those_of_the_normal_equations() -> None:
    problem = Problem()
    posterior = problem.absorbed()
    weighted = problem.rows.T @ (problem.targets / problem.sigmas**2)
    np.testing.assert_allclose(posterior.alpha, problem.covariance @ weighted, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.inv(posterior.R.T @ posterior.R), problem.covariance, rtol=1e-9)


def test_objective_at_its_minimum_is_misfit_plus_prior() -> None:
    problem = Problem()
    posterior = problem.absorbed()
    misfit = (problem.rows @ posterior.alpha - problem.targets) / problem.sigmas
    prior = posterior.alpha @ problem.prior @ posterior.alpha
    assert posterior.chi2 == pytest.approx(misfit @ misfit + prior, rel=1e-10)


def test_evidence_is_the_normal_density_of_the_data() -> None:
    problem = Problem()
    covariance = problem.rows @ np.linalg.solve(problem.prior, problem.rows.T) + np.diag(problem.sigmas**2)
    dense = multivariate_normal(np.zeros(len(covariance)), covariance).logpdf(problem.targets)
    assert problem.absorbed().log_evidence == pytest.approx(dense, rel=1e-9)


def test_evidence_of_no_data_is_one() -> None:
    assert LinearSystem.from_prior(Problem().k_mm, JITTER).posterior().log_evidence == pytest.approx(0.0)


def test_evidence_of_all_is_that_of_a_part_times_that_of_the_rest_given_the_part() -> None:
    problem = Problem()
    first, rest = np.arange(15), np.arange(15, 40)
    part = problem.absorbed(first)
    covariance = np.linalg.inv(part.R.T @ part.R)
    given_part = multivariate_normal(
        problem.rows[rest] @ part.alpha,
        problem.rows[rest] @ covariance @ problem.rows[rest].T + np.diag(problem.sigmas[rest] ** 2),
    ).logpdf(problem.targets[rest])
    assert problem.absorbed().log_evidence == pytest.approx(part.log_evidence + given_part, rel=1e-9)


def test_a_resumed_system_goes_on_as_if_never_interrupted() -> None:
    problem = Problem()
    first, rest = np.arange(15), np.arange(15, 40)
    resumed = LinearSystem.resumed(problem.absorbed(first))
    resumed.absorb(problem.rows[rest], problem.targets[rest], problem.sigmas[rest])
    once = problem.absorbed(first, rest)
    np.testing.assert_array_equal(resumed.posterior().triangle, once.triangle)


def test_deviations_have_the_posterior_covariance() -> None:
    problem = Problem()
    n, m = 4000, len(problem.k_mm)
    drawn = problem.absorbed().deviations(n, np.random.default_rng(5))
    assert drawn.shape == (n, m)
    whitened = np.linalg.solve(np.linalg.cholesky(problem.covariance), drawn.T)
    scatter = whitened @ whitened.T / n
    assert np.max(np.abs(scatter - np.eye(m))) < 5.0 * np.sqrt(2.0 / n)
    assert np.max(np.abs(whitened.mean(axis=1))) < 5.0 / np.sqrt(n)


def test_true_weights_are_as_far_from_the_mean_as_the_posterior_says() -> None:
    distances = []
    for seed in range(200):
        problem = Problem(seed)
        posterior = problem.absorbed()
        distances.append(np.sum((posterior.R @ (posterior.alpha - problem.weights)) ** 2))
    assert chi2(7 * 200).cdf(sum(distances)) == pytest.approx(0.5, abs=0.4999)


def test_posterior_taken_early_does_not_change_when_more_is_absorbed() -> None:
    problem = Problem()
    system = LinearSystem.from_prior(problem.k_mm, JITTER)
    system.absorb(problem.rows[:5], problem.targets[:5], problem.sigmas[:5])
    early = system.posterior()
    before = early.triangle.copy()
    system.absorb(problem.rows[5:], problem.targets[5:], problem.sigmas[5:])
    np.testing.assert_array_equal(early.triangle, before)


def test_what_is_absorbed_is_left_untouched() -> None:
    problem = Problem()
    before = problem.rows.copy(), problem.targets.copy(), problem.sigmas.copy()
    problem.absorbed()
    for now, then in zip((problem.rows, problem.targets, problem.sigmas), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("where", ["rows", "targets", "sigmas"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused_and_nothing_is_absorbed(where: str, value: float) -> None:
    problem = Problem()
    system = LinearSystem.from_prior(problem.k_mm, JITTER)
    getattr(problem, where).flat[3] = value
    with pytest.raises(FitError, match=r"NaN or infinite|must be positive"):
        system.absorb(problem.rows, problem.targets, problem.sigmas)
    assert system.posterior().n_rows == 0


@pytest.mark.parametrize("value", [0.0, -0.1])
def test_noise_that_is_not_positive_is_refused(value: float) -> None:
    problem = Problem()
    problem.sigmas[2] = value
    with pytest.raises(FitError, match="positive"):
        problem.absorbed()


def test_linearly_dependent_sparse_points_are_named_with_what_to_try() -> None:
    twice = np.ones((3, 3))
    with pytest.raises(FitError, match=r"3 sparse points.*eigenvalue.*raise the jitter"):
        LinearSystem.from_prior(twice, 0.0)
    LinearSystem.from_prior(twice, 1e-8)


def test_covariance_with_nan_is_refused() -> None:
    with pytest.raises(FitError, match="nan"):
        LinearSystem.from_prior(np.full((2, 2), np.nan), 1e-8)
