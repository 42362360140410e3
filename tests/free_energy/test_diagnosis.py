"""Diagnosis: nothing is said of a good fit, and what was made wrong is found."""

from dataclasses import replace

import numpy as np
import pytest
from ase import units
from exact_surfaces import DoubleWell, Torus, mueller_brown_marginal, umbrella
from scipy.signal import lfilter

from gapsample.errors import InputError
from gapsample.free_energy import Options, Surface, gradient_averages
from gapsample.free_energy.diagnosis import Concern, bimodality, diagnose
from gapsample.free_energy.samples import Samples, Window

TURN = 2.0 * np.pi
T = 1.0 / units.kB  # kT = 1


def observed(samples):
    centers = [np.array(s.window.center) for s in samples]
    return [umbrella(c + s.displacements(), c, s.window.kappa) for c, s in zip(centers, samples, strict=True)]


def well(seed, n=200):
    rng = np.random.default_rng(seed)
    return [
        Samples(Window(c, (200.0,)), DoubleWell().window(c, 200.0, n, rng), T, (None,))
        for c in np.linspace(-1.6, 1.6, 30)[:, None]
    ]


def torus(seed):
    rng = np.random.default_rng(seed)
    problem = Torus.random(2, 5, rng)
    kappa = 2.0 * problem.curvature + 20.0
    lines = np.stack(np.meshgrid(np.arange(9), np.arange(9)), axis=-1).reshape(-1, 2)
    return [
        Samples(Window(c, (kappa, kappa)), problem.window(c, kappa, 200, rng), T, (TURN, TURN))
        for c in (lines + 0.3) * TURN / 9.0
    ]


X = np.linspace(-2.0, 1.6, 8001)
MARGINAL = np.interp(X, X[::4], mueller_brown_marginal(X[::4]))


def mueller_brown(seed, n_windows, kappa, n=2000):
    rng, found = np.random.default_rng(seed), []
    for c in np.linspace(-1.5, 1.2, n_windows):
        log = -MARGINAL - 0.5 * kappa * (X - c) ** 2
        total = np.cumsum(np.exp(log - log.max()))
        s = np.interp(rng.uniform(size=n), total / total[-1], X)[:, None]
        found.append(Samples(Window((c,), (kappa,)), s, T, (None,)))
    return found


def of(samples, kernel="se", observations=None, refit=False):
    observations = observed(samples) if observations is None else observations
    surface = Surface.fit(observations, samples[0].periods, options=Options(kernel=kernel))
    return diagnose(surface, samples, refit=refit)


@pytest.fixture(scope="module")
def good():
    return [of(well(seed), refit=seed < 6) for seed in range(12)], of(torus(0), refit=True)


def test_nothing_is_said_of_good_fits(good):
    found = [*good[0], good[1]]
    assert not [warning for diagnosis in found for warning in diagnosis.warnings]
    assert str(found[0]) == "nothing suspicious was found"
    assert found[0].rougher < 0.0


def test_statistics_of_good_fits_are_distributed_as_said(good):
    found, other = good
    moments = np.concatenate([d.curvature.ravel() for d in found])
    assert np.std(moments) == pytest.approx(1.0, abs=0.15)
    assert abs(np.mean(moments)) < 0.3
    assert np.mean([d.chi2_mean for d in found]) == pytest.approx(1.0, abs=0.2)
    assert np.std(other.loops) == pytest.approx(1.0, abs=0.2)
    assert len(found[0].loops) == 0  # there is none on a line


@pytest.mark.parametrize(("n_windows", "kappa"), [(20, 200.0), (30, 400.0)])
def test_the_near_kink_of_mueller_and_brown_raises_the_flag_and_matern_is_offered(n_windows, kappa):
    for seed in range(2):
        found = of(mueller_brown(seed, n_windows, kappa), refit=True)
        assert found.has(Concern.WRONG_KERNEL) or found.has(Concern.KINK)
        assert "matern52" in str(found)


def test_matern_quiets_the_flag_once_windows_resolve_the_kink():
    found = of(mueller_brown(0, 40, 400.0), kernel="matern52", refit=True)
    assert not found.has(Concern.WRONG_KERNEL)
    assert not found.has(Concern.MISFIT)
    assert np.isnan(found.rougher)


def test_a_window_that_lies_is_named():
    samples = well(1)
    observations = observed(samples)
    wrong = observations[11]
    observations[11] = replace(wrong, value=wrong.value + 8.0 * np.sqrt(np.diag(wrong.covariance)))
    found = of(samples, observations=observations)
    named = [warning for warning in found.warnings if warning.concern is Concern.MISFIT]
    assert named[0].windows == (11,)
    assert found.chi2_max == found.chi2[11] == named[0].value


def test_errors_too_small_by_two_are_noticed():
    samples = torus(1)
    observations = [replace(o, covariance=o.covariance / 4.0) for o in observed(samples)]
    surface = Surface.fit(observations, samples[0].periods)
    found = diagnose(surface, refit=False)
    assert found.has(Concern.TOO_ROUGH)
    assert len(found.effective) == len(found.curvature) == 0


def test_a_gradient_of_no_function_does_not_close_its_loops():
    samples = torus(2)
    turned = [
        replace(o, value=o.value + 6.0 * np.array([np.sin(o.center[1]), 0.0])) for o in observed(samples)
    ]
    found = of(samples, observations=turned)
    assert found.has(Concern.LOOP)
    assert np.max(np.abs(found.loops)) > 5.0


def test_a_period_that_does_not_close_is_noticed():
    rng, samples = np.random.default_rng(3), []
    for c in np.linspace(0.0, TURN, 24, endpoint=False):
        s = c + rng.normal(size=(200, 1)) / np.sqrt(30.0) - 2.0 / 30.0  # a slope of 2 all the way round
        samples.append(Samples(Window((c,), (30.0,)), s, T, (TURN,)))
    found = of(samples)
    assert found.has(Concern.LOOP)


def test_two_states_in_a_window_are_noticed_and_one_is_not():
    rng = np.random.default_rng(4)
    samples = well(2)
    states = np.array(samples[15].window.center) + 0.12 * np.sign(rng.normal(size=(200, 1)))
    samples[15] = replace(samples[15], s=states + 0.03 * rng.normal(size=(200, 1)))
    found = of(samples)
    assert found.has(Concern.TWO_STATES)
    assert next(w for w in found.warnings if w.concern is Concern.TWO_STATES).windows == (15,)
    plain = Samples(Window((0.0, 0.0), (1.0, 1.0)), rng.normal(size=(20000, 2)), T, (None, None))
    assert bimodality(plain) == pytest.approx(1.0 / 3.0, abs=0.02)


def test_a_window_of_few_independent_samples_is_named():
    rng = np.random.default_rng(5)
    samples = well(3)
    noise = lfilter([1.0], [1.0, -0.98], rng.standard_normal((400, 1)), axis=0)[200:]
    slow = np.array(samples[7].window.center) + 0.07 * noise / noise.std()
    samples[7] = replace(samples[7], s=slow)
    found = of(samples)
    few = [w for w in found.warnings if w.concern is Concern.FEW_SAMPLES]
    assert [w.windows for w in few] == [(7,)]
    assert "longer" in str(few[0])


def swinging(n, rng):
    """A Gaussian of unit variance that swings: correlations of x cancel, those of x^2 do not."""
    noise = rng.standard_normal((n + 500, 2)) @ np.array([1.0, 1.0j]) * np.sqrt(1.0 - 0.97**2)
    return lfilter([1.0], [1.0, -0.97 * np.exp(1.3j)], noise)[500:].real


def test_windows_that_swing_are_not_taken_for_kinks():
    rng = np.random.default_rng(6)
    for _ in range(3):
        samples = []
        for c in np.linspace(-1.0, 1.0, 24):
            s = 0.6 * c + 0.1 * swinging(600, rng)  # F = 20 s^2
            samples.append(Samples(Window((c,), (60.0,)), s[:, None], T, (None,)))
        found = diagnose(Surface.fit(gradient_averages(samples), (None,)), samples, refit=False)
        assert np.median(found.effective) > 400
        assert not found.has(Concern.KINK)


def test_samples_must_be_those_of_the_observations():
    samples = well(0)
    surface = Surface.fit(observed(samples), (None,))
    with pytest.raises(InputError, match="30 observations"):
        diagnose(surface, samples[:3])
