"""Calibration without faith in the model: from audits to a bound on the true error that holds by counting.

The score of an audited atom is its true error over its predicted one. Its conformal quantile, times the
predicted error of a new atom, bounds the true error of that atom with the coverage asked for, however wrong
the model is: all that is needed is that new atoms come as the audited ones came, at random.

References
----------
Vovk, Gammerman & Shafer, Algorithmic Learning in a Random World (2005). Atoms of one audit are not
independent, so that each audit counts once: Lee, Barber & Willett, arXiv:2306.06342 (hierarchical conformal
prediction). Older generations count less: Barber, Candès, Ramdas & Tibshirani, Ann. Stat. 51, 816 (2023);
coverage then falls short by at most the weighted total variation between their scores and those of now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.learning.audits import Audit

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEGLIGIBLE = 1e-3  # eV/Å; predicted errors below it, of forces that symmetry fixes, count as this much
RESIDUALS = 3.0  # no threshold below so many times the residual: what the model cannot fit it cannot judge


@dataclass(frozen=True)
class Conformal:
    """A bound on true errors.

    Attributes
    ----------
    factor : the bound is so many times the predicted error; infinite while there are too few audits
    coverage : share of atoms whose true error is within the bound, at least
    n_audits : behind it
    """

    factor: float
    coverage: float
    n_audits: int

    def bound(self, predicted: Floats) -> Floats:
        """Bound on the true error of every atom, from its predicted error; both shape (n_atoms,), eV/Å."""
        return np.asarray(self.factor * np.maximum(predicted, NEGLIGIBLE))


def conformal(audits: Sequence[Audit], coverage: float, *, memory: float = np.inf) -> Conformal:
    """The bound that audits support.

    Parameters
    ----------
    coverage : 0.95 needs nineteen audits at least, of equal weight
    memory : generations after which an audit counts half; infinite: all count alike

    Raises
    ------
    InputError
        `coverage` is not between 0 and 1, or `memory` is not positive.
    """
    sizes = [len(audit.true) for audit in audits]
    return conformal_of(
        np.concatenate([[], *(audit.true for audit in audits)]),
        np.concatenate([[], *(audit.predicted for audit in audits)]),
        np.repeat(np.arange(len(audits)), sizes),
        np.repeat(np.array([audit.generation for audit in audits], dtype=int), sizes),
        coverage,
        memory=memory,
    )


def conformal_of(
    true: Floats,
    predicted: Floats,
    audit: Integers,
    generation: Integers,
    coverage: float,
    *,
    memory: float = np.inf,
) -> Conformal:
    """The same from columns, one row for each audited atom, all of shape (n,).

    Parameters
    ----------
    true, predicted : eV/Å
    audit : rows with the same number belong to one audit
    generation : of the model that was audited
    coverage, memory : as `conformal`
    """
    if not (0.0 < coverage < 1.0 and memory > 0.0):
        raise InputError(f"wanted 0 < coverage < 1 and memory > 0, got {coverage} and {memory}")
    _, place, sizes = np.unique(audit, return_inverse=True, return_counts=True)
    age = generation.max(initial=0) - generation
    weights = 0.5 ** (age / memory) / sizes[place]
    found = weighted_quantile(true / np.maximum(predicted, NEGLIGIBLE), weights, coverage)
    return Conformal(found, coverage, len(sizes))


def weighted_quantile(scores: Floats, weights: Floats, coverage: float) -> float:
    """Smallest score that `coverage` of the weight does not exceed, a new score of weight 1 at infinity.

    With equal weights 1 it is the ceil((n + 1) coverage)-th smallest of n scores, infinite if there is none.
    """
    order = np.argsort(scores, kind="stable")
    share = np.cumsum(weights[order]) / (np.sum(weights) + 1.0)
    enough = np.flatnonzero(share >= coverage - 1e-12)
    return float(scores[order[enough[0]]]) if len(enough) else float(np.inf)


def lowest_threshold(asked: float, residual: float) -> float:
    """The threshold to flag errors by, eV/Å: the one asked for, but never below three residuals."""
    return max(asked, RESIDUALS * residual)
