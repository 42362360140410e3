"""Cut anywhere and resumed equals never cut, bit for bit; and every run ends with a reason."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_run import CODEC, Toy, begin, begin_or_resume, everything, step

from gapsample.rng import stream
from gapsample.sampling.checkpoints import Checkpoints
from gapsample.sampling.loop import Every, Finished, Reason, first_of, run, steps, wall_time
from gapsample.sampling.records import RecordFile, read_records

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1])}


def never(state: Toy, n_steps: int) -> None:
    return None


@pytest.fixture(scope="module")
def uncut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uncut")
    begin_or_resume(folder, steps(40))
    return folder


@settings(max_examples=25, deadline=None)
@given(stops=st.lists(st.integers(0, 40), max_size=6).map(sorted), every=st.integers(1, 50))
def test_stopped_and_resumed_equals_never_stopped(stops, every, uncut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut")
    for stop in stops:
        begin_or_resume(folder, steps(stop), Every(steps=every))
    begin_or_resume(folder, steps(40), Every(steps=every))
    got, wanted = everything(folder), everything(uncut)
    for name in ("visited.records", "accepted.records", "checkpoints/000000000040.checkpoint"):
        assert got[name] == wanted[name]


def test_killed_at_any_change_of_the_disk_and_resumed_equals_never_killed(tmp_path):
    command = [sys.executable, str(HERE / "toy_killed.py"), str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 40


def started(folder: Path, n_steps: int) -> subprocess.Popen[str]:
    """A run in a process of its own that has written a record or two."""
    command = [sys.executable, str(HERE / "toy_run.py"), str(folder), str(n_steps)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    before = newest(folder)
    deadline = time.monotonic() + 60
    while process.poll() is None and newest(folder) == before and time.monotonic() < deadline:
        time.sleep(0.002)
    return process


def newest(folder: Path) -> str:
    return max((path.name for path in folder.glob("checkpoints/*.checkpoint")), default="")


def test_killed_at_random_moments_and_resumed_equals_never_killed(tmp_path):
    n_steps, kills, dice = 400, 0, random.Random(1)
    begin_or_resume(tmp_path / "uncut", steps(n_steps))
    for _ in range(4):
        process = started(tmp_path / "cut", n_steps)
        time.sleep(dice.uniform(0.0, 0.2))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        process.communicate()
    assert kills
    assert begin_or_resume(tmp_path / "cut", steps(n_steps)).reason is Reason.STEP_LIMIT
    assert everything(tmp_path / "cut") == everything(tmp_path / "uncut")


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGINT, "INTERRUPTED"), (signal.SIGTERM, "TERMINATED")], ids=str
)
def test_a_signal_ends_a_run_with_a_checkpoint_and_a_reason(tmp_path, number, reason):
    process = started(tmp_path / "cut", 100_000)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert (output.strip(), process.returncode) == (reason, 0)
    found = Checkpoints(tmp_path / "cut" / "checkpoints", CODEC, model="toy").latest()
    begin_or_resume(tmp_path / "uncut", steps(found.n_steps))
    for name in ("visited.records", "accepted.records"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "uncut" / name).read_bytes()


def test_an_interrupt_lets_the_step_end_and_a_second_one_does_not(tmp_path):
    before = signal.getsignal(signal.SIGINT)

    def interrupted(times: int):
        def one_step(state, rng):
            if state.n_done == 7:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
            return step(state, rng)

        return one_step

    finished = begin_or_resume(tmp_path, never, step=interrupted(1))
    assert (finished.reason, finished.n_steps) == (Reason.INTERRUPTED, 8)
    with pytest.raises(KeyboardInterrupt):
        begin_or_resume(tmp_path / "other", never, step=interrupted(2))
    assert newest(tmp_path / "other") == "000000000005.checkpoint"
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_in_a_thread_hears_no_signals_and_runs(tmp_path):
    ended: list[Finished[Toy]] = []
    thread = threading.Thread(target=lambda: ended.append(begin_or_resume(tmp_path, steps(6))))
    thread.start()
    thread.join()
    assert ended[0].n_steps == 6


def test_an_exception_from_a_step_passes_and_the_last_checkpoint_stands(tmp_path, uncut):
    def failing(state, rng):
        if state.n_done == 13:
            raise ZeroDivisionError("the potential")
        return step(state, rng)

    with pytest.raises(ZeroDivisionError, match="the potential"):
        begin_or_resume(tmp_path, steps(40), step=failing)
    assert newest(tmp_path) == "000000000010.checkpoint"
    begin_or_resume(tmp_path, steps(40))
    assert everything(tmp_path) == everything(uncut)


def test_a_run_that_is_done_stays_as_it_is_when_resumed(tmp_path):
    first = begin_or_resume(tmp_path, steps(10))
    before = everything(tmp_path)
    again = begin_or_resume(tmp_path, steps(10))
    assert again.n_steps == first.n_steps == 10
    np.testing.assert_array_equal(again.state.positions, first.state.positions)
    assert everything(tmp_path) == before


def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before_and_nothing_else(tmp_path, uncut):
    begin_or_resume(tmp_path, steps(23))
    (tmp_path / "checkpoints" / newest(tmp_path)).write_bytes(b"torn")
    with pytest.warns(RuntimeWarning, match="going on from 000000000020"):
        begin_or_resume(tmp_path, steps(40))
    assert everything(tmp_path) == everything(uncut)


def test_a_run_needs_neither_records_nor_checkpoints():
    finished = run(step, begin(), stream(1), until=steps(3))
    assert (finished.n_steps, finished.state.n_done, finished.reason) == (3, 3, Reason.STEP_LIMIT)


def test_one_record_file_takes_the_info_as_it_is(tmp_path):
    dtype = np.dtype([("number", "i8")])

    def counting(state, rng):
        return state + 1, np.array([(state,)], dtype)

    with RecordFile(tmp_path / "numbers", dtype) as file:
        run(counting, 0, stream(1), until=steps(5), record=file)
    assert read_records(tmp_path / "numbers")["number"].tolist() == [0, 1, 2, 3, 4]


def test_whoever_watches_is_told_after_every_checkpoint(tmp_path):
    told = []
    begin_or_resume(
        tmp_path, steps(12), watch=lambda state, n: told.append((state.n_done, n, newest(tmp_path)))
    )
    assert told == [(n, n, f"{n:012d}.checkpoint") for n in (0, 5, 10, 12)]


def test_the_first_condition_that_holds_gives_the_reason():
    def converged(state, n_steps):
        return Reason.CONVERGED if n_steps >= 4 else None

    for condition, reason, n_steps in (
        (first_of(steps(9), converged), Reason.CONVERGED, 4),
        (first_of(steps(4), converged), Reason.STEP_LIMIT, 4),
        (first_of(converged, wall_time(0.0)), Reason.TIME_LIMIT, 0),
    ):
        finished = run(step, begin(), stream(1), until=condition)
        assert (finished.reason, finished.n_steps) == (reason, n_steps)


def test_checkpoints_follow_the_clock_or_the_count_whichever_comes_first():
    assert Every(seconds=10.0, steps=3).due(6, 0.0)
    assert Every(seconds=10.0, steps=3).due(7, 10.0)
    assert not Every(seconds=10.0, steps=3).due(7, 9.9)
    assert not Every(seconds=10.0).due(7, 0.0)


def test_every_reason_says_what_to_try():
    assert all(len(reason.value.split()) > 5 for reason in Reason)
    assert len({reason.value for reason in Reason}) == len(Reason)
