"""How far to trust a GAP, atom by atom: distance from the sparse set, and the posterior of its weights.

Local rows k_i are projected once on the leading eigenvectors of K_mm:
kappa_i = (Lambda + reg^2)^-1/2 Q^T k_i.
Then novelty = k_ii + reg^2 - |kappa_i|^2 and the posterior part is kappa_i^T S kappa_i. Modes that carry
less than `TAIL` of the prior variance are left out, which can only raise the predicted error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from gapsample.gp.linear_system import Posterior
from gapsample.potential.terms.protocol import Term

Floats = NDArray[np.float64]

REGULARIZATION = 1e-3  # eV; QUIP's gap_variance_regularisation
TAIL = 1e-6  # of delta^2, mean variance of the sparse points that the projection may lose
N_DRAWS = 16  # posterior draws behind forces_std: its own relative error is about 1 / sqrt(2 N_DRAWS)


@dataclass(frozen=True)
class ErrorModel:
    """Projectors and posterior draws of one fit.

    Attributes
    ----------
    projectors : per term, shape (n_sparse of the term, n_projections); zero outside the term's own columns
    spread : shape (n_projections, n_projections), a root of S: posterior variance = |kappa @ spread|^2
    deviations : shape (N_DRAWS, M), draws of the weights about their mean
    """

    projectors: tuple[Floats, ...]
    spread: Floats
    deviations: Floats

    @property
    def n_projections(self) -> int:
        return len(self.spread)

    def novelty(self, self_covariance: Floats, projections: Floats) -> Floats:
        """Variance left when the latent energies of all sparse points are known, eV^2, shape (n_atoms,)."""
        left = self_covariance + REGULARIZATION**2 - np.einsum("ip,ip->i", projections, projections)
        return np.maximum(left, 0.0)

    def posterior_variance(self, projections: Floats) -> Floats:
        """Variance from not knowing those energies exactly, eV^2; shape (n_atoms, n) -> (n_atoms,)."""
        return np.sum((projections @ self.spread) ** 2, axis=-1)


def build_error_model(terms: Sequence[Term], posterior: Posterior, seed: int) -> ErrorModel:
    """Prepare the predicted error of a fit; costs an eigendecomposition of every term's K_mm."""
    leading = [_leading_modes(term) for term in terms]
    widths = [len(values) for values, _ in leading]
    starts = np.concatenate(([0], np.cumsum(widths)))
    rows = np.concatenate(([0], np.cumsum([term.n_sparse for term in terms])))
    projectors = []
    basis = np.zeros((rows[-1], starts[-1]))
    for t, (values, vectors) in enumerate(leading):
        scaled = np.zeros((terms[t].n_sparse, starts[-1]))
        columns = slice(starts[t], starts[t + 1])
        scaled[:, columns] = vectors / np.sqrt(values + REGULARIZATION**2)
        projectors.append(scaled)
        basis[rows[t] : rows[t + 1], columns] = vectors * np.sqrt(values + REGULARIZATION**2)
    spread = solve_triangular(posterior.R, basis, trans="T").T
    _, triangle = np.linalg.qr(spread.T)
    deviations = posterior.deviations(N_DRAWS, np.random.default_rng(seed))
    return ErrorModel(tuple(projectors), np.ascontiguousarray(triangle.T), deviations)


def _leading_modes(term: Term) -> tuple[Floats, Floats]:
    """Eigenvalues and eigenvectors of K_mm that hold all but `TAIL` of its mean diagonal, largest first."""
    values, vectors = np.linalg.eigh(term.k_mm())
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    left = np.cumsum(values[::-1])[::-1] / len(values)
    n = max(1, int(np.sum(left > TAIL * values.sum() / len(values))))
    return values[:n], vectors[:, :n]
