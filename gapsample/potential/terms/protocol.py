"""What every term of a GAP (SOAP, pairs, angles) can do for the fit and for prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from gapsample.descriptors.neighbours import Neighbours

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rows:
    """Linear maps from the weights alpha (shape (n_sparse,)) to what quantum mechanics can label.

    Attributes
    ----------
    energy : shape (n_sparse,); total energy = energy @ alpha
    forces : shape (n_atoms, 3, n_sparse); forces = forces @ alpha (minus the derivative)
    virial : shape (3, 3, n_sparse); virial = virial @ alpha (equal to -volume * stress)
    """

    energy: Floats
    forces: Floats | None = None
    virial: Floats | None = None


class Evaluator(Protocol):
    """A term with its weights bound, made fast (splines, rotated sparse points)."""

    def add(
        self,
        near: Neighbours,
        energies: Floats,
        forces: Floats | None,
        virial: Floats | None,
        explained: Floats | None = None,
    ) -> None:
        """Add this term's share in place.

        Parameters
        ----------
        near : neighbour list with a cutoff at least the term's own
        energies : shape (n_weights, n_atoms), eV, local energies
        forces : shape (n, n_atoms, 3), eV/Å, of the first n weight vectors; None: not asked
        virial : shape (n, 3, 3), eV; None: not asked (never asked without forces)
        explained : shape (n_atoms,), eV^2, prior variance of each local energy that the sparse points
            explain, k_i^T (K_mm + regularization^2)^-1 k_i; None: not asked. Only an evaluator that was
            given a whitener can be asked
        """
        ...


class Term(Protocol):
    """One kernel on one descriptor with its sparse points: energy = sum_i k(i, sparse) @ alpha."""

    @property
    def cutoff(self) -> float: ...

    @property
    def n_sparse(self) -> int: ...

    def k_mm(self) -> Floats:
        """Covariance of the sparse points, shape (n_sparse, n_sparse), no jitter."""
        ...

    def rows(self, near: Neighbours, *, forces: bool, virial: bool) -> Rows:
        """Design-matrix rows of one configuration."""
        ...

    def local_rows(self, near: Neighbours) -> Floats:
        """Shape (n_atoms, n_sparse); local energies = local_rows @ alpha."""
        ...

    def self_covariance(self, near: Neighbours) -> Floats:
        """Prior variance of each local energy, shape (n_atoms,), eV^2."""
        ...

    def evaluator(self, weights: Floats, whitener: Floats | None = None) -> Evaluator:
        """Bind weight vectors, shape (n_weights, n_sparse), and, for the predicted error, a whitener.

        `whitener` is U^-1, upper triangular, shape (n_sparse, n_sparse), with U^T U the regularized
        covariance of the sparse points.
        """
        ...

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """A JSON-able header and the arrays that rebuild this term exactly."""
        ...


def k_mm_of(terms: Sequence[Term]) -> Floats:
    """Covariance of all sparse points: one block for each term, shape (M, M)."""
    return np.asarray(block_diag(*[term.k_mm() for term in terms]))
