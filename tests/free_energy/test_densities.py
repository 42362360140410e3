"""Log-densities of windows, and surfaces of all that samples say."""

import numpy as np
import pytest
from ase import units
from exact_surfaces import DoubleWell, Torus, mueller_brown, plane_window

from gapsample.errors import InputError
from gapsample.free_energy import (
    Bins,
    GradientAverage,
    LogDensity,
    Samples,
    Surface,
    Window,
    gradient_averages,
    log_densities,
    reconstruct,
)
from gapsample.free_energy.comparators import mbar
from gapsample.free_energy.diagnosis import diagnose

TURN = 2.0 * np.pi
T = 1.0 / units.kB  # kT = 1


def well(seed, kappa=40.0, n=200, n_windows=15):
    rng = np.random.default_rng(seed)
    return [
        Samples(Window(c, (kappa,)), DoubleWell().window(c, kappa, n, rng), T, (None,))
        for c in np.linspace(-1.5, 1.5, n_windows)[:, None]
    ]


def height(points):
    return DoubleWell().values(points)


def test_the_slope_of_a_log_density_is_the_averaged_gradient():
    windows, settled = well(0, kappa=300.0, n=2000, n_windows=12), []
    for density, average in zip(
        log_densities(windows, surface=height), gradient_averages(windows), strict=True
    ):
        slopes = density.slopes
        assert slopes @ np.ones(len(density.points)) == pytest.approx(0.0, abs=1e-9)
        assert slopes @ density.points == pytest.approx(np.eye(1), abs=1e-9)
        std = np.sqrt(slopes @ density.covariance @ slopes.T)[0, 0]
        assert slopes @ density.value == pytest.approx(average.value, abs=1.2 * std)
        settled.append(std / np.sqrt(average.covariance[0, 0]))
    assert np.median(settled) == pytest.approx(1.0, rel=0.15)


def test_slopes_scatter_about_the_truth_as_they_say():
    z = []
    for seed in range(12):
        for density in log_densities(well(seed), surface=height):
            off = density.slopes @ (density.value - height(density.points))
            z.append(off[0] / np.sqrt((density.slopes @ density.covariance @ density.slopes.T)[0, 0]))
    assert np.std(z) == pytest.approx(1.0, abs=0.15)
    assert abs(np.mean(z)) < 0.25


def test_points_on_a_line_have_no_slope_in_the_plane():
    points = np.column_stack([np.arange(4.0), np.arange(4.0)])
    with pytest.raises(InputError, match="no slope"):
        _ = LogDensity(points, np.zeros(4), np.eye(4)).slopes


def test_a_surface_that_foretells_the_samples_elsewhere_is_not_believed():
    windows = well(1)
    wrong = log_densities(windows, surface=lambda points: 1e3 * points[:, 0])
    for own, other in zip(log_densities(windows), wrong, strict=True):
        np.testing.assert_array_equal(own.value, other.value)


def test_bins_do_not_reach_round_a_circle():
    s = np.random.default_rng(2).uniform(-np.pi, np.pi, (500, 1))
    (found,) = log_densities([Samples(Window((1.0,), (0.01,)), s, T, (TURN,))])
    assert np.ptp(found.points) < TURN


def test_more_than_two_variables_have_no_histogram():
    s = np.random.default_rng(3).normal(size=(100, 3))
    with pytest.raises(InputError, match="one or two variables"):
        log_densities([Samples(Window((0.0,) * 3, (1.0,) * 3), s, T, (None,) * 3)])


def test_errors_of_a_reconstruction_from_soft_windows_are_as_large_as_claimed():
    scores = []
    for seed in range(30):
        surface = reconstruct(well(seed))
        for a, b in np.random.default_rng(seed).uniform(-1.3, 1.3, (5, 2, 1)):
            value, std = surface.difference(a, b)
            scores.append((value - np.diff(height(np.array([a, b])))[0]) / std)
            assert std < 1.0
    assert 0.8 < np.sqrt(np.mean(np.square(scores))) < 1.2


def test_histograms_know_more_than_averages_in_soft_windows():
    windows = well(4, kappa=15.0, n_windows=8)
    points = np.linspace(-1.3, 1.3, 40)[:, None]
    both = [reconstruct(windows), Surface.fit(gradient_averages(windows), (None,))]
    histogram, average = (surface.std(points, points[20]).mean() for surface in both)
    assert histogram < 0.85 * average


def test_windows_with_collective_forces_give_averages_and_the_others_histograms():
    rng, problem = np.random.default_rng(5), Torus.random(1, 3, np.random.default_rng(5))
    windows = []
    for k, c in enumerate(np.arange(16)[:, None] * TURN / 16):
        s = problem.window(c, 40.0, 200, rng)
        forces = problem.gradients(s) + rng.normal(size=s.shape) if k % 2 else None
        windows.append(Samples(Window(c, (40.0,)), s, T, (TURN,), forces))
    surface = reconstruct(windows)
    kinds = [isinstance(o, GradientAverage) for o in surface.observations]
    assert kinds == [False, True] * 8
    a, b = np.array([0.5]), np.array([3.5])
    value, std = surface.difference(a, b)
    assert abs(value - np.diff(problem.values(np.array([a, b])))[0]) < 4.0 * std < 2.0


def test_windows_of_few_independent_samples_give_averages():
    windows = well(7, n=40, n_windows=20)
    assert all(isinstance(o, GradientAverage) for o in reconstruct(windows).observations)


def test_a_good_reconstruction_raises_no_flag_and_windows_that_lie_are_named():
    windows = well(6, n_windows=20)
    found = diagnose(reconstruct(windows), windows, refit=False)
    assert not found.warnings
    assert found.chi2_mean == pytest.approx(1.0, abs=0.6)
    moved = windows[8]
    windows[8] = Samples(Window((moved.window.center[0] + 0.15,), moved.window.kappa), moved.s, T, (None,))
    found = diagnose(reconstruct(windows), windows, refit=False)
    assert 8 in [number for warning in found.warnings for number in warning.windows]


def plane(kappa, seed):
    """58 windows of 200 samples where the surface of Müller and Brown is low."""
    rng = np.random.default_rng(seed)
    lines = np.meshgrid(np.linspace(-1.4, 1.1, 11), np.linspace(-0.3, 1.9, 10), indexing="ij")
    places = np.stack(lines, axis=-1).reshape(-1, 2)
    low = places[np.argsort(mueller_brown(places, height=0.05))[:58]]
    stiffness = np.full(2, kappa)
    sampled = (plane_window(lambda s: mueller_brown(s, height=0.05), c, stiffness, 200, rng) for c in low)
    return [Samples(Window(c, stiffness), s, T, (None, None)) for c, s in zip(low, sampled, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize(("kappa", "most"), [(50.0, 0.5), (100.0, 0.5), (200.0, 0.6), (500.0, 0.5)])
def test_the_map_of_mueller_and_brown_is_about_twice_as_exact_as_a_histogram_by_mbar(kappa, most):
    pytest.importorskip("pymbar")
    bins = Bins((np.arange(-1.45, 1.16, 0.1), np.arange(-0.45, 1.96, 0.1)), (None, None))
    points = bins.centers
    within = np.stack(np.meshgrid(*[np.linspace(-0.045, 0.045, 7)] * 2), axis=-1).reshape(-1, 2)
    exact = mueller_brown(points, height=0.05)
    of_bins = -np.log(np.mean([np.exp(-mueller_brown(points + w, height=0.05)) for w in within], axis=0))
    ratios, scores = [], []
    for seed in range(10):
        rng, windows = np.random.default_rng(seed), plane(kappa, seed)
        histogram, _ = mbar(windows, bins, np.ones(58), 1.0, rng)
        known = np.isfinite(histogram) & (exact < exact.min() + 12.0)
        surface = reconstruct(windows)
        off = surface.mean(points[known]) - exact[known]
        ratios.append(np.std(off) / np.std(histogram[known] - of_bins[known]))
        for a, b in rng.choice(np.flatnonzero(known), (30, 2)):
            if a != b:
                value, std = surface.difference(points[a], points[b])
                scores.append((value - exact[b] + exact[a]) / std)
    assert np.mean(ratios) <= most
    assert 0.85 < np.sqrt(np.mean(np.square(scores))) < 1.15
