"""A worker process: how it is started, fed with one task at a time, and found dead.

This file and what it imports is all that a new process loads before it knows its task: numpy must come
later, when the environment already says that it may use one thread.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

from gapsample.errors import GapsampleError

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "GAPSAMPLE_THREADS",
)


class ProcessDied(Exception):
    """The worker process ended without an answer; `exitcode` is negative for a signal."""

    def __init__(self, exitcode: int | None) -> None:
        self.exitcode = exitcode
        super().__init__(_manner_of(exitcode))


class Worker:
    """One spawned process that runs the tasks it is given, one after the other; started at the first."""

    def __init__(self) -> None:
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection[Any, Any] | None = None

    def run(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """As `call`, in a process that is started if none runs."""
        self.start()
        return self.call(function, args, kwargs)

    def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Result of the call in the process, or the exception it raised there; `ProcessDied` if it died."""
        task = ForkingPickler.dumps((function, args, dict(kwargs)))
        assert self._pipe is not None  # it was started
        try:
            self._pipe.send_bytes(task)
            answer = self._pipe.recv_bytes()
        except (EOFError, OSError) as problem:
            raise ProcessDied(self._buried()) from problem
        succeeded, value = pickle.loads(answer)
        if not succeeded:
            raise value
        return value

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Let the process end after its task, and wait for that."""
        if self._pipe is not None:
            self._pipe.close()
        if self._process is not None:
            self._process.join()
        self._process = self._pipe = None

    def start(self) -> None:
        """Start the process, unless it runs."""
        if self._process is not None and self._process.is_alive():
            return
        self.close()
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs,), daemon=True, name="gapsample worker")
        self._process.start()
        theirs.close()

    def _buried(self) -> int | None:
        process = self._process
        assert process is not None
        process.join()
        exitcode = process.exitcode
        self.close()
        return exitcode


def serve(pipe: Connection[Any, Any]) -> None:
    """Answer tasks until the other end of the pipe is closed, by will or by the death of its owner."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that owns the run
    use_one_thread()
    while True:
        try:
            task = pipe.recv_bytes()
        except (EOFError, OSError):
            return
        answer = _answer(task)
        try:
            pipe.send_bytes(answer)
        except OSError:
            return


def use_one_thread() -> None:
    """Give BLAS, OpenMP and numba one thread in this process, whether they are loaded already or later."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


def _answer(task: bytes) -> bytes:
    """The pickled pair (True, result) or (False, exception)."""
    try:
        function, args, kwargs = pickle.loads(task)
        return bytes(ForkingPickler.dumps((True, function(*args, **kwargs))))
    except Exception as problem:
        return bytes(ForkingPickler.dumps((False, portable(problem))))


def portable(problem: Exception) -> Exception:
    """The exception with its traceback as a note; one that cannot be pickled becomes a plainer one."""
    story = "".join(traceback.format_exception(problem))
    problem.add_note(f"where the task ran:\n{story}")
    problem.__cause__ = problem.__context__ = None
    try:
        pickle.loads(ForkingPickler.dumps(problem))
    except Exception:  # whatever an exception's own pickling may raise
        plainer = GapsampleError if isinstance(problem, GapsampleError) else RuntimeError
        return plainer(f"{type(problem).__name__}: {problem}\nwhere the task ran:\n{story}")
    return problem


def _manner_of(exitcode: int | None) -> str:
    if exitcode is None or exitcode >= 0:
        return f"it ended with exit status {exitcode}"
    try:
        return f"it was ended by {signal.Signals(-exitcode).name}"
    except ValueError:
        return f"it was ended by signal {-exitcode}"
