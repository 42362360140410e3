"""How far to trust a GAP, atom by atom: distance from the sparse set, and the posterior of its weights.

Two things that are not the same. *Novelty* is the prior variance of a local energy that the sparse points
leave unexplained, k_ii - k_i^T K_mm^-1 k_i. The *posterior* variance k_i^T Sigma k_i is what the data left
undetermined among the sparse points; it is estimated by draws of the weights, which share the kernel
values with the energy and so cost little. Errors of a total energy that come from novelty are added up as
if they were one error, which is exact where environments are alike and an upper bound elsewhere; in a
supercell of a crystal the predicted error per atom is then that of the crystal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular

from gapsample.gp.linear_system import Posterior
from gapsample.potential.terms.protocol import Term

Floats = NDArray[np.float64]

REGULARIZATION = 1e-3  # eV; QUIP's gap_variance_regularisation
ENERGY_DRAWS = 24  # draws behind local_std and energy_std: a relative error of 1 / sqrt(2 n) = 14 %
FORCE_DRAWS = 16  # of them, the draws behind forces_std, component by component: 18 %


@dataclass(frozen=True)
class ErrorModel:
    """Whiteners of the sparse points and draws of the weights.

    Attributes
    ----------
    whiteners : per term U^-1 with U^T U = K_mm + REGULARIZATION^2, shape (n_sparse, n_sparse)
    deviations : shape (ENERGY_DRAWS, M), draws of the weights about their mean; empty (0, M) for a model
        without posterior
    """

    whiteners: tuple[Floats, ...]
    deviations: Floats


def build_error_model(terms: Sequence[Term], posterior: Posterior | None, seed: int) -> ErrorModel:
    """Prepare the predicted error; costs a Cholesky decomposition of every term's K_mm.

    Without a posterior there is novelty, and nothing else.
    """
    whiteners = tuple(_whitener(term.k_mm()) for term in terms)
    if posterior is None:
        return ErrorModel(whiteners, np.empty((0, sum(term.n_sparse for term in terms))))
    return ErrorModel(whiteners, posterior.deviations(ENERGY_DRAWS, np.random.default_rng(seed)))


def _whitener(k_mm: Floats) -> Floats:
    unit = np.eye(len(k_mm))
    return solve_triangular(cholesky(k_mm + REGULARIZATION**2 * unit), unit)
