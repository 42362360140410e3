"""An executor of worker processes of which each may die without harm to the others' tasks.

`concurrent.futures.ProcessPoolExecutor` ends all its workers when one of them dies, and every task in
flight is lost with them. Here each process has a pipe and a thread of its own.
"""

from __future__ import annotations

import queue
import reprlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

from gapsample.errors import GapsampleError, InputError
from gapsample.sampling.workers import ProcessDied, Worker

Result = TypeVar("Result")


class WorkerDied(GapsampleError):
    """A task whose worker processes died again and again."""

    def __init__(self, task: str, deaths: int, manner: str) -> None:
        self.task, self.deaths, self.manner = task, deaths, manner
        super().__init__(
            f"the worker process of {task} died {deaths} times ({manner}); if memory is short try "
            "fewer workers or smaller tasks, and protect a script's own commands by "
            'if __name__ == "__main__"'
        )

    def __reduce__(self) -> tuple[type[WorkerDied], tuple[str, int, str]]:
        return type(self), (self.task, self.deaths, self.manner)


class Resilient(Executor):
    """Spawned processes, one BLAS and one numba thread each.

    A task whose worker dies runs again in a new worker; exceptions of a task are handed on as they are,
    with the worker's traceback as a note. Ctrl-C reaches this process only.

    Parameters
    ----------
    n_workers : processes; each is started when first needed
    retries : how often a task may be run again after its worker died

    Attributes
    ----------
    deaths : how many workers have died so far
    """

    def __init__(self, n_workers: int, *, retries: int = 2) -> None:
        if n_workers < 1 or retries < 0:
            raise InputError(f"wanted at least one worker and retries >= 0, got {n_workers} and {retries}")
        self.n_workers, self.retries, self.deaths = n_workers, retries, 0
        self._workers = [Worker() for _ in range(n_workers)]
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._threads = ThreadPoolExecutor(n_workers, thread_name_prefix="gapsample worker")
        self._counting, self._stopped = threading.Lock(), False

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Queue ``fn(*args, **kwargs)``, all of it picklable."""
        return self._threads.submit(self._run, fn, args, kwargs)

    def _run(self, fn: Callable[..., Result], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Result:
        worker = self._idle.get()
        try:
            deaths = 0
            while True:
                try:
                    return worker.run(fn, args, kwargs)
                except ProcessDied as death:
                    deaths += 1
                    self._count_death()
                    if deaths > self.retries or self._stopped:
                        raise WorkerDied(_called(fn, args), deaths, str(death)) from death
        finally:
            self._idle.put(worker)

    def _count_death(self) -> None:
        with self._counting:
            self.deaths += 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks, and end the workers once they are idle."""
        self._threads.shutdown(wait=wait, cancel_futures=cancel_futures)
        if wait:
            for worker in self._workers:
                worker.close()

    def stop(self) -> None:
        """Kill the workers and cancel all tasks, those in progress too."""
        self._stopped = True
        for worker in self._workers:
            worker.kill()
        self.shutdown(cancel_futures=True)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self.stop()  # a second Ctrl-C does not wait for tasks
        self.shutdown(cancel_futures=kind is not None)


def _called(fn: Callable[..., Any], args: tuple[Any, ...]) -> str:
    return f"{getattr(fn, '__qualname__', repr(fn))}{reprlib.repr(args)}"
