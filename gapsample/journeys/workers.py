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


def quantum_workers(workers: int, timeout: float | None) -> AbstractContextManager[Executor]:
    """Workers for quantum calculations.

    A time limit gives every calculation a process of its own, so that threads do; several workers without
    one are processes.
    """
    return executor_of("processes" if workers > 1 and timeout is None else "threads", workers, None)
