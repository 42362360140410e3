"""Prior volumes enclosed by the contours of dead points: expected, and simulated for error bars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WIDEST_BLOCK = 60.0  # nats of log volume, far from under- and overflow of exp
LONGEST_BLOCK = 4096


def expected_log_volumes(n_live: Integers) -> Floats:
    """E[log X] after each death, shape (n,): the volume shrinks by t ~ Beta(k, 1) with k points alive."""
    return -np.cumsum(1.0 / n_live)


def expected_log_shells(n_live: Integers) -> Floats:
    """Log prior mass that each dead point stands for, by the trapezium rule in X; masses sum to 1."""
    x = expected_log_volumes(n_live)
    between = np.concatenate(([0.0], np.logaddexp(x[:-1], x[1:]) - np.log(2.0), [-np.inf]))
    return between[:-1] + np.log(-np.expm1(between[1:] - between[:-1]))


def simulated_log_shells(n_live: Integers, n_draws: int, rng: Generator) -> Iterator[tuple[slice, Floats]]:
    """Log prior mass of each dead point for several histories of shrinkage, block by block.

    Yields
    ------
    slice of the points, log masses of shape (n_draws, n_block)
        The mass is that between a contour and the one before: independent exponential fluctuations of
        every point, which also carry the scatter of observables at a given value.
    """
    before = np.zeros((n_draws, 1))
    for block in blocks(n_live):
        shrinkage = -rng.standard_exponential((n_draws, block.stop - block.start)) / n_live[block]
        after = before + np.cumsum(shrinkage, axis=1)
        yield block, after - shrinkage + np.log(-np.expm1(shrinkage))
        before = after[:, -1:]


def blocks(n_live: Integers) -> Iterator[slice]:
    """Cut the points into blocks, each of a bounded range of log volume and a bounded length."""
    depth = -expected_log_volumes(n_live)
    start = 0
    while start < len(n_live):
        deepest = depth[start] + WIDEST_BLOCK
        stop = min(int(np.searchsorted(depth, deepest)), start + LONGEST_BLOCK, len(n_live))
        yield slice(start, max(stop, start + 1))
        start = max(stop, start + 1)
