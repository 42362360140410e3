"""Compiled walks: energies that never drift, plateaus that stay flat, the right stationary density."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gapsample.errors import InputError
from gapsample.nested import Ceiling, LennardJones, PairBox, Tabulated, Walk, morse
from gapsample.nested.pair_potential import quantum

LJ = LennardJones()


def shifted_lj(r):
    s6 = r**-6.0
    return 4 * (s6 * s6 - s6) - 4 * (3.0**-12 - 3.0**-6), 4 * (6 * s6 - 12 * s6 * s6) / r


def keys(n, seed=0):
    return np.random.default_rng(seed).integers(2**64, size=n, dtype=np.uint64)


def boxes():
    table = Tabulated.of(shifted_lj, 0.5, 3.0, 1.0)
    return [PairBox(9, 6.5, potential) for potential in (LJ, morse(1.0, 6.0, 1.12, 3.0), table)]


def walked(box, m=4, length=200, step=0.3, seed=0, ceiling=Ceiling(50.0, 0.5)):
    positions, values = box.draw(keys(400, seed))
    under = np.flatnonzero(values < ceiling.value)[:m]
    task = Walk(positions[under], values[under], ceiling, np.array([step]), length, keys(m, seed + 1))
    return box.walk(task)


@pytest.mark.parametrize("box", boxes(), ids=["closed", "morse", "table"])
def test_energies_followed_through_a_walk_equal_those_computed_anew(box):
    end = walked(box, length=2000)
    assert end.accepted.min() > 1000
    assert np.array_equal(end.values, box.energies(end.coordinates))


def test_energies_are_those_of_the_pairs():
    box = PairBox(6, 7.0, LJ)
    positions, values = box.draw(keys(50))
    for flat, value in zip(positions, values, strict=True):
        r = flat.reshape(3, 6).T
        d = r[:, None] - r
        d -= 7.0 * np.round(d / 7.0)
        distance = np.linalg.norm(d, axis=2)[np.triu_indices(6, 1)]
        expected = np.where(distance < 3.0, shifted_lj(distance)[0], 0.0).sum()
        assert value == pytest.approx(expected, abs=30 * quantum(1.0), rel=1e-9) or expected > 1e5


def test_a_table_and_the_closed_form_are_the_same_potential():
    closed, table = boxes()[0], boxes()[2]
    positions = walked(closed).coordinates
    assert table.energies(positions) == pytest.approx(closed.energies(positions), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    shift=st.tuples(*[st.floats(-20, 20)] * 3),
    order=st.permutations(range(9)),
    axes=st.permutations(range(3)),
)
def test_energy_knows_no_origin_no_names_and_no_axes(shift, order, axes):
    box = boxes()[0]
    positions = walked(box, m=1).coordinates.reshape(3, 9)
    moved = positions[list(axes)][:, list(order)] + np.array(shift)[:, None]
    pair = np.stack((positions.ravel(), moved.ravel()))
    first, second = box.energies(pair)
    assert second == pytest.approx(first, abs=1e-7)


def test_walks_stay_below_the_ceiling_and_in_the_box():
    end = walked(boxes()[0], ceiling=Ceiling(-0.5, 0.5))
    assert (end.values < -0.5).all()
    assert ((end.coordinates >= 0.0) & (end.coordinates <= 6.5)).all()


def test_atoms_on_top_of_each_other_have_a_finite_energy():
    box = PairBox(3, 7.0, LJ)
    assert np.isfinite(box.energies(np.zeros((1, 9)))).all()


@pytest.mark.parametrize("label", [0.2, 1.0])
def test_a_plateau_is_visited_in_proportion_to_the_label(label):
    box = PairBox(2, 6.0, LJ)
    positions, values = box.draw(keys(4000))
    on, under = np.mean(values == 0.0), np.mean(values < 0.0)
    start = np.flatnonzero(values <= 0.0)[:1000]
    task = Walk(positions[start], values[start], Ceiling(0.0, label), box.largest_steps, 60, keys(1000, 9))
    share = np.mean(box.walk(task).values == 0.0)
    assert share == pytest.approx(label * on / (label * on + under), abs=0.06)


def test_walks_forget_where_they_began():
    """From one corner, all clones of a dimer end uniformly in the allowed volume."""
    box = PairBox(2, 6.0, LJ)
    positions, values = box.draw(keys(3000))
    allowed = values < 0.0
    one = np.repeat(positions[allowed][:1], 800, axis=0)
    start = Walk(one, box.energies(one), Ceiling(0.0, 0.0), np.array([1.5]), 200, keys(800, 3))
    ends = box.walk(start).values
    assert stats.ks_2samp(ends[ends < 0.0], values[allowed]).pvalue > 1e-3


def test_a_walk_depends_on_its_key_and_on_nothing_beside_it():
    box = boxes()[0]
    positions, values = box.draw(keys(6))
    task = Walk(positions, values, Ceiling(1e300, 1.0), np.array([0.3]), 50, keys(6, 1))
    together = box.walk(task)
    for i in range(6):
        part = slice(i, i + 1)
        alone = box.walk(
            task._replace(coordinates=positions[part], values=values[part], keys=task.keys[part])
        )
        assert np.array_equal(alone.coordinates[0], together.coordinates[i])
    assert np.array_equal(positions, box.draw(keys(6))[0]), "the task was altered"


def test_random_numbers_are_uniform_and_unlike_for_neighbouring_keys():
    positions, _ = PairBox(40, 7.0, LJ).draw(np.arange(200, dtype=np.uint64))
    assert stats.kstest(positions.ravel() / 7.0, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(positions[:-1].ravel(), positions[1:].ravel())[0, 1]) < 0.03


def test_boxes_that_cannot_be_right_are_refused():
    with pytest.raises(InputError, match="twice the cutoff"):
        PairBox(4, 5.0, LJ)
    with pytest.raises(InputError, match="two or more"):
        PairBox(1, 9.0, LJ)
    with pytest.raises(InputError, match="0 < start < cutoff"):
        Tabulated.of(shifted_lj, 0.0, 3.0, 1.0)
