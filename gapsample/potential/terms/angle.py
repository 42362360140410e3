"""The three-body term of a GAP (gap_fit's angle_3b), one object for each kind of triplet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled import triplets
from gapsample.descriptors.neighbours import Neighbours
from gapsample.errors import SettingsError
from gapsample.potential.terms.protocol import Rows

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BOTH_ORDERS = 2.0  # of the two neighbours count
BLOCK = 1024  # triplets worked on at a time: bounds the memory of the rows


@dataclass(frozen=True)
class TripletDescriptors:
    """The triplets of one kind in one configuration, each unordered pair of neighbours once.

    Attributes
    ----------
    corners : shape (n, 3), atoms i (the centre), j, k; sorted by i
    edges : shape (n, 3, 3), Å, vectors i -> j, i -> k, j -> k
    lengths : shape (n, 3), Å, their lengths
    cutoffs : shape (n,), product of the cutoff functions of the sides i -> j and i -> k
    dcutoffs : shape (n, 2), its derivatives by the lengths of the two sides
    """

    corners: Integers
    edges: Floats
    lengths: Floats
    cutoffs: Floats
    dcutoffs: Floats

    @property
    def centers(self) -> Integers:
        """Atoms i, shape (n,)."""
        return self.corners[:, 0].copy()

    @property
    def x(self) -> Floats:
        """Descriptors (r_ij + r_ik, (r_ij - r_ik)^2, r_jk), shape (n, 3)."""
        rij, rik, rjk = self.lengths.T
        return np.stack((rij + rik, (rij - rik) ** 2, rjk), axis=1)

    def blocks(self) -> Iterator[TripletDescriptors]:
        """The same triplets, `BLOCK` at a time."""
        for start in range(0, len(self.corners), BLOCK):
            part = slice(start, start + BLOCK)
            yield TripletDescriptors(
                self.corners[part],
                self.edges[part],
                self.lengths[part],
                self.cutoffs[part],
                self.dcutoffs[part],
            )


@dataclass(frozen=True)
class AngleKind:
    """Everything of a three-body term but its sparse points.

    The kernel of two triplets is ``[delta^2 exp(-|(x - x') / theta|^2 / 2) + f0^2] F F'`` with F the
    product of the cutoff functions of both sides. The centre gets the energy; both orders of its two
    neighbours count, as in QUIP, so each triplet counts twice.

    Attributes
    ----------
    center : atomic number of the centre, 0 standing for any
    species : atomic numbers of the two neighbours in either order, 0 standing for any
    cutoff, transition_width : Å, of both sides
    theta : Å, Å^2, Å; length scales of the three descriptors
    delta, f0 : eV, prior standard deviation of one triplet energy, about zero and of its constant part
    """

    center: int
    species: tuple[int, int]
    cutoff: float
    transition_width: float = 0.5
    theta: tuple[float, float, float] = (1.0, 1.0, 1.0)
    delta: float = 1.0
    f0: float = 0.0

    def __post_init__(self) -> None:
        if not (self.transition_width > 0.0 and self.cutoff > 0.0 and self.delta > 0.0):
            raise SettingsError(
                "a three-body term needs cutoff, transition width and delta above 0; got "
                f"{self.cutoff}, {self.transition_width}, {self.delta}"
            )
        if len(self.theta) != 3 or not all(scale > 0.0 for scale in self.theta):
            raise SettingsError(f"a three-body term needs three length scales above 0; got {self.theta}")

    def descriptors(self, near: Neighbours) -> TripletDescriptors:
        """The triplets of this kind."""
        sides = triplets.select_triplets(
            near.numbers,
            near.first,
            near.j,
            near.d,
            self.center,
            np.array(self.species, np.int64),
            self.cutoff,
        )
        described = triplets.describe_triplets(sides, near.D, near.d, self.cutoff, self.transition_width)
        corners = np.stack((near.i[sides[:, 0]], near.j[sides[:, 0]], near.j[sides[:, 1]]), axis=1)
        return TripletDescriptors(corners, *described)

    def _kernel(self, points: Floats) -> tuple[Floats, Floats, float, float]:
        return np.ascontiguousarray(points.T), np.array(self.theta), self.delta**2, self.f0**2

    def covariances(self, given: TripletDescriptors, points: Floats) -> tuple[Floats, Floats]:
        """Covariance of the centre's energy with each point (F' = 1), and its slopes with the lengths.

        Shapes (n_triplets, n_sparse) and (n_triplets, 3, n_sparse).
        """
        values = np.empty((len(given.lengths), len(points)))
        slopes = np.empty((len(given.lengths), 3, len(points)))
        cutoffs, dcutoffs = BOTH_ORDERS * given.cutoffs, BOTH_ORDERS * given.dcutoffs
        triplets.triplet_covariances(given.lengths, cutoffs, dcutoffs, *self._kernel(points), values, slopes)
        return values, slopes

    def energies(self, given: TripletDescriptors, points: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """`covariances` times weights of shape (n_weights, n_sparse), summed over the points.

        Shapes (n_triplets, n_weights) and (n_triplets, 3, n_weights).
        """
        values = np.empty((len(given.lengths), len(weights)))
        slopes = np.empty((len(given.lengths), 3, len(weights)))
        cutoffs, dcutoffs = BOTH_ORDERS * given.cutoffs, BOTH_ORDERS * given.dcutoffs
        triplets.triplet_energies(
            given.lengths, cutoffs, dcutoffs, *self._kernel(points), weights, values, slopes
        )
        return values, slopes

    def local_rows(self, near: Neighbours, points: Floats) -> Floats:
        """Covariance of each atom's energy with each point (F' = 1), shape (n_atoms, n_sparse)."""
        given = self.descriptors(near)
        rows = np.zeros((near.n_atoms, len(points)))
        cutoffs = BOTH_ORDERS * given.cutoffs
        triplets.add_triplet_local_rows(given.centers, given.x, cutoffs, *self._kernel(points), rows)
        return rows

    def self_covariance(self, near: Neighbours) -> Floats:
        """Prior variance of each local energy, shape (n_atoms,), eV^2."""
        given = self.descriptors(near)
        return triplets.triplet_self_covariance(
            given.centers,
            given.x,
            BOTH_ORDERS * given.cutoffs,
            np.array(self.theta),
            self.delta**2,
            self.f0**2,
            near.n_atoms,
        )


@dataclass(frozen=True, eq=False)
class AngleTerm:
    """A three-body term with its sparse points.

    Attributes
    ----------
    kind : descriptor and kernel
    points : shape (n_sparse, 3), descriptors of the sparse points
    point_cutoffs : shape (n_sparse,), their cutoff functions F' (QUIP's ``sparseCutoff``)
    """

    kind: AngleKind
    points: Floats
    point_cutoffs: Floats

    def __post_init__(self) -> None:
        n_sparse = len(self.point_cutoffs)
        if self.points.shape != (n_sparse, 3) or self.point_cutoffs.ndim != 1:
            raise SettingsError(
                "a three-body term needs three descriptors and one cutoff value for each sparse point; got "
                f"shapes {self.points.shape} and {self.point_cutoffs.shape}"
            )

    @property
    def cutoff(self) -> float:
        return self.kind.cutoff

    @property
    def n_sparse(self) -> int:
        return len(self.points)

    def k_mm(self) -> Floats:
        """Covariance of the sparse points, shape (n_sparse, n_sparse), eV^2, no jitter."""
        scaled = self.points / self.kind.theta
        squares = np.sum((scaled[:, None] - scaled) ** 2, axis=2)
        kernel = self.kind.delta**2 * np.exp(-0.5 * squares) + self.kind.f0**2
        return kernel * np.outer(self.point_cutoffs, self.point_cutoffs)

    def rows(self, near: Neighbours, *, forces: bool, virial: bool) -> Rows:
        """Design-matrix rows of one configuration (`Term.rows`)."""
        energy = np.zeros(self.n_sparse)
        force_rows = np.zeros((near.n_atoms, 3, self.n_sparse))
        virial_rows = np.zeros((3, 3, self.n_sparse))
        for given in self.kind.descriptors(near).blocks():
            values, slopes = self.kind.covariances(given, self.points)
            energy += values.sum(axis=0)
            if forces or virial:
                _add_forces(given, slopes, force_rows, virial_rows)
        return Rows(
            energy * self.point_cutoffs,
            force_rows * self.point_cutoffs if forces else None,
            virial_rows * self.point_cutoffs if virial else None,
        )

    def local_rows(self, near: Neighbours) -> Floats:
        """Shape (n_atoms, n_sparse); local energies = local_rows @ alpha."""
        return self.kind.local_rows(near, self.points) * self.point_cutoffs

    def self_covariance(self, near: Neighbours) -> Floats:
        """Prior variance of each local energy, shape (n_atoms,), eV^2."""
        return self.kind.self_covariance(near)

    def evaluator(self, weights: Floats, whitener: Floats | None = None) -> AngleEvaluator:
        """Bind weights of shape (n_weights, n_sparse) and perhaps a whitener (`Term.evaluator`)."""
        scaled = None if whitener is None else whitener * self.point_cutoffs[:, None]
        return AngleEvaluator(self.kind, self.points, np.atleast_2d(weights) * self.point_cutoffs, scaled)

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """A JSON-able header and the arrays that rebuild this term exactly."""
        header = {**vars(self.kind), "species": list(self.kind.species), "theta": list(self.kind.theta)}
        return header, {"points": self.points, "point_cutoffs": self.point_cutoffs}

    @classmethod
    def from_arrays(cls, header: dict[str, Any], arrays: dict[str, Floats]) -> AngleTerm:
        """The reverse of `to_arrays`."""
        kind = AngleKind(**{**header, "species": tuple(header["species"]), "theta": tuple(header["theta"])})
        return cls(kind, arrays["points"], arrays["point_cutoffs"])


@dataclass(frozen=True, eq=False)
class AngleEvaluator:
    """A three-body term with its weights bound.

    Attributes
    ----------
    kind, points : of the term
    weights, whitener : shapes (n_weights, n_sparse) and (n_sparse, n_sparse), both times the sparse
        points' cutoff functions
    """

    kind: AngleKind
    points: Floats
    weights: Floats
    whitener: Floats | None

    def add(
        self,
        near: Neighbours,
        energies: Floats,
        forces: Floats | None,
        virial: Floats | None,
        explained: Floats | None = None,
    ) -> None:
        """Add local energies, forces, virial and explained variance in place (`Evaluator.add`)."""
        n = 0 if forces is None else len(forces)
        if n < len(self.weights) or explained is not None:
            rows = self.kind.local_rows(near, self.points)
            energies[n:] += self.weights[n:] @ rows.T
            if explained is not None and self.whitener is not None:
                explained += np.sum((rows @ self.whitener) ** 2, axis=1)
        if forces is None:
            return
        force_sum, virial_sum = np.zeros((near.n_atoms, 3, n)), np.zeros((3, 3, n))
        for given in self.kind.descriptors(near).blocks():
            values, slopes = self.kind.energies(given, self.points, self.weights[:n])
            for total, value in zip(energies[:n], values.T, strict=True):
                total += np.bincount(given.centers, value, near.n_atoms)
            _add_forces(given, slopes, force_sum, virial_sum)
        forces += np.moveaxis(force_sum, -1, 0)
        if virial is not None:
            virial += np.moveaxis(virial_sum, -1, 0)


def _add_forces(given: TripletDescriptors, slopes: Floats, forces: Floats, virial: Floats) -> None:
    triplets.add_triangle_forces(given.corners, given.edges, given.lengths, slopes, forces, virial)
