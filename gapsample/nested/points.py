"""Dead points: what nested sampling leaves behind, and everything its analysis needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class DeadPoints:
    """Points in the order of their deaths, the highest first; n of them.

    A point dies at the contour (value, label): labels are uniform in (0, 1) and order points of equal
    value, so that no two contours coincide. It was born below the contour (birth, birth_label).

    Attributes
    ----------
    value, label : shape (n,); energy or enthalpy, and what breaks ties
    birth, birth_label : shape (n,); the ceiling under which the point was made, ``inf`` for the prior
    insertion : shape (n,); rank at birth among the others alive, scaled to (0, 1); NaN for the prior
    ancestor : shape (n,); rank of the point it was cloned from, likewise
    observables : arrays of first dimension n, such as ``"volume"`` (Å^3) or ``"composition"``
    """

    value: Floats
    birth: Floats
    label: Floats
    birth_label: Floats
    insertion: Floats
    ancestor: Floats
    observables: Mapping[str, Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "observables"}
        lengths = {name: len(array) for name, array in (columns | dict(self.observables)).items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"dead points need columns of one length, got {lengths}")
        wrong = ~((self.birth > self.value) | ((self.birth == self.value) & (self.birth_label > self.label)))
        if wrong.any():
            first = int(np.argmax(wrong))
            raise InputError(
                f"{wrong.sum()} of {len(wrong)} points do not lie below the ceiling of their birth; the "
                f"first, number {first}, has value {self.value[first]} and birth {self.birth[first]}; "
                "check that births and values are not exchanged and that none is NaN"
            )

    def __len__(self) -> int:
        return len(self.value)

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> DeadPoints:
        """Some of the points, in the order given."""
        columns = {f.name: getattr(self, f.name)[chosen] for f in fields(self) if f.name != "observables"}
        return DeadPoints(**columns, observables={k: v[chosen] for k, v in self.observables.items()})


def merge(runs: Sequence[DeadPoints]) -> DeadPoints:
    """One run out of several, exactly: as if it had had the live points of all of them together.

    Observables that not every run has are refused, so that nothing is dropped unseen.

    References
    ----------
    Skilling, Bayesian Analysis 1, 833 (2006), sec. 4; Higson et al., Stat. Comput. 29, 891 (2019).
    """
    if not runs:
        raise InputError("merging needs at least one run, got none")
    names = [set(run.observables) for run in runs]
    if any(own != names[0] for own in names):
        raise InputError(f"runs to merge must hold the same observables, got {[sorted(n) for n in names]}")
    columns = {
        f.name: np.concatenate([getattr(run, f.name) for run in runs])
        for f in fields(DeadPoints)
        if f.name != "observables"
    }
    observables = {k: np.concatenate([run.observables[k] for run in runs]) for k in sorted(names[0])}
    return in_order(DeadPoints(**columns, observables=observables))


def in_order(points: DeadPoints) -> DeadPoints:
    """The same points, sorted by their deaths."""
    return points.take(np.lexsort((points.label, points.value))[::-1])


def live_numbers(points: DeadPoints) -> Integers:
    """How many points are alive when each dies, itself included, shape (n,); `points` in order.

    A point is alive at a contour if it was born above it and lies on or below it. Batches of culls, merged
    runs and the last live points, which nobody replaces, all follow from this count.
    """
    n = len(points)
    value = np.concatenate((points.value, points.birth))
    label = np.concatenate((points.label, points.birth_label))
    is_death = np.concatenate((np.ones(n, bool), np.zeros(n, bool)))
    descending = np.lexsort((is_death, label, value))[::-1]
    deaths = is_death[descending]
    born_above = np.cumsum(~deaths)[deaths]
    return born_above - np.arange(n)
