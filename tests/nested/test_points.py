"""Live numbers follow from births and deaths alone; so do merging and the volumes."""

import numpy as np
import pytest
from exact import Power, Terrace
from hypothesis import given
from hypothesis import strategies as st

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.points import live_numbers
from gapsample.nested.volumes import (
    blocks,
    expected_log_shells,
    expected_log_volumes,
    simulated_log_shells,
)


def points_of(problem, seed=0, **settings):
    return nested.run(problem, nested.Settings(**settings), seed=seed, lowest_kT=1.0).points


def some_points(values, births, labels=0.5, birth_labels=1.0):
    n = len(values)
    columns = (values, births, labels, birth_labels, np.nan, np.nan)
    return nested.DeadPoints(*(np.broadcast_to(np.asarray(c, float), n).copy() for c in columns))


def test_live_numbers_fall_within_a_batch_and_at_the_end():
    n_live = live_numbers(points_of(Power(3.0, 30.0), n_live=12, n_cull=3))
    assert n_live[:6].tolist() == [12, 11, 10, 12, 11, 10]
    assert n_live[-12:].tolist() == list(range(12, 0, -1))


def test_live_numbers_count_through_a_plateau():
    n_live = live_numbers(points_of(Terrace(0.1, 0.8), n_live=12))
    assert (n_live[:-12] == 12).all()


def test_merged_runs_have_the_live_points_of_all():
    runs = [points_of(Power(2.0, 30.0), seed, n_live=n) for seed, n in enumerate((10, 20))]
    merged = nested.merge(runs)
    assert live_numbers(merged)[0] == 30
    assert (np.diff(merged.value) <= 0).all()
    first_end = max(runs[0].value[-10], runs[1].value[-20])
    assert (live_numbers(merged)[merged.value > first_end] == 30).all()
    assert (live_numbers(merged)[merged.value < first_end] < 30).all()


def test_merging_is_independent_of_order():
    runs = [points_of(Power(2.0, 30.0), seed, n_live=10) for seed in range(3)]
    one, other = nested.merge(runs), nested.merge(runs[::-1])
    assert np.array_equal(one.value, other.value)
    assert np.array_equal(one.observables["coordinate"], other.observables["coordinate"])


def test_runs_with_unlike_observables_are_not_merged():
    points = points_of(Power(2.0, 30.0), n_live=10)
    bare = some_points(points.value, points.birth, points.label, points.birth_label)
    with pytest.raises(InputError, match="same observables"):
        nested.merge([points, bare])


def test_points_above_their_birth_are_refused():
    with pytest.raises(InputError, match="1 of 2 points"):
        some_points([2.0, 1.0], [np.inf, 0.5])
    with pytest.raises(InputError, match="NaN"):
        some_points([np.nan], [np.inf])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=300))
def test_prior_mass_is_shared_out_completely(n_live):
    n = np.array(n_live)
    n[-1] = 1
    assert np.logaddexp.reduce(expected_log_shells(n)) == pytest.approx(0.0, abs=1e-9)


def test_simulated_volumes_scatter_about_the_expected_ones():
    n_live = np.concatenate((np.full(3000, 30), np.arange(30, 0, -1)))
    drawn = np.concatenate(
        [mass for _, mass in simulated_log_shells(n_live, 400, np.random.default_rng(1))], axis=1
    )
    left = np.log(1.0 - np.cumsum(np.exp(drawn[:, :30]), axis=1))
    expected = expected_log_volumes(n_live)[:30]
    assert abs((left.mean(axis=0) - expected) / (left.std(axis=0) / 20)).max() < 4.0
    assert left.std(axis=0)[-1] == pytest.approx(np.sqrt(30) / 30, rel=0.15)


def test_blocks_cover_every_point_once():
    n_live = np.concatenate((np.full(9000, 100), np.full(500, 1)))
    pieces = list(blocks(n_live))
    assert np.array_equal(np.concatenate([np.arange(9500)[piece] for piece in pieces]), np.arange(9500))
