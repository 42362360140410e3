"""Sparse points that a model has gained stay gained: a fit from scratch chooses anew, but not fewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from gapsample.potential.recipe import Angle, Distance, Recipe, Soap
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm


def as_large(recipe: Recipe, terms: Sequence[Term]) -> Recipe:
    """A recipe whose SOAP terms get as many sparse points as the largest of their kind among `terms` has.

    Terms are of one kind that share basis, zeta and delta: those that one entry of the recipe was expanded
    into, a term for each central species.
    """
    return replace(recipe, terms=tuple(_as_large(each, terms) for each in recipe.terms))


def _as_large(spec: Soap | Distance | Angle, terms: Sequence[Term]) -> Soap | Distance | Angle:
    if not isinstance(spec, Soap):
        return spec
    alike = [term.n_sparse for term in terms if isinstance(term, SoapTerm) and _made_of(spec, term)]
    return replace(spec, n_sparse=max([spec.n_sparse, *alike]))


def _made_of(spec: Soap, term: SoapTerm) -> bool:
    own = {**asdict(term.basis), "zeta": term.zeta, "delta": term.delta}
    return all(getattr(spec, name, value) == value for name, value in own.items())
