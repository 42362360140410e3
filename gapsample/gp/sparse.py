"""Which points stand for all: choosing the sparse set of a Gaussian process."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from gapsample.errors import FitError, UnknownName

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

METHODS = ("cur", "farthest", "kmeans", "uniform", "all")


def choose(points: Floats, n: int, method: str, rng: np.random.Generator) -> Floats:
    """Choose sparse points.

    Parameters
    ----------
    points : shape (n_points, dimension), descriptors of the data
    n : how many are wanted; when fewer distinct points exist, all of them are taken
    method : ``"cur"`` by leverage (Mahoney & Drineas, PNAS 106, 697 (2009), as gap_fit does),
        ``"farthest"`` point sampling, ``"kmeans"`` (the data point nearest to each center),
        ``"uniform"`` (centers of a regular grid over the range of the data, one dimension only), ``"all"``

    Returns
    -------
    shape (n_chosen, dimension)
    """
    if method not in METHODS:
        raise UnknownName("sparse method", method, METHODS)
    if len(points) == 0:
        raise FitError("no descriptor to choose sparse points from; is the cutoff shorter than every bond?")
    if method == "uniform":
        return uniform_grid(points, n)
    distinct = points[distinct_rows(points)]
    if method == "all" or n >= len(distinct):
        return distinct
    chosen = {"cur": cur, "farthest": farthest, "kmeans": kmeans}[method](distinct, n, rng)
    return distinct[chosen]


def distinct_rows(points: Floats, decimals: int = 9) -> Integers:
    """Indices of rows that differ, by two random projections rounded to `decimals`; in order."""
    directions = np.random.default_rng(0).standard_normal((points.shape[1], 2))
    keys = np.round(points @ directions, decimals)
    return np.sort(np.unique(keys, axis=0, return_index=True)[1])


def cur(points: Floats, n: int, rng: np.random.Generator) -> Integers:
    """The n points of largest statistical leverage less a uniform random number, as gap_fit chooses."""
    values, vectors = np.linalg.eigh(points.T @ points)
    significant = values > 1e-16 * max(values[-1], 1e-300) * len(values)
    rank = min(max(1, int(np.sum(significant)) // 2), n)
    leading = vectors[:, ::-1][:, :rank] / np.sqrt(values[::-1][:rank])
    leverage = np.sum((points @ leading) ** 2, axis=1) * n / rank
    score = np.minimum(leverage, 1.0) - rng.uniform(size=len(points))
    return np.sort(np.argsort(-score, kind="stable")[:n])


def farthest(points: Floats, n: int, rng: np.random.Generator) -> Integers:
    """Each next point is the farthest from all chosen before it."""
    chosen = np.empty(n, dtype=np.int64)
    chosen[0] = rng.integers(len(points))
    norms = np.sum(points**2, axis=1)
    nearest = np.full(len(points), np.inf)
    for k in range(1, n):
        last = chosen[k - 1]
        nearest = np.minimum(nearest, norms + norms[last] - 2.0 * points @ points[last])
        chosen[k] = np.argmax(nearest)
    return np.sort(chosen)


def kmeans(points: Floats, n: int, rng: np.random.Generator) -> Integers:
    """The data points nearest to n k-means centers; every cluster gives one."""
    centers, member = kmeans2(points, n, minit="points", seed=rng, missing="warn")
    away = np.sum((points - centers[member]) ** 2, axis=1)
    chosen = [c[np.argmin(away[c])] for k in range(n) if len(c := np.flatnonzero(member == k))]
    return np.sort(np.array(chosen, dtype=np.int64))


def uniform_grid(points: Floats, n: int) -> Floats:
    """Centers of n equal bins between the smallest and largest value."""
    if points.shape[1] != 1:
        raise FitError(
            f"uniform sparse points need a one-dimensional descriptor, this one has {points.shape[1]}; "
            "use cur, farthest or kmeans"
        )
    low, high = float(points.min()), float(points.max())
    return (low + (np.arange(n) + 0.5) * (high - low) / n)[:, None]
