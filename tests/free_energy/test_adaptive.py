"""Exploration: windows go where they teach, errors are as large as claimed, a cut leaves no trace."""

from dataclasses import replace

import numpy as np
import pytest
from ase import units
from campaign_process import ENSEMBLE, SCHEDULE
from exact_surfaces import DoubleWell, Torus
from wells import pair

from gapsample.errors import FileFormatError, InputError
from gapsample.free_energy import Surface, gradient_averages
from gapsample.free_energy.adaptive import Campaign, Ending, Plan, explore
from gapsample.free_energy.placement import Difference, SurfaceBelow, propose
from gapsample.free_energy.samples import Samples, Window
from gapsample.sampling.executors import threads

TURN = 2.0 * np.pi
T = 1.0 / units.kB  # kT = 1
KAPPA = (40.0, 40.0)
HEIGHT, A, B = 6.0, (-1.2, 1.0), (0.2, 0.6)


def valley(s):
    """Two basins side by side in a plateau nobody asks about, 90 % of the torus."""
    first = np.exp(1.8 * (np.cos(s[:, 0] - A[0]) + np.cos(s[:, 1] - A[1]) - 2.0))
    second = np.exp(1.8 * (np.cos(s[:, 0] - B[0]) + np.cos(s[:, 1] - B[1]) - 2.0))
    return 12.0 * (1.0 - first - 0.9 * second)


def slope(s):
    """Of `valley`."""
    rows = np.zeros_like(s)
    for (x, y), depth in ((A, 12.0), (B, 10.8)):
        well = np.exp(1.8 * (np.cos(s[:, 0] - x) + np.cos(s[:, 1] - y) - 2.0))
        rows += 1.8 * depth * well[:, None] * np.sin(s - np.array([x, y]))
    return rows


def exact(windows, parents, first):
    """Exact samples of each window and collective forces with noise, from its number alone."""
    found = []
    for number, window in enumerate(windows, start=first):
        rng, half = np.random.default_rng(number), 6.0 / np.sqrt(KAPPA[0])
        lines = [np.linspace(c - half, c + half, 121) for c in window.center]
        points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
        log = -valley(points) - 0.5 * KAPPA[0] * np.sum((points - window.center) ** 2, axis=1)
        weight = np.exp(log - log.max())
        chosen = points[rng.choice(len(points), 200, p=weight / weight.sum())]
        s = chosen + (lines[0][1] - lines[0][0]) * rng.uniform(-0.5, 0.5, (200, 2))
        found.append(Samples(window, s, T, (TURN, TURN), slope(s) + rng.normal(scale=7.0, size=s.shape)))
    return found


def numbered(seed):
    """`exact` with other random numbers."""
    return lambda windows, parents, first: exact(windows, parents, first + 1000 * seed)


def grown(goal, seed=0, **changed):
    plan = Plan(
        **{"start": A, "kappa": KAPPA, "steps": (0.6, 0.6), "error": 0.1, "most_windows": 120} | changed
    )
    return explore(numbered(seed), goal, plan, (TURN, TURN))


def region():
    x = np.linspace(-np.pi, np.pi, 48, endpoint=False)
    points = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return points[valley(points) < valley(points).min() + HEIGHT]


def rms(surface):
    return float(np.std(surface.mean(region()) - valley(region())))


@pytest.fixture(scope="module")
def several():
    return [grown(SurfaceBelow(HEIGHT), seed) for seed in range(3)]


@pytest.fixture(scope="module")
def found(several):
    return several[0]


def test_half_the_windows_of_a_uniform_grid_give_the_same_error(several):
    adaptive, uniform = [], []
    for seed, grown_so in enumerate(several):
        n = int(np.ceil(np.sqrt(2 * len(grown_so.samples))))
        lines = np.stack(np.meshgrid(np.arange(n), np.arange(n)), axis=-1).reshape(-1, 2)
        windows = [Window(c, KAPPA) for c in (lines + 0.3) * TURN / n]
        grid = Surface.fit(gradient_averages(numbered(seed)(windows, None, 500)), (TURN, TURN))
        assert 2 * len(grown_so.samples) <= len(windows)
        adaptive.append(rms(grown_so.surface))
        uniform.append(rms(grid))
    assert np.linalg.norm(adaptive) < np.linalg.norm(uniform)


def test_it_stops_at_the_wanted_error_says_so_and_the_error_is_true(several):
    for one in several:
        assert one.ending is Ending.CONVERGED
        assert one.error <= 0.1
        assert "wanted error is reached" in str(one)
        assert rms(one.surface) < 2.0 * one.error
        assert np.mean(valley(np.array([s.window.center for s in one.samples])) > HEIGHT - 2.0) < 0.5


def test_errors_of_a_difference_are_as_large_as_claimed():
    scores = []
    for seed in range(6):
        found = grown(Difference(A, B, HEIGHT), seed, error=0.3, most_windows=100)
        value, std = found.surface.difference(np.array(A), np.array(B))
        assert found.ending is Ending.CONVERGED
        assert std <= 0.31
        low, high = valley(np.array([A, B]))
        scores.append((value - (high - low)) / std)
    assert 0.4 < np.sqrt(np.mean(np.square(scores))) < 1.7


@pytest.mark.slow
@pytest.mark.parametrize(("d", "n_replicates", "most"), [(2, 30, 0.2), (3, 6, 0.5)])
def test_differences_on_the_torus_are_known_as_well_as_said_when_exploration_stops(d, n_replicates, most):
    scores = []
    for seed in range(n_replicates):
        rng = np.random.default_rng([d, seed])
        problem = Torus.random(d, 5, rng)
        kappa = 2.0 * problem.curvature + 20.0
        points = rng.uniform(-np.pi, np.pi, (20_000, d))
        height = problem.values(points)
        low = points[np.argmin(height)]
        far = np.max(np.abs(np.remainder(points - low + np.pi, TURN) - np.pi), axis=1) > 2.0
        other = points[far][np.argmin(height[far])]

        def sample(windows, parents, first, problem=problem, kappa=kappa, seed=seed):
            found = []
            for number, window in enumerate(windows, start=first):
                rng = np.random.default_rng([seed, number])
                s = problem.window(np.array(window.center), kappa, 100, rng)
                forces = problem.gradients(s) + rng.normal(scale=np.sqrt(kappa), size=s.shape)
                found.append(Samples(window, s, T, (TURN,) * d, forces))
            return found

        goal = Difference(tuple(low), tuple(other), 8.0)
        plan = Plan(
            tuple(low), (kappa,) * d, (0.8,) * d, error=0.3, batch=8 * (d - 1), most_windows=300, seed=seed
        )
        found = explore(sample, goal, plan, (TURN,) * d)
        assert found.ending is Ending.CONVERGED
        value, std = found.surface.difference(low, other)
        scores.append((value - np.diff(problem.values(np.array([low, other])))[0]) / std)
    print(f"d={d}: {len(scores)} differences, spread {np.sqrt(np.mean(np.square(scores))):.3f}")
    assert np.sqrt(np.mean(np.square(scores))) == pytest.approx(1.0, abs=most)


def test_both_basins_and_the_way_between_are_seen_before_a_difference_is_known():
    found = grown(Difference(A, B, HEIGHT), error=1.0)
    centers = np.array([s.window.center for s in found.samples])
    way = np.array(A) + np.linspace(0.0, 1.0, 9)[:, None] * (np.array(B) - A)
    near = (np.array([A, B])[:, None] + 0.4 * np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])).reshape(-1, 2)
    for point in np.concatenate([way, near]):
        assert np.min(np.max(np.abs(centers - point), axis=1)) < 0.5


def test_windows_for_a_difference_lie_on_the_way_between_its_ends():
    found = grown(Difference(A, B, HEIGHT), error=0.2)
    centers = np.array([s.window.center for s in found.samples])[8:]
    along = np.array(B) - A
    share = np.clip((centers - A) @ along / (along @ along), 0.0, 1.0)
    away = np.linalg.norm(centers - A - share[:, None] * along, axis=1)
    assert np.median(away) < 0.6


def test_hallucinated_windows_reduce_the_error_as_real_ones_do(found):
    """At the same hyper-parameters the covariance does not ask what a window has seen."""
    where = region()
    widths = np.full(2, KAPPA[0] ** -0.5)
    goal = SurfaceBelow(HEIGHT)
    few = Surface.fit(found.surface.observations[:40], (TURN, TURN))
    batch = propose(few, goal, where, widths, 10)
    singles = [propose(few, goal, where, widths, n) for n in (1, 5)]
    assert batch.error > singles[0].expected > singles[1].expected > batch.expected > 0.0
    np.testing.assert_array_equal(batch.centers[:5], singles[1].centers)
    assert len(np.unique(batch.centers, axis=0)) > 5
    windows = [Window(c, KAPPA) for c in batch.centers]
    space = few.fitted.space
    more = gradient_averages(exact(windows, None, 500))
    from gapsample.free_energy import fitting

    sums = fitting.absorb(space.features, more, few.fitted.lost, space.sums)
    after = type(space)(space.features, sums).posterior(few.fitted.parameters[0])
    real = np.sqrt(np.sum(after.half(goal.rows(space.features, where)) ** 2))
    assert real == pytest.approx(batch.expected, rel=0.15)


def test_the_limit_on_windows_and_a_closed_region_are_answers():
    found = grown(SurfaceBelow(HEIGHT), most_windows=12, batch=8)
    assert (found.ending, len(found.samples)) == (Ending.WINDOW_LIMIT, 12)
    assert found.rounds[0].error == np.inf
    assert [r.first for r in found.rounds] == [0, 8]


def test_an_open_variable_grows_to_the_other_well_and_stays_in_its_range():
    well = DoubleWell()

    def sample(windows, parents, first):
        return [
            Samples(
                w, well.window(np.array(w.center), 150.0, 200, np.random.default_rng(first + k)), T, (None,)
            )
            for k, w in enumerate(windows)
        ]

    plan = Plan((-1.0,), (150.0,), (0.15,), error=0.15, most_windows=200, ranges=((-1.3, 1.3),))
    found = explore(sample, SurfaceBelow(7.0), plan, (None,))
    centers = np.array([s.window.center[0] for s in found.samples])
    assert found.ending is Ending.CONVERGED
    assert centers.min() >= -1.3
    assert 1.0 < centers.max() <= 1.3
    x = np.linspace(-1.15, 1.15, 30)[:, None]
    assert np.std(found.surface.mean(x) - well.values(x)) < 0.35


class Killed(Exception):
    pass


SHORT = replace(SCHEDULE, n_steering=20, n_equilibration=50, n_steps=300, keep_every=0, friction=0.2)
R_PLAN = Plan((2.0,), (5.0,), (0.2,), error=1e-12, batch=4, most_windows=20)


def campaign(folder, plan=R_PLAN, **wanted):
    with threads(1) as workers:
        sampler = Campaign(folder, ENSEMBLE, pair(), SHORT, 3, workers)
        return explore(sampler, SurfaceBelow(0.15), plan, (None,), folder=folder, **wanted)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_killed_and_resumed_equals_never_killed_and_more_is_only_what_is_new(tmp_path):
    whole = campaign(tmp_path / "whole")
    calls = []

    def kill(surface, proposal):
        calls.append(1)
        if len(calls) == 3:
            raise Killed

    with pytest.raises(Killed):
        campaign(tmp_path / "cut", watch=kill)
    in_flight = sorted((tmp_path / "cut").glob("window-*"))[-2:]
    for path in in_flight:
        path.unlink()
    again = campaign(tmp_path / "cut")
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")
    assert (again.error, again.ending) == (whole.error, whole.ending)
    assert again.rounds == whole.rounds
    before = contents(tmp_path / "whole")
    more = campaign(tmp_path / "whole", replace(R_PLAN, most_windows=24))
    assert len(more.samples) == 24
    assert before.items() <= contents(tmp_path / "whole").items()
    assert max(whole.rounds[2].parents) >= 0
    with pytest.raises(InputError, match="another exploration"):
        campaign(tmp_path / "whole", replace(R_PLAN, kappa=(6.0,)))
    (tmp_path / "whole" / "round-000001.json").write_text("{")
    with pytest.raises(FileFormatError, match="round-000001"):
        campaign(tmp_path / "whole")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SurfaceBelow(0.0),
        lambda: Difference((0.0,), (0.0, 1.0), 1.0),
        lambda: Plan((0.0,), (1.0, 2.0), (0.1,), 0.1),
        lambda: Plan((0.0,), (0.0,), (0.1,), 0.1),
        lambda: Plan((0.0,), (1.0,), (0.1,), 0.0),
        lambda: Plan((0.0,), (1.0,), (0.1,), 0.1, batch=0),
        lambda: explore(exact, SurfaceBelow(1.0), Plan((0.0,), (1.0,), (0.1,), 0.1), (None, None)),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        wrong()
