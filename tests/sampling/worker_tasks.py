"""What workers are given to do in the tests: at the head of a module, so that any process finds it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from gapsample.errors import InputError, UnknownSpecies


def square(x: int) -> int:
    return x * x


def process(_: Any = None) -> int:
    return os.getpid()


def slow_square(x: int) -> int:
    time.sleep(0.05 * (x % 3 == 0))
    return x * x


def drawn(walker: int) -> float:
    from gapsample.rng import stream

    return float(stream(5, 0, walker, 2).normal())


def log_and_square(task: tuple[str, int]) -> int:
    """Leave a line for every time the task is begun."""
    folder, x = task
    with Path(folder, f"task-{x}").open("a") as log:
        log.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    return x * x


def die_once_then_square(task: tuple[str, int]) -> int:
    """Die by SIGKILL the first time task 2 is run."""
    folder, x = task
    begun = Path(folder, f"task-{x}").exists()
    with Path(folder, f"task-{x}").open("a") as log:
        log.write(f"{os.getpid()}\n")
    time.sleep(0.2)
    if x == 2 and not begun:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.2)
    return x * x


def die(_: Any = None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(_: Any = None) -> None:
    sys.exit(3)


def fail_at_first(task: tuple[str, int]) -> int:
    """Raise an OSError the first time."""
    folder, x = task
    mark = Path(folder, f"failed-{x}")
    if not mark.exists():
        mark.touch()
        raise OSError(f"the disk of {x} is busy")
    return x


def fail_on_odd(x: int) -> int:
    if x % 2:
        raise ZeroDivisionError(f"{x} is odd")
    return x


def refuse(task: tuple[str, int]) -> int:
    log_and_square(task)
    raise InputError("no such atoms")


def know_no_gold(_: Any = None) -> None:
    raise UnknownSpecies(["Au"], ["Si"])


def answer_with_a_lambda(_: Any = None) -> Any:
    return lambda: 1


def wait(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def thread_counts(_: Any = None) -> tuple[list[int], str]:
    """Threads of every pool in the process after BLAS was used, and what numba would take."""
    import numpy as np
    from threadpoolctl import threadpool_info

    np.ones((64, 64)) @ np.ones((64, 64))
    return [pool["num_threads"] for pool in threadpool_info()], os.environ["NUMBA_NUM_THREADS"]


def numpy_is_loaded(_: Any = None) -> bool:
    return "numpy" in sys.modules
