"""Noise of windows told by more than their own samples: skewed noise bends nothing, real differences stay."""

import numpy as np
import pytest
from ase import units
from exact_surfaces import DoubleWell
from hypothesis import given
from hypothesis import strategies as st

from gapsample.free_energy import Surface, estimators, gradient_averages, reconstruct
from gapsample.free_energy.samples import Samples, Window
from gapsample.free_energy.scatter import shared_scatter, unskewed

T = 1.0 / units.kB  # kT = 1
SEEDS = range(12)
ENDS = np.array([-1.2]), np.array([1.2])


def skewed(shape, rng):
    """Of zero mean, unit variance and skewness 1.4."""
    return (rng.gamma(2.0, size=shape) - 2.0) / np.sqrt(2.0)


def spread(series):
    return np.array([np.cov(one.T).reshape(one.shape[1], -1) for one in series])


def well(seed, n_windows=120, n=40):
    """Windows of few collective forces with skewed noise, strong on the left and weak on the right."""
    rng, problem, found = np.random.default_rng(seed), DoubleWell(), []
    for c in np.linspace(-1.5, 1.5, n_windows):
        s = problem.window(np.array([c]), 200.0, n, rng)
        slope = 4.0 * problem.a * s * (s**2 - 1.0) + 0.5 * problem.b
        noise = 4.0 * np.exp(-0.5 * s) * skewed(s.shape, rng)
        found.append(Samples(Window((c,), (200.0,)), s, T, (None,), slope + noise))
    return found


def scores(surfaces):
    exact = float(np.diff(DoubleWell().values(np.array(ENDS)))[0])
    found = np.array([surface.difference(*ENDS) for surface in surfaces])
    return (found[:, 0] - exact) / found[:, 1]


def test_skewed_noise_of_few_samples_bends_a_surface_far_less_than_if_each_window_judged_itself(monkeypatch):
    known = scores([reconstruct(well(seed)) for seed in SEEDS])
    monkeypatch.setattr(estimators, "shared_scatter", list)
    alone = scores([Surface.fit(gradient_averages(well(seed)), (None,)) for seed in SEEDS])
    print(f"mean z {np.mean(alone):.2f} -> {np.mean(known):.2f}")
    print(f"rms {np.sqrt(np.mean(alone**2)):.2f} -> {np.sqrt(np.mean(known**2)):.2f}")
    assert abs(np.mean(known)) < 0.5 * abs(np.mean(alone))
    assert np.sqrt(np.mean(known**2)) < 1.3


def test_windows_alike_get_the_same_covariance_and_their_mean_stays():
    rng = np.random.default_rng(1)
    mixing = np.array([[2.0, 0.0], [-0.7, 0.1]])
    series = [rng.standard_normal((30, 2)) @ mixing.T for _ in range(200)]
    before, after = spread(series), spread(shared_scatter(series))
    np.testing.assert_allclose(np.einsum("kaa->a", after), np.einsum("kaa->a", before))
    assert np.all(np.std(after[:, [0, 1], [0, 1]], axis=0) < 0.5 * np.std(before[:, [0, 1], [0, 1]], axis=0))
    np.testing.assert_allclose(after.mean(axis=0), mixing @ mixing.T, rtol=0.1)


def test_real_differences_between_windows_stay():
    rng = np.random.default_rng(2)
    scales = np.exp(rng.normal(size=100))
    after = spread(shared_scatter([scale * rng.standard_normal((200, 1)) for scale in scales]))
    assert np.corrcoef(np.log(after[:, 0, 0]), np.log(scales**2))[0, 1] > 0.99
    assert np.std(np.log(after[:, 0, 0] / scales**2)) < 0.12


def test_a_short_series_is_drawn_further_than_a_long_one():
    rng = np.random.default_rng(3)
    lengths = np.repeat([20, 400], 100)
    series = [rng.standard_normal((n, 1)) * np.exp(0.3 * rng.normal()) for n in lengths]
    before, after = (np.log(spread(one)[:, 0, 0]) for one in (series, shared_scatter(series)))
    kept = [np.std(after[lengths == n]) / np.std(before[lengths == n]) for n in (20, 400)]
    assert kept[0] < kept[1]


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_units_of_the_variables_do_not_matter(a, b):
    rng = np.random.default_rng(4)
    series = [rng.gamma(2.0, size=(12, 2)) for _ in range(9)]
    units_of = np.array([a, b])
    there = shared_scatter([one * units_of for one in series])
    for one, other in zip(shared_scatter(series), there, strict=True):
        np.testing.assert_allclose(other, one * units_of, rtol=1e-6, atol=1e-9 * units_of.min())
    np.testing.assert_allclose(unskewed(series[0] * units_of), unskewed(series[0]) * units_of, rtol=1e-6)


def test_the_mean_of_a_skewed_series_no_longer_tells_its_variance():
    rng = np.random.default_rng(5)
    series = skewed((4000, 60, 2), rng)
    means = series.mean(axis=1)[:, 0]
    plain = np.corrcoef(means, spread(series)[:, 0, 0])[0, 1]
    mended = np.corrcoef(means, spread([unskewed(one) for one in series])[:, 0, 0])[0, 1]
    assert plain > 0.5
    assert abs(mended) < 0.2 * plain


def test_a_series_about_its_own_mean_is_left_as_it_is():
    series = skewed((50, 3), np.random.default_rng(6))
    series -= series.mean(axis=0)
    np.testing.assert_allclose(unskewed(series), series, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 4])
def test_as_few_samples_as_averages_take_are_enough(d):
    rng = np.random.default_rng(7)
    for one in shared_scatter([rng.standard_normal((2 * d + 2, d)) for _ in range(9)]):
        assert np.all(np.isfinite(one))
