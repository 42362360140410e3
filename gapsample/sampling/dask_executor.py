"""A dask cluster as an executor: no task passes for a pure function, and a dead worker's tasks run again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any, TypeVar

from distributed import Client
from distributed.cfexecutor import ClientExecutor

from gapsample.errors import InputError

Result = TypeVar("Result")


class DaskExecutor(Executor):
    """Tasks on a dask cluster; see `gapsample.sampling.executors.cluster`.

    By itself `Client.get_executor` takes every function for pure and hands out one result for all equal
    calls: here every task runs.
    """

    def __init__(self, address: Any, *, retries: int) -> None:
        self._own = not isinstance(address, Client)
        try:
            self.client = Client(address) if self._own else address
        except OSError as problem:  # dask's TimeoutError among them
            raise InputError(f"no dask scheduler answers at {address}; start one or correct it") from problem
        self._executor = ClientExecutor(self.client, pure=False, retries=retries)

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """Queue ``fn(*args, **kwargs)``, all of it picklable."""
        return self._executor.submit(partial(fn, *args, **kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; a client that this executor made is closed, the cluster goes on."""
        self._executor.shutdown(wait=wait and not cancel_futures)
        if self._own:
            self.client.close()
