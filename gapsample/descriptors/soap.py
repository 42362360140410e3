"""The SOAP descriptor in QUIP's conventions: radial basis, its rotation, and the layout of the vector.

Equations follow Bartók, Kondor & Csányi, Phys. Rev. B 87, 184115 (2013), with the equispaced-Gaussian
radial basis of QUIP: the neighbour density is matched at `n_max` grid points and orthonormalized.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve
from scipy.special import erf, ive

from gapsample.errors import SettingsError

Floats = NDArray[np.float64]

NEAREST_WEIGHTED = 0.05  # of the scale: where a weight that diverges at r = 0 stops growing
KNOT_SPACING = 0.04  # of atom_sigma: quintic tables are then exact to about 1e-13


@dataclass(frozen=True)
class SoapBasis:
    """Radial and angular basis of a SOAP density.

    Attributes
    ----------
    cutoff, cutoff_transition_width, atom_sigma : Å
    n_max, l_max : radial functions, highest angular momentum
    central_weight : weight of the central atom's own Gaussian
    cutoff_dexp, cutoff_scale, cutoff_rate : neighbours count less with distance, by 1 / (rate +
        (r / scale)^dexp), scale in Å; dexp = 0: all alike (see `radial_weight`)
    basis_error_exponent : the grid ends where a Gaussian at the cutoff has fallen to 10**-exponent
    """

    cutoff: float
    n_max: int
    l_max: int
    atom_sigma: float = 0.5
    cutoff_transition_width: float = 0.5
    central_weight: float = 1.0
    basis_error_exponent: float = 10.0
    cutoff_dexp: int = 0
    cutoff_scale: float = 1.0
    cutoff_rate: float = 1.0

    def __post_init__(self) -> None:
        for name in ("cutoff", "atom_sigma", "cutoff_transition_width"):
            if not getattr(self, name) > 0.0:
                raise SettingsError(f"soap {name} must be positive, got {getattr(self, name)}")
        if self.cutoff_transition_width > self.cutoff:
            raise SettingsError(
                f"soap transition width {self.cutoff_transition_width} exceeds its cutoff {self.cutoff}"
            )
        if not 1 <= self.n_max <= 40 or not 0 <= self.l_max <= 20:
            raise SettingsError(
                f"soap needs 1 <= n_max <= 40 and 0 <= l_max <= 20, got {self.n_max} and {self.l_max}"
            )

    @property
    def alpha(self) -> float:
        """Exponent of the neighbour Gaussians, 1/Å^2."""
        return 0.5 / self.atom_sigma**2

    @cached_property
    def grid(self) -> Floats:
        """Radial grid points of the basis Gaussians, shape (n_max,), Å; the first is 0."""
        outer = self.cutoff + self.atom_sigma * np.sqrt(2.0 * self.basis_error_exponent * np.log(10.0))
        return np.arange(self.n_max) * outer / self.n_max

    @cached_property
    def _overlap_factor(self) -> Floats:
        """Lower Cholesky factor L of the overlap of the basis Gaussians."""
        a = self.alpha
        ra, rb = self.grid[:, None], self.grid[None, :]
        s = ra + rb
        overlap = np.exp(-a * (ra**2 + rb**2)) * np.sqrt(2.0) * a**1.5 * s + a * np.exp(
            -a * (ra - rb) ** 2 / 2
        ) * np.sqrt(np.pi) * (1 + a * s**2) * (1 + erf(np.sqrt(a / 2) * s))
        return cholesky(overlap / np.sqrt(128 * a**5), lower=True)

    @cached_property
    def _transform(self) -> Floats:
        """X = C^-1 L: from values at the grid points to orthonormal coefficients."""
        gaussians = np.exp(-self.alpha * (self.grid[:, None] - self.grid[None, :]) ** 2)
        return solve(gaussians, self._overlap_factor, assume_a="pos")

    def radial(self, r: Floats) -> Floats:
        """Radial coefficients of one neighbour at distance r, without the cutoff function.

        Returns
        -------
        shape (len(r), l_max + 1, n_max)
        """
        a, grid = self.alpha, self.grid
        x = 2 * a * grid[None, :] * r[:, None]
        gauss = np.exp(-a * (grid[None, :] - r[:, None]) ** 2)
        shells = np.empty((len(r), self.l_max + 1, self.n_max))
        for l in range(self.l_max + 1):
            shells[:, l] = gauss * _scaled_bessel(l, x)
        return shells @ self._transform * self.radial_weight(r)[:, None, None]

    def radial_weight(self, r: Floats) -> Floats:
        """Weight of a neighbour by its distance, QUIP's D(r), in place of 1.

        References
        ----------
        Willatt, Musil & Ceriotti, Phys. Chem. Chem. Phys. 20, 29661 (2018).
        """
        if self.cutoff_dexp == 0:
            return np.ones_like(r)
        rate = self.cutoff_rate
        r = np.maximum(r, NEAREST_WEIGHTED * self.cutoff_scale) if rate == 0.0 else r
        norm = 1.0 if rate == 0.0 else rate / (1.0 + rate)
        return norm * (1.0 + rate) / (rate + (r / self.cutoff_scale) ** self.cutoff_dexp)

    def centre(self) -> Floats:
        """Coefficients of the central atom (l = m = 0), shape (n_max,)."""
        return self.central_weight * self._overlap_factor[0] / np.sqrt(4 * np.pi)

    def knots(self) -> Floats:
        """Uniform grid from 0 to the cutoff on which the radial functions are tabulated."""
        n = int(np.ceil(self.cutoff / (KNOT_SPACING * self.atom_sigma))) + 1
        return np.linspace(0.0, self.cutoff, n)


@dataclass(frozen=True)
class Rotation:
    """Orthogonal change of radial basis, per l, that keeps only the directions a density can reach.

    The radial functions of a Gaussian density are nearly linearly dependent. Power spectra enter the
    kernel only through traces, which an orthogonal rotation leaves alone, so the directions with
    negligible singular values over the distances that occur can be dropped at an error of order
    (tolerance)^2.

    Attributes
    ----------
    matrices : per l, shape (n_max, n_kept(l)), orthonormal columns
    """

    matrices: tuple[Floats, ...]

    @property
    def kept(self) -> NDArray[np.int64]:
        """Number of kept radial functions for every l."""
        return np.array([m.shape[1] for m in self.matrices], dtype=np.int64)


def find_rotation(basis: SoapBasis, r_min: float, tolerance: float) -> Rotation:
    """Leading singular directions of the radial functions over (r_min, cutoff) for each l.

    `tolerance` is relative to the largest singular value of all l; 0 keeps everything unrotated.
    """
    if tolerance <= 0.0:
        return Rotation(tuple(np.eye(basis.n_max) for _ in range(basis.l_max + 1)))
    r = np.linspace(min(r_min, 0.5 * basis.cutoff), basis.cutoff, 400)
    samples = basis.radial(r) * cutoff_function(r, basis.cutoff, basis.cutoff_transition_width)[:, None, None]
    decomposed = []
    for l in range(basis.l_max + 1):
        rows = samples[:, l]
        if l == 0:
            rows = np.vstack([rows, 20.0 * basis.centre()])
        decomposed.append(np.linalg.svd(rows, full_matrices=False)[1:])
    largest = max(values[0] for values, _ in decomposed)
    return Rotation(
        tuple(vt[: max(1, int(np.sum(values > tolerance * largest)))].T.copy() for values, vt in decomposed)
    )


def cutoff_function(r: Floats, cutoff: float, width: float) -> Floats:
    """1 up to ``cutoff - width``, then a cosine down to 0 at the cutoff."""
    phase = np.clip((r - cutoff + width) / width, 0.0, 1.0)
    return 0.5 * (1.0 + np.cos(np.pi * phase))


def quintic_table(basis: SoapBasis, rotation: Rotation) -> Floats:
    """Rotated radial functions, first and second derivative, at the knots.

    Returns
    -------
    shape (n_knots, 3, n_functions); functions ordered by l, then kept radial index
    """
    knots = basis.knots()
    h = knots[1] - knots[0]
    step = 0.02 * basis.atom_sigma
    offsets = np.arange(-4, 5)
    first = np.array([1 / 280, -4 / 105, 1 / 5, -4 / 5, 0, 4 / 5, -1 / 5, 4 / 105, -1 / 280]) / step
    second = (
        np.array([-1 / 560, 8 / 315, -1 / 5, 8 / 5, -205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560]) / step**2
    )
    stencil = np.stack([basis_rotated(basis, rotation, knots + k * step) for k in offsets])
    value = stencil[4]
    return np.stack(
        [value, h * np.tensordot(first, stencil, 1), h * h * np.tensordot(second, stencil, 1)], axis=1
    )


def basis_rotated(basis: SoapBasis, rotation: Rotation, r: Floats) -> Floats:
    """Radial functions in the rotated basis, shape (len(r), n_functions); r may be slightly negative."""
    plain = basis.radial(np.abs(r))
    parity = np.where(r < 0, -1.0, 1.0)[:, None]
    return np.concatenate([(plain[:, l] @ m) * parity**l for l, m in enumerate(rotation.matrices)], axis=1)


def vector_layout(n_max: int, n_species: int, l_max: int) -> tuple[NDArray[np.int64], ...]:
    """Meaning of each element of QUIP's SOAP vector (without its last, always zero, element).

    Returns
    -------
    a, b, l : shape (dimension,); element = power spectrum of channels a >= b at l, where channel =
        species * n_max + n
    """
    n = n_max * n_species
    a, b = np.tril_indices(n)
    l = np.tile(np.arange(l_max + 1), len(a))
    return np.repeat(a, l_max + 1), np.repeat(b, l_max + 1), l


def _scaled_bessel(l: int, x: Floats) -> Floats:
    """exp(-x) times the modified spherical Bessel function of the first kind."""
    small = x < 1e-12
    safe = np.where(small, 1.0, x)
    value = np.sqrt(np.pi / (2 * safe)) * ive(l + 0.5, safe)
    return np.where(small, 1.0 if l == 0 else 0.0, value)
