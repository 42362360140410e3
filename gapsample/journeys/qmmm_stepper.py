"""The step of an adaptive QM/MM run: dynamics, then audits, then labels, and now and then learning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from ase import Atoms
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_state import AUDIT, Records, RunState, motion_of
from gapsample.journeys.qmmm_teacher import Teacher
from gapsample.learning.conformal import conformal_of
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.qmmm import (
    DeltaGap,
    ErrorThreshold,
    ForceMixing,
    Mixed,
    Region,
    Selection,
    ThermodynamicForce,
)
from gapsample.qmmm.selection import Criterion
from gapsample.qmmm.trajectory import (
    Heat,
    MixedBlock,
    MixedBlocks,
    MixedDynamics,
    Regional,
    heat_given,
    moved,
)
from gapsample.rng import stream
from gapsample.sampling.adaptive_langevin import AdaptiveState
from gapsample.sampling.dynamics import Integrator

Floats = NDArray[np.float64]
AUDITS = 1  # the run number of the streams that draw audits; 0 draws velocities
SCORED = ("true", "predicted", "step", "generation")
NO_HEAT = Heat(0.0, 0.0, 0.0)


class Judgement(NamedTuple):
    """By what predicted errors are judged at a step.

    Attributes
    ----------
    factor : bounds are so many times the predicted errors
    threshold : eV/Å; atoms with a larger bound are flagged
    """

    factor: float
    threshold: float


class Audited(NamedTuple):
    """An audit: records, shape (n,) of `AUDIT`, and what was computed for them; None: they were known."""

    records: Records
    mixed: Mixed | None = None


class Story(NamedTuple):
    """What happened in a step, or in a block of them.

    Attributes
    ----------
    before, after : the states
    positions : shape (n_atoms, 3), Å, where forces were mixed
    mixed : forces there; `mixed.mm.forces_std` times the factor of the judgement already
    judgement : that the region was chosen by
    audit : of atoms drawn at random
    again : mixed forces with the new model, where one was learned and quantum forces were computed for it
    told : labels
    heat : given by the thermostat
    surprise : eV/Å, the largest error of a correction that was extrapolated
    """

    before: RunState
    after: RunState
    positions: Floats
    mixed: Mixed
    judgement: Judgement
    audit: Audited
    again: Mixed | None = None
    told: int = 0
    heat: Heat = NO_HEAT
    surprise: float = 0.0

    @property
    def region(self) -> Region:
        """The region that the next step begins with."""
        return self.after.dynamics.region

    @property
    def all_mixed(self) -> tuple[Mixed, ...]:
        """Everything that quantum calculations were made for."""
        return tuple(each for each in (self.mixed, self.audit.mixed, self.again) if each is not None)


@dataclass(frozen=True, eq=False)
class Stepper:
    """Steps for `gapsample.sampling.loop.run`.

    Attributes
    ----------
    atoms : species, masses and cell
    mixing : its `mm` is taken where nothing learns, its selector never: that is made of the others
    criteria, selection : of the region, besides its error criterion; the criteria in `selection` do not count
    """

    config: QmmmConfig
    atoms: Atoms
    mixing: ForceMixing
    criteria: tuple[Criterion, ...]
    integrator: Integrator[Any]
    teacher: Teacher | None = None

    def start(self, motion: Any) -> RunState:
        """The first state, with mixed forces."""
        nothing = Region.of(np.zeros(len(self.atoms), bool))
        state = RunState(Regional(motion, nothing))
        regional, _ = self.dynamics(state).start(motion)
        return replace(state, dynamics=regional)

    def __call__(self, state: RunState, rng: Generator) -> tuple[RunState, Story]:
        """One step or block; raises as `MixedDynamics.step` does, and then nothing was told."""
        inner, info = self.dynamics(state).step(state.dynamics, rng)
        after = replace(state, dynamics=inner, step=state.step + self.config.engine.every)
        judgement, heat = self.judgement(state), _heat(state, after)
        if isinstance(info, MixedBlock):
            surprise, positions, mixed = float(info.flown.surprise.max()), info.flown.predicted, info.mixed
        else:
            surprise, positions, mixed = 0.0, motion_of(inner).positions, info
        seen = moved(self.atoms, positions)
        audit = self._audit(after, seen, mixed, judgement)
        after = self._calibrated(after, audit.records)
        told = self._tell(state, after, seen, mixed, audit)
        after, again = self._learn(replace(after, pending=state.pending + told), mixed)
        return after, Story(state, after, positions, mixed, judgement, audit, again, told, heat, surprise)

    def model(self, state: RunState) -> Potential:
        """The classical potential."""
        return self.mixing.mm if self.teacher is None else self.teacher.model(state.generation)

    @property
    def error(self) -> ErrorRequest:
        """The predicted error that the classical potential is asked for; it costs several times the forces.

        A criterion of one's own may look at it.
        """
        region = self.config.region
        return False if region.error is None and region.criterion is None else "forces"

    def judgement(self, state: RunState) -> Judgement:
        """Bounds and threshold, as all audits so far and what the model leaves of its labels have it."""
        audits, error = self.config.audits, self.config.region.error
        factor, threshold = state.factor, np.inf if error is None else error.enter
        if factor is None:
            factor = 1.0 if audits is None else audits.first
        if self.teacher is not None:
            threshold = self.teacher.threshold(state.generation)
        return Judgement(factor, threshold)

    def dynamics(self, state: RunState, known: Mixed | None = None) -> MixedDynamics[Any] | MixedBlocks[Any]:
        """Dynamics with the model, and by the judgement, of a state.

        Parameters
        ----------
        known : mixed by another model where the state is: region and quantum forces are taken from there
        """
        model, judgement = self.model(state), self.judgement(state)
        mixing = replace(self.mixing, mm=model, selector=self._selection(judgement.threshold))

        def mix(atoms: Atoms, previous: Region | None) -> Mixed:
            if known is not None:
                return mixing.forces(atoms, known.region, model.evaluate(atoms, forces=True), known.labels)
            seen = model.evaluate(atoms, forces=True, error=self.error)
            return mixing.step(atoms, previous, _bounded(seen, judgement.factor))

        how, density = self.config.engine, self._density
        mix_all = mix if density is None else density.beside(mix)
        if how.every == 1:
            return MixedDynamics(self.atoms, mix_all, self.integrator)
        carry = None if how.carry is None else DeltaGap(self.atoms, how.carry)
        return MixedBlocks(self.atoms, mix_all, model, self.integrator, how.every, carry, how.memory)

    @cached_property
    def _density(self) -> ThermodynamicForce | None:
        density = self.config.density
        return None if density is None else density.force(self.atoms)

    def _selection(self, threshold: float) -> Selection:
        region, criteria = self.config.region, self.criteria
        if region.error is not None:
            leave = threshold - (region.error.enter - region.error.leave)
            criteria = (*criteria, ErrorThreshold(threshold, leave))
        return Selection(criteria, region.growth, region.ramp)

    def _audit(self, state: RunState, seen: Atoms, mixed: Mixed, judgement: Judgement) -> Audited:
        """Quantum forces on atoms drawn from all.

        Flagged atoms are drawn as well: audits of the others alone would end, and the bound never change
        again, where it has flagged everything. Nothing is computed where a cluster was the whole
        configuration and forces of all atoms are known.
        """
        how, bounds = self.config.audits, mixed.mm.forces_std
        if how is None or not _passed(state.step - self.config.engine.every, state.step, how.every):
            return Audited(np.empty(0, AUDIT))
        assert bounds is not None  # else the region could not go by it
        assert mixed.mm.forces is not None
        rng = stream(self.config.seed, AUDITS, iteration=state.step)
        drawn = np.zeros(len(seen), bool)
        drawn[rng.choice(len(seen), min(how.atoms, len(seen)), replace=False)] = True
        whole = [label.forces for label in mixed.labels if label.cluster.complete]
        found = None
        if not whole:
            mixing = replace(self.mixing, mm=self.model(state), momentum=None)
            found = mixing.forces(seen, Region.of(drawn), mixed.mm)
        quantum = whole[0] if found is None else found.forces
        records = np.empty(int(drawn.sum()), AUDIT)
        records["step"], records["generation"] = state.step, state.generation
        records["atom"], records["flagged"] = np.flatnonzero(drawn), mixed.region.treated[drawn]
        records["bound"] = np.linalg.norm(bounds[drawn], axis=1)
        records["predicted"] = records["bound"] / judgement.factor
        records["true"] = np.linalg.norm((quantum - mixed.mm.forces)[drawn], axis=1)
        records["threshold"] = judgement.threshold
        return Audited(records, found)

    def _calibrated(self, state: RunState, news: Records) -> RunState:
        """The state with these audits too, and the factor that all of them support."""
        how = self.config.audits
        if how is None or not len(news):
            return state
        audits = np.concatenate([state.audits, news])
        true, predicted, step, generation = (audits[name] for name in SCORED)
        found = conformal_of(true, predicted, step, generation, how.coverage, memory=how.memory)
        return replace(state, audits=audits, factor=found.factor if np.isfinite(found.factor) else None)

    def _tell(self, before: RunState, after: RunState, seen: Atoms, mixed: Mixed, audit: Audited) -> int:
        if self.teacher is None:
            return 0
        told = 0
        if _passed(before.step, after.step, self.teacher.how.every):
            told += self.teacher.tell(seen, mixed)
        if audit.mixed is not None:
            told += self.teacher.tell(seen, audit.mixed, audit.records)
        return told

    def _learn(self, state: RunState, mixed: Mixed) -> tuple[RunState, Mixed | None]:
        """Where enough was told, the next model, and forces with it from here on.

        Quantum forces are there already, but for blocks: those were computed where the predictor ended.
        """
        if self.teacher is None or state.pending < self.teacher.how.absorb_every:
            return state, None
        learned = replace(state, generation=self.teacher.learn(state.generation), pending=0)
        known = mixed if self.config.engine.every == 1 else None
        dynamics: Callable[..., Any] = self.dynamics(learned, known).start
        regional, again = dynamics(motion_of(state.dynamics), state.dynamics.region)
        return replace(learned, dynamics=regional), again if known is None else None


def _passed(before: int, after: int, every: int) -> bool:
    """Whether a multiple of `every` lies within (before, after]."""
    return after // every > before // every


def _bounded(seen: Evaluation, factor: float) -> Evaluation:
    """The evaluation with bounds in place of predicted errors."""
    return seen if seen.forces_std is None else replace(seen, forces_std=factor * seen.forces_std)


def _heat(before: RunState, after: RunState) -> Heat:
    first, last = before.motion, after.motion
    if isinstance(first, AdaptiveState) and isinstance(last, AdaptiveState):
        return heat_given(first, last, before.dynamics.region)
    return NO_HEAT
