"""Bookkeeping of live points, which would cost more than the walks of small clusters in plain Python."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@njit
def _above(value: float, label: float, other_value: float, other_label: float) -> bool:
    return value > other_value or (value == other_value and label > other_label)


@njit
def cull(value: Floats, label: Floats, uniform: Floats, dying: Integers, parents: Integers) -> None:
    """Find the highest points, into `dying`, the highest first, and choose `parents` among the others.

    Parameters
    ----------
    value, label : shape (K,)
    uniform : shape (n,), numbers in [0, 1) that choose the parents
    dying, parents : shape (n,), written
    """
    n, filled = len(dying), 0
    for i in range(len(value)):
        v, u = value[i], label[i]
        if filled == n and not _above(v, u, value[dying[n - 1]], label[dying[n - 1]]):
            continue
        place = min(filled, n - 1)
        while place > 0 and _above(v, u, value[dying[place - 1]], label[dying[place - 1]]):
            dying[place] = dying[place - 1]
            place -= 1
        dying[place] = i
        filled = min(filled + 1, n)
    gaps = np.sort(dying)
    for i in range(n):
        chosen = int(uniform[i] * (len(value) - n))
        for gap in gaps:
            chosen += chosen >= gap
        parents[i] = chosen


@njit
def count_below(value: Floats, label: Floats, v: float, u: float) -> int:
    """How many of the points, shape (K,), lie below the contour (v, u)."""
    lower, tied = 0, 0
    for i in range(len(value)):
        lower += value[i] < v
        tied += value[i] == v
    if tied:
        for i in range(len(value)):
            lower += value[i] == v and label[i] < u
    return lower


@njit
def rank(
    value: Floats,
    label: Floats,
    parents: Integers,
    new_value: Floats,
    new_label: Floats,
    ancestor: Floats,
    insertion: Floats,
) -> None:
    """Ranks of parents among the survivors, and of clones among these and the clones before, in (0, 1).

    The points that die lie on or above the ceiling of the clones, so that they never count.

    Parameters
    ----------
    value, label : shape (K,), of the points alive before the clones enter, the dying included
    parents, new_value, new_label : shape (n,)
    ancestor, insertion : shape (n,), written
    """
    n = len(parents)
    alive = len(value) - n
    for i in range(n):
        parent = parents[i]
        ancestor[i] = (count_below(value, label, value[parent], label[parent]) + 0.5) / alive
        place = count_below(value, label, new_value[i], new_label[i])
        place += count_below(new_value[:i], new_label[:i], new_value[i], new_label[i])
        low = new_label[i] * 2.0**26  # its low bits, independent of its order, make the rank continuous
        insertion[i] = (place + (low - np.floor(low))) / (alive + i + 1)
