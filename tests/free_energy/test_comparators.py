"""The same samples by other methods: all agree with the exact surface within errors they can answer for."""

import sys

import numpy as np
import pytest
from ase import units
from exact_surfaces import DoubleWell, Torus, umbrella

from gapsample.errors import InputError, UnknownName
from gapsample.free_energy import Surface
from gapsample.free_energy.bins import Bins
from gapsample.free_energy.comparators import NoPymbar, compare
from gapsample.free_energy.samples import Samples, Window

TURN = 2.0 * np.pi
T = 1.0 / units.kB  # kT = 1
PLAIN = ("wham", "umbrella integration")


def sampled(problem, centers, kappa, periods, rng, n=300):
    return [
        Samples(Window(c, (kappa,) * len(c)), problem.window(np.asarray(c), kappa, n, rng), T, periods)
        for c in centers
    ]


def fitted(windows):
    observations = [
        umbrella(np.array(w.window.center) + w.displacements(), np.array(w.window.center), w.window.kappa)
        for w in windows
    ]
    return Surface.fit(observations, windows[0].periods)


def well(rng, n=300):
    return sampled(DoubleWell(), np.linspace(-1.5, 1.5, 25)[:, None], 120.0, (None,), rng, n)


def torus(rng):
    problem = Torus.random(2, 5, np.random.default_rng(0))
    kappa = 1.5 * problem.curvature
    lines = np.stack(np.meshgrid(np.arange(7), np.arange(7)), axis=-1).reshape(-1, 2)
    return problem, sampled(problem, (lines + 0.3) * TURN / 7.0, kappa, (TURN, TURN), rng, 200)


@pytest.fixture(scope="module")
def one():
    windows = well(np.random.default_rng(1))
    return windows, compare(windows, Bins((np.linspace(-1.5, 1.5, 76),), (None,)), fitted(windows), below=9.0)


def test_all_methods_are_on_the_same_bins_with_the_same_constant(one):
    pytest.importorskip("pymbar", reason="MBAR wants pymbar")
    _, found = one
    assert list(found.estimates) == ["gapsample", "mbar", *PLAIN]
    assert found.common.sum() > 60
    for name, estimate in found.estimates.items():
        assert estimate.free_energy[found.common].mean() == pytest.approx(0.0, abs=1e-9)
        assert found.grid(name)[0].shape == found.bins.shape
    lines = found.table().splitlines()
    assert lines[0].split("\t")[:3] == ["s0", "gapsample", "gapsample std"]
    assert all(len(line.split("\t")) == 9 for line in lines)


def test_errors_are_as_large_as_claimed_on_the_double_well():
    pytest.importorskip("pymbar", reason="MBAR wants pymbar")
    scores = {}
    bins = Bins((np.linspace(-1.5, 1.5, 51),), (None,))
    for seed in range(4):
        windows = well(np.random.default_rng(seed))
        found = compare(windows, bins, fitted(windows), below=9.0)
        exact = DoubleWell().values(bins.centers)
        exact = (exact - exact[found.common].mean())[found.common]
        for name, e in found.estimates.items():
            away, std = e.free_energy[found.common] - exact, e.std[found.common]
            assert np.median(std) < 0.3
            scores.setdefault(name, []).append(away / std)
    for name, z in scores.items():
        assert 0.6 < np.sqrt(np.mean(np.square(np.concatenate(z)))) < 1.5, name


def test_all_methods_find_the_map_of_a_torus_within_their_errors():
    problem, windows = torus(np.random.default_rng(2))
    found = compare(windows, 15, fitted(windows))
    exact = problem.values(found.bins.centers)
    assert found.common.mean() > 0.95
    for name, rms in found.rms(exact).items():
        claimed = np.sqrt(np.mean(found.estimates[name].std[found.common] ** 2))
        assert rms < 1.7 * claimed + 0.03, name  # bins are averages, not values at their centers
        assert claimed < 0.5


def test_wham_is_mbar_of_fine_bins(one):
    pytest.importorskip("pymbar", reason="MBAR wants pymbar")
    windows, _ = one
    bins = Bins((np.linspace(-1.9, 1.9, 241),), (None,))
    found = compare(windows, bins, methods=("mbar", "wham"))
    off = found.estimates["mbar"].free_energy - found.estimates["wham"].free_energy
    assert np.nanstd(off[found.common]) < 0.02


def test_correlated_samples_widen_the_errors_of_all():
    pytest.importorskip("pymbar", reason="MBAR wants pymbar")
    windows = well(np.random.default_rng(3), n=300)
    slow = [Samples(w.window, np.repeat(w.s[:75], 4, axis=0), T, (None,)) for w in windows]
    bins = Bins((np.linspace(-1.5, 1.5, 31),), (None,))
    found, wide = compare(windows, bins), compare(slow, bins)
    for name in found.estimates:
        ratio = np.nanmedian(wide.estimates[name].std / found.estimates[name].std)
        assert 1.5 < ratio < 2.9, name


def test_periodic_bins_take_a_turn_for_nothing():
    bins = Bins.over(torus(np.random.default_rng(4))[1], (5, 7))
    s = np.random.default_rng(5).uniform(-9.0, 9.0, (200, 2))
    np.testing.assert_array_equal(bins.numbers(s), bins.numbers(s + np.array([TURN, -2.0 * TURN])))
    np.testing.assert_array_equal(bins.numbers(bins.centers), np.arange(35))


def test_without_pymbar_the_others_still_compare(one, monkeypatch):
    monkeypatch.setitem(sys.modules, "pymbar", None)
    windows, _ = one
    found = compare(windows, 30)
    assert list(found.estimates) == list(PLAIN)
    assert "gapsample[mbar]" in found.skipped["mbar"]
    with pytest.raises(NoPymbar, match=r"gapsample\[mbar\]"):
        compare(windows, 30, methods=("mbar",))


def test_what_makes_no_sense_is_refused(one):
    windows, found = one
    with pytest.raises(UnknownName, match="wham"):
        compare(windows, 30, methods=("wahm",))
    with pytest.raises(UnknownName, match="wham"):
        found.grid("wahm")
    with pytest.raises(InputError, match="temperatures"):
        compare([windows[0], Samples(windows[1].window, windows[1].s, 2.0 * T, (None,))], 30)
    with pytest.raises(InputError, match="two or more bins"):
        compare(windows, 1)
    with pytest.raises(InputError, match="nothing to compare"):
        compare(windows, 30, methods=())
    with pytest.raises(InputError, match="no bin"):
        compare(windows, Bins((np.linspace(50.0, 60.0, 11),), (None,)), methods=("wham",))
