"""Settling: windows that passed once between two groups are doubted, settled ones are not."""

import numpy as np
import pytest
from ase import units
from scipy.signal import lfilter

from gapsample.free_energy import Samples, Window, gradient_averages
from gapsample.free_energy.settling import FEW_PASSAGES, TWO_HUMPS, apart, bimodality, counts_as, passages

T = 1.0 / units.kB  # kT = 1


def remembering(n, tau, rng, d=1):
    rho = (tau - 1.0) / (tau + 1.0)
    noise = rng.standard_normal((n + 500, d)) * np.sqrt(1.0 - rho**2)
    return lfilter([1.0], [1.0, -rho], noise, axis=0)[500:]


def hopping(n, every, rng, half=1.0):
    """Two groups at -half and half, of width 0.2, visited in turns of so many samples."""
    sides = np.where(np.arange(n) // every % 2 == 0, -half, half)
    return sides[:, None] + 0.2 * remembering(n, 5.0, rng)


def window(s, kappa=4.0):
    return Samples(Window((0.0,) * s.shape[1], (kappa,) * s.shape[1]), s, T, (None,) * s.shape[1])


@pytest.mark.parametrize("every", [10, 25, 100, 200])
def test_passages_between_two_groups_are_counted(every):
    found = window(hopping(400, every, np.random.default_rng(1)))
    assert bimodality(found) > TWO_HUMPS
    assert passages(found) == 400 // every - 1


def test_passages_do_not_depend_on_how_much_time_belongs_to_a_group():
    rng = np.random.default_rng(2)
    sides = np.where(np.arange(400) % 100 < 12, 1.0, -1.0)
    assert passages(window(sides[:, None] + 0.1 * rng.standard_normal((400, 1)))) == 7


def test_halves_of_settled_windows_differ_by_their_error():
    rng, tau = np.random.default_rng(3), np.array([9.0, 9.0])
    found = np.array([apart(remembering(900, 9.0, rng, 2), tau) for _ in range(300)])
    assert np.std(found) == pytest.approx(1.0, abs=0.1)
    drifting = remembering(900, 9.0, rng, 2) + np.linspace(0.0, 3.0, 900)[:, None]
    assert np.min(np.abs(apart(drifting, tau))) > 2.5


def test_settled_windows_are_hardly_ever_doubted():
    rng = np.random.default_rng(4)
    doubted = 0
    for _ in range(200):
        s = 0.5 * remembering(600, 9.0, rng)
        doubted += np.isfinite(counts_as(window(s), s, np.array([9.0])))
    assert doubted < 12


def test_halves_that_disagree_count_as_little_as_makes_them_agree():
    rng, tau = np.random.default_rng(7), np.array([9.0])
    s = remembering(900, 9.0, rng) + np.linspace(0.0, 3.0, 900)[:, None]
    n = counts_as(window(s), s, tau)
    assert n < 10.0
    assert np.abs(apart(s, np.array([900.0 / n]))) == pytest.approx(1.0)


def test_two_groups_often_visited_are_not_doubted():
    s = hopping(1000, 20, np.random.default_rng(5))
    assert passages(window(s)) > FEW_PASSAGES
    assert counts_as(window(s), s, np.array([20.0])) == np.inf


def test_one_slide_from_one_group_into_the_other_leaves_the_error_of_two_samples():
    rng = np.random.default_rng(6)
    alone = [window(0.2 * remembering(400, 5.0, rng)) for _ in range(20)]
    slid = window(hopping(400, 200, rng))
    assert counts_as(slid, slid.s, np.array([5.0])) < counts_as(slid, slid.s, np.array([300.0])) == 2.0
    noise = [o.covariance[0, 0] for o in gradient_averages([*alone, slid])]
    assert noise[-1] > 0.45 * 4.0**2
    assert np.median(noise[:-1]) < 1.0
