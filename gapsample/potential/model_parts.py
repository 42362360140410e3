"""Terms and posterior as headers and arrays, and back: what a model file is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import FileFormatError
from gapsample.gp.linear_system import Posterior
from gapsample.potential.terms.angle import AngleTerm
from gapsample.potential.terms.distance import DistanceTerm
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm

Floats = NDArray[np.float64]
Header = dict[str, Any]

TERMS: Mapping[str, Any] = {"soap": SoapTerm, "distance_2b": DistanceTerm, "angle_3b": AngleTerm}


def describe_terms(terms: Sequence[Term]) -> tuple[list[Header], dict[str, Floats]]:
    """A header for each term, and the arrays of all."""
    heads, arrays = [], {}
    for t, term in enumerate(terms):
        head, own = term.to_arrays()
        kind = next(name for name, cls in TERMS.items() if isinstance(term, cls))
        heads.append({"kind": kind, **head})
        arrays.update({f"term{t}_{name}": value for name, value in own.items()})
    return heads, arrays


def rebuild_terms(heads: Sequence[Header], arrays: Mapping[str, Floats]) -> tuple[Term, ...]:
    """The reverse of `describe_terms`; FileFormatError for what cannot be a term."""
    terms: list[Term] = []
    for t, head in enumerate(heads):
        prefix = f"term{t}_"
        own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        fields = {key: value for key, value in head.items() if key != "kind"}
        check_numbers(fields, f"term {t}")
        terms.append(TERMS[head["kind"]].from_arrays(fields, own))
        _check_term(terms[-1])
    return tuple(terms)


def describe_posterior(posterior: Posterior) -> tuple[Header, Floats]:
    """The numbers of a posterior, and its triangle packed row by row."""
    head = {
        "log_det_prior": posterior.log_det_prior,
        "log_noise": posterior.log_noise,
        "n_rows": posterior.n_rows,
    }
    return head, posterior.triangle[np.triu_indices(len(posterior.triangle))]


def rebuild_posterior(head: Header, packed: Floats, n_sparse: int) -> Posterior:
    """The reverse of `describe_posterior`."""
    check_numbers(head, "posterior")
    side = n_sparse + 1
    if packed.shape != (side * (side + 1) // 2,):
        raise FileFormatError(f"the triangle has {packed.shape} numbers for {n_sparse} weights")
    triangle = np.zeros((side, side))
    triangle[np.triu_indices(side)] = packed
    return Posterior(triangle, **head)


def check_numbers(value: Any, where: str) -> None:
    """Nothing but numbers, at most in lists and tables, or nothing at all."""
    if isinstance(value, dict):
        for key, entry in value.items():
            check_numbers(entry, f"{where}, {key}")
    elif isinstance(value, list):
        for entry in value:
            check_numbers(entry, where)
    elif not isinstance(value, int | float | None):
        raise FileFormatError(f"{where} must be a number, got {str(value)[:40]!r}")


def _check_term(term: Term) -> None:
    """What a SOAP term does not check itself: its sparse points fit its basis."""
    if not isinstance(term, SoapTerm):
        return
    sizes = (term.basis.n_max, term.basis.l_max, term.center, *term.species)
    if not all(isinstance(size, int) for size in sizes) or not all(1 <= z <= 118 for z in sizes[2:]):
        raise FileFormatError(f"n_max, l_max and atomic numbers of a soap term must be integers, got {sizes}")
    if len(set(term.species)) != len(term.species) or not term.zeta > 0.0 or term.r_min < 0.0:
        raise FileFormatError(
            f"a soap term needs different species, zeta above 0 and r_min not below 0, got {term.species}, "
            f"{term.zeta} and {term.r_min}"
        )
    if term.mixing is not None and (term.mixing.ndim, *term.mixing.shape[1:]) != (2, len(term.species)):
        raise FileFormatError(f"mixing of {len(term.species)} species has the shape {term.mixing.shape}")
    if (term.sparse.ndim, *term.sparse.shape[1:]) != (2, term.dimension):
        raise FileFormatError(
            f"sparse points of soap must have {term.dimension} numbers each, got {term.sparse.shape}"
        )
