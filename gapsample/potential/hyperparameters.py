"""Deltas and sigmas of a recipe chosen by the evidence of the data, or sampled from their posterior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gapsample.database import Database, Label
from gapsample.errors import FitError, SettingsError
from gapsample.gp import hyper
from gapsample.gp.linear_system import LinearSystem
from gapsample.potential.baseline import added, from_recipe
from gapsample.potential.build_terms import build_groups
from gapsample.potential.fit import choose_level
from gapsample.potential.isolated import find_e0
from gapsample.potential.observations import observe
from gapsample.potential.protocol import Potential
from gapsample.potential.recipe import Recipe, Sigmas
from gapsample.potential.terms.protocol import k_mm_of
from gapsample.progress import Progress

Floats = NDArray[np.float64]

KINDS: Mapping[str, str] = {"e": "energy", "f": "force", "v": "virial"}
BOUNDS = (1e-2, 1e2)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The evidence of a database for a recipe, as a function of its deltas and sigmas alone.

    Hyper-parameters are logs of factors on the recipe's own values. Sigmas of labels are known and stay;
    `config_type_sigmas` keep their ratio to the default sigma of their kind.

    Attributes
    ----------
    recipe : where the factors start from
    names : of the hyper-parameters, e.g. ``("terms.0.delta", "sigmas.energy")``
    problem : the linear algebra
    """

    recipe: Recipe
    names: tuple[str, ...]
    problem: hyper.Reduced

    def with_factors(self, factors: Floats) -> Recipe:
        """The recipe with its deltas and sigmas multiplied, shape (n_names,)."""
        by_name = dict(zip(self.names, np.asarray(factors, dtype=float).tolist(), strict=True))
        terms = tuple(
            replace(term, delta=term.delta * by_name.get(f"terms.{t}.delta", 1.0))
            for t, term in enumerate(self.recipe.terms)
        )

        def scaled(sigmas: Sigmas) -> Sigmas:
            values = {kind: getattr(sigmas, kind) for kind in KINDS.values()}
            return Sigmas(
                **{
                    kind: None if sigma is None else sigma * by_name.get(f"sigmas.{kind}", 1.0)
                    for kind, sigma in values.items()
                }
            )

        by_type = {name: scaled(sigmas) for name, sigmas in self.recipe.config_type_sigmas.items()}
        return replace(
            self.recipe, terms=terms, sigmas=scaled(self.recipe.sigmas), config_type_sigmas=by_type
        )

    def values(self, log_factors: Floats) -> dict[str, Floats]:
        """Deltas (eV) and sigmas (as in `Sigmas`) by name from logs of factors, shape (..., n_names)."""
        units = np.array([_value(self.recipe, name) for name in self.names])
        return {name: (units * np.exp(log_factors))[..., k] for k, name in enumerate(self.names)}


def reduce(
    recipe: Recipe,
    database: Database,
    *,
    baseline: Potential | None = None,
    progress: Progress | None = None,
) -> Evidence:
    """Stream the training labels once; the same labels, terms and noise that `fit` would use.

    Raises
    ------
    DatabaseError, FitError
        As `fit`.
    """
    train = database.require(
        level=choose_level(recipe, database), split="train" if recipe.split == "train" else None
    )
    e0 = find_e0(recipe, train)
    baseline = added(from_recipe(recipe.baseline), baseline)
    groups = build_groups(recipe, [entry.atoms for entry in train], np.random.default_rng(recipe.seed))
    terms = [term for group in groups for term in group]
    n_weights = sum(term.n_sparse for term in terms)
    systems = {kind: LinearSystem.without_prior(n_weights) for kind in (*KINDS, "fixed")}
    for done, entry in enumerate(train, start=1):
        seen = observe(entry.atoms, entry.label, terms, e0, baseline, recipe)
        known = _known(entry.label, recipe)
        for kind in KINDS:
            part = seen.kinds == kind
            if np.any(part):
                system = systems["fixed" if kind in known else kind]
                system.absorb(seen.rows[part], seen.targets[part], seen.sigmas[part])
        if progress is not None:
            progress("reducing", done, len(train))
    reduced = {kind: hyper.Kind.of(system) for kind, system in systems.items()}
    used = [kind for kind in KINDS if reduced[kind].n_rows]
    present = [t for t, group in enumerate(groups) if group]
    names = [f"terms.{t}.delta" for t in present] + [f"sigmas.{KINDS[kind]}" for kind in used]
    if not any(found.n_rows for found in reduced.values()):
        raise FitError("no label enters the fit: the recipe's sigmas leave out every kind there is")
    kinds = tuple(reduced[kind] for kind in used)
    blocks = tuple(k_mm_of(groups[t]) for t in present)
    return Evidence(recipe, tuple(names), hyper.Reduced(blocks, recipe.jitter, kinds, reduced["fixed"]))


def optimize(
    recipe: Recipe,
    database: Database,
    *,
    bounds: tuple[float, float] = BOUNDS,
    baseline: Potential | None = None,
    progress: Progress | None = None,
) -> Recipe:
    """The recipe with the deltas and sigmas of largest evidence.

    The sparse points stay those of the recipe (they do not depend on deltas and sigmas), so that
    ``fit(optimize(recipe, database), database)`` has the evidence found here.

    Parameters
    ----------
    bounds : smallest and largest factor on each delta and sigma of the recipe
    baseline : as in `fit`

    Raises
    ------
    DatabaseError, FitError, SettingsError
        As `reduce`.
    """
    evidence = reduce(recipe, database, baseline=baseline, progress=progress)
    start = np.zeros(len(evidence.names))
    return evidence.with_factors(np.exp(hyper.maximize(evidence.problem, start, _logs(bounds, evidence))))


@dataclass(frozen=True, eq=False)
class Chain:
    """Samples of the hyper-parameters.

    Attributes
    ----------
    values : by name, shape (n_steps, n_walkers), eV for deltas, as in `Sigmas` for sigmas
    log_evidence : shape (n_steps, n_walkers)
    """

    values: Mapping[str, Floats]
    log_evidence: Floats


def sample(
    recipe: Recipe,
    database: Database,
    n_walkers: int,
    n_steps: int,
    rng: np.random.Generator,
    *,
    bounds: tuple[float, float] = BOUNDS,
    baseline: Potential | None = None,
    progress: Progress | None = None,
) -> Chain:
    """Posterior of deltas and sigmas, flat in their logs within bounds, by emcee from the optimum.

    Parameters
    ----------
    n_walkers : at least twice the number of hyper-parameters
    bounds : smallest and largest factor on each delta and sigma of the recipe
    """
    evidence = reduce(recipe, database, baseline=baseline, progress=progress)
    limits = _logs(bounds, evidence)
    best = hyper.maximize(evidence.problem, np.zeros(len(evidence.names)), limits)

    def after(done: int) -> None:
        if progress is not None:
            progress("sampling", done, n_steps)

    chain, log_evidence = hyper.sample(evidence.problem, best, limits, n_walkers, n_steps, rng, after)
    return Chain(evidence.values(chain), log_evidence)


def _known(label: Label, recipe: Recipe) -> set[str]:
    """Kinds of observation whose noise is not a multiple of the recipe's default sigma."""
    own = {
        "e": label.energy_sigma is not None,
        "f": label.force_sigma is not None or label.force_atom_sigma is not None,
        "v": label.virial_sigma is not None,
    }
    return {kind for kind, name in KINDS.items() if own[kind] or getattr(recipe.sigmas, name) is None}


def _value(recipe: Recipe, name: str) -> float:
    first, *rest = name.split(".")
    return float(recipe.terms[int(rest[0])].delta if first == "terms" else getattr(recipe.sigmas, rest[0]))


def _logs(bounds: tuple[float, float], evidence: Evidence) -> list[tuple[float, float]]:
    low, high = bounds
    if not 0.0 < low < 1.0 < high:
        raise SettingsError(f"bounds are factors with 0 < low < 1 < high; got {low} and {high}")
    return [(float(np.log(low)), float(np.log(high)))] * len(evidence.names)
