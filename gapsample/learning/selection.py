"""Which configurations to label next: where the predicted error is large, and never twice the same.

Errors of atoms are taken for a Gaussian process whose standard deviation is the predicted error, and whose
correlation is that of the model's posterior: two environments go together if what the model does not know of
them is the same. The greedy choice (the pivots of a Cholesky decomposition) takes what is most uncertain once
the labels chosen before it are thought known: D-optimal design, one step at a time. Ten frames of one event
are thus one choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from gapsample.database import fingerprint
from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.errors import InputError
from gapsample.gp.linear_system import Posterior
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Evaluation, Potential
from gapsample.potential.terms.soap import SoapTerm

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

WORST = 16  # atoms of each configuration that the choice looks at
EXPLAINED = 1e-6  # of a prior variance; what is known better brings no pivot
JITTER = 1e-9  # of delta^2; a covariance that is smaller is rounding


@dataclass(frozen=True, eq=False)
class Candidate:
    """A configuration that an engine visited, and how wrong the model expects to be there.

    Attributes
    ----------
    error : shape (n_atoms,), eV/Å, predicted error of the force on every atom: the norm of `forces_std`
    """

    atoms: Atoms
    error: Floats

    def __post_init__(self) -> None:
        if self.error.shape != (len(self.atoms),) or not np.all(self.error >= 0.0):
            raise InputError(
                f"a candidate needs one error >= 0 for each of its {len(self.atoms)} atoms, got shape "
                f"{self.error.shape} with the least {np.min(self.error, initial=np.inf)}"
            )


@dataclass(frozen=True)
class Choice:
    """One choice.

    Attributes
    ----------
    candidate : which of the candidates
    atom : the one of its atoms that counts most
    gain : eV/Å, what was unknown of it, root of the sum of squares over the atoms that would be labeled
    """

    candidate: int
    atom: int
    gain: float


@dataclass(frozen=True, eq=False)
class _Known:
    """Correlations of what the posterior leaves open of local energies, for atoms of one SOAP term.

    Attributes
    ----------
    rows : shape (n,), which of all atoms they are
    points : shape (n, dimension), their descriptors
    explained, open : shapes (n, n_sparse) and (n, M); cov = k - explained explained^T + open open^T
    scale : shape (n,), one over the standard deviations
    """

    rows: Integers
    term: SoapTerm
    points: Floats
    explained: Floats
    open: Floats
    scale: Floats

    def column(self, k: int) -> Floats:
        """Correlation of all atoms of the term with one of them."""
        covariance = self.term.covariance(self.points, self.points[k : k + 1])[:, 0]
        covariance += self.open @ self.open[k] - self.explained @ self.explained[k]
        return np.asarray(np.clip(covariance * self.scale * self.scale[k], -1.0, 1.0))


@dataclass(frozen=True, eq=False)
class _Environments:
    """Atoms to choose from, a row each; those that no SOAP term knows have nothing in common."""

    candidate: Integers
    atom: Integers
    error: Floats
    known: Sequence[_Known]

    def column(self, row: int) -> Floats:
        """Covariance of all rows with one of them, eV^2/Å^2."""
        alike = np.zeros(len(self.error))
        for known in self.known:
            k = int(np.searchsorted(known.rows, row))
            if k < len(known.rows) and known.rows[k] == row:
                alike[known.rows] = known.column(k)
        alike[row] = 1.0
        return self.error * self.error[row] * alike


def predicted_errors(seen: Evaluation) -> Floats:
    """Predicted error of the force on every atom, shape (n_atoms,), eV/Å.

    Raises
    ------
    InputError
        The evaluation holds none.
    """
    if seen.forces_std is None:
        raise InputError("the potential predicts no error of its forces; take a GAP with its posterior")
    return np.asarray(np.linalg.norm(seen.forces_std, axis=1))


def judge(potential: Potential, configurations: Sequence[Atoms]) -> list[Candidate]:
    """Configurations as candidates, their errors predicted by a potential that knows its own."""
    found = (potential.evaluate(atoms, error="forces") for atoms in configurations)
    return [Candidate(a, predicted_errors(seen)) for a, seen in zip(configurations, found, strict=True)]


def new_ones(candidates: Sequence[Candidate], known: Set[str]) -> list[int]:
    """Places of the candidates that are neither known (by fingerprint) nor repeat an earlier one."""
    seen, places = set(known), []
    for place, candidate in enumerate(candidates):
        key = fingerprint(candidate.atoms)
        if key not in seen:
            seen.add(key)
            places.append(place)
    return places


def choose(
    gap: GAP,
    candidates: Sequence[Candidate],
    n: int,
    *,
    known: Set[str] = frozenset(),
    least: float = 0.0,
    whole: bool = True,
) -> list[Choice]:
    """The `n` choices that teach most, best first; fewer where nothing else is worth a label.

    Parameters
    ----------
    gap : its SOAP terms and posterior tell what is known; atoms without a term are ranked by error alone
    known : fingerprints that are never chosen
    least : eV/Å; what would gain less is not chosen
    whole : a label knows all atoms of its configuration, and no configuration is chosen twice. False: it
        knows the chosen atom and what resembles it, as for a cluster carved from a large system
    """
    places = new_ones(candidates, known)
    if not places:
        return []
    rows = _environments(gap, candidates, places)
    group = rows.candidate if whole else np.arange(len(rows.error))
    left, prior = rows.error**2, rows.error**2
    known_rows = np.empty((0, len(left)))
    choices: list[Choice] = []
    while len(choices) < n:
        gains = np.bincount(group, weights=left)
        best = int(np.argmax(gains))
        gain = float(np.sqrt(gains[best]))
        if gain <= least:
            break
        members = np.flatnonzero(group == best)
        worst = members[np.argmax(left[members])]
        choices.append(Choice(int(rows.candidate[worst]), int(rows.atom[worst]), gain))
        for member in members[np.argsort(-left[members], kind="stable")]:
            if left[member] > EXPLAINED * prior[member]:
                row = (rows.column(member) - known_rows[:, member] @ known_rows) / np.sqrt(left[member])
                known_rows = np.vstack([known_rows, row])
                left = np.maximum(left - row**2, 0.0)
        left[members] = 0.0
    return choices


def _environments(gap: GAP, candidates: Sequence[Candidate], places: Sequence[int]) -> _Environments:
    """The atoms of largest error of each candidate, `WORST` at most."""
    worst = {place: np.argsort(-candidates[place].error, kind="stable")[:WORST] for place in places}
    near = [find_neighbours(candidates[place].atoms, gap.cutoff) for place in places]
    return _Environments(
        candidate=np.repeat(np.array(places, dtype=np.int64), [len(atoms) for atoms in worst.values()]),
        atom=np.concatenate([np.zeros(0, dtype=np.int64), *worst.values()]),
        error=np.concatenate([np.zeros(0), *(candidates[place].error[worst[place]] for place in places)]),
        known=[] if gap.posterior is None else list(_all_known(gap, list(worst.values()), near)),
    )


def _all_known(gap: GAP, worst: Sequence[Integers], near: Sequence[Neighbours]) -> Iterator[_Known]:
    """What is known of the chosen atoms of every configuration, term by term."""
    assert gap.posterior is not None
    first = np.cumsum([0, *map(len, worst)])
    begin = 0
    for term in gap.terms:
        end = begin + term.n_sparse
        if isinstance(term, SoapTerm):
            found = [_of_term(term, atoms, each) for atoms, each in zip(worst, near, strict=True)]
            rows = np.concatenate([start + mine for start, (mine, _) in zip(first, found, strict=False)])
            if len(rows):
                order = np.argsort(rows)
                points = np.concatenate([points for _, points in found])[order]
                yield _known(gap.posterior, slice(begin, end), term, rows[order], points)
        begin = end


def _of_term(term: SoapTerm, atoms: Integers, near: Neighbours) -> tuple[Integers, Floats]:
    """Which of some atoms carry a term, and their descriptors."""
    _, mine, theirs = np.intersect1d(atoms, term.centres(near), return_indices=True)
    return mine, term.descriptors(near)[theirs]


def _known(posterior: Posterior, part: slice, term: SoapTerm, rows: Integers, points: Floats) -> _Known:
    cross = term.covariance(points, term.sparse)
    factor = cholesky(term.k_mm() + JITTER * term.delta**2 * np.eye(term.n_sparse))
    explained = solve_triangular(factor, cross.T, trans="T").T
    padded = np.zeros((len(posterior.R), len(points)))
    padded[part] = cross.T
    open_ = solve_triangular(posterior.R, padded, trans="T").T
    variance = term.delta**2 - np.sum(explained**2, axis=1) + np.sum(open_**2, axis=1)
    scale = 1.0 / np.sqrt(np.maximum(variance, JITTER * term.delta**2))
    return _Known(rows, term, points, explained, open_, scale)
