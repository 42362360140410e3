"""An engine that throws, hangs, dies or returns nonsense is asked again, and never believed."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import Executor

import numpy as np
import pytest
from ase import Atoms
from contracts.motions import displaced
from engines import Counting, Failing
from scenes import lennard_jones, mask, silicon

from gapsample.errors import InputError
from gapsample.qmmm.clusters import Carving
from gapsample.qmmm.engine import Engine, QuantumFailed
from gapsample.qmmm.layers import Hops
from gapsample.qmmm.mixing import ForceMixing
from gapsample.qmmm.region import Region
from gapsample.qmmm.selection import Seeds, Selection
from gapsample.qmmm.solving import solve
from gapsample.sampling.executors import local, threads
from gapsample.sampling.time_limit import InTime, TimedOut

NO_ONE = Selection((Seeds(()),))
PAIR = Atoms("Si2", [[0.0, 0.0, 0.0], [2.5, 0.3, 0.0]])


@pytest.mark.parametrize("manner", ["throws", "exits", "nan", "none", "short"])
def test_safer_settings_answer_when_the_first_fail(manner: str) -> None:
    answer = Engine((Failing(manner), Failing("throws"), lennard_jones())).answer(PAIR)
    assert answer.settings == 2
    np.testing.assert_array_equal(answer.evaluation.forces, lennard_jones().evaluate(PAIR).forces)


@pytest.mark.parametrize(
    ("manner", "story"),
    [
        ("throws", "RuntimeError: the density did not converge"),
        ("nan", "not finite"),
        ("none", "no forces"),
        ("short", r"forces of shape \(1, 3\)"),
    ],
)
def test_an_engine_that_never_answers_says_what_became_of_each_setting(manner: str, story: str) -> None:
    with pytest.raises(QuantumFailed, match=story) as failure:
        Engine((Failing("throws"), Failing(manner))).answer(PAIR)
    assert len(failure.value.problems) == 2
    again = pickle.loads(pickle.dumps(failure.value))
    assert str(again) == str(failure.value)


@pytest.mark.parametrize("seconds", [1e-6, 1e-3])
def test_no_limit_is_too_short_to_be_kept(seconds: float) -> None:
    limited = InTime(lennard_jones(), seconds)
    for _ in range(3):
        with pytest.raises(TimedOut):
            limited.evaluate(PAIR)
    limited.close()


def test_an_engine_that_hangs_is_killed_and_the_next_evaluation_is_right() -> None:
    started = time.perf_counter()
    potential = InTime(Failing("hangs", up_to=2), 3.0)
    with pytest.raises(TimedOut, match="2 atoms did not end within 3"):
        potential.evaluate(PAIR)
    assert time.perf_counter() - started < 60.0
    potential.seconds = 300.0
    three = PAIR + Atoms("Si", [[0.0, 2.5, 0.0]])
    found = potential.evaluate(three)
    np.testing.assert_array_equal(found.forces, lennard_jones().evaluate(three).forces)
    potential.close()


def test_an_engine_with_a_time_limit_survives_the_death_of_its_process() -> None:
    answer = Engine((Failing("dies"), lennard_jones()), timeout=60.0).answer(PAIR)
    assert answer.settings == 1
    np.testing.assert_array_equal(answer.evaluation.forces, lennard_jones().evaluate(PAIR).forces)


def test_a_time_limit_in_a_worker_process_is_refused_with_what_to_do_instead() -> None:
    with local(1) as executor, pytest.raises(InputError, match="run the engine in threads"):
        solve(Engine((lennard_jones(),), timeout=60.0), [PAIR], executor)


def test_a_configuration_that_is_refused_is_not_tried_again() -> None:
    class Refusing(Counting):
        def evaluate(self, atoms, **wanted):  # type: ignore[no-untyped-def]
            super().evaluate(atoms)
            raise InputError("no such species")

    refusing = Refusing()
    with pytest.raises(InputError, match="no such species"):
        Engine((refusing, refusing)).answer(PAIR)
    assert len(refusing.asked) == 1


def test_largest_configurations_go_first_and_the_same_one_only_once() -> None:
    counting = Counting()
    three = PAIR + Atoms("Si", [[0.0, 2.5, 0.0]])
    tasks = [PAIR, three, displaced(PAIR, np.array([3.0, 1.0, 2.0]))]
    first, second, third = solve(Engine((counting,)), tasks)
    assert counting.asked == [3, 2]
    assert first is third
    assert second.evaluation.forces.shape == (3, 3)


@pytest.mark.parametrize("make", [threads, local])
def test_answers_and_failures_do_not_depend_on_where_they_are_found(make) -> None:  # type: ignore[no-untyped-def]
    three = PAIR + Atoms("Si", [[0.0, 2.5, 0.0]])
    engine = Engine((Failing("throws", up_to=2),))
    executor: Executor
    with make(2) as executor:
        failed, answered = solve(engine, [PAIR, three], executor)
    assert isinstance(failed, QuantumFailed)
    np.testing.assert_array_equal(answered.evaluation.forces, lennard_jones().evaluate(three).forces)


def test_a_worker_that_dies_is_a_failure_of_its_cluster_alone() -> None:
    three = PAIR + Atoms("Si", [[0.0, 2.5, 0.0]])
    with local(2, retries=0) as executor:
        failed, answered = solve(Engine((Failing("dies", up_to=2),)), [PAIR, three], executor)
    assert isinstance(failed, QuantumFailed)
    assert not isinstance(answered, QuantumFailed)


def test_a_cluster_that_fails_with_all_settings_gets_a_larger_buffer() -> None:
    atoms = silicon(3)
    region = Region.of(mask(atoms, 40))
    small = ForceMixing(lennard_jones(), Engine((lennard_jones(),)), NO_ONE, Carving(Hops(1)))
    size = len(small.forces(atoms, region).labels[0].cluster.atoms)
    qm = Counting(Failing("throws", up_to=size))
    mixing = ForceMixing(lennard_jones(), Engine((qm, qm)), NO_ONE, Carving(Hops(1)))
    mixed = mixing.forces(atoms, region)
    assert qm.asked[:2] == [size, size]
    assert qm.asked[2] > size
    assert len(qm.asked) == 3
    assert [label.enlarged for label in mixed.labels] == [1]
    np.testing.assert_allclose(mixed.forces, mixed.mm.forces, atol=1e-10)


def test_a_run_stops_with_the_story_when_larger_buffers_fail_too() -> None:
    atoms = silicon(3)
    qm = Counting(Failing("nan"))
    mixing = ForceMixing(lennard_jones(), Engine((qm,)), NO_ONE, Carving(Hops(1)), enlargements=2)
    before = atoms.copy()
    with pytest.raises(QuantumFailed, match="larger buffer"):
        mixing.forces(atoms, Region.of(mask(atoms, 4)))
    assert len(qm.asked) == 3
    assert atoms == before


def test_an_engine_wants_settings_and_a_time_limit_seconds() -> None:
    with pytest.raises(InputError, match="at least one Potential"):
        Engine(())
    with pytest.raises(InputError, match="seconds > 0"):
        Engine((lennard_jones(),), timeout=0.0)
