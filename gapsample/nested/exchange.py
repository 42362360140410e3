"""Replica exchange: runs at several pressures in lockstep, whose live points change places.

Where phases compete, points of one run may be cut off from the phase that will win, while at another
pressure the way between them is still open. Points that change places carry the news, in both directions.

The live points of run i are uniform over all (point, label) below its ceiling, and independent of those of
run j. Two of them change places if each lies below the other's ceiling: a move that is its own inverse and
leaves the product of the two densities as it is. The label is a sampled coordinate and travels with its
point, so that plateaus need no rule of their own. What belongs to a *place* stays: the contour under which it
was filled, and the ranks of the clone that filled it. Each run thus keeps one birth for each death and one
rank for each clone: live numbers, merging and the insertion test hold for it as if it had been alone. A birth
is then a contour below which the point lies, not always the one under which it was made.

References
----------
Unglert, Pártay & Madsen, J. Chem. Theory Comput. (2025), arXiv:2505.04390.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import NamedTuple, Protocol

import numpy as np
from numpy.random import PCG64, Generator
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.nested.engine import Stepper
from gapsample.nested.live import Live
from gapsample.nested.problem import Ceiling, Floats, Problem
from gapsample.nested.settings import Settings
from gapsample.nested.state import Records, State, Story
from gapsample.sampling.executors import run_all

SWAPS = np.dtype([("lower", "i8"), ("n_dead", "i8"), ("tried", "i8"), ("accepted", "i8")])
PRIOR_DRAWS = np.arange(64, dtype=np.uint64)
WORDS = 4


class Exchangeable(Problem, Protocol):
    """A problem that values points sampled by another."""

    def values(self, points: Floats, /) -> Floats:
        """Values of points, shape (m, n_coordinates) -> (m,); NaN where there is none."""
        ...


class Family(NamedTuple):
    """Where runs in lockstep stand, in the order of their problems."""

    runs: tuple[State, ...]


class FamilyStory(NamedTuple):
    """What happened in one step.

    Attributes
    ----------
    runs : of each run, None if it rested
    swaps : one record of dtype `SWAPS` for each pair of neighbors; `lower` is the number of its first run
    """

    runs: tuple[Story | None, ...]
    swaps: Records


class FamilyStepper:
    """``step(family, rng) -> (family, story)``: each run takes a step of its own, then neighbors exchange.

    Parameters
    ----------
    problems : of one prior, and of values that change little from one to the next
    settings, inverse_temperature : of every run, see `Stepper`
    rests : whether a run, by its state, can go no further; it then neither steps nor exchanges
    n_swaps : attempts between each two neighbors
    executor : runs the steps side by side; the numbers do not depend on it

    Raises
    ------
    InputError
        The problems differ in their prior, or are fewer than two, or `n_swaps` does not fit.
    """

    def __init__(
        self,
        problems: Sequence[Exchangeable],
        settings: Settings,
        *,
        inverse_temperature: float,
        rests: Callable[[int, State], bool],
        n_swaps: int,
        executor: Executor | None = None,
    ) -> None:
        check_priors(problems)
        if not 0 <= n_swaps <= settings.n_live:
            raise InputError(
                f"attempts to exchange must lie between 0 and n_live = {settings.n_live}, got {n_swaps}"
            )
        self.problems, self.rests, self.n_swaps, self.executor = problems, rests, n_swaps, executor
        self.steppers = [Stepper(p, settings, inverse_temperature=inverse_temperature) for p in problems]

    def __call__(self, family: Family, rng: Generator) -> tuple[Family, FamilyStory]:
        """Take one step; neither `family` nor its arrays are altered."""
        words = rng.integers(2**64, size=(len(family.runs), WORDS), dtype=np.uint64).tolist()
        going = [i for i, run in enumerate(family.runs) if not self.rests(i, run)]
        tasks = [_Task(self.steppers[i], family.runs[i], words[i]) for i in going]
        stepped = map(_advanced, tasks) if self.executor is None else run_all(self.executor, _advanced, tasks)
        runs: list[State] = list(family.runs)
        stories: list[Story | None] = [None] * len(runs)
        for i, (state, story) in zip(going, stepped, strict=True):
            runs[i], stories[i] = state, story
        pairs = [lower for lower in going if lower + 1 in going]
        swaps = np.zeros(len(pairs), SWAPS)
        for row, i in enumerate(pairs):
            (one, other), accepted = exchanged(
                self._side(i, runs), self._side(i + 1, runs), self.n_swaps, rng
            )
            runs[i] = replace(runs[i], live=one)
            runs[i + 1] = replace(runs[i + 1], live=other)
            swaps[row] = (i, runs[i].n_dead, self.n_swaps, accepted)
        return Family(tuple(runs)), FamilyStory(tuple(stories), swaps)

    def _side(self, i: int, runs: Sequence[State]) -> Side:
        return Side(self.problems[i], runs[i].live, runs[i].ceiling)


class Side(NamedTuple):
    """One of two runs that exchange points."""

    problem: Exchangeable
    live: Live
    ceiling: Ceiling


def exchanged(one: Side, other: Side, n_swaps: int, rng: Generator) -> tuple[tuple[Live, Live], int]:
    """Let random points of two runs change places where both ceilings allow it.

    Returns
    -------
    the live points of both after it, and how many changed places
        Births and ranks stay with their places; see the head of this file.
    """
    here = rng.permutation(len(one.live.value))[:n_swaps]
    there = rng.permutation(len(other.live.value))[:n_swaps]
    arriving = one.problem.values(other.live.coordinates[there])
    leaving = other.problem.values(one.live.coordinates[here])
    allowed = _below(arriving, other.live.label[there], one.ceiling)
    allowed &= _below(leaving, one.live.label[here], other.ceiling)
    here, there = here[allowed], there[allowed]
    first = _placed(one.live, here, other.live, there, arriving[allowed])
    second = _placed(other.live, there, one.live, here, leaving[allowed])
    return (first, second), len(here)


def check_priors(problems: Sequence[Exchangeable]) -> None:
    """Refuse problems between which points cannot change places: the same keys must draw the same points."""
    if len(problems) < 2:
        raise InputError(f"an exchange needs two or more problems, got {len(problems)}; use `run` for one")
    first, *others = (problem.draw(PRIOR_DRAWS)[0] for problem in problems)
    for number, drawn in enumerate(others, start=1):
        if not np.array_equal(first, drawn):
            raise InputError(
                f"problems that exchange points need one prior, but numbers 0 and {number} draw unlike "
                "points; let them differ in pressure, chemical potential or potential only"
            )


class _Task(NamedTuple):
    """The step of one run, with random numbers of its own; it may be sent anywhere."""

    stepper: Stepper
    state: State
    words: list[int]


def _advanced(task: _Task) -> tuple[State, Story]:
    return task.stepper(task.state, Generator(PCG64(task.words)))


def _below(values: Floats, labels: Floats, ceiling: Ceiling) -> NDArray[np.bool_]:
    return (values < ceiling.value) | ((values == ceiling.value) & (labels < ceiling.label))


def _placed(
    live: Live, places: NDArray[np.int64], source: Live, chosen: NDArray[np.int64], values: Floats
) -> Live:
    """Points of another run in some places, valued anew."""
    after = live.copy()
    after.coordinates[places] = source.coordinates[chosen]
    after.label[places] = source.label[chosen]
    after.value[places] = values
    return after
