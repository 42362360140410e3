"""Runs that exchange points: each keeps its own statistics, and news travel between pressures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from calibration import check_calibrated
from exact import Perfect, Terrace, uniforms
from scipy import stats
from walking_cell import CELLS

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.ensembles import Fixed, Pressure
from gapsample.nested.exchange import Side, exchanged
from gapsample.nested.exchange_records import read_exchanges, run_folder
from gapsample.nested.exchange_run import run_exchange
from gapsample.nested.live import Live
from gapsample.nested.moves import Moves
from gapsample.nested.pair_models import PairModel
from gapsample.nested.points import live_numbers
from gapsample.nested.system import System
from gapsample.sampling import loop
from gapsample.sampling.executors import threads

COLUMNS = ("value", "label", "birth", "birth_label", "insertion", "ancestor")


@dataclass(frozen=True)
class PressedWells(Perfect):
    """Two harmonic wells of volumes ``(e / top)^a`` and ``mass (e / top)^a``, the wide one of larger volume.

    Enthalpies are ``e + wide (gap + pressure)``: the pressure lifts the wide well. Once the ceiling is below
    `barrier`, clones cannot change wells. A point is (e, wide).
    """

    pressure: float
    barrier: float = 0.0
    a: float = 3.0
    top: float = 8.0
    gap: float = 0.5
    mass: float = 200.0

    n_coordinates = 2

    @property
    def offset(self):
        return self.gap + self.pressure

    def draw(self, keys):
        u = uniforms(keys, 2)
        wide = u[:, 0] < self.mass / (1.0 + self.mass)
        points = np.stack((self.top * u[:, 1] ** (1.0 / self.a), wide), axis=1)
        return points, self.values(points)

    def values(self, points):
        return points[:, 0] + self.offset * points[:, 1]

    def walk(self, task):
        u = uniforms(task.keys, 2)
        wide, ceiling = task.coordinates[:, 1], task.ceiling.value
        if ceiling > self.barrier:
            narrow_volume = min(ceiling, self.top) ** self.a
            wide_volume = self.mass * min(max(ceiling - self.offset, 0.0), self.top) ** self.a
            wide = (u[:, 1] * (narrow_volume + wide_volume) < wide_volume).astype(float)
        depth = np.minimum(ceiling - self.offset * wide, self.top)
        points = np.stack((depth * u[:, 0] ** (1.0 / self.a), wide), axis=1)
        return self.walked(points, self.values(points))

    def observe(self, coordinates):
        return {"wide": coordinates[:, 1]}

    @property
    def transition(self):
        return self.offset / np.log(self.mass)

    def share_of_wide(self, t):
        return 1.0 / (1.0 + np.exp(self.offset / t) / self.mass)


class Exchanging(Terrace):
    """A terrace whose points another terrace may value."""

    def values(self, points):
        return self.value(points[:, 0])


FREE = [PressedWells(pressure) for pressure in (0.3, 0.5, 0.8)]
SETTINGS = nested.Settings(n_live=200, n_cull=10)


def share(points, t):
    """Share of the wide well and its error bar."""
    found = nested.thermodynamics(points, t, rng=np.random.default_rng(0), n_draws=60)
    return found.means["wide"].value[0], found.means["wide"].err[0]


def side(problem, ceiling, seed, n=800):
    """Points drawn perfectly below a ceiling, each with a label, and births that tell places apart."""
    rng = np.random.default_rng(seed)
    keys = rng.integers(2**64, size=100 * n, dtype=np.uint64)
    points, values = problem.draw(keys)
    labels = rng.random(len(keys))
    below = (values < ceiling.value) | ((values == ceiling.value) & (labels < ceiling.label))
    chosen = np.flatnonzero(below)[:n]
    assert len(chosen) == n
    numbered = np.arange(n, dtype=float)
    columns = (values[chosen], labels[chosen], ceiling.value + numbered, numbered, numbered, numbered)
    return Side(problem, Live(points[chosen], *columns), ceiling)


def test_exchanging_keeps_both_runs_uniform_below_their_ceilings():
    low, high = FREE[0], FREE[2]
    ceilings = nested.Ceiling(3.5, 0.4), nested.Ceiling(3.3, 0.7)
    one, other = side(low, ceilings[0], 1), side(high, ceilings[1], 2)
    before = one.live.copy(), other.live.copy()
    (first, second), accepted = exchanged(one, other, 800, np.random.default_rng(3))
    assert 100 < accepted < 800
    for given, kept in ((one.live, before[0]), (other.live, before[1])):
        assert all(np.array_equal(a, b) for a, b in zip(given, kept, strict=True)), (
            "a given array was altered"
        )
    for live, of, seed in ((first, one, 11), (second, other, 12)):
        assert np.array_equal(live.value, of.problem.values(live.coordinates))
        assert (live.value < of.ceiling.value).all()
        again = side(of.problem, of.ceiling, seed).live
        for column in (0, 1):
            found, expected = live.coordinates[:, column], again.coordinates[:, column]
            assert stats.ks_2samp(found, expected, method="asymp").pvalue > 1e-3
        for name in ("birth", "birth_label", "insertion", "ancestor"):
            assert np.array_equal(getattr(live, name), getattr(of.live, name)), "births and ranks stay"


def test_points_change_places_and_none_is_lost():
    one, other = (side(p, nested.Ceiling(3.5, 0.5), 1 + i, 300) for i, p in enumerate(FREE[:2]))
    (first, second), accepted = exchanged(one, other, 300, np.random.default_rng(3))
    before = np.concatenate((one.live.coordinates, other.live.coordinates))
    after = np.concatenate((first.coordinates, second.coordinates))
    assert np.array_equal(np.sort(before[:, 0]), np.sort(after[:, 0]))
    assert np.sum((first.coordinates != one.live.coordinates).any(axis=1)) == accepted


def test_points_on_a_plateau_change_places_by_their_labels():
    one, other = (
        side(Exchanging(0.2, 0.7), nested.Ceiling(0.0, label), i) for i, label in ((1, 0.3), (2, 0.9))
    )
    (first, second), _ = exchanged(one, other, 800, np.random.default_rng(3))
    for live, label in ((first, 0.3), (second, 0.9)):
        on = live.value == 0.0
        assert live.label[on].max() < label
        assert stats.kstest(live.label[on] / label, "uniform").pvalue > 1e-3
        assert np.mean(on) == pytest.approx(0.7 * label / (0.7 * label + 0.1), abs=0.05)


@pytest.fixture(scope="module")
def families():
    """Runs at three pressures, over seeds."""
    return [run_exchange(FREE, SETTINGS, seed=seed, lowest_kT=0.08) for seed in range(16)]


def test_runs_that_exchange_have_the_live_numbers_of_runs_that_do_not(families):
    n, batch = SETTINGS.n_live, SETTINGS.n_cull
    for result in families[0]:
        counted = live_numbers(result.points)
        n_dead = result.finished.state.n_dead
        assert np.array_equal(counted[:n_dead], n - np.arange(n_dead) % batch)
        assert np.array_equal(counted[n_dead:], np.arange(n, 0, -1))
        assert np.sum(np.isfinite(result.points.insertion)) == n_dead, "one rank for each clone"
    merged = nested.merge([result.points for result in families[0]])
    assert live_numbers(merged)[0] == 3 * n


def test_runs_that_exchange_come_out_inside_honest_error_bars(families):
    temperatures = [0.9 * wells.transition for wells in FREE]
    exact = [wells.share_of_wide(t) for wells, t in zip(FREE, temperatures, strict=True)]

    def of(seed):
        pairs = [share(run.points, t) for run, t in zip(families[seed], temperatures, strict=True)]
        return tuple(map(list, zip(*pairs, strict=True)))

    check_calibrated(of, exact, np.array([0.25, 0.25, 0.25]), seeds=len(families), allowed=(0.55, 1.5))


def test_insertion_ranks_stay_uniform_where_points_change_places(families):
    p_values = [nested.insertion_test(run.points).p_value for runs in families for run in runs]
    assert stats.kstest(p_values, "uniform").pvalue > 1e-3


def test_exchange_frees_a_run_whose_wells_are_cut_off_from_each_other():
    """The same runs, at the same cost, with and without exchange, over seeds."""
    cut_off, free = PressedWells(0.3, barrier=4.0), PressedWells(0.5)

    def shares(n_swaps):
        families = (
            run_exchange([cut_off, free], SETTINGS, seed=seed, lowest_kT=0.08, n_swaps=n_swaps)
            for seed in range(10)
        )
        pairs = [share(runs[0].points, cut_off.transition) for runs in families]
        return map(np.array, zip(*pairs, strict=True))

    alone, claimed = shares(0)
    together, honest = shares(None)
    assert alone.std(ddof=1) > 4.0 * claimed.mean()
    assert together.std(ddof=1) < 1.8 * honest.mean()
    assert together.std(ddof=1) < 0.4 * alone.std(ddof=1)
    assert abs(together.mean() - 0.5) < 4.0 * honest.mean() / np.sqrt(len(together))


def test_runs_go_on_until_all_have_seen_enough():
    early, late = PressedWells(0.0), PressedWells(3.0)
    settings = nested.Settings(n_live=40)
    alone = [nested.run(wells, settings, seed=1, lowest_kT=0.1) for wells in (early, late)]
    results = run_exchange([early, late], settings, seed=1, lowest_kT=0.1)
    assert all(result.finished.reason is loop.Reason.CONVERGED for result in results)
    assert len({result.finished.state.n_dead for result in results}) == 1
    assert len({run.finished.state.n_dead for run in alone}) == 2


def test_a_family_told_later_of_a_lower_temperature_is_one_told_from_the_start(tmp_path):
    settings = nested.Settings(n_live=40, n_cull=4)
    whole = run_exchange(FREE, settings, seed=1, lowest_kT=0.1)
    run_exchange(FREE, settings, seed=1, lowest_kT=0.5, folder=tmp_path)
    extended = run_exchange(FREE, settings, seed=1, lowest_kT=0.1, folder=tmp_path, resume=True)
    for one, other in zip(whole, extended, strict=True):
        assert other.finished.state.log_Z_dead == one.finished.state.log_Z_dead
        assert np.array_equal(one.points.value, other.points.value)


def test_the_cell_at_several_pressures_exchanges_and_keeps_its_values(tmp_path):

    settings = nested.Settings(n_live=40, n_cull=4, walk_length=20, shortest_walk=20, longest_walk=20)
    results = run_exchange(CELLS, settings, seed=1, lowest_kT=0.5, folder=tmp_path, until=loop.steps(40))
    told = read_exchanges(tmp_path)
    assert told["tried"].sum() == 1600
    assert 160 < told["accepted"].sum() < 1600
    for number, (cell, result) in enumerate(zip(CELLS, results, strict=True)):
        live = result.finished.state.live
        assert live.value == pytest.approx(cell.values(live.coordinates), rel=1e-14)
        read = nested.read_points(run_folder(tmp_path, number))
        assert all(
            np.array_equal(getattr(read, c), getattr(result.points, c), equal_nan=True) for c in COLUMNS
        )
        assert np.array_equal(read.observables["volume"], result.points.observables["volume"])


def test_systems_of_any_model_exchange_between_pressures_and_chemical_potentials():
    model, cell = PairModel(nested.LennardJones(cutoff=2.0)), Moves.of_cell()
    settings = nested.Settings(n_live=24, n_cull=4, walk_length=4, shortest_walk=4, longest_walk=4)
    pressed = [System("Ar4", model, Pressure(p, 20.0, 0.5), Moves(**cell)) for p in (0.1, 0.15)]
    mixed = [
        System("Ar2Ne2", model, Fixed(5.0), Moves(transmute=1), chemical_potentials={"Ar": mu, "Ne": 0.0})
        for mu in (0.1, 0.2)
    ]
    for systems in (pressed, mixed):
        results = run_exchange(systems, settings, seed=1, lowest_kT=0.5, until=loop.steps(20))
        for system, result in zip(systems, results, strict=True):
            live = result.finished.state.live
            assert live.value == pytest.approx(system.values(live.coordinates), rel=1e-9, abs=1e-9)


def test_threads_change_nothing():
    plain = run_exchange(FREE, SETTINGS, seed=4, lowest_kT=0.3)
    with threads(2) as pool:
        shared = run_exchange(FREE, SETTINGS, seed=4, lowest_kT=0.3, executor=pool)
    for one, other in zip(plain, shared, strict=True):
        for column in COLUMNS:
            assert np.array_equal(getattr(one.points, column), getattr(other.points, column), equal_nan=True)


def test_problems_that_cannot_exchange_are_refused(tmp_path):
    def go(problems, **options):
        run_exchange(problems, SETTINGS, seed=1, lowest_kT=0.3, until=loop.steps(1), **options)

    with pytest.raises(InputError, match="two or more"):
        go(FREE[:1])
    with pytest.raises(InputError, match="one prior"):
        go([FREE[0], PressedWells(0.5, mass=20.0)])
    with pytest.raises(InputError, match="between 0 and n_live"):
        go(FREE, n_swaps=201)
    with pytest.raises(InputError, match="folder"):
        go(FREE, resume=True)
    go(FREE, folder=tmp_path)
    with pytest.raises(InputError, match="as many folders"):
        go(FREE, folder=tmp_path / "other", run_folders=[tmp_path])
    with pytest.raises(InputError, match="with model"):
        go(FREE[:2], folder=tmp_path, resume=True)
