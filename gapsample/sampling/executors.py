"""Many tasks at once behind one seam, `concurrent.futures.Executor`: threads, processes, a cluster.

A task is a module-level function of picklable arguments that may be run twice without harm, and draws its
random numbers from ``gapsample.rng.stream(seed, run, walker, iteration)`` made inside it. Any other Executor
fits as well, ``mpi4py.futures.MPIPoolExecutor`` for instance.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple, TypeVar

from gapsample.errors import GapsampleError, InputError
from gapsample.sampling.resilient import Resilient
from gapsample.sampling.workers import portable

Task = TypeVar("Task")
Result = TypeVar("Result")


class Outcome(NamedTuple):
    """What became of a task: its result or the exception it met, and whether that may be tried again."""

    succeeded: bool
    value: Any
    again: bool = False


class TaskFailed(GapsampleError):
    """A task that failed every time it was run; the last exception is the cause."""

    def __init__(self, task: str, attempts: int, problem: BaseException) -> None:
        self.task, self.attempts, self.problem = task, attempts, problem
        super().__init__(
            f"task {task} failed {attempts} times, the last time with {type(problem).__name__}: {problem}; "
            "run its function on it alone to see why"
        )

    def __reduce__(self) -> tuple[type[TaskFailed], tuple[str, int, BaseException]]:
        return type(self), (self.task, self.attempts, self.problem)


def threads(n_workers: int) -> ThreadPoolExecutor:
    """Threads of this process: for tasks that release the GIL."""
    if n_workers < 1:
        raise InputError(f"wanted at least one thread, got {n_workers}")
    return ThreadPoolExecutor(n_workers, thread_name_prefix="gapsample thread")


def local(n_workers: int, *, retries: int = 2) -> Resilient:
    """Processes of this machine, spawned, each with one BLAS and one numba thread.

    A worker that dies costs its task only: that task runs again in a new worker, at most `retries` times.
    """
    return Resilient(n_workers, retries=retries)


def cluster(address: Any, *, retries: int = 2) -> Executor:
    """Workers of a dask cluster (extra ``gapsample[cluster]``).

    A worker that dies costs its tasks only: the scheduler runs them again elsewhere, as often as its setting
    ``distributed.scheduler.allowed-failures`` says. Give each task a second or more of work (`run_all` has
    `batch`).

    Parameters
    ----------
    address : of the scheduler, e.g. ``"tcp://10.0.0.1:8786"``, or a `distributed.Client`, or a cluster object
        of dask (``LocalCluster``, ``SLURMCluster``)
    retries : how often a task that raised is run again

    Raises
    ------
    InputError
        dask is not installed, or no scheduler answers at the address.
    """
    try:
        from gapsample.sampling.dask_executor import DaskExecutor
    except ImportError as problem:
        raise InputError("a cluster wants dask; pip install 'gapsample[cluster]'") from problem
    return DaskExecutor(address, retries=retries)


def run_all(
    executor: Executor,
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    retries: int = 1,
    batch: int = 1,
    name: Callable[[Task], str] = reprlib.repr,
) -> list[Result]:
    """Results of ``function(task)`` in the order of the tasks.

    Parameters
    ----------
    retries : how often a task that failed is run again, by itself; never one that raised a `GapsampleError`
    batch : tasks sent together, so that what is sent lasts long enough
    name : what a task is called in errors

    Raises
    ------
    TaskFailed
        A task failed every time; the last exception is its cause. Tasks not yet begun are cancelled.
    """
    given = list(tasks)
    results: dict[int, Result] = {}
    parts = [range(first, min(first + batch, len(given))) for first in range(0, len(given), batch)]
    for attempt in range(1, retries + 2):
        failed: list[int] = []
        futures = {executor.submit(_run_batch, function, [given[i] for i in part]): part for part in parts}
        try:
            for future in as_completed(futures):
                part = futures[future]
                for index, outcome in zip(part, _outcomes(future, len(part)), strict=True):
                    if outcome.succeeded:
                        results[index] = outcome.value
                    elif attempt > retries or not outcome.again:
                        raise TaskFailed(name(given[index]), attempt, outcome.value) from outcome.value
                    else:
                        failed.append(index)
        finally:
            for future in futures:
                future.cancel()
        parts = [range(index, index + 1) for index in sorted(failed)]
    return [results[index] for index in range(len(given))]


def _run_batch(function: Callable[[Task], Result], tasks: Sequence[Task]) -> list[Outcome]:
    """What a worker does with the tasks it is sent: each is tried, whatever becomes of the others."""
    return [_tried(function, task) for task in tasks]


def _tried(function: Callable[[Task], Result], task: Task) -> Outcome:
    try:
        return Outcome(True, function(task))
    except Exception as problem:
        return Outcome(False, portable(problem), again=not isinstance(problem, GapsampleError))


def _outcomes(future: Future[list[Outcome]], n: int) -> list[Outcome]:
    """Outcomes of a batch of `n` tasks; what befell the whole batch befell each of them."""
    try:
        return future.result()
    except Exception as problem:  # a dead worker, or a task or result that cannot be sent
        return [Outcome(False, problem, again=True)] * n
