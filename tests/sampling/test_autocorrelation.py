"""Autocorrelation: errors of means are right for chains whose memory is known."""

import pickle

import numpy as np
import pytest
from scipy.signal import lfilter

from gapsample.errors import InputError
from gapsample.sampling.autocorrelation import (
    ChainTooShort,
    autocorrelation_times,
    covariance_of_mean,
    shared_times,
)


def remembering(n, rho, rng):
    """Stationary chain x' = rho x + noise of unit variance, shape (n,); tau = (1 + rho) / (1 - rho)."""
    noise = rng.standard_normal(n + 200) * np.sqrt(1.0 - rho**2)
    return lfilter([1.0], [1.0, -rho], noise)[200:]


@pytest.mark.parametrize("rho", [0.0, 0.6, 0.9])
def test_the_time_of_a_chain_of_known_memory_is_found(rho):
    chain = remembering(40000, rho, np.random.default_rng(1))[:, None]
    assert autocorrelation_times(chain)[0] == pytest.approx((1.0 + rho) / (1.0 - rho), rel=0.1)


def test_means_scatter_as_their_covariance_says():
    rng = np.random.default_rng(2)
    mix = np.array([[1.0, 0.0], [0.8, 0.5]])
    means, covariances = [], []
    for _ in range(300):
        slow, fast = remembering(1500, 0.8, rng), remembering(1500, 0.2, rng)
        chain = np.stack([slow, fast], axis=1) @ mix.T
        means.append(chain.mean(axis=0))
        covariances.append(covariance_of_mean(chain))
        np.linalg.cholesky(covariances[-1])
    z = np.array([np.linalg.solve(np.linalg.cholesky(c), m) for m, c in zip(means, covariances, strict=True)])
    assert np.all(np.abs(z.std(axis=0) - 1.0) < 0.2)
    np.testing.assert_allclose(np.mean(covariances, axis=0), np.cov(np.transpose(means)), rtol=0.25)


def test_a_chain_too_short_carries_its_numbers():
    chain = remembering(150, 0.95, np.random.default_rng(3))[:, None]
    with pytest.raises(ChainTooShort) as caught:
        autocorrelation_times(chain)
    assert caught.value.n == 150
    assert caught.value.tau > 7.5
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    known = covariance_of_mean(chain, taus=np.array([39.0]))
    assert known[0, 0] == pytest.approx(np.var(chain, ddof=1) * 39.0 / 150)


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_a_few_samples_are_too_short_whatever_they_are(n):
    with pytest.raises(ChainTooShort):
        covariance_of_mean(np.arange(2.0 * n).reshape(n, 2))


@pytest.mark.parametrize("times", [12, 25, 60])
def test_errors_of_single_chains_are_right_on_average_however_short(times):
    rng, z = np.random.default_rng(4), []
    for _ in range(600):
        chain = remembering(round(times * 17.0 / 3.0), 0.7, rng)[:, None]
        z.append(chain.mean() / np.sqrt(covariance_of_mean(chain, least=0.0)[0, 0]))
    assert np.std(z) == pytest.approx(1.0, abs=0.1)


def test_chains_of_one_kind_share_their_time_and_those_of_two_kinds_keep_their_own():
    rng = np.random.default_rng(5)
    alike = shared_times([remembering(150, 0.8, rng)[:, None] for _ in range(100)])
    assert alike.shape == (100, 1)
    assert alike.mean() == pytest.approx(9.0, rel=0.15)
    assert alike.std() < 0.1 * alike.mean()
    mixed = shared_times([remembering(4000, rho, rng)[:, None] for rho in (0.5, 0.9) * 20])
    assert mixed[::2].mean() == pytest.approx(3.0, rel=0.15)
    assert mixed[1::2].mean() == pytest.approx(19.0, rel=0.2)
    with pytest.raises(ChainTooShort):
        shared_times([remembering(20, 0.9, rng)[:, None] for _ in range(30)])


@pytest.mark.parametrize("n", [20, 60, 120])
def test_a_refusal_wants_more_than_it_got(n):
    rng = np.random.default_rng(6)
    with pytest.raises(ChainTooShort) as caught:
        shared_times([remembering(n, 0.9, rng)[:, None] for _ in range(40)])
    assert caught.value.n / caught.value.tau < caught.value.least


def test_what_is_no_chain_is_refused():
    chain = np.random.default_rng(0).normal(size=(200, 2))
    broken, still = chain.copy(), chain.copy()
    broken[17, 1], still[:, 1] = np.nan, 3.0
    for wrong, match in ((broken, "sample 17"), (still, "column 1 never changes"), (chain[:, 0], "shape")):
        with pytest.raises(InputError, match=match):
            covariance_of_mean(wrong)


def test_units_do_not_matter():
    chain = np.random.default_rng(0).normal(size=(400, 2))
    scale = np.array([1e-3, 1e4])
    np.testing.assert_allclose(
        covariance_of_mean(chain * scale), covariance_of_mean(chain) * np.outer(scale, scale), rtol=1e-9
    )
