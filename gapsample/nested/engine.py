"""One step of nested sampling: the highest points die, clones of the others walk in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from gapsample.nested.diagnostics import rank_correlation
from gapsample.nested.evidence import after_step, step_shrinkage
from gapsample.nested.live import Live
from gapsample.nested.problem import Floats, Integers, Keys, Problem, Walk, Walked
from gapsample.nested.settings import Settings
from gapsample.nested.state import (
    COLUMNS,
    Records,
    State,
    Story,
    dead_dtype,
    kept_dtype,
    progress_dtype,
)
from gapsample.nested.tuning import COPIES, ROUNDS, adapted_length, tuned_steps, tuning_keys

Walker = Callable[[Walk], Walked]


class Stepper:
    """``step(state, rng) -> (state, story)``: a quarter of the live points die, then the walks adapt.

    Parameters
    ----------
    problem : what is sampled
    settings : how
    inverse_temperature : 1/energy, where the evidence of the dead points is followed for the stop criterion
    walk : does the walks, ``problem.walk`` unless they are shared among threads or processes
    """

    def __init__(
        self,
        problem: Problem,
        settings: Settings,
        *,
        inverse_temperature: float = 0.0,
        walk: Walker | None = None,
    ) -> None:
        self.problem, self.settings = problem, settings
        self.beta = inverse_temperature
        self.walk = problem.walk if walk is None else walk

    def __call__(self, state: State, rng: Generator) -> tuple[State, Story]:
        """Take one step; neither `state` nor its arrays are altered."""
        settings = self.settings
        fate = _Fate.drawn(settings, rng)
        live = state.live.copy()
        ceiling = state.ceiling if np.isfinite(state.ceiling.value) else live.highest()
        steps = tuned_steps(self.problem, live, ceiling, state.steps, settings.acceptance, fate.tuning)
        n_dead = settings.n_cull * settings.iterations_per_step
        dead = np.empty(n_dead, dead_dtype(self.problem, live.coordinates))
        remains = np.empty((n_dead, live.coordinates.shape[1]))
        ranks = np.empty((2, n_dead))
        tried = accepted = np.zeros(len(steps), np.int64)
        failed = 0
        for i in range(settings.iterations_per_step):
            rows = slice(i * settings.n_cull, (i + 1) * settings.n_cull)
            dying, parents = live.cull(fate.parents[i])
            _bury(live, dying, dead[rows], remains[rows])
            ceiling = live.ceiling(dying[-1])
            walked = self.walk(
                Walk(
                    live.coordinates[parents],
                    live.value[parents],
                    ceiling,
                    steps,
                    state.walk_length,
                    fate.keys[i],
                )
            )
            ranks[:, rows] = live.enter(dying, parents, ceiling, walked, fate.labels[i])
            tried, accepted = tried + walked.tried.sum(axis=0), accepted + walked.accepted.sum(axis=0)
            failed += int(walked.failed.sum())
        for name, values in self.problem.observe(remains).items():
            dead[name] = values
        shrinkage = step_shrinkage(settings)
        log_x = state.log_X - np.cumsum(shrinkage)
        fallen = float(state.ceiling.value - ceiling.value)
        after = replace(
            state,
            live=live,
            n_dead=state.n_dead + n_dead,
            log_X=float(log_x[-1]),
            ceiling=ceiling,
            slope=state.slope if _has_ties(dead["value"]) else fallen / float(shrinkage.sum()),
            log_Z_dead=after_step(state.log_Z_dead, dead["value"], log_x, shrinkage, self.beta),
            steps=steps,
            ranks=np.concatenate((state.ranks, ranks), axis=1)[:, -settings.pairs_remembered :],
        )
        acceptance = np.where(tried > 0, accepted / np.maximum(tried, 1), np.nan)
        story = Story(dead, self._kept(state.n_dead, dead, remains), _progress(after, acceptance, failed))
        length = adapted_length(after.walk_length, after.ranks, settings)
        if length != after.walk_length:  # judged next by clones that walked this far
            after = replace(after, walk_length=length, ranks=after.ranks[:, :0])
        return after, story

    def _kept(self, n_before: int, dead: Records, remains: Floats) -> Records:
        number = np.arange(n_before, n_before + len(remains))
        every, above = self.settings.keep_every, self.settings.keep_above
        chosen = number % every == 0 if every else np.zeros(len(number), bool)
        if above is not None:
            chosen |= dead[above[0]] > above[1]
        kept = np.empty(int(chosen.sum()), kept_dtype(remains.shape[1]))
        kept["number"], kept["coordinates"] = number[chosen], remains[chosen]
        return kept


class _Fate(NamedTuple):
    """All random numbers of one step, drawn at once so that nothing depends on who walks which clone."""

    parents: Floats
    labels: Floats
    keys: Keys
    tuning: Keys

    @classmethod
    def drawn(cls, settings: Settings, rng: Generator) -> _Fate:
        shape = (settings.iterations_per_step, settings.n_cull)
        seeds = rng.integers(2**64, size=shape[0] * shape[1] + ROUNDS * COPIES, dtype=np.uint64)
        tuning, keys = np.split(seeds, [ROUNDS * COPIES])
        return cls(rng.random(shape), rng.random(shape), keys.reshape(shape), tuning_keys(tuning))


def _bury(live: Live, dying: Integers, records: Records, remains: Floats) -> None:
    for name in COLUMNS:
        records[name] = getattr(live, name)[dying]
    remains[:] = live.coordinates[dying]


def _has_ties(values: Floats) -> bool:
    """Whether a step crossed a plateau, over which the value falls as slowly as if it were cold."""
    return len(np.unique(values)) < len(values)


def _progress(state: State, acceptance: Floats, failed: int) -> Records:
    record = np.zeros(1, progress_dtype(len(state.steps)))
    correlation = rank_correlation(*state.ranks)
    row = (
        state.n_dead,
        state.log_X,
        state.ceiling.value,
        state.slope,
        state.walk_length,
        correlation,
        state.steps,
        acceptance,
        failed,
    )
    record[0] = row
    return record
