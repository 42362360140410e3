"""The pair term of a GAP (gap_fit's distance_2b), one object for each pair of species."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled import pairs
from gapsample.compiled.splines import Table, tabulate
from gapsample.descriptors.neighbours import Neighbours
from gapsample.errors import SettingsError
from gapsample.potential.terms.protocol import Rows

Floats = NDArray[np.float64]

TABLE_ERROR = 1e-12  # eV per pair
NEAREST_TABULATED = 0.8  # of the nearest sparse point, for descriptors that are not smooth at r = 0


@dataclass(frozen=True)
class PairDescriptors:
    """The pairs of one kind in one configuration; every pair is present from both sides.

    Attributes
    ----------
    index : shape (n,), positions in the neighbour list
    x, dx : shape (n,), descriptor r**exponent and its slope with the distance
    cutoffs, dcutoffs : shape (n,), cutoff function and its slope
    """

    index: NDArray[np.int64]
    x: Floats
    dx: Floats
    cutoffs: Floats
    dcutoffs: Floats


@dataclass(frozen=True)
class DistanceKind:
    """Everything of a pair term but its sparse points.

    The kernel of two pairs is ``[delta^2 exp(-(x - x')^2 / (2 theta^2)) + f0^2] F(r) F'`` with
    x = r**exponent and F the cutoff function, times ``(erf(tail_range r) / r)**tail_exponent`` when
    there is a tail. Each atom of a pair gets the whole of the pair's covariance: a pair is counted from
    both sides, as in QUIP (by its ``distance_Nb`` of order 2 too).

    Attributes
    ----------
    species : atomic numbers of the pair, 0 standing for any
    cutoff, transition_width : Å; the cutoff function falls from one to zero over the last `transition_width`
    theta : length scale in units of x
    delta, f0 : eV, prior standard deviation of one pair energy, about zero and of its constant part
    """

    species: tuple[int, int]
    cutoff: float
    transition_width: float = 0.5
    theta: float = 1.0
    delta: float = 1.0
    f0: float = 0.0
    exponent: float = 1.0
    tail_range: float = 1.0
    tail_exponent: float = 0.0

    def __post_init__(self) -> None:
        if not self.transition_width > 0.0:
            raise SettingsError(f"a cutoff needs a transition width above 0; got {self.transition_width}")
        if not (self.theta > 0.0 and self.cutoff > 0.0 and self.delta > 0.0 and self.exponent != 0.0):
            raise SettingsError(
                "a pair term needs cutoff, theta and delta above 0 and an exponent other than 0; got "
                f"{self.cutoff}, {self.theta}, {self.delta}, {self.exponent}"
            )

    def descriptors(self, near: Neighbours) -> PairDescriptors:
        """The pairs of this kind closer than the cutoff."""
        index = pairs.select_pairs(near.numbers, near.i, near.j, near.d, _kind(self), self.cutoff)
        return PairDescriptors(index, *self.of_distances(near.d[index]))

    def of_distances(self, r: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Descriptor, its slope, cutoff function, its slope; each of the shape of `r`."""
        cutoffs, dcutoffs = pairs.switch_all(
            r, self.cutoff, self.transition_width, self.tail_range, self.tail_exponent
        )
        if self.exponent == 1.0:
            return r, np.ones_like(r), cutoffs, dcutoffs
        return r**self.exponent, self.exponent * r ** (self.exponent - 1.0), cutoffs, dcutoffs

    def covariances(self, given: PairDescriptors, points: Floats) -> tuple[Floats, Floats]:
        """Covariance of each pair with each point (F' = 1) and its slope with the distance."""
        values, slopes = np.empty((2, len(given.x), len(points)))
        pairs.pair_covariances(
            given.x,
            given.dx,
            given.cutoffs,
            given.dcutoffs,
            points,
            self.theta,
            self.delta**2,
            self.f0**2,
            values,
            slopes,
        )
        return values, slopes


@dataclass(frozen=True, eq=False)
class DistanceTerm:
    """A pair term with its sparse points.

    Attributes
    ----------
    kind : descriptor and kernel
    points : shape (n_sparse,), descriptors x of the sparse points
    point_cutoffs : shape (n_sparse,), their cutoff functions F' (QUIP's ``sparseCutoff``)
    """

    kind: DistanceKind
    points: Floats
    point_cutoffs: Floats

    def __post_init__(self) -> None:
        if self.points.ndim != 1 or self.points.shape != self.point_cutoffs.shape:
            raise SettingsError(
                "a pair term needs one descriptor and one cutoff value for each sparse point; got shapes "
                f"{self.points.shape} and {self.point_cutoffs.shape}"
            )

    @property
    def cutoff(self) -> float:
        return self.kind.cutoff

    @property
    def n_sparse(self) -> int:
        return len(self.points)

    def k_mm(self) -> Floats:
        """Covariance of the sparse points, shape (n_sparse, n_sparse), eV^2, no jitter."""
        g = (self.points[:, None] - self.points) / self.kind.theta
        kernel = self.kind.delta**2 * np.exp(-0.5 * g**2) + self.kind.f0**2
        return kernel * np.outer(self.point_cutoffs, self.point_cutoffs)

    def rows(self, near: Neighbours, *, forces: bool, virial: bool) -> Rows:
        """Design-matrix rows of one configuration (`Term.rows`)."""
        given = self.kind.descriptors(near)
        values, slopes = self.kind.covariances(given, self.points)
        energy = values.sum(axis=0) * self.point_cutoffs
        if not (forces or virial):
            return Rows(energy)
        force_rows = np.zeros((near.n_atoms, 3, self.n_sparse))
        virial_rows = np.zeros((3, 3, self.n_sparse))
        slopes *= self.point_cutoffs
        at = given.index
        pairs.add_pair_forces(near.i[at], near.D[at], near.d[at], slopes, force_rows, virial_rows)
        return Rows(energy, force_rows if forces else None, virial_rows if virial else None)

    def local_rows(self, near: Neighbours) -> Floats:
        """Shape (n_atoms, n_sparse); local energies = local_rows @ alpha."""
        given = self.kind.descriptors(near)
        rows = np.zeros((near.n_atoms, self.n_sparse))
        pairs.add_pair_local_rows(
            near.i[given.index],
            given.x,
            given.cutoffs,
            self.points,
            self.kind.theta,
            self.kind.delta**2,
            self.kind.f0**2,
            rows,
        )
        return rows * self.point_cutoffs

    def self_covariance(self, near: Neighbours) -> Floats:
        """Prior variance of each local energy, shape (n_atoms,), eV^2."""
        given = self.kind.descriptors(near)
        return pairs.pair_self_covariance(
            near.i[given.index],
            given.x,
            given.cutoffs,
            self.kind.theta,
            self.kind.delta**2,
            self.kind.f0**2,
            near.n_atoms,
        )

    def evaluator(self, weights: Floats, whitener: Floats | None = None) -> DistanceEvaluator:
        """Bind weights into tables, right to 1e-10 eV per pair (`Term.evaluator`)."""
        weights = np.atleast_2d(weights)

        def energy(r: Floats) -> tuple[Floats, Floats]:
            given = PairDescriptors(np.arange(len(r)), *self.kind.of_distances(r))
            values, slopes = self.kind.covariances(given, self.points)
            bound = weights * self.point_cutoffs
            return bound @ values.T, bound @ slopes.T

        rounding = 1e-15 * float(np.max(np.abs(weights).sum(axis=1), initial=0.0))
        table = tabulate(
            energy,
            self._nearest_tabulated(),
            self.cutoff,
            self.kind.transition_width,
            TABLE_ERROR + rounding * (self.kind.delta**2 + self.kind.f0**2),
        )
        return DistanceEvaluator(self, weights, whitener, table)

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        """A JSON-able header and the arrays that rebuild this term exactly."""
        header = {**vars(self.kind), "species": list(self.kind.species)}
        return header, {"points": self.points, "point_cutoffs": self.point_cutoffs}

    @classmethod
    def from_arrays(cls, header: dict[str, Any], arrays: dict[str, Floats]) -> DistanceTerm:
        """The reverse of `to_arrays`."""
        first, second = header["species"]
        kind = DistanceKind(**{**header, "species": (int(first), int(second))})
        return cls(kind, arrays["points"], arrays["point_cutoffs"])

    def _nearest_tabulated(self) -> float:
        smooth_at_zero = self.kind.exponent == 1.0 and self.kind.tail_exponent == 0.0
        if smooth_at_zero or self.n_sparse == 0:
            return 0.0
        return NEAREST_TABULATED * float(np.min(self.points ** (1.0 / self.kind.exponent)))


@dataclass(frozen=True, eq=False)
class DistanceEvaluator:
    """A pair term with its weights bound: its cost does not depend on the number of sparse points."""

    term: DistanceTerm
    weights: Floats
    whitener: Floats | None
    table: Table

    def add(
        self,
        near: Neighbours,
        energies: Floats,
        forces: Floats | None,
        virial: Floats | None,
        explained: Floats | None = None,
    ) -> None:
        """Add local energies, forces, virial and explained variance in place (`Evaluator.add`)."""
        none = np.empty((0, 0, 0))
        pairs.add_tabulated_pairs(
            near.numbers,
            near.first,
            near.j,
            near.D,
            near.d,
            _kind(self.term.kind),
            self.table.start,
            self.table.stop,
            self.table.inverse_step,
            self.table.coefficients,
            energies,
            none if forces is None else forces,
            none if virial is None else virial,
            virial is not None,
        )
        if len(near.d) and near.d.min() < self.table.start:
            self._add_exactly(near.within(self.table.start), energies, forces, virial)
        if explained is not None and self.whitener is not None:
            explained += np.sum((self.term.local_rows(near) @ self.whitener) ** 2, axis=1)

    def _add_exactly(
        self, near: Neighbours, energies: Floats, forces: Floats | None, virial: Floats | None
    ) -> None:
        """Pairs closer than the table reaches: seldom met, so summed over the sparse points."""
        energies += self.weights @ self.term.local_rows(near).T
        rows = self.term.rows(near, forces=forces is not None, virial=virial is not None)
        if forces is not None and rows.forces is not None:
            forces += np.moveaxis(rows.forces @ self.weights[: len(forces)].T, -1, 0)
        if virial is not None and rows.virial is not None:
            virial += np.moveaxis(rows.virial @ self.weights[: len(virial)].T, -1, 0)


def _kind(kind: DistanceKind) -> NDArray[np.int64]:
    return np.array(kind.species, np.int64)
