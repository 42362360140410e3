"""A flattened run: it is flat, its reweighted difference is exact, and a wrong surface is found out."""

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from campaign_process import ENSEMBLE
from exact_surfaces import DoubleWell, umbrella
from scipy.special import logsumexp
from wells import Pair, pair

from gapsample.errors import InputError
from gapsample.free_energy import GradientAverage, Surface
from gapsample.free_energy.biased import Biased
from gapsample.free_energy.flat_bias import FlatBias, check_flat, run_flat
from gapsample.free_energy.variables import Distance
from gapsample.free_energy.windows import Schedule
from gapsample.sampling.autocorrelation import ChainTooShort

T = 300.0
KT = units.kB * T
R = Distance(0, 1)


def left(s):
    return s[:, 0] < 0.0


def right(s):
    return s[:, 0] >= 0.0


def well_surface(seed, tilt=0.0, n=100):
    """Windows on the double well in units of kT; a tilt makes every gradient wrong by as much."""
    rng, made = np.random.default_rng(seed), []
    for center in np.linspace(-1.6, 1.6, 30)[:, None]:
        seen = umbrella(DoubleWell().window(center, 200.0, n, rng), center, 200.0)
        made.append(replace(seen, value=seen.value + tilt))
    return Surface.fit(made, (None,))


def exact_run(bias, n, rng):
    """Independent samples of the flattened density."""
    x = np.linspace(-2.2, 2.2, 4001)[:, None]
    log = -(DoubleWell().values(x) + bias.energies(x))
    return x[rng.choice(len(x), n, p=np.exp(log - logsumexp(log)))]


def true_difference():
    x = np.linspace(-2.2, 2.2, 4001)[:, None]
    log = -DoubleWell().values(x)
    return logsumexp(log[left(x)]) - logsumexp(log[right(x)])


def test_a_run_flattened_by_a_good_surface_is_flat_below_the_cap():
    bias = FlatBias(well_surface(0, n=1000), 12.0, 1.0)
    s = exact_run(bias, 20000, np.random.default_rng(1))
    counts, _ = np.histogram(s, bins=np.linspace(-1.3, 1.3, 14))
    assert counts.max() / counts.min() < 2.0


def test_run_and_surface_agree_within_their_errors_and_the_run_is_right():
    z, exact = [], []
    for seed in range(16):
        bias = FlatBias(well_surface(seed), 12.0, 1.0)
        found = check_flat(bias, exact_run(bias, 4000, np.random.default_rng(seed)), left, right)
        assert found.err < 0.1
        z.append(found.z)
        exact.append((found.found - true_difference()) / found.err)
        assert min(found.share) > 0.3
    for scores in (z, exact):
        assert 0.5 < np.sqrt(np.mean(np.square(scores))) < 1.6
        assert np.max(np.abs(scores)) < 4.0


def test_a_wrong_surface_is_found_out_though_the_run_is_still_right():
    bias = FlatBias(well_surface(3, tilt=1.5), 12.0, 1.0)
    found = check_flat(bias, exact_run(bias, 8000, np.random.default_rng(3)), left, right)
    assert not found.agrees
    assert "they disagree" in str(found)
    assert abs(found.found - true_difference()) < 4.0 * found.err


def test_forces_of_the_bias_are_its_derivative_everywhere():
    bias = FlatBias(well_surface(0), 4.0, 1.0)
    for x in (-1.99, -1.5, -1.0, -0.3, 0.0, 0.9, 1.6, 1.7, 2.5):
        energy, slope = bias.evaluate(np.array([x]))
        ends = bias.energies(np.array([[x + 1e-5], [x - 1e-5]]))
        assert energy == pytest.approx(bias.energies(np.array([[x]]))[0])
        assert slope[0] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-5)
    high = bias.energies(np.array([[0.0], [-1.0]]))
    assert high[0] == pytest.approx(-4.0, abs=0.4)
    assert high[1] - high[0] == pytest.approx(4.0, abs=0.8)


def pair_surface():
    """The exact slope of two particles on a spring, at points."""
    r = np.linspace(1.4, 2.6, 25)
    return Surface.fit(
        [GradientAverage(np.array([[x]]), np.array([Pair().slope(x, T)]), 1e-6 * np.eye(1)) for x in r],
        (None,),
    )


def test_dynamics_under_the_bias_cross_freely_and_give_the_exact_difference():
    bias = FlatBias(pair_surface(), 0.3, KT)
    flat = Schedule(T, 5.0, 0.05, n_equilibration=100, n_steps=7200, every=4)
    s = run_flat(Pair(), (R,), bias, pair(), flat, np.random.default_rng(1))
    assert s.shape == (1800, 1)

    def near(x):
        return (x[:, 0] >= 1.45) & (x[:, 0] < 1.8)

    def far(x):
        return (x[:, 0] >= 1.8) & (x[:, 0] < 2.5)

    found = check_flat(bias, s, near, far)
    assert found.err < KT
    assert found.agrees
    assert min(found.share) > 0.05


def test_a_flattened_potential_is_the_sum_and_its_forces_the_derivative():
    whole = Biased(Pair(), (R,), FlatBias(pair_surface(), 0.3, KT).evaluate)
    atoms = Atoms("Ar2", [(0.0, 0.1, 0.0), (1.7, 0.2, -0.3)])
    forces = whole.evaluate(atoms).forces
    for index in ((0, 0), (1, 1), (1, 2)):
        ends = []
        for sign in (1e-5, -1e-5):
            moved = atoms.copy()
            moved.positions[index] += sign
            ends.append(whole.evaluate(moved, forces=False).energy)
        assert forces[index] == pytest.approx(-(ends[0] - ends[1]) / 2e-5, abs=1e-6)
    with pytest.raises(InputError, match="virial"):
        whole.evaluate(atoms, virial=True)


def test_what_makes_no_sense_is_refused():
    bias = FlatBias(pair_surface(), 0.3, KT)
    with pytest.raises(InputError, match="positive cap"):
        FlatBias(pair_surface(), -1.0, KT)
    with pytest.raises(InputError, match="310"):
        run_flat(Pair(), ENSEMBLE.variables, bias, pair(), Schedule(310.0), np.random.default_rng(1))
    rng = np.random.default_rng(2)
    s = rng.uniform(1.5, 2.5, (500, 1))
    with pytest.raises(InputError, match="shares"):
        check_flat(bias, s, lambda x: x[:, 0] < 2.0, lambda x: x[:, 0] > 90.0)
    with pytest.raises(ChainTooShort):
        check_flat(bias, np.sort(s, axis=0), lambda x: x[:, 0] < 2.0, lambda x: x[:, 0] >= 2.0)
