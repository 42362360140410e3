"""Which points stand for all: choosing the sparse set of a Gaussian process."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2

from gapsample.errors import FitError, UnknownName

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

NEGLIGIBLE = 1e-13  # singular values below are rounding
KMEANS_ROUNDS = 6
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
    """The n points of largest statistical leverage less a uniform random number, as gap_fit chooses.

    Leverage counts the leading half of the singular vectors that are numerically there.
    """
    triangle = np.linalg.qr(points, mode="r")
    _, values, right = np.linalg.svd(triangle)
    rank = min(max(1, int(np.sum(values > NEGLIGIBLE)) // 2), n)
    left = points @ (right[:rank].T / values[:rank])
    leverage = np.sum(left**2, axis=1) * n / rank
    score = np.minimum(leverage, 1.0) - rng.uniform(size=len(points))
    return np.sort(np.argsort(-score, kind="stable")[:n])


def farthest(points: Floats, n: int, rng: np.random.Generator) -> Integers:
    """Each next point is the farthest from all chosen before it, the first one random."""
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
    """The data points nearest to n k-means centers (Zhang, Tsang & Kwok, ICML 2008, on Nyström landmarks).

    For each cluster that ends up empty, the point farthest from its own center is taken instead.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="One of the clusters is empty")
        centers, member = kmeans2(points, n, iter=KMEANS_ROUNDS, minit="points", seed=rng)
    away = np.sum((points - centers[member]) ** 2, axis=1)
    nearest = [c[np.argmin(away[c])] for k in range(n) if len(c := np.flatnonzero(member == k))]
    away[nearest] = -np.inf
    outlying = np.argsort(-away, kind="stable")[: n - len(nearest)]
    return np.sort(np.concatenate([np.array(nearest, dtype=np.int64), outlying]))


def uniform_grid(points: Floats, n: int) -> Floats:
    """Centers of n equal bins between the smallest and largest value."""
    if points.shape[1] != 1:
        raise FitError(
            f"uniform sparse points need a one-dimensional descriptor, this one has {points.shape[1]}; "
            "use cur, farthest or kmeans"
        )
    low, high = float(points.min()), float(points.max())
    return (low + (np.arange(n) + 0.5) * (high - low) / n)[:, None]
