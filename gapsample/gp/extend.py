"""More sparse points for a posterior whose data are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, qr, solve_triangular

from gapsample.gp.linear_system import Posterior

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NOVEL = 1e-6  # of a candidate's prior variance; what is explained better than that adds nothing


@dataclass(frozen=True)
class Candidates:
    """Covariances of c candidates and the m old sparse points.

    Attributes
    ----------
    old : shape (m, m), of the old points
    cross : shape (c, m), of the candidates with them
    variance : shape (c,), of the candidates
    column : of all candidates with one of them, shape (c,), by its number; there may be too many for a matrix
    """

    old: Floats
    cross: Floats
    variance: Floats
    column: Callable[[int], Floats]


def extend(
    posterior: Posterior, start: int, end: int, candidates: Candidates, jitter: float, most: int
) -> tuple[Posterior, Integers]:
    """Append up to `most` candidates to the sparse points ``start:end`` of a posterior.

    The old rows are gone; they are taken to say about the new weights what the old sparse points can
    explain of them (Nyström). With A = K_mm^-1 K_mn and S = K_nn - K_nm A, the objective for old weights
    a and new weights b is then |R (a + A b) - Q^T y|^2 + b^T S b, so that the new triangle is
    [[R, R A], [0, S^1/2]], exactly. Candidates are taken greedily by the variance still unexplained, and
    none that is explained already (pivoted Cholesky decomposition of S).

    Returns
    -------
    The posterior with the new weights after the old ones of their block, and the indices of the
    candidates taken, in order.
    """
    u = cholesky(candidates.old + jitter * np.eye(len(candidates.old)))
    half = solve_triangular(u, candidates.cross.T, trans="T")
    chosen, schur = _pivots(candidates, half, most)
    n, m = len(chosen), len(posterior.R)
    if n == 0:
        return posterior, chosen
    mapped = np.zeros((m, n))
    mapped[start:end] = solve_triangular(u, half[:, chosen])
    root = cholesky(schur[:, chosen] + jitter * np.eye(n))
    stacked = np.zeros((m + n + 1, m + n + 1))
    stacked[:m, :m] = posterior.R
    stacked[:m, m:-1] = posterior.R @ mapped
    stacked[:m, -1] = posterior.triangle[:-1, -1]
    stacked[m:-1, m:-1] = root
    stacked[-1, -1] = posterior.triangle[-1, -1]
    order = np.concatenate([np.arange(end), m + np.arange(n), np.arange(end, m), [m + n]])
    (triangle,) = qr(stacked[:, order], mode="r", overwrite_a=True)
    log_det = posterior.log_det_prior + 2.0 * float(np.sum(np.log(np.diag(root))))
    return Posterior(np.triu(triangle), log_det, posterior.log_noise, posterior.n_rows), chosen


def _pivots(candidates: Candidates, half: Floats, most: int) -> tuple[Integers, Floats]:
    """Greedy pivots of S, and its rows there, shape (n, c), until hardly any variance is unexplained."""
    least = NOVEL * candidates.variance
    left = candidates.variance - np.sum(half**2, axis=0)
    schur, rows = np.empty((2, 0, len(left)))
    chosen: list[int] = []
    while len(chosen) < min(most, len(left)):
        pivot = int(np.argmax(left - least))
        if left[pivot] <= least[pivot]:
            break
        unexplained = candidates.column(pivot) - half[:, pivot] @ half
        row = (unexplained - rows[:, pivot] @ rows) / np.sqrt(left[pivot])
        left = left - row**2
        left[pivot] = -np.inf
        schur, rows = np.vstack([schur, unexplained]), np.vstack([rows, row])
        chosen.append(pivot)
    return np.array(chosen, dtype=np.int64), schur
