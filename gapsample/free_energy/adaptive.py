"""Exploration that grows from one basin: windows are put where they teach most, until the answer is known.

No grid is laid beforehand. Windows are chosen among places one step from those already sampled where F is
expected to be low enough; a round of them runs in parallel; then the surface is fitted anew to everything,
its hyper-parameters too. An end is believed only of the surface of all that the samples say (`reconstruct`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Protocol

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from gapsample.errors import InputError
from gapsample.free_energy import round_files
from gapsample.free_energy.campaign import run_windows
from gapsample.free_energy.estimators import FEW, gradient_averages
from gapsample.free_energy.fitting import Options
from gapsample.free_energy.placement import Goal, Proposal, cover, distances, places, propose, unseen
from gapsample.free_energy.reconstruction import reconstruct
from gapsample.free_energy.round_files import Round
from gapsample.free_energy.samples import Samples, Window, WindowRun
from gapsample.free_energy.surface import Surface
from gapsample.free_energy.variables import Periods
from gapsample.free_energy.windows import Ensemble, Schedule
from gapsample.rng import stream

Floats = NDArray[np.float64]

START = -1  # parent of windows that begin from the given configuration
DIGITS = 6  # of a step, to which centers are rounded


class Ending(Enum):
    """Why an exploration ended; the text says what to try."""

    CONVERGED = "the wanted error is reached; the surface is ready to be used"
    WINDOW_LIMIT = "the limit on windows is reached; raise it, or sample each window longer, and run again"
    CLOSED = (
        "nothing within a step of the windows is expected to lie below the limit; raise `below`, or begin in "
        "a lower basin"
    )


class Sampler(Protocol):
    """Samples windows; the exploration does not ask how."""

    def __call__(self, windows: Sequence[Window], parents: Sequence[int], first: int) -> list[Samples]:
        """Samples of each window, in order.

        Parameters
        ----------
        parents : number of the window from whose last configuration each may begin, -1 for the start; all of
            earlier calls
        first : number of the first of these windows
        """
        ...


@dataclass
class Campaign:
    """A `Sampler` that runs dynamics through an executor; its folder keeps every finished window.

    Attributes
    ----------
    start : where the exploration begins
    model : as in `run_windows`
    runs : all windows so far
    """

    folder: Path
    ensemble: Ensemble
    start: Atoms
    schedule: Schedule
    seed: int
    executor: Executor
    model: str = ""
    runs: list[WindowRun] = field(default_factory=list)

    def __call__(self, windows: Sequence[Window], parents: Sequence[int], first: int) -> list[Samples]:
        found = run_windows(
            self.folder,
            self.ensemble,
            windows,
            [self._configuration(parent) for parent in parents],
            self.schedule,
            seed=self.seed,
            executor=self.executor,
            model=self.model,
            first=first,
        )
        self.runs[first:] = found
        return [run.samples for run in found]

    def _configuration(self, parent: int) -> Atoms:
        atoms = self.start.copy()
        if parent != START:
            atoms.positions = self.runs[parent].last.positions
        return atoms


@dataclass(frozen=True)
class Plan:
    """How an exploration goes.

    Attributes
    ----------
    start : where it begins, the values of the variables there
    kappa : of all windows, eV per squared unit of each variable
    steps : how far, in each variable, the next windows may lie from those there are: a good part of the
        distance over which F bends, and so near that steering is safe
    error : of what was asked for, eV, at which to stop
    batch : windows in a round, run in parallel
    most_windows : at which to stop as well
    ranges : of open variables, never left; None where there is no limit
    seed : of the choice of places
    """

    start: tuple[float, ...]
    kappa: tuple[float, ...]
    steps: tuple[float, ...]
    error: float
    batch: int = 8
    most_windows: int = 1000
    ranges: tuple[tuple[float, float] | None, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        d = len(self.start)
        if not d or {len(self.kappa), len(self.steps), len(self.ranges or self.start)} != {d}:
            raise InputError(
                f"a start in {d} variables wants as many kappas, steps and ranges; got {self.kappa}, "
                f"{self.steps} and {self.ranges}"
            )
        if not (min(self.kappa) > 0.0 and min(self.steps) > 0.0 and self.error > 0.0):
            raise InputError("an exploration wants positive kappas, steps and a positive error to reach")
        if self.batch < 1 or self.most_windows < 1:
            raise InputError("an exploration wants at least one window in a round and in all")


@dataclass(frozen=True)
class Exploration:
    """What was found, and why it ended.

    Attributes
    ----------
    error : of what was asked for, eV, as the surface claims it
    rounds : all windows in the order they were chosen, with the error before each round
    """

    surface: Surface
    samples: tuple[Samples, ...]
    rounds: tuple[Round, ...]
    error: float
    ending: Ending

    def __str__(self) -> str:
        return (
            f"{len(self.samples)} windows in {len(self.rounds)} rounds, error {self.error:.3g} eV: "
            f"{self.ending.value}"
        )


def explore(
    sample: Sampler,
    goal: Goal,
    plan: Plan,
    periods: Periods,
    *,
    folder: str | Path | None = None,
    options: Options | None = None,
    watch: Callable[[Surface, Proposal], None] | None = None,
) -> Exploration:
    """Place and sample windows until what was asked for is known well enough.

    Parameters
    ----------
    sample : how windows are sampled, e.g. a `Campaign`
    goal : `SurfaceBelow` or `Difference`
    periods : of the variables
    folder : where each round is written down before it is sampled. With the sampler's own folder, an
        exploration that was killed and begun again equals one never killed; with another goal, error or limit
        it goes on from what there is. None keeps nothing
    options : of the fits
    watch : called with the surface and what it proposes before every round

    Raises
    ------
    ChainTooShort
        Windows are too short to know their error.
    InputError
        Dimensions disagree, or the folder holds another exploration.
    FileFormatError
        A round's file is damaged.
    """
    if len(periods) != len(plan.start):
        raise InputError(f"a start in {len(plan.start)} variables wants as many periods, got {len(periods)}")
    rounds: list[Round] = []
    samples: list[Samples] = []
    round_files.check_place(folder, plan.start, plan.kappa, periods)
    for known in round_files.on_disk(folder):
        samples += _sampled(sample, plan, known, rounds)
    if not rounds:
        samples += _sampled(sample, plan, round_files.written(folder, 0, _first_round(plan, periods)), rounds)
    while True:
        ranges = _ranges(samples, plan, periods)
        with threadpool_limits(1, user_api="blas"):  # the same sums in the same order
            surface = Surface.fit(gradient_averages(samples), periods, ranges, options)
            found = _proposal(surface, goal, plan, samples, len(rounds), periods)
            if _ending(found, plan, len(samples)) is not None:
                surface = reconstruct(samples, ranges=ranges, options=options)
                found = _proposal(surface, goal, plan, samples, len(rounds), periods)
        if watch is not None:
            watch(surface, found)
        ending = _ending(found, plan, len(samples))
        if ending is not None:
            return Exploration(surface, tuple(samples), tuple(rounds), found.error, ending)
        next_round = _round_of(found, plan, samples, periods)
        samples += _sampled(sample, plan, round_files.written(folder, len(rounds), next_round), rounds)


def _sampled(sample: Sampler, plan: Plan, this: Round, rounds: list[Round]) -> list[Samples]:
    windows = [Window(center, plan.kappa) for center in this.centers]
    found = sample(windows, this.parents, this.first)
    rounds.append(this)
    return found


def _first_round(plan: Plan, periods: Periods) -> Round:
    """The start, one step each way along every variable, and places between, to learn a length."""
    start, steps = np.array(plan.start), np.array(plan.steps)
    d = len(start)
    cross = np.concatenate([np.zeros((1, d)), np.eye(d), -np.eye(d)])
    n_more = max(0, max(plan.batch, FEW) - len(cross))
    more = stream(plan.seed).uniform(-1.0, 1.0, (n_more, d))
    centers = _inside(start + np.concatenate([cross, more]) * steps, plan)
    return Round(0, _rounded(centers, plan), (START,) * len(centers), float("inf"))


def _round_of(found: Proposal, plan: Plan, samples: Sequence[Samples], periods: Periods) -> Round:
    """Each window begins from the window whose samples are nearest."""
    seen = _means(samples)
    parents = np.argmin(distances(found.centers, seen, periods, np.array(plan.steps)), axis=1)
    return Round(len(samples), _rounded(found.centers, plan), tuple(parents.tolist()), found.error)


def _proposal(
    surface: Surface, goal: Goal, plan: Plan, samples: Sequence[Samples], iteration: int, periods: Periods
) -> Proposal:
    """What reduces the error most; once it is small, what the question is about and nobody has seen."""
    steps = np.array(plan.steps)
    seen = np.concatenate([_means(samples), [s.window.center for s in samples]])
    where = places(surface, seen, steps, goal.below, stream(plan.seed, iteration=iteration + 1))
    if len(where) == 0:
        return Proposal(float("nan"), float("nan"), where)
    where = _inside(where, plan)
    widths = np.sqrt(units.kB * samples[0].temperature / np.array(plan.kappa))
    n = max(1, min(plan.batch, plan.most_windows - len(samples)))
    found = propose(surface, goal, where, widths, n)
    left = unseen(_inside(goal.to_see(surface, where, steps), plan), seen, periods, steps)
    if found.error > plan.error or len(left) == 0:
        return replace(found, unseen=len(left))
    return replace(found, centers=cover(where, left, seen, periods, steps, n), unseen=len(left))


def _ending(found: Proposal, plan: Plan, n_windows: int) -> Ending | None:
    if len(found.centers) == 0:
        return Ending.CLOSED
    if found.error <= plan.error and found.unseen == 0:
        return Ending.CONVERGED
    return Ending.WINDOW_LIMIT if n_windows >= plan.most_windows else None


def _ranges(samples: Sequence[Samples], plan: Plan, periods: Periods) -> list[tuple[float, float] | None]:
    """Open variables range two steps beyond all that was seen, so that the frontier can be asked about."""
    seen = np.concatenate([s.window.center + s.displacements() for s in samples])
    low, high = seen.min(axis=0) - 2.0 * np.array(plan.steps), seen.max(axis=0) + 2.0 * np.array(plan.steps)
    return [
        (float(a), float(b)) if period is None else None
        for a, b, period in zip(low, high, periods, strict=True)
    ]


def _means(samples: Sequence[Samples]) -> Floats:
    """Where the samples of each window lie, shape (n, d)."""
    return np.array([np.array(s.window.center) + s.displacements().mean(axis=0) for s in samples])


def _inside(centers: Floats, plan: Plan) -> Floats:
    for a, limits in enumerate(plan.ranges or ()):
        if limits is not None:
            centers[:, a] = np.clip(centers[:, a], *limits)
    return centers


def _rounded(centers: Floats, plan: Plan) -> tuple[tuple[float, ...], ...]:
    """Centers with few digits: rounding in the fit does not make another campaign of it."""
    digits = [DIGITS - int(np.floor(np.log10(step))) for step in plan.steps]
    inside = _inside(np.array(centers), plan)
    return tuple(tuple(round(float(x), n) for x, n in zip(c, digits, strict=True)) for c in inside)
