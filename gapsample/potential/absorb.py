"""Learning without refitting: new labels enter the triangle, the old data are not needed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from ase import Atoms

from gapsample.database import Label
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import FitError
from gapsample.gp.extend import Candidates, extend
from gapsample.gp.linear_system import LinearSystem, Posterior
from gapsample.potential.observations import observe
from gapsample.potential.protocol import Potential
from gapsample.potential.recipe import Recipe
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm


def absorb(
    posterior: Posterior,
    labeled: Iterable[tuple[Atoms, Label]],
    terms: Sequence[Term],
    e0: Mapping[int, float],
    baseline: Potential | None,
    recipe: Recipe,
) -> Posterior:
    """The posterior after learning further labels, at a cost of O(n_new M^2).

    Raises
    ------
    FitError
        There are no labels, or the recipe's sigmas leave them all out.
    """
    system = LinearSystem.resumed(posterior)
    for atoms, label in labeled:
        label.check_matches(len(atoms))
        seen = observe(atoms, label, terms, e0, baseline, recipe)
        system.absorb(seen.rows, seen.targets, seen.sigmas)
    learned = system.posterior()
    if learned.n_rows == posterior.n_rows:
        raise FitError("no label was absorbed: there were none, or the recipe's sigmas leave them all out")
    return learned


def add_sparse_points(
    posterior: Posterior, configurations: Sequence[Atoms], terms: Sequence[Term], jitter: float, most: int
) -> tuple[tuple[Term, ...], Posterior]:
    """SOAP terms with up to `most` more sparse points each, at the environments they find most novel."""
    cutoff = max(term.cutoff for term in terms)
    near = [find_neighbours(atoms, cutoff) for atoms in configurations]
    grown, start = list(terms), 0
    for t, term in enumerate(terms):
        end = start + term.n_sparse
        if isinstance(term, SoapTerm):
            points = np.concatenate([term.descriptors(n) for n in near])
            cross = term.covariance(points, term.sparse)
            candidates = Candidates(term.k_mm(), cross, *term.among(points))
            posterior, chosen = extend(posterior, start, end, candidates, jitter, most)
            grown[t] = term.with_more(points[chosen])
            end += len(chosen)
        start = end
    return tuple(grown), posterior
