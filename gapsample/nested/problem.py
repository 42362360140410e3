"""What nested sampling asks of a problem: draw the prior, walk below a ceiling, look at a point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import UnknownName

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]


class Ceiling(NamedTuple):
    """A contour: allowed are points of lower value, and those of equal value with a lower label.

    A walk carries no label. It accepts a trial of lower value always; a trial of equal value always if it
    stands on the plateau already, else with probability `label`: the Metropolis rule for a density that is 1
    below the plateau and `label` on it, which is what uniform labels leave of the joint prior.
    """

    value: float
    label: float


class Walk(NamedTuple):
    """Clones to be walked; a task that may be sent anywhere.

    Attributes
    ----------
    coordinates : shape (m, n_coordinates)
    values : shape (m,)
    ceiling : never to be passed
    steps : shape (n_moves,), step size of each kind of move
    length : how far to walk, in units of the problem, such as sweeps over all atoms
    keys : shape (m,); all randomness of a clone follows from its key, and the result from the task alone
    """

    coordinates: Floats
    values: Floats
    ceiling: Ceiling
    steps: Floats
    length: int
    keys: Keys


class Walked(NamedTuple):
    """Clones where their walks ended.

    Attributes
    ----------
    coordinates, values : as in `Walk`, new arrays
    tried, accepted : shape (m, n_moves), trial moves of each clone
    failed : shape (m,), evaluations that raised or gave no finite value; each refused the move that asked
    """

    coordinates: Floats
    values: Floats
    tried: Integers
    accepted: Integers
    failed: Integers


class Problem(Protocol):
    """A prior and a value over it. Values of equal points are equal to the last bit."""

    @property
    def n_coordinates(self) -> int:
        """Numbers that make a point."""
        ...

    @property
    def largest_steps(self) -> Floats:
        """Largest useful step size of each kind of move, shape (n_moves,); ``inf`` for one without a size."""
        ...

    @property
    def move_names(self) -> tuple[str, ...]:
        """What each kind of move is called, such as ``"atom"`` or ``"volume"``."""
        ...

    @property
    def fingerprint(self) -> str:
        """Text that differs wherever the answers would; a run is resumed with the same one only."""
        ...

    def draw(self, keys: Keys) -> tuple[Floats, Floats]:
        """Prior draws, one for each key: coordinates (m, n_coordinates) and values (m,)."""
        ...

    def walk(self, task: Walk) -> Walked:
        """Walk clones below a ceiling."""
        ...

    def atoms(self, coordinates: Floats) -> Atoms:
        """One point, shape (n_coordinates,), as a configuration."""
        ...

    def observe(self, coordinates: Floats) -> Mapping[str, Floats]:
        """Whatever shall be kept of each dead point, by name: arrays of first dimension m."""
        ...


def observed(problem: Problem, coordinates: Floats, name: str) -> Floats:
    """One observable of points, shape (m, n_coordinates) -> (m,).

    Raises
    ------
    UnknownName
        The problem does not observe it.
    """
    seen = problem.observe(coordinates)
    if name not in seen:
        raise UnknownName("observable", name, list(seen))
    return seen[name]
