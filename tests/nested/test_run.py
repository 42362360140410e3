"""Runs: cut anywhere and resumed they equal those never cut, whoever walks the clones."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from exact import Power
from killing import killed_and_restarted
from walking_process import BOX, LOWEST_KT, SEED, SETTINGS, sample

from gapsample import nested
from gapsample.errors import InputError, SettingsError, UnknownName
from gapsample.nested.engine import Stepper
from gapsample.nested.state import start
from gapsample.nested.stop import observable_above, temperature_below
from gapsample.rng import stream
from gapsample.sampling import loop
from gapsample.sampling.executors import local, threads


def same(one: nested.DeadPoints, other: nested.DeadPoints) -> bool:
    columns = ("value", "label", "birth", "birth_label", "insertion", "ancestor")
    return all(np.array_equal(getattr(one, c), getattr(other, c), equal_nan=True) for c in columns)


@pytest.fixture(scope="module")
def whole():
    return sample(None)


def test_a_run_killed_at_several_points_and_resumed_equals_one_never_cut(tmp_path, whole):
    kills = killed_and_restarted("walking_process.py", tmp_path, 3)
    assert kills == 3
    points = nested.read_points(tmp_path)
    assert same(points, whole.points)
    assert np.array_equal(nested.read_kept(tmp_path), whole.kept)
    assert np.array_equal(nested.read_progress(tmp_path), whole.progress)


def test_threads_and_processes_change_nothing(whole):
    assert same(sample(None, n_threads=2).points, whole.points)
    assert same(sample(None, n_threads=3).points, whole.points)
    with local(2) as pool:
        result = nested.run(
            BOX, SETTINGS, seed=SEED, lowest_kT=LOWEST_KT, until=loop.steps(3), executor=pool, n_workers=2
        )
    n_dead = result.finished.state.n_dead
    assert n_dead > 0
    assert np.array_equal(result.points.value[:n_dead], whole.points.value[:n_dead])


def test_runs_of_other_seeds_and_numbers_are_others():
    few = replace(SETTINGS, n_live=20, n_cull=2)
    runs = [
        nested.run(BOX, few, seed=s, number=n, lowest_kT=1.0, until=loop.steps(2)).points
        for s, n in ((1, 0), (1, 1), (2, 0))
    ]
    assert not any(np.isin(a.value, b.value[b.value != 0.0]).any() for a, b in pairwise(runs))


def test_kept_coordinates_belong_to_their_points(whole):
    numbers, coordinates = whole.kept["number"], whole.kept["coordinates"]
    assert (numbers % SETTINGS.keep_every == 0).all()
    assert np.array_equal(BOX.energies(np.ascontiguousarray(coordinates)), whole.points.value[numbers])


def test_a_step_alters_nothing_it_was_given():
    well = Power(3.0, 30.0)
    rng = stream(1)
    state = start(well, nested.Settings(n_live=20), rng)
    before = state.live.copy()
    Stepper(well, nested.Settings(n_live=20))(state, rng)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, state.live, strict=True))


def test_dead_points_do_not_make_a_step_slower_or_its_state_larger():
    well, settings = Power(3.0, 30.0), nested.Settings(n_live=40)
    finished = nested.run(well, settings, seed=1, lowest_kT=1e-9, until=loop.steps(300)).finished
    arrays = [*finished.state.live, finished.state.ranks]
    assert max(array.size for array in arrays) <= 2 * settings.pairs_remembered


def test_temperature_ends_a_run_where_the_ceiling_falls_slowly():
    well = Power(3.0, 30.0)
    ended = nested.run(
        well, nested.Settings(n_live=200), seed=1, lowest_kT=1e-9, until=temperature_below(0.5)
    ).finished
    assert ended.reason is loop.Reason.CONVERGED
    assert ended.state.ceiling.value / well.a == pytest.approx(0.5, rel=0.6)  # d E / d log X = E / a


def test_a_run_of_another_problem_or_with_other_settings_is_not_resumed(tmp_path):
    well, settings = Power(3.0, 30.0), nested.Settings(n_live=20)

    def go(problem, how, resume):
        return nested.run(
            problem, how, seed=1, lowest_kT=1.0, folder=tmp_path, resume=resume, until=loop.steps(2)
        )

    go(well, settings, resume=False)
    with pytest.raises(InputError):
        go(Power(2.0, 30.0), settings, resume=True)
    with pytest.raises(InputError):
        go(well, nested.Settings(n_live=22), resume=True)
    with pytest.raises(InputError):
        go(well, settings, resume=False)
    assert go(well, settings, resume=True).finished.n_steps == 2


def test_impossible_settings_say_what_was_wanted():
    with pytest.raises(SettingsError, match="n_cull must lie between 1 and n_live/2 = 5"):
        nested.Settings(n_live=10, n_cull=6)
    with pytest.raises(SettingsError, match="walk lengths"):
        nested.Settings(walk_length=5, shortest_walk=10)
    with threads(2) as pool, pytest.raises(InputError, match="wants n_workers"):
        nested.run(BOX, SETTINGS, seed=SEED, lowest_kT=LOWEST_KT, executor=pool)
    with pytest.raises(InputError, match="must be positive"):
        nested.run(Power(3.0, 30.0), seed=1, lowest_kT=0.0)


def test_a_prior_without_finite_values_is_refused():
    class Hole(Power):
        def draw(self, keys):
            positions, values = super().draw(keys)
            return positions, np.where(values > 20.0, np.nan, values)

    with pytest.raises(InputError, match="have no finite value"):
        nested.run(Hole(3.0, 30.0), seed=1, lowest_kT=1.0)


def test_threads_pool_is_the_callers(whole):
    pool = threads(2)
    nested.run(BOX, SETTINGS, seed=SEED, lowest_kT=LOWEST_KT, until=loop.steps(1), executor=pool, n_workers=2)
    assert pool.submit(int, "3").result() == 3


def test_points_of_a_large_observable_are_kept_and_end_the_run():
    problem = Power(a=3.0, top=1.0)
    settings = nested.Settings(n_live=40, keep_above=("coordinate", 0.8))
    kept = nested.run(problem, settings, seed=1, lowest_kT=0.05).kept
    dead = nested.run(problem, settings, seed=1, lowest_kT=0.05).points.observables["coordinate"]
    assert len(kept) == np.sum(dead > 0.8)
    assert (kept["coordinates"] > 0.8).all()
    rises = observable_above(problem, "coordinate", 0.8, share=0.3)
    state = start(problem, settings, stream(1, 0))
    assert rises(state, 0) is loop.Reason.UNCERTAIN
    assert observable_above(problem, "coordinate", 1.0)(state, 0) is None


def test_observables_that_nobody_observes_are_refused():
    problem = Power(a=3.0, top=1.0)
    with pytest.raises(UnknownName, match="coordinate"):
        start(problem, nested.Settings(keep_above=("coordinates", 0.8)), stream(1, 0))
    with pytest.raises(InputError, match="share"):
        observable_above(problem, "coordinate", 0.8, share=2.0)
