"""Who does the work, as every config names it: threads, processes of this machine, or a dask cluster."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import AbstractContextManager
from typing import Any, Literal

from gapsample.errors import SettingsError
from gapsample.sampling.executors import cluster, local, threads

Kind = Literal["threads", "processes", "cluster"]


def check_workers(kind: Kind, workers: int, address: str | None) -> None:
    """Refuse workers that there cannot be.

    Raises
    ------
    SettingsError
        Fewer than one, or a cluster without the address of its scheduler, or an address without a cluster.
    """
    if workers < 1:
        raise SettingsError(f"wanted one or more workers, got {workers}")
    if (kind == "cluster") != (address is not None):
        raise SettingsError("a cluster, and nothing else, needs the address of its scheduler")


def executor_of(kind: Kind, workers: int, address: str | None) -> AbstractContextManager[Executor]:
    """The workers that a config asks for."""
    makers: dict[Kind, Any] = {"threads": threads, "processes": local, "cluster": cluster}
    found: AbstractContextManager[Executor] = makers[kind](address or workers)
    return found


def check_quantum_workers(workers: int, timeout: float | None, address: str | None) -> None:
    """Refuse workers for quantum calculations that there cannot be.

    Raises
    ------
    SettingsError
        Fewer than one, no time at all, or a time limit on a cluster, whose workers may start no process.
    """
    if workers < 1 or (timeout is not None and not timeout > 0.0):
        raise SettingsError(f"wanted workers >= 1 and timeout > 0, got {workers} and {timeout}")
    if address is not None and (timeout is not None or workers > 1):
        raise SettingsError(
            "with the address of a cluster, its scheduler says how many calculations run at once, and a time "
            f"limit is to be the engine's own; leave out workers and timeout, got {workers} and {timeout}"
        )


def quantum_workers(
    workers: int, timeout: float | None, address: str | None
) -> AbstractContextManager[Executor]:
    """Workers for quantum calculations: those of a cluster, or of this machine.

    A time limit gives every calculation a process of its own, so that threads do; several workers without
    one are processes.
    """
    if address is not None:
        return executor_of("cluster", workers, address)
    return executor_of("processes" if workers > 1 and timeout is None else "threads", workers, None)
