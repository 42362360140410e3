"""What a run resumes from, and what each of its steps tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.nested.live import Live
from gapsample.nested.problem import Ceiling, Floats, Problem, observed
from gapsample.nested.settings import Settings

Records = NDArray[np.void]
COLUMNS = ("value", "label", "birth", "birth_label", "insertion", "ancestor")


@dataclass(frozen=True)
class State:
    """Where a run stands.

    Attributes
    ----------
    live : the points alive
    n_dead, log_X : points that died, and the expected log volume they left
    ceiling : contour of the last death
    slope : d value / d log_X over the last step: about the temperature sampled now, in units of energy
    log_Z_dead : log of the Boltzmann-weighted mass of the dead points, at the temperature of interest
    steps, walk_length : of the walks now
    ranks : shape (2, n); of the last ancestors and their clones, see `Settings.pairs_remembered`
    """

    live: Live
    n_dead: int
    log_X: float
    ceiling: Ceiling
    slope: float
    log_Z_dead: float
    steps: Floats
    walk_length: int
    ranks: Floats


class Story(NamedTuple):
    """What happened in one step.

    Attributes
    ----------
    dead : records of the points that died, with the fields of `COLUMNS` and the observables
    kept : records of (number, coordinates) of some of them
    progress : one record, see `progress_dtype`
    """

    dead: Records
    kept: Records
    progress: Records


def progress_dtype(n_moves: int) -> np.dtype[np.void]:
    """Fields of the record that each step leaves of itself."""
    return np.dtype(
        [
            ("n_dead", "i8"),
            ("log_X", "f8"),
            ("ceiling", "f8"),
            ("slope", "f8"),
            ("walk_length", "i8"),
            ("memory", "f8"),
            ("steps", "f8", (n_moves,)),
            ("acceptance", "f8", (n_moves,)),
            ("failed", "i8"),
        ]
    )


def dead_dtype(problem: Problem, coordinates: Floats) -> np.dtype[np.void]:
    """Fields of a dead point's record: the columns, and whatever the problem observes."""
    seen = problem.observe(coordinates[:1])
    return np.dtype([(name, "f8") for name in COLUMNS] + [(k, "f8", v.shape[1:]) for k, v in seen.items()])


def kept_dtype(n_coordinates: int) -> np.dtype[np.void]:
    """Fields of the record of a kept configuration: which dead point, and its coordinates."""
    return np.dtype([("number", "i8"), ("coordinates", "f8", (n_coordinates,))])


def start(problem: Problem, settings: Settings, rng: Generator) -> State:
    """Draw the live points from the prior.

    Raises
    ------
    InputError
        A prior draw has a value that is not a finite number.
    UnknownName
        `Settings.keep_above` names what the problem does not observe.
    """
    k = settings.n_live
    coordinates, value = problem.draw(rng.integers(2**64, size=k, dtype=np.uint64))
    if not np.isfinite(value).all():
        raise InputError(
            f"{np.sum(~np.isfinite(value))} of {k} prior draws have no finite value; "
            "cap the repulsion of the potential or shrink the prior to where it is defined"
        )
    if settings.keep_above is not None:
        observed(problem, coordinates, settings.keep_above[0])
    nan, one = np.full(k, np.nan), np.ones(k)
    live = Live(coordinates, value, rng.random(k), one * np.inf, one, nan, nan.copy())
    return State(
        live=live,
        n_dead=0,
        log_X=0.0,
        ceiling=Ceiling(np.inf, 1.0),
        slope=np.inf,
        log_Z_dead=-np.inf,
        steps=problem.largest_steps.copy(),
        walk_length=settings.walk_length,
        ranks=np.empty((2, 0)),
    )
