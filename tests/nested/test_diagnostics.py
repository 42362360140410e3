"""Diagnostics see what they are for, and say nothing where nothing is wrong."""

import numpy as np
import pytest
from exact import Power, uniforms

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.settings import Settings
from gapsample.nested.tuning import adapted_length, tuned_steps


class Biased(Power):
    """Clones never in the outermost fifth of the volume below the ceiling."""

    def walk(self, task):
        values = task.ceiling.value * (0.8 * uniforms(task.keys, 1)[:, 0]) ** (1.0 / self.a)
        return self.walked(values[:, None], values)


class Lazy(Power):
    """Clones that stay near their ancestors, yet keep the right density."""

    def walk(self, task):
        before = (task.values / task.ceiling.value) ** self.a
        u = uniforms(task.keys, 2)
        moved = np.where(u[:, 1] < 0.3, u[:, 0], before)
        values = task.ceiling.value * moved ** (1.0 / self.a)
        return self.walked(values[:, None], values)


def points_of(problem):
    return nested.run(problem, nested.Settings(n_live=100, n_cull=4), seed=1, lowest_kT=1.0).points


def test_a_biased_sampler_fails_the_insertion_test():
    found = nested.insertion_test(points_of(Biased(3.0, 30.0)))
    assert found.p_value < 1e-4
    assert found.rolling < 0.02


def test_a_perfect_sampler_passes_both():
    points = points_of(Power(3.0, 30.0))
    assert nested.insertion_test(points).p_value > 1e-3
    found = nested.memory(points)
    assert abs(found.correlation) < 4 * found.correlation_err


def test_clones_that_stay_near_their_ancestors_are_seen_by_their_memory():
    assert nested.memory(points_of(Lazy(3.0, 30.0))).correlation > 0.5


def test_short_walks_of_a_cluster_are_seen_and_long_ones_forget():
    box = nested.PairBox(7, (7 * 108.0) ** (1 / 3), nested.LennardJones())

    def correlation(length):
        settings = nested.Settings(
            n_live=200, n_cull=10, walk_length=length, shortest_walk=length, longest_walk=length
        )
        return nested.memory(nested.run(box, settings, seed=2, lowest_kT=0.3).points).correlation

    assert correlation(1) > 0.2
    assert correlation(100) < 0.08


def test_walks_grow_where_clones_remember_and_shrink_slowly_where_not():
    settings = Settings(n_live=100, walk_length=200)
    ranks = np.random.default_rng(0).random((2, settings.pairs_remembered))
    assert adapted_length(200, np.stack((ranks[0], ranks[0])), settings) == 250
    assert 185 < adapted_length(200, np.stack((ranks[0], 1.0 - ranks[0])), settings) < 200
    assert adapted_length(settings.shortest_walk, 1.0 - ranks[[0, 0]], settings) >= settings.shortest_walk
    assert adapted_length(200, ranks[:, :10], settings) == 200, "too few clones to tell"


def test_step_sizes_approach_the_acceptance_aimed_at():
    box = nested.PairBox(13, 9.0, nested.LennardJones())
    run = nested.run(box, nested.Settings(n_live=100, n_cull=10, walk_length=100), seed=1, lowest_kT=0.5)
    acceptance = run.progress["acceptance"][-10:, 0]
    assert acceptance.mean() == pytest.approx(Settings().acceptance, abs=0.08)


def test_copies_that_tune_leave_the_live_points_alone():
    box = nested.PairBox(3, 6.5, nested.LennardJones())
    live = nested.run(box, nested.Settings(n_live=20), seed=1, lowest_kT=1.0).finished.state.live
    before = live.copy()
    keys = np.arange(24, dtype=np.uint64).reshape(3, 8)
    steps = tuned_steps(box, live, live.highest(), np.array([3.0]), 0.3, keys)
    assert steps[0] < 3.0
    assert np.array_equal(before.coordinates, live.coordinates)


def test_too_few_points_are_refused():
    points = points_of(Power(3.0, 30.0)).take(np.arange(10))
    with pytest.raises(InputError, match="20 or more"):
        nested.memory(points)
