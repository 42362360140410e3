"""Estimators: averages are exact, their noise is the scatter seen, and what cannot be judged is refused."""

import numpy as np
import pytest
from scipy.signal import lfilter

from gapsample.errors import InputError
from gapsample.free_energy.estimators import (
    check_alike,
    collective_force_average,
    gradient_averages,
    umbrella_average,
)
from gapsample.free_energy.samples import Samples, Window
from gapsample.sampling.autocorrelation import ChainTooShort

TURN = 2.0 * np.pi
KT, T = 0.0258520, 300.0
CURVATURE = np.array([[1.5, 0.6], [0.6, 0.8]])
KAPPA = np.array([2.0, 1.0])


def remembering(n, rho, rng, d=1):
    noise = rng.standard_normal((n + 100, d)) * np.sqrt(1.0 - rho**2)
    return lfilter([1.0], [1.0, -rho], noise, axis=0)[100:]


def harmonic(center, n, rng, rho=0.7):
    """Samples of F = s.A.s/2 under a restraint: Gaussian, with memory."""
    precision = (CURVATURE + np.diag(KAPPA)) / KT
    mean = np.linalg.solve(CURVATURE + np.diag(KAPPA), KAPPA * center)
    s = mean + remembering(n, rho, rng, 2) @ np.linalg.cholesky(np.linalg.inv(precision)).T
    return Samples(Window(tuple(center), tuple(KAPPA)), s, T, (None, None))


def slope(s):
    return s @ CURVATURE


def test_the_umbrella_average_is_the_restoring_force_and_its_noise_the_scatter_of_the_mean():
    rng = np.random.default_rng(1)
    samples = harmonic(np.array([0.5, -0.3]), 4000, rng)
    found = umbrella_average(samples)
    np.testing.assert_allclose(found.value, KAPPA * (samples.window.center - samples.s.mean(axis=0)))
    np.testing.assert_allclose(found.points, samples.s, atol=1e-12)
    tau = (1.0 + 0.7) / (1.0 - 0.7)
    expected = KT**2 * np.linalg.inv(np.cov(samples.s.T)) * tau / len(samples.s)
    np.testing.assert_allclose(found.covariance, expected, rtol=0.3)


@pytest.mark.parametrize("surface", [None, slope])
def test_averages_scatter_about_the_gradient_at_their_own_points_as_they_say(surface):
    rng, z = np.random.default_rng(2), []
    for _ in range(150):
        samples = harmonic(rng.normal(size=2), 1000, rng)
        found = umbrella_average(samples, surface=surface)
        away = found.value - slope(found.points).mean(axis=0)
        z.append(np.linalg.solve(np.linalg.cholesky(found.covariance), away))
    assert np.all(np.abs(np.std(z, axis=0) - 1.0) < 0.15)


def test_a_window_at_the_end_of_the_period_gives_what_it_gives_elsewhere():
    rng = np.random.default_rng(3)
    chain = 0.2 * remembering(2000, 0.5, rng)
    for center in (0.0, np.pi - 0.01, -np.pi, 3.0):
        s = np.angle(np.exp(1j * (center + chain)))
        found = umbrella_average(Samples(Window((center,), (3.0,)), s, T, (TURN,)))
        np.testing.assert_allclose(found.value, -3.0 * chain.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(found.points, center + chain, atol=1e-12)


def test_on_a_flat_periodic_surface_the_average_vanishes_however_wide_the_window():
    rng, z = np.random.default_rng(4), []
    for center in np.linspace(-3.0, 3.0, 40):
        away = np.linspace(-np.pi, np.pi, 4001)
        weight = np.exp(-0.5 * 0.005 / KT * away**2)
        s = center + rng.choice(away, size=(1000, 1), p=weight / weight.sum())
        found = umbrella_average(Samples(Window((center,), (0.005,)), np.angle(np.exp(1j * s)), T, (TURN,)))
        z.append(found.value[0] / np.sqrt(found.covariance[0, 0]))
    assert 0.3 < np.std(z) < 1.3
    assert abs(np.mean(z)) < 0.5


def test_collective_forces_are_averaged_where_there_are_any():
    rng = np.random.default_rng(5)
    plain = harmonic(np.zeros(2), 2000, rng)
    noisy = slope(plain.s) + 0.1 * remembering(2000, 0.3, rng, 2)
    both = Samples(plain.window, plain.s, T, plain.periods, noisy)
    by_force = collective_force_average(both)
    np.testing.assert_allclose(by_force.value, noisy.mean(axis=0))
    first, second = gradient_averages([plain, both])
    np.testing.assert_array_equal(first.value, umbrella_average(plain).value)
    np.testing.assert_array_equal(second.value, by_force.value)
    assert np.all(np.linalg.eigvalsh(by_force.covariance) < 0.1**2 * 6.0 / 2000)
    np.testing.assert_allclose(
        by_force.covariance, collective_force_average(both, surface=slope).covariance, rtol=0.1, atol=1e-7
    )
    with pytest.raises(InputError, match="no collective forces"):
        collective_force_average(plain)


def test_a_window_too_short_says_so_and_may_borrow_the_times_of_its_kind():
    rng = np.random.default_rng(6)
    windows = [harmonic(rng.normal(size=2), 200, rng, rho=0.9) for _ in range(80)]
    with pytest.raises(ChainTooShort) as caught:
        gradient_averages(windows, share=False)
    assert caught.value.n == 200
    z = []
    for found in gradient_averages(windows):
        away = found.value - slope(found.points).mean(axis=0)
        z.append(np.linalg.solve(np.linalg.cholesky(found.covariance), away))
    assert np.all(np.abs(np.std(z, axis=0) - 1.0) < 0.2)
    with pytest.raises(ChainTooShort):
        gradient_averages([Samples(w.window, w.s[:50], T, w.periods) for w in windows])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_samples_are_too_short(n):
    samples = harmonic(np.zeros(2), n, np.random.default_rng(0))
    with pytest.raises(ChainTooShort):
        umbrella_average(samples)
    with pytest.raises(ChainTooShort):
        umbrella_average(samples, taus=np.ones(2))


def test_windows_that_do_not_belong_together_are_refused():
    s = np.random.default_rng(0).normal(size=(10, 1))
    window = Window((0.0,), (1.0,))
    for other, match in (
        (Samples(window, s, 310.0, (None,)), "temperatures"),
        (Samples(window, s, T, (TURN,)), "periods"),
        (Samples(Window((0.0, 0.0), (1.0, 1.0)), np.hstack([s, s]), T, (None, None)), "periods"),
    ):
        with pytest.raises(InputError, match=match):
            check_alike([Samples(window, s, T, (None,)), other])
    with pytest.raises(InputError, match="no windows"):
        check_alike([])
    with pytest.raises(InputError, match="restrained"):
        umbrella_average(Samples(Window((0.0,), (0.0,)), s, T, (None,)))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"s": np.zeros((0, 1))}, "no sample"),
        ({"s": np.array([[0.0], [np.nan]])}, "first is number 1"),
        ({"s": np.zeros(5)}, "shape"),
        ({"s": np.array([[-170.0], [175.0]]), "periods": (TURN,)}, "degrees or radians"),
        ({"periods": (-1.0,)}, "period"),
        ({"periods": (None, None)}, "periods"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": np.nan}, "temperature"),
        ({"gradients": np.zeros((3, 1))}, "belong together"),
        ({"gradients": np.full((2, 1), np.inf)}, "collective forces"),
    ],
)
def test_samples_that_cannot_be_used_are_refused(changed, match):
    given = {
        "s": np.array([[0.0], [0.1]]),
        "temperature": T,
        "periods": (None,),
        "gradients": None,
        **changed,
    }
    with pytest.raises(InputError, match=match):
        Samples(Window((0.0,), (1.0,)), **given)
