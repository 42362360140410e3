"""A model that asks for labels, is told them, and learns: the same for every engine that visits atoms.

The database is the truth. What was told is on disk when `tell` returns, audits included; a process killed at
any moment goes on from the newest generation and the rows after it, and becomes the same model.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.database import Database, Entry, Label, fingerprint
from gapsample.errors import FitError, InputError
from gapsample.learning.audits import Audit, AuditedError, MissedFraction, audited_error, missed_fraction
from gapsample.learning.conformal import Conformal, conformal, lowest_threshold
from gapsample.learning.domain import novelty_limit
from gapsample.learning.generations import Generation, Generations, How
from gapsample.learning.growth import as_large
from gapsample.learning.noise import Residual, label_with_noise, outgrown, residual, with_noise
from gapsample.learning.policy import HOW, Due, Policy
from gapsample.learning.records import AUDIT, Records
from gapsample.learning.selection import Candidate, Choice, choose, new_ones, predicted_errors
from gapsample.potential.fit import fit
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Evaluation, Potential
from gapsample.potential.recipe import Recipe
from gapsample.progress import Progress
from gapsample.rng import stream

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Learner:
    """One line of models, learning from one level of theory of a database.

    Parameters
    ----------
    gap : generation 0; not looked at where the folder holds generations, and then it may be None
    database : labels are added there, and read from there
    folder : of the generations
    watermark : row of the database up to which generation 0 has learned it; None: the one in its `origin`. 0
        for a model fitted to other data, which then is never fitted from scratch
    baseline : as given to `fit`, if it was

    Attributes
    ----------
    gap : the newest model
    history : records of all generations, the last one that of `gap`

    Raises
    ------
    InputError
        There is neither a model nor a generation; or the model has learned rows that are not there.
    FitError
        The model carries no posterior or no recipe, so that it cannot learn.
    """

    def __init__(
        self,
        gap: GAP | None,
        database: Database,
        folder: str | Path,
        policy: Policy,
        *,
        watermark: int | None = None,
        baseline: Potential | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.database, self.policy = database, policy
        self._store, self._baseline, self._progress = Generations(folder), baseline, progress
        self.history = self._store.all()
        if self.history:
            gap = self._store.load(self.generation, baseline)
            first = gap if len(self.history) == 1 else self._store.load(self.history[0], baseline)
        elif gap is not None:
            first = gap
        else:
            raise InputError(f"{folder} holds no generation yet; give the model to begin with")
        if first.recipe is None or first.posterior is None:
            raise FitError("a model without its posterior and recipe cannot learn; fit it from its data")
        self._recipe: Recipe = first.recipe
        self.gap = gap
        if self.history:
            watermark = self.generation.watermark
        elif watermark is None:
            watermark = int(gap.origin.get("watermark", 0))
        if watermark > database.watermark:
            raise InputError(
                f"the model has learned rows up to {watermark}, but the database ends at "
                f"{database.watermark}; give the one it was fitted to, or watermark=0 if that was another one"
            )
        held_out = self._recipe.split == "train"
        self._records = Records(
            database, policy.level, watermark, held_out=held_out, n_sample=policy.n_sample
        )
        if not self.history:
            self._become(gap, "given", watermark, time.monotonic())

    @property
    def folder(self) -> Path:
        """Of the generations."""
        return self._store.folder

    @property
    def generation(self) -> Generation:
        """The newest one: that of `gap`."""
        return self.history[-1]

    @property
    def pending(self) -> list[Entry]:
        """Labels told and not yet learned, in the order they were told."""
        self._records.catch_up()
        return self._records.waiting

    @property
    def n_new(self) -> int:
        """Labels told since the newest generation."""
        self._records.catch_up()
        return self._records.n_after(self.generation.watermark)

    @property
    def n_told(self) -> int:
        """Labels told since generation 0, those held out for testing too."""
        self._records.catch_up()
        return self._records.n_after(self.history[0].watermark)

    @property
    def audits(self) -> list[Audit]:
        """All audits of this line of models so far, in the order they were told."""
        self._records.catch_up()
        return self._records.audits_of({each.sha256 for each in self.history})

    @property
    def conformal(self) -> Conformal:
        """The bound on true errors that the audits support."""
        return conformal(self.audits, self.policy.coverage, memory=self.policy.memory)

    @property
    def threshold(self) -> float:
        """Threshold in force of the newest generation, eV/Å."""
        return self.threshold_of(self.generation.number)

    def threshold_of(self, generation: int) -> float:
        """Threshold in force, eV/Å: the policy's, but not below three residuals of a force's norm."""
        left = self.history[generation].residual.force or 0.0
        return lowest_threshold(self.policy.threshold, float(np.sqrt(3.0)) * left)

    def missed(self, generation: int | None = None) -> MissedFraction:
        """The certificate, of one generation or of all."""
        return missed_fraction(self._audits_of(generation))

    def audited(self, generation: int | None = None) -> AuditedError:
        """The audited error, of one generation or of all."""
        return audited_error(self._audits_of(generation))

    def bound(self, seen: Evaluation) -> Floats:
        """Bound on the true error of every force, shape (n_atoms,), eV/Å, from an evaluation of `gap`.

        It holds for the share `coverage` of atoms like those audited; infinite while audits are too few.
        """
        return self.conformal.bound(predicted_errors(seen))

    def ask(self, candidates: Sequence[Candidate], n: int, *, least: float = 0.0) -> list[int]:
        """Places of the candidates that teach most when labeled as a whole, best first.

        Parameters
        ----------
        n : the budget; fewer come back where there is nothing new, or no gain above `least`, eV/Å

        Notes
        -----
        A configuration that the database knows at this level of theory is never asked for.
        """
        chosen = choose(self.gap, candidates, n, known=self.known, least=least)
        return [choice.candidate for choice in chosen]

    def ask_atoms(self, candidates: Sequence[Candidate], n: int, *, least: float = 0.0) -> list[Choice]:
        """Atoms whose surroundings teach most, for systems too large to be labeled as a whole."""
        return choose(self.gap, candidates, n, known=self.known, least=least, whole=False)

    def draw(self, candidates: Sequence[Candidate], n: int) -> list[int]:
        """Places of `n` candidates to audit: at random among the new ones, whatever their error."""
        places = new_ones(candidates, self.known)
        if not places:
            return []
        rng = stream(self.policy.seed, run=self.generation.number, iteration=len(self.audits))
        return sorted(rng.choice(places, min(n, len(places)), replace=False).tolist())

    @property
    def known(self) -> set[str]:
        """Fingerprints of all configurations that have a label."""
        self._records.catch_up()
        return self._records.known

    def tell(self, atoms: Atoms, label: Label, *, audited: Mask | bool = False) -> int:
        """Keep a label, on disk when this returns its row; the same label told again is the same row.

        Parameters
        ----------
        audited : the atoms, shape (n_atoms,), that were labeled because chance chose them and not the model;
            their predicted errors are kept beside their true ones. True: all that are trusted

        Raises
        ------
        InputError
            The label is of another level, does not fit the atoms, or has no forces to audit.
        """
        if label.level != self.policy.level:
            raise InputError(f"this learner takes labels of {self.policy.level!r}, got {label.level!r}")
        label.check_matches(len(atoms))
        self._records.catch_up()
        row = self._records.row_of(fingerprint(atoms), label)
        if row is not None:
            return row
        if audited is not False:
            everywhere = np.ones(len(atoms), dtype=bool)
            found = self._audit(atoms, label, everywhere if audited is True else audited)
            kept = found.as_dict(self.generation.sha256)
            label = replace(label, extra={**label.extra, AUDIT: kept})
        return self.database.add(atoms, label)

    def due(self) -> Due | None:
        """Whether it is time to `refit`, and what that would do; None: not yet."""
        n = len(self.pending)
        return self._next() if n and n >= self.policy.absorb_every else None

    def _next(self) -> Due:
        waiting, policy, now = self._records.waiting, self.policy, self.generation
        assert self.gap.recipe is not None
        many = now.n_labels + len(waiting) >= policy.growth * now.n_fitted
        if now.n_fitted and (many or outgrown(self.gap.recipe, with_noise(self._recipe, now.residual))):
            return Due.FIT
        if now.novelty_limit is not None and self._novel_share(now.novelty_limit) > policy.novel_share:
            return Due.EXTEND
        return Due.ABSORB

    def refit(self) -> Generation:
        """Learn all that was told, due or not, and write the next generation; the models before it stay.

        Labels count with the noise of the recipe of generation 0, or their own, but with no less than the
        residual of the newest generation (in a fit from scratch, their own stands as it is). A fit from
        scratch chooses as many sparse points as there are now, or as the recipe asks for if these are more.
        Where all that was told is held out for testing, the model stays the same one.

        Raises
        ------
        InputError
            Nothing was told.
        FitError
            The model cannot learn from these labels; nothing is written then.
        """
        began, waiting, left = time.monotonic(), list(self.pending), self.generation.residual
        newest = self._records.newest
        if newest <= self.generation.watermark:
            raise InputError("there is nothing to learn; tell labels first")
        if not waiting:
            return self._become(self.gap, HOW[Due.ABSORB], newest, began)
        due = self._next()
        recipe = with_noise(self._recipe, left)
        if due is Due.FIT:
            whole = replace(as_large(recipe, self.gap.terms), level=self.policy.level)
            gap = fit(whole, self.database, baseline=self._baseline, progress=self._progress).gap
            return self._become(gap, HOW[due], int(gap.origin["watermark"]), began)
        gap = replace(self.gap, recipe=recipe)
        if due is Due.EXTEND:
            gap = gap.add_sparse_points([entry.atoms for entry in waiting], self.policy.n_sparse)
        gap = gap.absorb((e.atoms, label_with_noise(e.label, left, len(e.atoms))) for e in waiting)
        return self._become(gap, HOW[due], newest, began)

    def _become(self, gap: GAP, how: How, watermark: int, began: float) -> Generation:
        """Make a model the newest generation, on disk."""
        number, records = len(self.history), self._records
        gap = replace(gap, origin={**gap.origin, "watermark": watermark, "generation": number})
        audited = [entry for entry in records.waiting if entry.id <= watermark and AUDIT in entry.label.extra]
        records.move(watermark)
        n_labels, sample = records.n_learned, records.sample
        before, after = _audited_again(gap, audited)
        generation = Generation(
            number=number,
            how=how,
            sha256=self._store.save(gap, number),
            parent=self.generation.sha256 if number else None,
            watermark=watermark,
            n_labels=n_labels,
            n_fitted=n_labels if how in ("given", "fitted") else self.generation.n_fitted,
            n_sparse=sum(term.n_sparse for term in gap.terms),
            residual=residual(gap, sample) if sample else Residual(),
            novelty_limit=novelty_limit(gap, sample) if sample else None,
            error_before=before,
            error_after=after,
            seconds=round(time.monotonic() - began, 3),
        )
        self._store.commit(generation)
        self.gap = gap
        self.history.append(generation)
        return generation

    def _audit(self, atoms: Atoms, label: Label, chosen: Mask) -> Audit:
        if label.forces is None:
            raise InputError("an audit compares forces, and the label has none; tell it unaudited")
        seen = self.gap.evaluate(atoms, error="forces")
        predicted = predicted_errors(seen)
        assert seen.forces is not None
        true = np.linalg.norm(seen.forces - label.forces, axis=1)
        which = np.flatnonzero(chosen if label.trusted is None else chosen & label.trusted)
        threshold = self.threshold
        flagged = self.conformal.bound(predicted[which]) > threshold
        return Audit(self.generation.number, which, predicted[which], true[which], flagged, threshold)

    def _audits_of(self, generation: int | None) -> list[Audit]:
        return [audit for audit in self.audits if generation in (None, audit.generation)]

    def _novel_share(self, limit: float) -> float:
        """Share of the trusted atoms of pending labels whose novelty exceeds the limit."""
        beyond = []
        for entry in self._records.waiting:
            novelty = self.gap.evaluate(entry.atoms, forces=False, error="local").novelty
            assert novelty is not None
            trusted = slice(None) if entry.label.trusted is None else entry.label.trusted
            beyond.append(novelty[trusted] > limit)
        return float(np.mean(np.concatenate(beyond)))


def _audited_again(gap: GAP, entries: Sequence[Entry]) -> tuple[float | None, float | None]:
    """Root mean square force error on audited atoms: when they were audited, and by a later model, eV/Å."""
    before, after = [], []
    for entry in entries:
        kept, label = entry.label.extra[AUDIT], entry.label.forces
        forces = gap.evaluate(entry.atoms).forces
        assert forces is not None
        assert label is not None
        before.append(kept["true"])
        after.append(np.linalg.norm(forces - label, axis=1)[kept["atoms"]])
    if not before:
        return None, None
    return _rms(np.concatenate(before)), _rms(np.concatenate(after))


def _rms(errors: Floats) -> float:
    return float(np.sqrt(np.mean(errors**2)))
