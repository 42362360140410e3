"""Features are kernels: their weighted products are the covariance, their rows the derivatives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample.errors import InputError, UnknownName
from gapsample.gp import dense
from gapsample.gp.features import Features
from gapsample.gp.spectra import Open, Periodic

CASES = [
    ((Periodic(2 * np.pi),), (0.7,)),
    ((Open(-1.0, 2.0),), (0.5,)),
    ((Periodic(3.0), Open(0.0, 1.0)), (0.7, 0.2)),
    ((Open(0.0, 2.0), Periodic(360.0), Periodic(2 * np.pi)), (0.4, 100.0, 1.8)),
]


def somewhere(axes, n, rng):
    columns = [
        a.low + a.extent * rng.uniform(size=n) if isinstance(a, Open) else a.extent * rng.uniform(-1, 2, n)
        for a in axes
    ]
    return np.column_stack(columns)


@pytest.mark.parametrize(("axes", "lengths"), CASES)
def test_weighted_products_of_features_are_the_kernel_and_its_derivatives(axes, lengths):
    rng = np.random.default_rng(1)
    points = somewhere(axes, 5, rng)
    features = Features.choose(axes, lengths, 4000, 1e-9)
    one = np.ones(1)
    pairs = [dense.Functional(np.array([p, points[0]]), np.array([1.0, -1.0]), None) for p in points[1:]]
    slopes = [dense.Functional(p[None], one, a) for p in points for a in range(len(axes))]
    exact = dense.covariance(axes, np.array(lengths), pairs + slopes, pairs + slopes)
    values = features.values(points)
    rows = np.vstack([values[1:] - values[0], features.gradients(points).reshape(-1, len(features))])
    found = (rows * features.prior(lengths).variances) @ rows.T
    assert np.max(np.abs(found - exact)) < 1e-7 * np.max(np.abs(exact))


@pytest.mark.parametrize("axis", [Periodic(2 * np.pi, "matern52"), Open(-1.0, 2.0, "matern52")])
def test_the_matern_kernel_is_the_sum_of_its_modes_up_to_the_variance_said_to_be_lost(axis):
    lengths = np.array([0.8])
    features = Features.choose((axis,), lengths, 4000, 1e-9)
    points = somewhere((axis,), 5, np.random.default_rng(1))
    slopes = [dense.Functional(p[None], np.ones(1), 0) for p in points]
    exact = dense.covariance((axis,), lengths, slopes, slopes)
    prior = features.prior(lengths)
    rows = features.gradients(points)[:, 0]
    assert np.max(np.abs((rows * prior.variances) @ rows.T - exact)) < 3.0 * prior.lost[0] + 1e-9
    assert prior.lost[0] < 1e-2 * np.max(exact)


@pytest.mark.parametrize(("axes", "lengths"), CASES)
def test_gradients_are_the_slopes_of_values(axes, lengths):
    points = somewhere(axes, 4, np.random.default_rng(2))
    features = Features.choose(axes, lengths, 500)
    found = features.gradients(points)
    for a, axis in enumerate(axes):
        step = np.zeros(len(axes))
        step[a] = 1e-6 * axis.extent
        numeric = (features.values(points + step) - features.values(points - step)) / (2.0 * step[a])
        assert np.allclose(found[:, a], numeric, atol=1e-6 * np.max(np.abs(found)))


@pytest.mark.parametrize("kernel", ["se", "matern52"])
@pytest.mark.parametrize("kind", ["circle", "box"])
def test_slopes_of_log_variances_are_their_derivatives_by_log_length(kind, kernel):
    axis = Periodic(2.0, kernel) if kind == "circle" else Open(-1.0, 2.0, kernel)
    up, down = (np.log(axis.variances(0.3 * np.exp(h), 12)[0]) for h in (1e-5, -1e-5))
    assert np.allclose(axis.variances(0.3, 12)[1], (up - down) / 2e-5, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7))
def test_the_average_of_rows_is_the_row_of_the_average(seed, n):
    rng = np.random.default_rng(seed)
    axes = (Periodic(2 * np.pi), Open(0.0, 1.0), Periodic(1.0))
    features = Features.choose(axes, (1.5, 0.4, 0.3), 80)
    points, weights = somewhere(axes, n, rng), rng.uniform(0.1, 1.0, n)
    average = features.average(points, weights)
    share = weights / weights.sum()
    assert np.allclose(features.gradient_rows(average), np.tensordot(share, features.gradients(points), 1))
    assert np.allclose(features.value_rows(average), share @ features.values(points))


def test_modes_come_in_whole_shells_so_that_a_shift_changes_nothing():
    axes = (Periodic(2 * np.pi),) * 3
    lengths = (0.8, 0.8, 0.8)
    features = Features.choose(axes, lengths, 150)
    variances = features.prior(lengths).variances
    points = np.random.default_rng(3).uniform(0.0, 6.0, (4, 3))
    kernels = [(v * variances) @ v.T for v in (features.values(points), features.values(points + 0.77))]
    assert len(features) <= 150
    assert np.allclose(kernels[0], kernels[1])


def test_more_modes_lose_less_of_the_prior():
    axes, lengths = (Periodic(2 * np.pi), Open(0.0, 1.0)), (0.6, 0.15)
    lost = [np.sum(Features.choose(axes, lengths, most).prior(lengths).lost) for most in (40, 100, 300)]
    assert lost[0] > lost[1] > lost[2]


def test_axes_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="period"):
        Periodic(0.0)
    with pytest.raises(InputError, match="low < high"):
        Open(1.0, 1.0)
    with pytest.raises(UnknownName, match="matern52"):
        Periodic(1.0, "matern")


def test_too_few_modes_are_those_of_the_lowest_frequencies():
    features = Features.choose((Periodic(2 * np.pi),), (0.05,), 8)
    assert list(features.highest) == [4.0]
