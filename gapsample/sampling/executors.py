"""Many tasks at once behind one seam, `concurrent.futures.Executor`: threads, processes, a cluster.

A task is a module-level function of picklable arguments that may be run twice without harm, and draws its
random numbers from `gapsample.rng.stream(seed, run, walker, iteration)` made inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def threads(n_workers: int) -> ThreadPoolExecutor:
    """Threads of this process: for tasks that release the GIL."""
    raise NotImplementedError


def local(n_workers: int, *, retries: int = 2) -> Resilient:
    """Processes of this machine, spawned, each with one BLAS and one numba thread.

    A worker that dies costs its task only: that task runs again in a new worker, at most `retries` times.
    """
    raise NotImplementedError


def cluster(address: str | Any, *, retries: int = 2) -> Executor:
    """Workers of a dask cluster (extra ``gapsample[cluster]``); `address` of its scheduler, or a Client.

    Tasks are never taken for pure functions, so that two equal ones run twice. Give each a second or more
    of work (`run_all` has `batch`).
    """
    raise NotImplementedError


def run_all(
    executor: Executor,
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    retries: int = 1,
    batch: int = 1,
    name: Callable[[Task], str] = repr,
) -> list[Result]:
    """Results of ``function(task)`` in the order of the tasks.

    Parameters
    ----------
    retries : how often a task that raised is run again; a `GapsampleError` is never retried
    batch : tasks sent together, so that what is sent lasts long enough
    name : what a task is called in errors

    Raises
    ------
    TaskFailed
        A task failed every time; the last exception is its cause. The other tasks are cancelled.
    """
    raise NotImplementedError


class Resilient(Executor):
    """Worker processes of which each may die without harm to the others' tasks."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Queue a task."""
        raise NotImplementedError
