"""A potential that answers in time or is ended."""

from __future__ import annotations

import multiprocessing
import queue
import threading
from typing import Any

from ase import Atoms

from gapsample.errors import GapsampleError, InputError
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.sampling.workers import ProcessDied, Worker


class TimedOut(GapsampleError):
    """An evaluation that took too long; its process was killed."""

    def __init__(self, n_atoms: int, seconds: float) -> None:
        self.n_atoms, self.seconds = n_atoms, seconds
        super().__init__(
            f"the evaluation of {n_atoms} atoms did not end within {seconds} s and was killed; allow more "
            "time, or give the engine settings that converge"
        )

    def __reduce__(self) -> tuple[type[TimedOut], tuple[int, float]]:
        return type(self), (self.n_atoms, self.seconds)


class InTime:
    """A potential whose evaluations run in worker processes that are killed when their time is up.

    Evaluations from several threads run at once, each in a process of its own. The potential is sent along
    with every task: it must be picklable, and keeps no memory from one evaluation to the next.

    Parameters
    ----------
    potential : the Potential
    seconds : allowed for one evaluation, the start of a process among them
    """

    def __init__(self, potential: Potential, seconds: float) -> None:
        if not seconds > 0.0:
            raise InputError(f"a time limit wants seconds > 0, got {seconds}")
        self.potential, self.seconds = potential, seconds
        self._idle: queue.LifoQueue[Worker] = queue.LifoQueue()

    def __reduce__(self) -> tuple[type[InTime], tuple[Potential, float]]:
        return type(self), (self.potential, self.seconds)

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """As the potential's own.

        Raises
        ------
        TimedOut
            It did not end in time.
        ProcessDied
            Its process ended without an answer.
        InputError
            This process may not start others (it is itself a worker of ``executors.local``).
        """
        if multiprocessing.current_process().daemon:
            raise InputError(
                "a worker process cannot start the process that a time limit needs; run the engine in "
                "threads (executors.threads), each of which has a process of its own"
            )
        wanted = {"forces": forces, "virial": virial, "error": error}
        try:
            worker = self._idle.get_nowait()
        except queue.Empty:
            worker = Worker()
        try:
            return self._run(worker, atoms, wanted)
        finally:
            self._idle.put(worker)

    def _run(self, worker: Worker, atoms: Atoms, wanted: dict[str, Any]) -> Evaluation:
        late = threading.Event()

        def end() -> None:
            late.set()
            worker.kill()

        worker.start()  # an alarm before that would find nothing to kill
        alarm = threading.Timer(self.seconds, end)
        alarm.start()
        try:
            found: Evaluation = worker.call(_evaluated, (self.potential, atoms), wanted)
        except ProcessDied:
            if late.is_set():
                raise TimedOut(len(atoms), self.seconds) from None
            raise
        finally:
            alarm.cancel()
            alarm.join()
            if late.is_set():
                worker.close()  # so that the next task does not meet a process about to die
        return found

    def close(self) -> None:
        """End the worker processes that wait for work; they start again when needed."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


def _evaluated(potential: Potential, atoms: Atoms, **wanted: Any) -> Evaluation:
    return potential.evaluate(atoms, **wanted)
