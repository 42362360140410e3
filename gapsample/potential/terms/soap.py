"""The SOAP term of a GAP: the dot-product kernel between normalized power spectra of one central species."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from gapsample.compiled.harmonics import prefactors
from gapsample.compiled.parallel import over_ranges
from gapsample.compiled.soap import Density
from gapsample.compiled.soap_energy import evaluate, kernel_power, pack_panels, spectra
from gapsample.compiled.soap_novelty import add_novelty_gradient
from gapsample.compiled.soap_rows import add_rows
from gapsample.descriptors.neighbours import Neighbours
from gapsample.descriptors.soap import Rotation, SoapBasis, find_rotation, quintic_table, vector_layout
from gapsample.potential.terms.protocol import Rows

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
NO_FORCES = np.empty((0, 3, 0))


@dataclass(frozen=True, eq=False)
class SoapTerm:
    """One central species, its sparse points, and the kernel delta^2 (p . p')^zeta.

    Attributes
    ----------
    basis : radial and angular basis
    center : atomic number of the atoms that carry this term
    species : atomic numbers of the neighbours it sees, in channel order
    sparse : shape (n_sparse, dimension), normalized power spectra in QUIP's layout (full radial basis)
    zeta, delta : kernel exponent; eV
    r_min : Å, shortest distance the rotation must serve
    basis_tolerance : see `find_rotation`
    mixing : shape (n_channels, n_species); None: every species is a channel of its own
    """

    basis: SoapBasis
    center: int
    species: tuple[int, ...]
    sparse: Floats
    zeta: float
    delta: float
    r_min: float = 1.0
    basis_tolerance: float = 1e-6
    mixing: Floats | None = None

    @property
    def cutoff(self) -> float:
        return self.basis.cutoff

    @property
    def n_sparse(self) -> int:
        return len(self.sparse)

    @property
    def dimension(self) -> int:
        """Length of a power spectrum in QUIP's layout."""
        side = self.n_channels * self.basis.n_max
        return (self.basis.l_max + 1) * side * (side + 1) // 2

    @property
    def n_channels(self) -> int:
        return len(self.species) if self.mixing is None else len(self.mixing)

    @cached_property
    def rotation(self) -> Rotation:
        return find_rotation(self.basis, self.r_min, self.basis_tolerance)

    @cached_property
    def density(self) -> Density:
        """The basis as the compiled loops want it."""
        return make_density(self.basis, self.rotation, self.center, self.species, self.mixing)

    @cached_property
    def _full_density(self) -> Density:
        unrotated = find_rotation(self.basis, 0.0, 0.0)
        return make_density(self.basis, unrotated, self.center, self.species, self.mixing)

    @cached_property
    def rotated(self) -> Floats:
        """Sparse points in the rotated basis and the compiled layout."""
        return rotate(self.sparse, self.basis, self.rotation, self.n_channels)

    def with_more(self, points: Floats) -> SoapTerm:
        """The term with further sparse points after its own; `points` as from `descriptors`."""
        return replace(self, sparse=np.vstack([self.sparse, points]))

    def centres(self, near: Neighbours) -> Integers:
        """Indices of the atoms that carry this term."""
        return np.flatnonzero(near.numbers == self.center)

    def descriptors(self, near: Neighbours) -> Floats:
        """Power spectra of this term's atoms in QUIP's layout, shape (n_centres, dimension)."""
        near = near.within(self.cutoff)
        compiled = spectra(
            self._full_density, self.centres(near), near.numbers, near.first, near.j, near.D, near.d
        )
        return compiled[:, np.argsort(_compiled_order(self.basis, self.n_channels))]

    def k_mm(self) -> Floats:
        return self.covariance(self.sparse, self.sparse)

    def covariance(self, a: Floats, b: Floats) -> Floats:
        """Covariance of environments given by their power spectra in QUIP's layout, eV^2."""
        turned = [rotate(each, self.basis, self.rotation, self.n_channels) for each in (a, b)]
        return self.delta**2 * _power(turned[0] @ turned[1].T, self.zeta)

    def among(self, points: Floats) -> tuple[Floats, Callable[[int], Floats]]:
        """Variance of each environment, and the covariance of all of them with one, by its number; eV^2."""
        turned = rotate(points, self.basis, self.rotation, self.n_channels)

        def with_one(number: int) -> Floats:
            return self.delta**2 * _power(turned @ turned[number], self.zeta)

        return self.delta**2 * _power(np.sum(turned**2, axis=1), self.zeta), with_one

    def rows(self, near: Neighbours, *, forces: bool, virial: bool) -> Rows:
        near = near.within(self.cutoff)
        energy = np.zeros(self.n_sparse)
        force_rows = np.zeros((near.n_atoms, 3, self.n_sparse)) if forces or virial else NO_FORCES
        virial_rows = np.zeros((3, 3, self.n_sparse)) if virial else NO_FORCES
        add_rows(
            self.density, self.rotated, self.zeta, self.delta**2, self.centres(near),
            near.numbers, near.first, near.j, near.D, near.d, energy, force_rows, virial_rows,
        )  # fmt: skip
        return Rows(energy, force_rows if forces else None, virial_rows if virial else None)

    def local_rows(self, near: Neighbours) -> Floats:
        near = near.within(self.cutoff)
        centres = self.centres(near)
        p = spectra(self.density, centres, near.numbers, near.first, near.j, near.D, near.d)
        rows = np.zeros((near.n_atoms, self.n_sparse))
        rows[centres] = self.delta**2 * _power(p @ self.rotated.T, self.zeta)
        return rows

    def self_covariance(self, near: Neighbours) -> Floats:
        return np.where(near.numbers == self.center, self.delta**2, 0.0)

    def evaluator(self, weights: Floats, whitener: Floats | None = None) -> SoapEvaluator:
        weights = np.ascontiguousarray(self.delta**2 * np.atleast_2d(weights))
        panels = np.empty(0) if whitener is None else self.delta**2 * pack_panels(whitener)
        dimension = self.rotated.shape[1]
        quadratic = np.empty((0, dimension, dimension))
        if self.zeta == 2.0 and self.n_sparse > dimension // 2:
            x = self.rotated
            quadratic = np.stack([x.T @ (w[:, None] * x) for w in weights])
        return SoapEvaluator(self, weights, quadratic, panels)

    def novelty_gradient(self, near: Neighbours, whitener: Floats) -> Floats:
        """Derivative of the summed novelty by every position, eV^2/Å, shape (n_atoms, 3)."""
        near = near.within(self.cutoff)
        gradient = np.zeros((near.n_atoms, 3))
        precision = self.delta**4 * (whitener @ whitener.T)
        add_novelty_gradient(
            self.density, self.rotated, self.zeta, precision, self.centres(near),
            near.numbers, near.first, near.j, near.D, near.d, gradient,
        )  # fmt: skip
        return gradient

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Floats]]:
        header = {
            "basis": asdict(self.basis),
            "center": self.center,
            "species": list(self.species),
            "zeta": self.zeta,
            "delta": self.delta,
            "r_min": self.r_min,
            "basis_tolerance": self.basis_tolerance,
        }
        arrays = {"sparse": self.sparse}
        if self.mixing is not None:
            arrays["mixing"] = self.mixing
        return header, arrays

    @classmethod
    def from_arrays(cls, header: dict[str, Any], arrays: dict[str, Floats]) -> SoapTerm:
        """Inverse of `to_arrays`."""
        fields = {**header, "basis": SoapBasis(**header["basis"]), "species": tuple(header["species"])}
        return cls(**fields, sparse=arrays["sparse"], mixing=arrays.get("mixing"))


@dataclass(frozen=True, eq=False)
class SoapEvaluator:
    """A SOAP term with its weights bound."""

    term: SoapTerm
    weights: Floats
    quadratic: Floats
    panels: Floats

    def add(
        self,
        near: Neighbours,
        energies: Floats,
        forces: Floats | None,
        virial: Floats | None,
        explained: Floats | None = None,
    ) -> None:
        term = self.term
        near = near.within(term.cutoff)
        over_ranges(
            evaluate,
            (term.density, term.rotated, term.zeta, self.weights, self.quadratic, self.panels),
            term.centres(near),
            (near.numbers, near.first, near.j, near.D, near.d),
            (energies, explained, forces, virial),
        )


def make_density(
    basis: SoapBasis, rotation: Rotation, center: int, species: tuple[int, ...], mixing: Floats | None
) -> Density:
    """Tables and layout of a SOAP basis for the compiled loops."""
    kept, l = rotation.kept, np.arange(basis.l_max + 1)
    mix = np.eye(len(species)) if mixing is None else np.ascontiguousarray(mixing)
    n_channels = len(mix)
    slot = np.full(max(atomic_numbers.values()) + 1, -1, dtype=np.int64)
    slot[list(species)] = np.arange(len(species))
    if len(species) == 1:
        own = mix[:, 0].copy()
    else:
        own = mix[:, slot[center]].copy() if slot[center] >= 0 else np.zeros(n_channels)
    knots = basis.knots()
    channels = n_channels * kept
    return Density(
        cutoff=basis.cutoff,
        width=basis.cutoff_transition_width,
        l_max=basis.l_max,
        kept=kept,
        f_start=_starts(kept),
        c_start=_starts(channels * (2 * l + 1)),
        p_start=_starts(channels * (channels + 1) // 2),
        spacing=float(knots[1] - knots[0]),
        table=quintic_table(basis, rotation),
        factor=prefactors(basis.l_max),
        centre=basis.centre() @ rotation.matrices[0],
        slot=slot,
        mixing=mix,
        own=own,
    )


def rotate(sparse: Floats, basis: SoapBasis, rotation: Rotation, n_channels: int) -> Floats:
    """Power spectra from QUIP's layout and full basis to the compiled, rotated ones, normalized."""
    blocks = []
    side = n_channels * basis.n_max
    a, b, l = vector_layout(basis.n_max, n_channels, basis.l_max)
    for degree, matrix in enumerate(rotation.matrices):
        at = l == degree
        full = np.zeros((len(sparse), side, side))
        value = sparse[:, at] / np.where(a[at] == b[at], 1.0, np.sqrt(2.0))
        full[:, a[at], b[at]] = value
        full[:, b[at], a[at]] = value
        turn = np.kron(np.eye(n_channels), matrix)
        small = turn.T @ full @ turn
        p, q = np.tril_indices(turn.shape[1])
        blocks.append(small[:, p, q] * np.where(p == q, 1.0, np.sqrt(2.0)))
    rotated = np.concatenate(blocks, axis=1)
    norms = np.linalg.norm(rotated, axis=1, keepdims=True)
    return np.ascontiguousarray(rotated / np.where(norms > 0.0, norms, 1.0))


def _compiled_order(basis: SoapBasis, n_channels: int) -> Integers:
    """Place in QUIP's vector of each element of the unrotated compiled layout."""
    _, _, l = vector_layout(basis.n_max, n_channels, basis.l_max)
    return np.concatenate([np.flatnonzero(l == degree) for degree in range(basis.l_max + 1)])


def _power(g: Floats, zeta: float) -> Floats:
    lower, upper = np.empty_like(g), np.empty_like(g)
    kernel_power(np.ascontiguousarray(g), float(zeta), lower, upper)
    return upper


def _starts(sizes: Integers) -> Integers:
    return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
