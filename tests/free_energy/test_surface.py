"""A surface knows F up to a constant, and how well."""

import numpy as np
import pytest
from exact_surfaces import DoubleWell, Torus, umbrella

from gapsample.errors import InputError, UnknownName
from gapsample.free_energy import GradientAverage, LogDensity, Options, Surface, fitting

TWO_PI = 2.0 * np.pi


def torus_windows(problem, n, n_samples, rng):
    kappa = 2.0 * problem.curvature + 20.0
    offset = rng.uniform(size=problem.dimension)
    lines = [np.arange(n)] * problem.dimension
    centers = (np.stack(np.meshgrid(*lines), axis=-1).reshape(-1, problem.dimension) + offset) * TWO_PI / n
    return [umbrella(problem.window(c, kappa, n_samples, rng), c, kappa) for c in centers]


def well_windows(n, n_samples, rng):
    centers = np.linspace(-1.6, 1.6, n)[:, None]
    return [umbrella(DoubleWell().window(c, 200.0, n_samples, rng), c, 200.0) for c in centers]


@pytest.fixture(scope="module")
def torus():
    rng = np.random.default_rng(0)
    problem = Torus.random(2, 5, rng)
    return problem, torus_windows(problem, 10, 200, rng)


@pytest.fixture(scope="module")
def surface(torus):
    return Surface.fit(torus[1], (TWO_PI, TWO_PI))


def test_errors_of_differences_on_the_double_well_are_as_large_as_claimed():
    scores, widths = [], []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        surface = Surface.fit(well_windows(30, 100, rng), (None,))
        for a, b in rng.uniform(-1.4, 1.4, (6, 2, 1)):
            value, std = surface.difference(a, b)
            scores.append((value - exact(a, b)) / std)
            widths.append(std)
    assert 0.85 < np.std(scores) < 1.15
    assert abs(np.mean(scores)) < 0.25
    assert np.median(widths) < 0.6  # kT; an error bar that hides nothing


def exact(a, b):
    low, high = DoubleWell().values(np.array([a, b]))
    return high - low


def test_the_barrier_of_the_double_well_is_found_within_its_error():
    scores = []
    x = np.linspace(-1.5, 1.5, 3001)[:, None]
    height = DoubleWell().values(x)
    left = int(np.argmin(np.where(x[:, 0] < 0.0, height, np.inf)))
    right = int(np.argmin(np.where(x[:, 0] > 0.0, height, np.inf)))
    for seed in range(12):
        surface = Surface.fit(well_windows(30, 100, np.random.default_rng(seed)), (None,))
        value, std = surface.barrier(x[left], x[right])
        assert std < 0.6
        scores.append((value - (height[left:right].max() - height[left])) / std)
    assert np.abs(scores).max() < 4.0
    assert 0.4 < np.std(scores) < 1.6


def test_the_map_of_a_torus_is_found_within_its_error(torus, surface):
    problem, _ = torus
    grid = surface.grid(24)
    points = np.stack(np.meshgrid(*grid.coordinates, indexing="ij"), axis=-1).reshape(-1, 2)
    off = grid.free_energy.ravel() - problem.values(points)
    assert np.std(off) < 0.25
    assert np.std(off) < 2.0 * np.mean(grid.std)
    slopes = (surface.gradient(points) - problem.gradients(points)) / surface.gradient_std(points)
    assert 0.5 < np.std(slopes) < 1.6


def test_averaging_over_hyper_parameters_widens_the_error():
    windows = well_windows(8, 60, np.random.default_rng(3))
    points = np.linspace(-1.5, 1.5, 9)[:, None]
    alone, averaged = (
        Surface.fit(windows, (None,), options=Options(hyper=hyper), rng=np.random.default_rng(0))
        for hyper in ("maximize", "sample")
    )
    assert len(averaged.fitted.posteriors) > 1
    assert np.mean(averaged.std(points, points[4])) > 0.9 * np.mean(alone.std(points, points[4]))


def test_the_surface_does_not_depend_on_the_order_of_windows(torus, surface):
    other = Surface.fit(torus[1][::-1], (TWO_PI, TWO_PI))
    a, b = np.array([0.3, 1.0]), np.array([3.0, 4.0])
    assert other.difference(a, b) == pytest.approx(surface.difference(a, b), rel=2e-2, abs=2e-3)


def test_streaming_says_what_fitting_everything_says(torus, surface):
    streamed = Surface.fit(torus[1][:60], (TWO_PI, TWO_PI)).update(torus[1][60:])
    a, b = np.array([0.3, 1.0]), np.array([3.0, 4.0])
    assert len(streamed.observations) == len(torus[1])
    assert streamed.difference(a, b) == pytest.approx(surface.difference(a, b), rel=2e-2, abs=2e-3)


def test_new_windows_beyond_the_range_widen_it():
    windows = well_windows(20, 50, np.random.default_rng(1))
    narrow = Surface.fit(windows[:12], (None,))
    assert narrow.update(windows[12:]).axes[0].high > narrow.axes[0].high


def test_differences_add_up_and_turn_their_sign(surface):
    a, b, c = np.random.default_rng(2).uniform(0.0, 6.0, (3, 2))
    ab, bc, ac = surface.difference(a, b), surface.difference(b, c), surface.difference(a, c)
    assert ab[0] + bc[0] == pytest.approx(ac[0])
    assert surface.difference(b, a) == pytest.approx((-ab[0], ab[1]))
    assert ac[1] <= ab[1] + bc[1]


def test_a_whole_period_is_no_difference(surface):
    value, std = surface.difference(np.array([0.4, 1.0]), np.array([0.4 + TWO_PI, 1.0 - TWO_PI]))
    assert (value, std) == pytest.approx((0.0, 0.0), abs=1e-7)


def test_windows_misfit_as_much_as_their_noise_says(surface):
    chi2 = surface.window_chi2()
    assert np.mean(chi2) == pytest.approx(2.0, abs=0.6)


def test_the_misfit_of_a_window_is_how_badly_the_others_predict_it():
    windows = well_windows(15, 100, np.random.default_rng(5))
    whole = Surface.fit(windows, (None,), ranges=((-2.0, 2.0),))
    x, lost = whole.fitted.parameters[0], whole.fitted.lost
    space = whole.fitted.space
    others = fitting.absorb(space.features, windows[1:], lost, None)
    posterior = type(space)(space.features, others).posterior(x)
    rows = fitting.rows(space.features, windows[0])
    total = posterior.covariance(rows) + windows[0].covariance + np.diag(lost)
    off = windows[0].value - rows @ posterior.mean
    assert whole.window_chi2()[0] == pytest.approx(off @ np.linalg.solve(total, off), rel=1e-6)


def test_populations_are_shares_and_their_ratio_is_a_free_energy(torus, surface):
    problem, _ = torus
    east, west = (lambda s: s[:, 0] > 0.0), (lambda s: s[:, 0] <= 0.0)
    (p, p_std), (q, _) = surface.population(east, 1.0), surface.population(west, 1.0)
    points = np.random.default_rng(0).uniform(-np.pi, np.pi, (200_000, 2))
    weight = np.exp(-problem.values(points))
    true = np.sum(weight[points[:, 0] > 0.0]) / np.sum(weight)
    assert p + q == pytest.approx(1.0)
    assert abs(p - true) < 4.0 * p_std < 0.2
    value, std = surface.region_difference(west, east, 1.0)
    assert abs(value + np.log(true / (1.0 - true))) < 4.0 * std
    assert surface.population(east, 1.0, within=east)[0] == pytest.approx(1.0)


def test_integrating_out_a_variable_gives_its_exact_marginal(torus, surface):
    problem, _ = torus
    marginal = surface.marginal([0], 1.0, 24)
    y = np.linspace(-np.pi, np.pi, 200, endpoint=False)
    x = marginal.coordinates[0]
    true = np.array(
        [-np.log(np.mean(np.exp(-problem.values(np.column_stack([np.full(200, a), y]))))) for a in x]
    )
    off = marginal.free_energy - true
    assert np.std(off) < 0.2
    value, std = marginal.difference((2,), (14,))
    assert abs(value - (true[14] - true[2])) < 4.0 * std


def test_log_densities_and_gradients_teach_the_same_surface():
    rng = np.random.default_rng(7)
    problem = Torus.random(1, 3, rng)
    phi = np.linspace(0.0, TWO_PI, 12, endpoint=False)[:, None]
    noisy = problem.values(phi) + 5.0 + 0.05 * rng.standard_normal(12)
    density = LogDensity(phi, noisy, 0.05**2 * np.eye(12))
    slopes = [
        GradientAverage(p[None], g + 0.1 * rng.standard_normal(1), 0.01 * np.eye(1))
        for p, g in zip(phi + 0.2, problem.gradients(phi + 0.2), strict=True)
    ]
    both = Surface.fit([density, *slopes], (TWO_PI,))
    for observations in ([density], slopes, [density, *slopes]):
        surface = Surface.fit(observations, (TWO_PI,))
        off = surface.mean(phi, phi[0]) - (problem.values(phi) - problem.values(phi[:1]))
        assert np.std(off) < 0.3
        assert np.mean(both.std(phi[1:], phi[0])) <= 1.1 * np.mean(surface.std(phi[1:], phi[0]))


def window(d=1, **changes):
    given = {"points": np.zeros((3, d)) + 0.1, "value": np.ones(d), "covariance": np.eye(d)} | changes
    return GradientAverage(**given)


def test_observations_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="at least one point"):
        window(points=np.zeros((0, 1)))
    with pytest.raises(InputError, match="NaN"):
        window(points=np.array([[np.nan]]))
    with pytest.raises(InputError, match="NaN"):
        window(value=np.array([np.nan]))
    with pytest.raises(InputError, match="one sample"):
        window(covariance=np.zeros((1, 1)))
    with pytest.raises(InputError, match=r"shape \(2,\)"):
        window(d=2, value=np.ones(3))
    with pytest.raises(InputError, match="weights"):
        window(weights=np.ones(4))
    with pytest.raises(InputError, match="one point"):
        LogDensity(np.zeros((1, 1)), np.zeros(1), np.eye(1))


def test_variables_that_do_not_fit_the_observations_are_refused():
    with pytest.raises(InputError, match="at least one observation"):
        Surface.fit([], (None,))
    with pytest.raises(InputError, match="1 periods"):
        Surface.fit([window(2)], (None,))
    with pytest.raises(InputError, match="degrees or radians"):
        Surface.fit([window(points=np.array([[-170.0], [170.0]]))], (TWO_PI,))
    with pytest.raises(InputError, match="never changes"):
        Surface.fit([window()], (None,))
    with pytest.raises(InputError, match="widen"):
        Surface.fit([window()], (None,), ranges=((1.0, 2.0),))
    with pytest.raises(UnknownName, match="maximize"):
        Options(hyper="maximise")


def test_questions_that_make_no_sense_are_refused(surface):
    with pytest.raises(InputError, match="shape"):
        surface.mean(np.zeros(2))
    with pytest.raises(InputError, match="finite"):
        surface.difference(np.zeros(2), np.array([0.0, np.nan]))
    with pytest.raises(InputError, match="kT"):
        surface.population(lambda s: s[:, 0] > 0.0, -1.0)
    with pytest.raises(InputError, match="inside the region"):
        surface.population(lambda s: s[:, 0] > 180.0, 1.0)
    with pytest.raises(InputError, match="not all"):
        surface.marginal([0, 1], 1.0)
