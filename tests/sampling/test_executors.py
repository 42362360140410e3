"""A dead worker costs its task only, results come in order, and errors name the task."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import numpy as np
import pytest
import worker_tasks as do

from gapsample.errors import GapsampleError, InputError
from gapsample.rng import stream
from gapsample.sampling.executors import TaskFailed, cluster, local, run_all, threads
from gapsample.sampling.resilient import WorkerDied

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def processes():
    with local(2) as executor:
        yield executor


@pytest.fixture(params=["threads", "processes"])
def executor(request):
    if request.param == "processes":
        yield request.getfixturevalue("processes")
        return
    with threads(2) as pool:
        yield pool


def begun(folder: Path) -> dict[int, int]:
    """How often each task was begun."""
    return {int(p.name[5:]): len(p.read_text().split()) for p in folder.glob("task-*")}


@pytest.mark.parametrize("batch", [1, 4])
def test_results_come_in_the_order_of_the_tasks(executor, batch):
    assert run_all(executor, do.slow_square, range(10), batch=batch) == [x * x for x in range(10)]


def test_no_tasks_give_no_results(executor):
    assert run_all(executor, do.square, []) == []


def test_random_numbers_depend_on_the_walker_not_on_the_worker(executor):
    assert run_all(executor, do.drawn, range(6)) == [float(stream(5, 0, w, 2).normal()) for w in range(6)]


def test_the_seam_is_that_of_the_standard_library(processes):
    assert list(processes.map(do.square, [3, 1, 2])) == [9, 1, 4]
    assert processes.submit(pow, 2, exp=5).result() == 32
    assert processes.submit(do.process).result() != os.getpid()


def test_a_worker_uses_one_thread(processes):
    pools, numba = processes.submit(do.thread_counts).result()
    assert set(pools) <= {1}
    assert numba == "1"


def test_a_new_worker_has_not_loaded_numpy_before_its_threads_are_limited():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import worker_tasks\n"
        "from gapsample.sampling.workers import Worker\n"
        "if __name__ == '__main__': print(Worker().run(worker_tasks.numpy_is_loaded, (), {}))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(HERE)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "False"


def test_a_killed_worker_costs_its_task_only(tmp_path):
    with local(3) as executor:
        run_all(executor, do.process, range(3))
        results = run_all(executor, do.die_once_then_square, [(str(tmp_path), x) for x in range(6)])
        assert executor.deaths == 1
    assert results == [x * x for x in range(6)]
    assert begun(tmp_path) == {0: 1, 1: 1, 2: 2, 3: 1, 4: 1, 5: 1}


def test_workers_killed_from_outside_are_replaced(tmp_path):
    with local(2) as executor:
        futures = [executor.submit(do.log_and_square, (str(tmp_path), x)) for x in range(4)]
        while len(begun(tmp_path)) < 2:
            time.sleep(0.01)
        for log in tmp_path.glob("task-*"):
            os.kill(int(log.read_text().split()[0]), signal.SIGKILL)
        assert [future.result() for future in futures] == [0, 1, 4, 9]
        idle = executor.submit(do.process).result()
        os.kill(idle, signal.SIGKILL)
        while Path(f"/proc/{idle}/stat").exists() and ") Z" not in Path(f"/proc/{idle}/stat").read_text():
            time.sleep(0.01)
        assert executor.submit(do.square, 3).result() == 9
    assert sum(begun(tmp_path).values()) == 6


@pytest.mark.parametrize(("task", "manner"), [(do.die, "SIGKILL"), (do.leave, "exit status 3")])
def test_a_task_that_kills_every_worker_is_given_up_and_named(task, manner):
    with local(1, retries=1) as executor:
        with pytest.raises(WorkerDied, match=rf"{task.__name__}\('Si',\) died 2 times.*{manner}"):
            executor.submit(task, "Si").result()
        assert executor.submit(do.square, 3).result() == 9


def test_a_task_that_failed_by_chance_is_run_again(executor, tmp_path):
    tasks = [(str(tmp_path), x) for x in range(4)]
    assert run_all(executor, do.fail_at_first, tasks, batch=3) == [0, 1, 2, 3]


def test_a_task_that_always_fails_is_named_with_its_cause(executor):
    with pytest.raises(
        TaskFailed, match=r"task walker 3 failed 3 times.*ZeroDivisionError: 3 is odd"
    ) as caught:
        run_all(executor, do.fail_on_odd, [0, 2, 3, 4], retries=2, batch=2, name=lambda x: f"walker {x}")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert any("worker_tasks.py" in note for note in caught.value.__cause__.__notes__)


def test_a_refusal_is_not_tried_again(executor, tmp_path):
    with pytest.raises(TaskFailed, match=r"failed 1 times.*no such atoms"):
        run_all(executor, do.refuse, [(str(tmp_path), 1)], retries=5)
    assert begun(tmp_path) == {1: 1}


def test_an_exception_that_cannot_be_pickled_still_tells_its_story(processes):
    with pytest.raises(GapsampleError, match=r"UnknownSpecies: the model knows Si(.|\n)*where the task ran"):
        processes.submit(do.know_no_gold).result()
    with pytest.raises(Exception, match="lambda"):
        processes.submit(do.answer_with_a_lambda).result()
    with pytest.raises(Exception, match="lambda"):
        processes.submit(lambda: 1).result()
    assert processes.submit(do.square, 2).result() == 4
    assert processes.deaths == 0


def test_our_errors_travel_whole():
    for error in (WorkerDied("f()", 2, "SIGKILL"), TaskFailed("walker 1", 2, OSError("busy"))):
        twin = pickle.loads(pickle.dumps(error))
        assert (str(twin), type(twin)) == (str(error), type(error))


def test_tasks_not_yet_begun_can_be_cancelled():
    executor = local(1)
    futures = [executor.submit(do.wait, 0.3) for _ in range(3)]
    time.sleep(0.05)
    executor.shutdown(cancel_futures=True)
    assert futures[0].result() > 0
    for future in futures[1:]:
        with pytest.raises(CancelledError):
            future.result()
    with pytest.raises(RuntimeError, match="shutdown"):
        executor.submit(do.square, 1)


def test_an_interrupt_does_not_wait_for_tasks():
    def interrupted() -> None:
        with local(1) as executor:
            executor.submit(do.square, 1).result()
            executor.submit(do.wait, 60.0)
            time.sleep(0.1)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 20.0


def alive(process: int) -> bool:
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and ") Z" not in stat.read_text()


@pytest.mark.skipif(not Path("/proc").exists(), reason="processes are looked up in /proc")
def test_workers_do_not_outlive_an_owner_that_was_killed():
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "import worker_tasks as do\n"
        "from gapsample.sampling.executors import local\n"
        "if __name__ == '__main__':\n"
        "    executor = local(2)\n"
        "    print(*executor.map(do.wait, [0.2, 0.2]), flush=True)\n"
        "    time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(HERE)], stdout=subprocess.PIPE, text=True)
    workers = [int(word) for word in owner.stdout.readline().split()]
    assert len(set(workers)) == 2
    owner.kill()
    owner.communicate()
    deadline = time.monotonic() + 10.0
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < deadline, "orphans"
        time.sleep(0.02)


@pytest.mark.parametrize("make", [lambda: local(0), lambda: local(2, retries=-1), lambda: threads(0)])
def test_numbers_of_workers_that_make_no_sense_are_refused(make):
    with pytest.raises(InputError, match="at least one"):
        make()


def test_a_cluster_without_dask_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "gapsample.sampling.dask_executor", raising=False)
    with pytest.raises(InputError, match=r"gapsample\[cluster\]"):
        cluster("tcp://127.0.0.1:1")


def test_large_arguments_and_results_pass(processes):
    array = np.arange(3_000_000.0)
    np.testing.assert_array_equal(processes.submit(np.negative, array).result(), -array)
