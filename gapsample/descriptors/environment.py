"""Configurations compared by the environments of their atoms: average kernels, and a map in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Environments:
    """The surroundings of every atom of one configuration.

    Attributes
    ----------
    spectra : shape (n_atoms, dimension); normalized, such as SOAP power spectra
    numbers : shape (n_atoms,); atomic numbers: unlike centres have nothing in common
    """

    spectra: Floats
    numbers: Integers

    def __post_init__(self) -> None:
        if self.spectra.ndim != 2 or len(self.spectra) != len(self.numbers) or len(self.numbers) == 0:
            raise InputError(
                f"environments need one spectrum for each of one or more atoms, got spectra of shape "
                f"{self.spectra.shape} and {len(self.numbers)} atoms"
            )


def average_kernel(
    rows: Sequence[Environments], columns: Sequence[Environments] | None = None, *, zeta: float = 2.0
) -> Floats:
    """Similarity of configurations: 1 for equal ones (up to motions, supercells and order), else less.

    The kernel (p . p')^zeta averaged over all pairs of atoms of one species, divided by the geometric mean of
    that of each configuration with itself.

    Parameters
    ----------
    columns : the rows themselves, if None
    zeta : sharpness; 1 compares mean spectra, more sees coexisting environments apart

    Returns
    -------
    shape (n_rows, n_columns)

    References
    ----------
    De, Bartók, Csányi & Ceriotti, Phys. Chem. Chem. Phys. 18, 13754 (2016), the average kernel.
    """
    others = rows if columns is None else columns
    if not rows or not others:
        raise InputError("a kernel needs one or more configurations on either side")
    joined = np.concatenate([each.spectra for each in others])
    numbers = np.concatenate([each.numbers for each in others])
    first = np.concatenate(([0], np.cumsum([len(each.numbers) for each in others])))[:-1]
    found = np.empty((len(rows), len(others)))
    for row, mine in zip(found, rows, strict=True):
        row[:] = np.add.reduceat(_pairs(mine, joined, numbers, zeta).mean(axis=0), first)
    found /= np.array([len(each.numbers) for each in others])
    left = _self_kernels(rows, zeta)
    right = left if columns is None else _self_kernels(others, zeta)
    return np.asarray(found / np.sqrt(left[:, None] * right))


def distances(kernel: Floats) -> Floats:
    """sqrt(k_aa + k_bb - 2 k_ab): from a square kernel to the metric of its feature space, same shape."""
    own = np.diagonal(kernel)
    return np.asarray(np.sqrt(np.maximum(own[:, None] + own - 2.0 * kernel, 0.0)))


def embed(kernel: Floats, n_dimensions: int = 2) -> tuple[Floats, Floats]:
    """A map that keeps the distances of a kernel as well as so few dimensions can (kernel PCA).

    The same as classical multidimensional scaling of `distances`.

    Parameters
    ----------
    kernel : shape (m, m), symmetric

    Returns
    -------
    places : shape (m, n_dimensions), centred; signs are fixed by the largest entry of each column
    share : shape (n_dimensions,); of the total variance, that along each

    References
    ----------
    Schölkopf, Smola & Müller, Neural Comput. 10, 1299 (1998).
    """
    m = len(kernel)
    if kernel.shape != (m, m) or not 1 <= n_dimensions <= m:
        raise InputError(f"a map of {n_dimensions} dimensions needs a square kernel, got {kernel.shape}")
    mean = kernel.mean(axis=0)
    centred = kernel - mean - mean[:, None] + mean.mean()
    values, vectors = np.linalg.eigh(centred)
    leading = np.argsort(values)[::-1][:n_dimensions]
    kept = np.maximum(values[leading], 0.0)
    axes = vectors[:, leading]
    axes = axes * np.sign(axes[np.argmax(abs(axes), axis=0), np.arange(n_dimensions)])
    total = float(np.maximum(values, 0.0).sum())
    return axes * np.sqrt(kept), kept / total if total > 0.0 else np.zeros(n_dimensions)


def _pairs(mine: Environments, joined: Floats, numbers: Integers, zeta: float) -> Floats:
    """Kernel of every atom of one configuration with those of many, shape (n_mine, n_joined)."""
    alike = mine.numbers[:, None] == numbers
    return np.where(alike, np.maximum(mine.spectra @ joined.T, 0.0) ** zeta, 0.0)


def _self_kernels(configurations: Sequence[Environments], zeta: float) -> Floats:
    return np.array([_pairs(each, each.spectra, each.numbers, zeta).mean() for each in configurations])
