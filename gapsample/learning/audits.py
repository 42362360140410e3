"""Audits: labels asked for at random, so that what they say of the model's error holds for all it visits.

An audit is one configuration (or one carved cluster) with its true errors beside those predicted *before*
the model learned it. Atoms of one audit are alike, so that everywhere here each audit counts once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, t

from gapsample.errors import InputError

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Audit:
    """Errors of the forces on the audited atoms of one configuration.

    Attributes
    ----------
    generation : of the model that was audited
    atoms : shape (n,), indices of the audited atoms
    predicted, true : shape (n,), eV/Å, norms of predicted and true force errors
    flagged : shape (n,), the atoms that were known to need a label; the others were trusted
    threshold : eV/Å, error that mattered then; larger ones of atoms that were trusted are missed
    """

    generation: int
    atoms: NDArray[np.int64]
    predicted: Floats
    true: Floats
    flagged: Mask
    threshold: float

    def __post_init__(self) -> None:
        lengths = {len(each) for each in (self.atoms, self.predicted, self.true, self.flagged)}
        if len(lengths) != 1 or not len(self.true):
            raise InputError(f"an audit needs numbers for one or more atoms, got lengths {sorted(lengths)}")

    def as_dict(self, model: str) -> dict[str, Any]:
        """What a label keeps of it in its `extra`; `model` is the hash of the audited model."""
        return {"model": model, **vars(self)}


def audit_of(kept: Mapping[str, Any]) -> Audit:
    """The audit that `Audit.as_dict` wrote."""
    return Audit(**{name: value for name, value in kept.items() if name != "model"})


@dataclass(frozen=True)
class MissedFraction:
    """Share of the atoms that nobody flagged although their error exceeds the threshold of their time.

    Attributes
    ----------
    value : estimate; NaN without audits
    low, high : its confidence interval
    level : of confidence
    n_audits : that held an unflagged atom
    """

    value: float
    low: float
    high: float
    level: float
    n_audits: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}, {self.n_audits} audits)"


def missed_fraction(audits: Sequence[Audit], *, level: float = 0.95) -> MissedFraction:
    """Certificate of a run: how much of what was trusted is wrong by more than the threshold.

    Each audit goes by its own threshold: one that is raised later forgives nothing.

    The interval is Clopper and Pearson's with one trial for each audit, whose outcome is the share of its
    unflagged atoms that were missed: exact where each audits one atom, wider than need be where it audits
    several, and never too narrow when nothing was missed.

    References
    ----------
    Clopper & Pearson, Biometrika 26, 404 (1934).
    """
    trusted = [audit for audit in audits if not np.all(audit.flagged)]
    shares = [float(np.mean(audit.true[~audit.flagged] > audit.threshold)) for audit in trusted]
    low, high = clopper_pearson(sum(shares), len(shares), level)
    return MissedFraction(float(np.mean(shares)) if shares else np.nan, low, high, level, len(shares))


def clopper_pearson(k: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Confidence interval of a probability after `k` successes in `n` trials.

    Raises
    ------
    InputError
        Unless 0 <= k <= n and 0 < level < 1.
    """
    if not (0.0 <= k <= n and 0.0 < level < 1.0):
        raise InputError(f"wanted 0 <= k <= n and 0 < level < 1, got k = {k}, n = {n}, level = {level}")
    tail = 0.5 * (1.0 - level)
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1.0 - tail, k + 1, n - k))
    return low, high


@dataclass(frozen=True)
class AuditedError:
    """True error of a model where it was used, from random audits of it.

    Attributes
    ----------
    value : eV/Å, root mean square of the norm of the force error over audited atoms; NaN without audits
    upper : one-sided confidence bound on it; infinite for fewer than two audits
    level : of confidence
    n_audits : behind it
    """

    value: float
    upper: float
    level: float
    n_audits: int

    def __str__(self) -> str:
        return f"{self.value:.4f} eV/Å (below {self.upper:.4f}, {self.n_audits} audits)"


def audited_error(audits: Sequence[Audit], *, level: float = 0.95) -> AuditedError:
    """Root mean square force error with Student's bound from the spread between audits."""
    squares = np.array([np.mean(audit.true**2) for audit in audits])
    n = len(squares)
    if n == 0:
        return AuditedError(np.nan, np.inf, level, 0)
    mean = float(np.mean(squares))
    upper = np.inf
    if n > 1:
        upper = float(np.sqrt(mean + t.ppf(level, n - 1) * np.std(squares, ddof=1) / np.sqrt(n)))
    return AuditedError(float(np.sqrt(mean)), upper, level, n)
