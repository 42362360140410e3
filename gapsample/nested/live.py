"""The live points as contiguous arrays: who dies next, who is cloned, and how clones enter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled import walks_live
from gapsample.nested.problem import Ceiling, Walked

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

    def cull(self, uniform: Floats) -> tuple[Integers, Integers]:
        """Points that die next, the highest first, and survivors to be cloned, shapes (n,).

        `uniform`, shape (n,), numbers in [0, 1), chooses the survivors.
        """
        dying, parents = np.empty((2, len(uniform)), np.int64)
        walks_live.cull(self.value, self.label, uniform, dying, parents)
        return dying, parents

    def ceiling(self, index: int) -> Ceiling:
        """The contour through one point."""
        return Ceiling(float(self.value[index]), float(self.label[index]))

    def highest(self) -> Ceiling:
        """The contour through the point that dies next."""
        return self.ceiling(self.cull(np.zeros(1))[0][0])

    def enter(
        self, dying: Integers, parents: Integers, ceiling: Ceiling, walked: Walked, uniform: Floats
    ) -> Floats:
        """Put clones in the place of the dying; return the ranks of ancestors and clones, shape (2, n).

        A label is a sampled coordinate: on the plateau of the ceiling it is uniform below the ceiling's own.
        `uniform`, shape (n,), becomes the labels.
        """
        labels = np.where(walked.values < ceiling.value, uniform, uniform * ceiling.label)
        ranks = np.empty((2, len(dying)))
        walks_live.rank(self.value, self.label, parents, walked.values, labels, ranks[0], ranks[1])
        self.coordinates[dying] = walked.coordinates
        self.value[dying], self.label[dying] = walked.values, labels
        self.birth[dying], self.birth_label[dying] = ceiling
        self.ancestor[dying], self.insertion[dying] = ranks
        return ranks
