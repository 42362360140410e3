"""The fit of a GAP: from a database and a recipe to a potential that knows its own error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gapsample.database import Database, Entry
from gapsample.errors import DatabaseError, FitError
from gapsample.gp.linear_system import LinearSystem
from gapsample.potential.assessment import Row, assess, table
from gapsample.potential.baseline import added, from_recipe
from gapsample.potential.build_terms import build_terms
from gapsample.potential.calibration import calibrate
from gapsample.potential.gap import GAP
from gapsample.potential.isolated import find_e0
from gapsample.potential.observations import observe
from gapsample.potential.protocol import Potential
from gapsample.potential.recipe import Recipe
from gapsample.potential.terms.protocol import Term, k_mm_of
from gapsample.progress import Progress


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit gives back.

    Attributes
    ----------
    gap : the potential, calibrated on the held-out labels where there are any
    errors : tables of errors (`assessment.Row`) by split, ``"train"`` and, where held out, ``"test"``
    log_evidence : log marginal likelihood of the training labels
    """

    gap: GAP
    errors: Mapping[str, Sequence[Row]]
    log_evidence: float


def fit(
    recipe: Recipe,
    database: Database,
    *,
    baseline: Potential | None = None,
    progress: Progress | None = None,
) -> Fit:
    """Fit a GAP to the labels of a database.

    The labels are streamed: memory for them is O(M^2) in the number of sparse points M, whatever their
    number (the candidates for sparse points add up to 0.8 GB).

    Parameters
    ----------
    recipe : all choices
    database : labels of the level of theory asked for; with ``split = "train"`` its test part is held
        out, and the predicted errors are calibrated on it
    baseline : a Potential of your own, e.g. an ASE calculator as `potential.calculator.FromCalculator`,
        subtracted and added besides the recipe's baseline. A model file cannot hold it: `gapsample.load`
        asks for it again
    progress : called as ``progress(what, done, total)``

    Raises
    ------
    DatabaseError
        The database holds no label of that level, or several levels and the recipe names none.
    FitError
        The data cannot determine the model as posed; the message says what to change.

    References
    ----------
    Bartók, Payne, Kondor & Csányi, Phys. Rev. Lett. 104, 136403 (2010);
    Bartók & Csányi, Int. J. Quantum Chem. 115, 1051 (2015).
    """
    level = choose_level(recipe, database)
    train = database.require(level=level, split="train" if recipe.split == "train" else None)
    held_out = list(database.select(level=level, split="test")) if recipe.split == "train" else []
    e0 = find_e0(recipe, train)
    baseline = added(from_recipe(recipe.baseline), baseline)
    rng = np.random.default_rng(recipe.seed)
    terms = build_terms(recipe, [entry.atoms for entry in train], rng)
    system = LinearSystem.from_prior(k_mm_of(terms), recipe.jitter)
    absorb_entries(system, train, terms, e0, baseline, recipe, progress)
    posterior = system.posterior()
    watermark = max(entry.id for entry in [*train, *held_out])  # not the database's: others write meanwhile
    origin = {"level": level, "watermark": watermark, "n_train": len(train), "n_test": len(held_out)}
    gap = GAP(tuple(terms), posterior.alpha, e0, baseline, posterior, recipe, origin=origin)
    held_out = [entry for entry in held_out if set(entry.atoms.numbers.tolist()) <= set(e0)]
    errors = {"train": table(assess(gap, train, progress=progress))}
    if held_out:
        gap = replace(gap, calibration=calibrate(assess(gap, held_out, error=True, progress=progress)))
        errors["test"] = table(assess(gap, held_out, error=True))
    return Fit(gap, errors, posterior.log_evidence)


def absorb_entries(
    system: LinearSystem,
    entries: Sequence[Entry],
    terms: Sequence[Term],
    e0: dict[int, float],
    baseline: Potential | None,
    recipe: Recipe,
    progress: Progress | None = None,
) -> None:
    """Stream the labels of all entries into the linear system.

    Raises
    ------
    FitError
        No entry has anything that the recipe's sigmas let in.
    """
    n_rows = 0
    for done, entry in enumerate(entries):
        seen = observe(entry.atoms, entry.label, terms, e0, baseline, recipe)
        system.absorb(seen.rows, seen.targets, seen.sigmas)
        n_rows += len(seen.targets)
        if progress is not None:
            progress("fitting", done + 1, len(entries))
    if n_rows == 0:
        raise FitError("no label enters the fit: the recipe's sigmas leave out every kind the labels have")


def choose_level(recipe: Recipe, database: Database) -> str:
    """The recipe's level of theory, or the only one there is."""
    levels = database.levels()
    if recipe.level is not None:
        if recipe.level not in levels:
            raise DatabaseError(
                f"the recipe asks for level {recipe.level!r}; the database has {sorted(levels) or 'none'}"
            )
        return recipe.level
    if not levels:
        raise DatabaseError("the database is empty; import labels first (gapsample db import)")
    if len(levels) > 1:
        raise DatabaseError(
            f"the database holds several levels of theory, {sorted(levels)}; name one as the recipe's level"
        )
    return next(iter(levels))
