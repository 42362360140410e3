"""How much the noise of a window scatters, told by more than its own few samples.

Where noise is skewed the mean of a series and its variance err together: weighted by their own estimates,
windows whose mean came out on the side of small variance count for more, and a surface of many windows is
off by more than it says however many there are. Two remedies, neither of which has anything to choose:
what windows have in common is learned from all of them, and what the mean of a series, seen from a surface
that other windows know too, foretells of its variance is taken off.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def shared_scatter(series: Sequence[Floats]) -> list[Floats]:
    """Series rescaled so that their covariances are drawn towards what they have in common.

    On the scale of logarithms, real differences between windows are those on which the first halves of all
    series agree with the second; the rest is chance, the less of it the longer a series. Each covariance
    keeps its own in the ratio of what is real to all, and a common factor leaves their mean what it was.

    Parameters
    ----------
    series : shapes (n_k, d), of at least 2 d + 2 samples each

    Returns
    -------
    Of the same shapes, with zero mean.

    References
    ----------
    Smyth, Stat. Appl. Genet. Mol. Biol. 3, 3 (2004), who draws variances of genes together.
    """
    away = [one - one.mean(axis=0) for one in series]
    lengths = np.array([len(one) for one in series])
    spreads = np.array([_covariance(one) for one in away])
    unit = np.exp(0.5 * np.mean(np.log(np.einsum("kaa->ka", spreads)), axis=0))
    logs = _log(spreads / np.outer(unit, unit))
    first, second = (
        _log(
            np.array([_covariance(one[half]) for one, half in zip(away, halves, strict=True)])
            / np.outer(unit, unit)
        )
        for halves in zip(*((slice(n // 2), slice(n - n // 2, n)) for n in lengths.tolist()), strict=True)
    )
    real = max(0.0, _agreement(first, second))
    chance = max(0.0, _agreement(logs, logs) - real) / (lengths * np.mean(1.0 / lengths))
    trust = (real / np.maximum(real + chance, np.finfo(float).tiny))[:, None, None]
    drawn = np.outer(unit, unit) * _exp(trust * logs + (1.0 - trust) * logs.mean(axis=0))
    factor = np.mean(np.einsum("kaa->ka", spreads), axis=0) / np.mean(np.einsum("kaa->ka", drawn), axis=0)
    drawn *= np.sqrt(np.outer(factor, factor))
    return [_rescaled(*each) for each in zip(away, spreads, drawn, strict=True)]


def unskewed(series: Floats) -> Floats:
    """A series rescaled by what its mean, which should be zero, foretells of its covariance.

    To first order mean m and covariance C of the same samples err together by the third moment T: given m,
    C is expected to be too large by T C^-1 m. A mean further from zero than single samples scatter is no
    chance, and foretells nothing.

    Parameters
    ----------
    series : shape (n, d), noise about a surface known from elsewhere

    Returns
    -------
    shape (n, d), with zero mean.

    References
    ----------
    Johnson, J. Am. Stat. Assoc. 73, 536 (1978), for one mean alone.
    """
    mean = series.mean(axis=0)
    away = series - mean
    lower = np.linalg.cholesky(_covariance(away))
    white = np.linalg.solve(lower, away.T).T
    off = np.linalg.solve(lower, mean)
    if np.linalg.norm(off) > 1.0:
        return away
    too_large = np.einsum("na,nb,n->ab", white, white, white @ off) / len(white)
    return np.asarray(white @ _exp(-0.5 * too_large) @ lower.T)


def _covariance(away: Floats) -> Floats:
    off = away - away.mean(axis=0)
    return np.asarray(off.T @ off / (len(off) - 1))


def _agreement(a: Floats, b: Floats) -> float:
    """Covariance of two sets of matrices, summed over their elements."""
    return float(np.sum((a - a.mean(axis=0)) * (b - b.mean(axis=0))) / (len(a) - 1))


def _rescaled(away: Floats, spread: Floats, wanted: Floats) -> Floats:
    """With the covariance that is wanted instead of its own."""
    own, other = np.linalg.cholesky(spread), np.linalg.cholesky(wanted)
    return np.asarray(away @ np.linalg.solve(own.T, other.T))


def _log(matrices: Floats) -> Floats:
    """Of symmetric positive matrices, shape (..., d, d)."""
    values, vectors = np.linalg.eigh(matrices)
    return np.asarray((vectors * np.log(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2))


def _exp(matrices: Floats) -> Floats:
    """Of symmetric matrices, shape (..., d, d)."""
    values, vectors = np.linalg.eigh(matrices)
    return np.asarray((vectors * np.exp(values)[..., None, :]) @ np.swapaxes(vectors, -1, -2))
