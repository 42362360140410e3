"""Threads over centres: each thread adds to arrays of its own, summed at the end."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

Integers = NDArray[np.int64]

SMALLEST_SHARE = 32  # centres; below this a second thread costs more than it brings


def n_threads() -> int:
    """Threads of one evaluation: the environment's GAPSAMPLE_THREADS, else 1."""
    return max(1, int(os.environ.get("GAPSAMPLE_THREADS", "1")))


def over_ranges(
    kernel: Callable[..., None],
    model: tuple[Any, ...],
    centres: Integers,
    neighbours: tuple[Any, ...],
    outputs: tuple[Any, ...],
) -> None:
    """Run ``kernel(*model, share, *neighbours, *outputs)`` on shares of the centres and sum the outputs.

    `outputs` are (energies, explained, forces, virial); None ones are replaced by empty arrays.
    """
    energies, explained, forces, virial = outputs
    given = (
        energies,
        np.empty(0) if explained is None else explained,
        np.empty((0, 0, 3)) if forces is None else forces,
        np.zeros((0 if forces is None else len(forces), 3, 3)) if virial is None else virial,
    )
    workers = min(n_threads(), max(1, len(centres) // SMALLEST_SHARE))
    if workers == 1:
        kernel(*model, centres, *neighbours, *given)
        return
    shares = np.array_split(centres, workers)
    own = [given] + [tuple(np.zeros_like(a) for a in given) for _ in range(workers - 1)]
    with blas_pools().limit(limits=1, user_api="blas"):
        tasks = [
            _pool(workers).submit(kernel, *model, share, *neighbours, *mine)
            for share, mine in zip(shares, own, strict=True)
        ]
        for task in tasks:
            task.result()
    for mine in own[1:]:
        for total, part in zip(given, mine, strict=True):
            total += part


@lru_cache(maxsize=4)
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="gapsample")


@lru_cache(maxsize=1)
def blas_pools() -> ThreadpoolController:
    """Finding the thread pools of this process takes milliseconds; they do not change."""
    return ThreadpoolController()
