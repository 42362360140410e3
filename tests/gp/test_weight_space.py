"""Data enter as sums: order does not matter, streaming is exact, the evidence knows its slope."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample.errors import FitError
from gapsample.gp.features import Features
from gapsample.gp.spectra import Periodic
from gapsample.gp.weight_space import Accumulator, Cautious, WeightSpace

AXES = (Periodic(2 * np.pi), Periodic(1.0))
X = np.array([0.0, 0.0, np.log(0.2), 0.0])
FEATURES = Features.choose(AXES, np.log([1.0, 0.2]), 60)


def data(n, rng):
    points = rng.uniform(size=(n, 2))
    return FEATURES.gradients(points), rng.standard_normal((n, 2))


def absorbed(rows, values, order, start=None):
    accumulator = Accumulator(len(FEATURES), start)
    for k in order:
        accumulator.absorb(rows[k], values[k], 0.3 * np.eye(2))
    return accumulator.sums()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(0, 9))
def test_the_order_of_observations_and_where_the_stream_is_cut_do_not_matter(seed, cut):
    rng = np.random.default_rng(seed)
    rows, values = data(9, rng)
    whole = absorbed(rows, values, range(9))
    parts = absorbed(rows, values, range(cut, 9), absorbed(rows, values, range(cut)))
    mixed = absorbed(rows, values, rng.permutation(9))
    for other in (parts, mixed):
        assert np.allclose(other.precision, whole.precision)
        assert np.allclose(other.projection, whole.projection)
        assert (other.n, other.square) == (whole.n, pytest.approx(whole.square))


@pytest.mark.parametrize("free_noise", [False, True])
def test_the_gradient_of_the_evidence_is_its_slope(free_noise):
    rows, values = data(30, np.random.default_rng(7))
    space = Cautious(WeightSpace(FEATURES, absorbed(rows, values, range(30)), free_noise))
    x = np.array([*np.log([1.2, 0.9, 0.25]), 0.4, 0.1])[: space.n_parameters]
    slope = space.gradient(x, space.posterior(x))
    for k, step in enumerate(1e-5 * np.eye(len(x))):
        numeric = (space.log_evidence(x + step) - space.log_evidence(x - step)) / 2e-5
        assert slope[k] == pytest.approx(numeric, abs=1e-4)


def test_a_constant_added_to_values_with_a_free_constant_changes_nothing():
    rng = np.random.default_rng(8)
    rows, values = FEATURES.values(rng.uniform(size=(6, 2))), rng.standard_normal(6)
    answers = []
    for shift in (0.0, 17.0):
        accumulator = Accumulator(len(FEATURES))
        accumulator.absorb_up_to_constant(rows, values + shift, 0.1 * np.eye(6))
        answers.append(WeightSpace(FEATURES, accumulator.sums()).posterior(X))
    assert np.allclose(answers[0].mean, answers[1].mean, atol=1e-9)
    assert answers[0].log_evidence == pytest.approx(answers[1].log_evidence)


def test_integrating_out_a_constant_is_the_limit_of_a_wide_prior():
    rng = np.random.default_rng(9)
    rows, values = FEATURES.values(rng.uniform(size=(6, 2))), rng.standard_normal(6)
    free, wide = Accumulator(len(FEATURES)), Accumulator(len(FEATURES))
    free.absorb_up_to_constant(rows, values, 0.1 * np.eye(6))
    wide.absorb(rows, values, 0.1 * np.eye(6) + 1e6)
    x = X
    one, other = (WeightSpace(FEATURES, a.sums()).posterior(x) for a in (free, wide))
    assert np.allclose(one.mean, other.mean, atol=1e-5)
    assert one.log_evidence == pytest.approx(other.log_evidence + 0.5 * np.log(2 * np.pi * 1e6), abs=1e-4)


def test_without_signal_the_cautious_maximum_keeps_an_amplitude():
    rows, _ = data(30, np.random.default_rng(10))
    space = WeightSpace(FEATURES, absorbed(rows, np.zeros((30, 2)), range(30)))
    small, smaller = ([np.log(a), 0.0, np.log(0.3), 0.0] for a in (1e-3, 1e-5))
    small, smaller = np.array(small), np.array(smaller)
    assert space.log_evidence(smaller) > space.log_evidence(small)
    assert Cautious(space).log_evidence(smaller) < Cautious(space).log_evidence(small)


def test_draws_have_the_covariance_of_the_posterior():
    rng = np.random.default_rng(11)
    rows, values = data(20, rng)
    found = WeightSpace(FEATURES, absorbed(rows, values, range(20))).posterior(X)
    asked = FEATURES.values(rng.uniform(size=(3, 2)))
    assert np.cov(found.draws(4000, rng) @ asked.T, rowvar=False) == pytest.approx(
        found.covariance(asked), abs=0.1 * np.max(found.covariance(asked))
    )


def test_numbers_that_are_not_finite_and_noise_that_is_no_covariance_are_refused():
    accumulator = Accumulator(len(FEATURES))
    row = np.ones((1, len(FEATURES)))
    with pytest.raises(FitError, match="NaN"):
        accumulator.absorb(row, np.array([np.nan]), np.eye(1))
    with pytest.raises(FitError, match="positive definite"):
        accumulator.absorb(row, np.ones(1), -np.eye(1))
