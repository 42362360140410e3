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
    features = Features.choose(axes, np.log(lengths), 4000, 1e-9)
    one = np.ones(1)
    pairs = [dense.Functional(np.array([p, points[0]]), np.array([1.0, -1.0]), None) for p in points[1:]]
    slopes = [dense.Functional(p[None], one, a) for p in points for a in range(len(axes))]
    exact = dense.covariance(axes, np.array(lengths), pairs + slopes, pairs + slopes)
    values = features.values(points)
    rows = np.vstack([values[1:] - values[0], features.gradients(points).reshape(-1, len(features))])
    found = (rows * features.prior(np.log(lengths)).variances) @ rows.T
    assert np.max(np.abs(found - exact)) < 1e-7 * np.max(np.abs(exact))


@pytest.mark.parametrize("axis", [Periodic(2 * np.pi, "matern52"), Open(-1.0, 2.0, "matern52")])
def test_the_matern_kernel_is_the_sum_of_its_modes_up_to_the_variance_said_to_be_lost(axis):
    lengths = np.array([0.8])
    features = Features.choose((axis,), np.log(lengths), 4000, 1e-9)
    points = somewhere((axis,), 5, np.random.default_rng(1))
    slopes = [dense.Functional(p[None], np.ones(1), 0) for p in points]
    exact = dense.covariance((axis,), lengths, slopes, slopes)
    variances, (lost,) = features.prior(np.log(lengths)).variances, features.lost(np.log(lengths))
    rows = features.gradients(points)[:, 0]
    assert np.max(np.abs((rows * variances) @ rows.T - exact)) < 3.0 * lost + 1e-3
    assert lost < 1e-2 * np.max(exact)


def test_axes_that_mix_have_a_kernel_askew_of_unit_variance():
    axes = (Open(-1.0, 2.0), Open(0.0, 1.0))
    parameters = np.array([np.log(0.3), np.log(0.1), 0.8])
    points = somewhere(axes, 6, np.random.default_rng(1))
    r = np.array([[0.3, 0.8 * 0.1], [0.0, 0.1]])
    precision = np.linalg.inv(r.T @ r)
    features = Features.choose(axes, parameters, 4000, 1e-9)
    rows, variances = features.gradients(points), features.prior(parameters).variances
    found = np.einsum("iam,m,jbm->iajb", rows, variances, rows)
    away = points[:, None] - points
    falls = away @ precision
    kernel = np.exp(-0.5 * np.sum(falls * away, axis=-1))
    exact = kernel[..., None, None] * (precision - falls[..., :, None] * falls[..., None, :])
    np.testing.assert_allclose(found.transpose(0, 2, 1, 3), exact, atol=1e-6 * exact.max())
    assert np.all(features.lost(parameters) < 1e-6 * exact.max())


def test_the_variance_said_to_be_lost_is_that_of_the_waves_left_out():
    axes = (Periodic(2.0 * np.pi), Periodic(1.0))
    parameters = np.array([np.log(1.2), np.log(0.15), -0.7])
    few, many = (Features.choose(axes, parameters, most, 1e-12) for most in (30, 3000))
    gone = [f.prior(parameters).variances @ np.tile(f.frequencies**2, (2, 1)) for f in (many, few)]
    np.testing.assert_allclose(few.lost(parameters), gone[0] - gone[1], rtol=1e-6)


MANY = (Periodic(2 * np.pi), Periodic(3.0), Open(0.0, 1.0), Periodic(360.0))


def test_in_many_variables_circles_have_the_periodic_kernel():
    lengths, points = np.array([2.0, 0.9, 0.3, 110.0]), somewhere(MANY, 6, np.random.default_rng(2))
    features = Features.choose(MANY, np.log(lengths), 6000, 1e-5)
    values = features.values(points)
    rows = values[1:] - values[0]
    found = (rows * features.prior(np.log(lengths)).variances) @ rows.T
    kernel = np.ones((6, 6))
    for axis, length, x in zip(MANY, lengths, points.T, strict=True):
        apart = x[:, None] - x
        if isinstance(axis, Open):
            kernel *= np.exp(-0.5 * (apart / length) ** 2)
        else:
            scale = 2.0 * np.pi * length / axis.period
            kernel *= np.exp(-2.0 * (np.sin(np.pi * apart / axis.period) / scale) ** 2)
    exact = kernel[1:, 1:] - kernel[1:, :1] - kernel[:1, 1:] + kernel[0, 0]
    np.testing.assert_allclose(found, exact, atol=2e-5)


def test_in_many_variables_no_more_is_lost_than_was_allowed():
    parameters = np.log([2.0, 0.9, 0.5, 110.0])
    features = Features.choose(MANY, parameters, 6000, 1e-5)
    whole = features.prior(parameters).variances @ np.tile(features.frequencies**2, (2, 1))
    assert (features.lost(parameters) <= 1.1e-5 * whole).all()


def test_in_many_variables_slopes_of_log_variances_are_their_derivatives_too():
    parameters = np.log([2.0, 0.9, 0.5, 110.0])
    features = Features.choose(MANY, parameters, 300)
    for slope, step in zip(features.prior(parameters).slopes, 1e-5 * np.eye(4), strict=True):
        high, low = (np.log(features.prior(parameters + s * step).variances) for s in (1, -1))
        np.testing.assert_allclose(slope, (high - low) / 2e-5, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("axes", "lengths"), CASES)
def test_gradients_are_the_slopes_of_values(axes, lengths):
    points = somewhere(axes, 4, np.random.default_rng(2))
    features = Features.choose(axes, np.log(lengths), 500)
    found = features.gradients(points)
    for a, axis in enumerate(axes):
        step = np.zeros(len(axes))
        step[a] = 1e-6 * axis.extent
        numeric = (features.values(points + step) - features.values(points - step)) / (2.0 * step[a])
        assert np.allclose(found[:, a], numeric, atol=1e-6 * np.max(np.abs(found)))


@pytest.mark.parametrize("kernel", ["se", "matern52"])
def test_slopes_of_log_variances_are_their_derivatives_by_the_parameters(kernel):
    axes = (Periodic(2.0, kernel), Open(-1.0, 2.0, kernel), Open(0.0, 1.0, kernel))
    parameters = np.array([*np.log([0.3, 0.5, 0.2]), 0.5, -0.4, 0.9])
    features = Features.choose(axes, parameters, 300)
    assert features.n_parameters == len(parameters)
    for slope, step in zip(features.prior(parameters).slopes, 1e-5 * np.eye(6), strict=True):
        up, down = (np.log(features.prior(parameters + h).variances) for h in (step, -step))
        assert np.allclose(slope, (up - down) / 2e-5, atol=1e-6)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 7))
def test_the_average_of_rows_is_the_row_of_the_average(seed, n):
    rng = np.random.default_rng(seed)
    axes = (Periodic(2 * np.pi), Open(0.0, 1.0), Periodic(1.0))
    features = Features.choose(axes, np.log([1.5, 0.4, 0.3]), 80)
    points, weights = somewhere(axes, n, rng), rng.uniform(0.1, 1.0, n)
    average = features.average(points, weights)
    share = weights / weights.sum()
    assert np.allclose(features.gradient_rows(average), np.tensordot(share, features.gradients(points), 1))
    assert np.allclose(features.value_rows(average), share @ features.values(points))


def test_modes_come_in_whole_shells_so_that_a_shift_changes_nothing():
    axes = (Periodic(2 * np.pi),) * 3
    lengths = np.log([0.8, 0.8, 0.8])
    features = Features.choose(axes, lengths, 150)
    variances = features.prior(lengths).variances
    points = np.random.default_rng(3).uniform(0.0, 6.0, (4, 3))
    kernels = [(v * variances) @ v.T for v in (features.values(points), features.values(points + 0.77))]
    assert len(features) <= 150
    assert np.allclose(kernels[0], kernels[1])


def test_more_modes_lose_less_of_the_prior():
    axes, lengths = (Periodic(2 * np.pi), Open(0.0, 1.0)), np.log([0.6, 0.15])
    lost = [np.sum(Features.choose(axes, lengths, most).lost(lengths)) for most in (40, 100, 300)]
    assert lost[0] > lost[1] > lost[2]


def test_axes_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="period"):
        Periodic(0.0)
    with pytest.raises(InputError, match="low < high"):
        Open(1.0, 1.0)
    with pytest.raises(UnknownName, match="matern52"):
        Periodic(1.0, "matern")


def test_too_few_modes_are_those_of_the_lowest_frequencies():
    features = Features.choose((Periodic(2 * np.pi),), np.log([0.05]), 8)
    assert list(features.highest) == [4.0]
