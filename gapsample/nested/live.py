"""The live points as contiguous arrays: who dies next, and at which rank newcomers enter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.nested.problem import Ceiling

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Live(NamedTuple):
    """Points alive, K of them; the meaning of the columns is that in `DeadPoints`.

    Attributes
    ----------
    coordinates : shape (K, n_coordinates)
    value, label, birth, birth_label, insertion, ancestor : shape (K,)
    """

    coordinates: Floats
    value: Floats
    label: Floats
    birth: Floats
    birth_label: Floats
    insertion: Floats
    ancestor: Floats

    def copy(self) -> Live:
        """Arrays of its own."""
        return Live(*(column.copy() for column in self))

    def highest(self, n: int) -> Integers:
        """The n points that die next, the highest first."""
        threshold = np.partition(self.value, -n)[-n] if n > 1 else self.value.max()
        candidates = np.flatnonzero(self.value >= threshold)
        if len(candidates) > 1:
            candidates = candidates[np.lexsort((self.label[candidates], self.value[candidates]))[::-1][:n]]
        return candidates

    def ceiling(self, index: int) -> Ceiling:
        """The contour through one point."""
        return Ceiling(float(self.value[index]), float(self.label[index]))

    def below(self, value: float, label: float) -> int:
        """How many points lie below a contour."""
        lower = int(np.count_nonzero(self.value < value))
        tied = self.value == value
        return lower + (int(np.count_nonzero(self.label[tied] < label)) if tied.any() else 0)


def survivors(uniform: Floats, dying: Integers, n_live: int) -> Integers:
    """Points chosen among those that do not die, one for each uniform number in [0, 1)."""
    chosen = (uniform * (n_live - len(dying))).astype(np.int64)
    for gap in np.sort(dying):
        chosen += chosen >= gap
    return chosen


def insertion_ranks(live: Live, dying: Integers, values: Floats, labels: Floats) -> Floats:
    """Ranks of newcomers among the survivors and the newcomers before them, scaled to (0, 1).

    The points that die lie on or above the ceiling of the newcomers, so that they never count.
    """
    ranks = np.empty(len(values))
    alive = len(live.value) - len(dying)
    for i, (value, label) in enumerate(zip(values.tolist(), labels.tolist(), strict=True)):
        rank = live.below(value, label)
        if i:
            rank += int(np.sum((values[:i] < value) | ((values[:i] == value) & (labels[:i] < label))))
        ranks[i] = (rank + 0.5) / (alive + i + 1)
    return ranks
