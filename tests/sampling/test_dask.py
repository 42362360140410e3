"""On a dask cluster every task runs, equal ones too, and a dead worker costs its tasks only."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import worker_tasks as do

from gapsample.errors import InputError
from gapsample.sampling.executors import TaskFailed, cluster, run_all

distributed = pytest.importorskip("distributed", reason="dask is an extra: gapsample[cluster]")


@pytest.fixture(scope="module")
def machines():
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=50,
    ) as local:
        yield local


@pytest.fixture
def executor(machines):
    with cluster(machines.scheduler_address) as pool:
        yield pool


def begun(folder: Path) -> dict[int, int]:
    return {int(p.name[5:]): len(p.read_text().split()) for p in folder.glob("task-*")}


def test_results_come_in_the_order_of_the_tasks(executor):
    assert run_all(executor, do.slow_square, range(8), batch=3) == [x * x for x in range(8)]


def test_equal_tasks_are_all_run(executor):
    times = [executor.submit(time.perf_counter_ns) for _ in range(10)]
    assert len({future.result() for future in times}) == 10
    assert executor.submit(pow, 2, exp=5).result() == 32


def test_a_client_that_was_given_stays_open(machines):
    with distributed.Client(machines.scheduler_address) as client:
        with cluster(client) as executor:
            assert executor.submit(do.square, 3).result() == 9
        assert client.submit(do.square, 4).result() == 16


def test_a_task_that_always_fails_is_named(executor):
    with pytest.raises(TaskFailed, match=r"walker 3.*ZeroDivisionError: 3 is odd"):
        run_all(executor, do.fail_on_odd, [2, 3], name=lambda x: f"walker {x}")


def test_a_task_that_failed_by_chance_is_run_again(executor, tmp_path):
    assert [executor.submit(do.fail_at_first, (str(tmp_path), x)).result() for x in range(3)] == [0, 1, 2]
    assert run_all(executor, do.fail_at_first, [(str(tmp_path), x) for x in (4, 5)], batch=2) == [4, 5]


def test_a_killed_worker_costs_its_task_only(executor, tmp_path):
    futures = [executor.submit(do.log_and_square, (str(tmp_path), x)) for x in range(6)]
    while len(begun(tmp_path)) < 2:
        time.sleep(0.01)
    victim = max(tmp_path.glob("task-*"), key=lambda log: log.stat().st_mtime)
    os.kill(int(victim.read_text().split()[0]), signal.SIGKILL)
    assert [future.result(timeout=60) for future in futures] == [x * x for x in range(6)]
    again = begun(tmp_path)
    assert again.pop(int(victim.name[5:])) == 2
    assert set(again.values()) == {1}


def test_an_address_where_nobody_answers_is_an_error():
    from dask import config

    with (
        config.set({"distributed.comm.timeouts.connect": "300ms"}),
        pytest.raises(InputError, match=r"no dask scheduler.*tcp://127\.0\.0\.1:9"),
    ):
        cluster("tcp://127.0.0.1:9")
