"""Loops over triplets of atoms: a centre i with two neighbours j and k.

Each unordered pair of neighbours appears once. A triplet is a triangle of three directed edges,
i -> j, i -> k and j -> k; whatever depends on its three lengths pulls along the edges.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.cutoff import cosine_switch
from gapsample.compiled.exponential import exp_nonpositive
from gapsample.compiled.jit import njit
from gapsample.compiled.pairs import pair_matches

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@njit
def select_triplets(
    numbers: Integers, first: Integers, j: Integers, d: Floats, center: int, species: Integers, cutoff: float
) -> Integers:
    """Both sides i -> j and i -> k of every triplet of one kind, as positions in the pair list.

    Parameters
    ----------
    center, species : atomic numbers of the centre and of its two neighbours, 0 standing for any
    cutoff : of both sides

    Returns
    -------
    shape (n_triplets, 2)
    """
    most = 0
    for i in range(len(first) - 1):
        n_near = first[i + 1] - first[i]
        if center == 0 or numbers[i] == center:
            most += n_near * (n_near - 1) // 2
    found = np.empty((most, 2), np.int64)
    n = 0
    for i in range(len(first) - 1):
        if center != 0 and numbers[i] != center:
            continue
        for p in range(first[i], first[i + 1]):
            if d[p] >= cutoff:
                continue
            for q in range(p + 1, first[i + 1]):
                if d[q] < cutoff and pair_matches(numbers[j[p]], numbers[j[q]], species[0], species[1]):
                    found[n, 0], found[n, 1] = p, q
                    n += 1
    return found[:n]


@njit
def describe_triplets(
    sides: Integers, D: Floats, d: Floats, cutoff: float, width: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Edges and cutoff functions of triplets.

    Returns
    -------
    edges : shape (n_triplets, 3, 3), Å, vectors i -> j, i -> k, j -> k
    lengths : shape (n_triplets, 3), Å
    switch : shape (n_triplets,), product of the cutoff functions of the two sides
    dswitch : shape (n_triplets, 2), its derivatives by the lengths of the two sides
    """
    n = len(sides)
    edges, lengths = np.empty((n, 3, 3)), np.empty((n, 3))
    switch, dswitch = np.empty(n), np.empty((n, 2))
    for t in range(n):
        p, q = sides[t]
        for a in range(3):
            edges[t, 0, a] = D[p, a]
            edges[t, 1, a] = D[q, a]
            edges[t, 2, a] = D[q, a] - D[p, a]
        lengths[t, 0] = d[p]
        lengths[t, 1] = d[q]
        lengths[t, 2] = np.sqrt(edges[t, 2, 0] ** 2 + edges[t, 2, 1] ** 2 + edges[t, 2, 2] ** 2)
        fp, dfp = cosine_switch(d[p], cutoff, width)
        fq, dfq = cosine_switch(d[q], cutoff, width)
        switch[t] = fp * fq
        dswitch[t, 0] = dfp * fq
        dswitch[t, 1] = fp * dfq
    return edges, lengths, switch, dswitch


@njit(relaxed=True)
def _kernels(
    x: Floats, points: Floats, theta: Floats, kernels: Floats, exponents: Floats, work: Floats
) -> None:
    """exp(-|(x - x') / theta|^2 / 2) with every sparse point; `points` of shape (3, n_sparse)."""
    for s in range(points.shape[1]):
        g0 = (x[0] - points[0, s]) / theta[0]
        g1 = (x[1] - points[1, s]) / theta[1]
        g2 = (x[2] - points[2, s]) / theta[2]
        exponents[s] = -0.5 * (g0 * g0 + g1 * g1 + g2 * g2)
    exp_nonpositive(exponents, work, kernels)


@njit(relaxed=True)
def triplet_covariances(
    lengths: Floats,
    switch: Floats,
    dswitch: Floats,
    points: Floats,
    theta: Floats,
    variance: float,
    offset: float,
    values: Floats,
    slopes: Floats,
) -> None:
    """Covariance of every triplet with every sparse point, and its slopes with the three lengths.

    The kernel is variance * exp(-|(x - x') / theta|^2 / 2) + offset on the descriptor
    x = (r1 + r2, (r1 - r2)^2, r3).

    Parameters
    ----------
    points : shape (3, n_sparse)
    values, slopes : shapes (n_triplets, n_sparse) and (n_triplets, 3, n_sparse), overwritten
    """
    n_sparse = points.shape[1]
    kernels, exponents, work = np.empty(n_sparse), np.empty(n_sparse), np.empty(n_sparse)
    x = np.empty(3)
    for t in range(len(lengths)):
        difference = lengths[t, 0] - lengths[t, 1]
        x[0], x[1], x[2] = lengths[t, 0] + lengths[t, 1], difference**2, lengths[t, 2]
        _kernels(x, points, theta, kernels, exponents, work)
        for s in range(n_sparse):
            k = variance * kernels[s]
            by_sum = (points[0, s] - x[0]) / theta[0] ** 2 * k * switch[t]
            by_square = (points[1, s] - x[1]) / theta[1] ** 2 * k * switch[t] * 2.0 * difference
            values[t, s] = (k + offset) * switch[t]
            slopes[t, 0, s] = by_sum + by_square + (k + offset) * dswitch[t, 0]
            slopes[t, 1, s] = by_sum - by_square + (k + offset) * dswitch[t, 1]
            slopes[t, 2, s] = (points[2, s] - x[2]) / theta[2] ** 2 * k * switch[t]


@njit(relaxed=True)
def add_triplet_local_rows(
    i: Integers,
    x: Floats,
    switch: Floats,
    points: Floats,
    theta: Floats,
    variance: float,
    offset: float,
    rows: Floats,
) -> None:
    """Covariances of `triplet_covariances` summed for each centre.

    Parameters
    ----------
    i, x : shapes (n_triplets,) and (n_triplets, 3), centres and descriptors
    rows : shape (n_atoms, n_sparse), added to
    """
    n_sparse = points.shape[1]
    kernels, exponents, work = np.empty(n_sparse), np.empty(n_sparse), np.empty(n_sparse)
    for t in range(len(x)):
        _kernels(x[t], points, theta, kernels, exponents, work)
        for s in range(n_sparse):
            rows[i[t], s] += (variance * kernels[s] + offset) * switch[t]


@njit(relaxed=True)
def triplet_energies(
    lengths: Floats,
    switch: Floats,
    dswitch: Floats,
    points: Floats,
    theta: Floats,
    variance: float,
    offset: float,
    weights: Floats,
    values: Floats,
    slopes: Floats,
) -> None:
    """Energies of triplets for bound weights: `triplet_covariances` times weights, without storing them.

    Parameters
    ----------
    weights : shape (n_weights, n_sparse)
    values, slopes : shapes (n_triplets, n_weights) and (n_triplets, 3, n_weights), overwritten
    """
    n_sparse = points.shape[1]
    kernels, exponents, work = np.empty(n_sparse), np.empty(n_sparse), np.empty(n_sparse)
    x = np.empty(3)
    for t in range(len(lengths)):
        difference = lengths[t, 0] - lengths[t, 1]
        x[0], x[1], x[2] = lengths[t, 0] + lengths[t, 1], difference**2, lengths[t, 2]
        _kernels(x, points, theta, kernels, exponents, work)
        for f in range(len(weights)):
            total = energy = by_0 = by_1 = by_2 = 0.0
            for s in range(n_sparse):
                share = weights[f, s] * kernels[s]
                total += weights[f, s]
                energy += share
                by_0 += share * (points[0, s] - x[0])
                by_1 += share * (points[1, s] - x[1])
                by_2 += share * (points[2, s] - x[2])
            energy = variance * energy + offset * total
            by_sum = by_0 * variance * switch[t] / theta[0] ** 2
            by_square = by_1 * variance * switch[t] / theta[1] ** 2 * 2.0 * difference
            values[t, f] = energy * switch[t]
            slopes[t, 0, f] = by_sum + by_square + energy * dswitch[t, 0]
            slopes[t, 1, f] = by_sum - by_square + energy * dswitch[t, 1]
            slopes[t, 2, f] = by_2 * variance * switch[t] / theta[2] ** 2


@njit(relaxed=True)
def add_triangle_forces(
    corners: Integers, edges: Floats, lengths: Floats, slopes: Floats, forces: Floats, virial: Floats
) -> None:
    """Forces and virial of energies that depend on the edges of triangles.

    Parameters
    ----------
    corners : shape (n_triplets, 3), atoms i, j, k
    edges, lengths : from `describe_triplets`
    slopes : shape (n_triplets, 3, n_functions), derivatives by the three lengths
    forces, virial : shapes (n_atoms, 3, n_functions) and (3, 3, n_functions), added to
    """
    for t in range(len(corners)):
        for e in range(3):
            tail = corners[t, 1 if e == 2 else 0]
            head = corners[t, 1 if e == 0 else 2]
            for a in range(3):
                along = edges[t, e, a] / lengths[t, e]
                for s in range(slopes.shape[2]):
                    forces[tail, a, s] += along * slopes[t, e, s]
                    forces[head, a, s] -= along * slopes[t, e, s]
                for b in range(3):
                    for s in range(slopes.shape[2]):
                        virial[a, b, s] -= along * edges[t, e, b] * slopes[t, e, s]


@njit(relaxed=True)
def triplet_self_covariance(
    i: Integers, x: Floats, switch: Floats, theta: Floats, variance: float, offset: float, n_atoms: int
) -> Floats:
    """Prior variance of each atom's sum over its triplets; triplets sorted by atom `i`.

    Parameters
    ----------
    x : shape (n_triplets, 3), descriptors
    """
    n = len(x)
    result = np.zeros(n_atoms)
    points = np.ascontiguousarray(x.T)
    kernels, exponents, work = np.empty(n), np.empty(n), np.empty(n)
    start = 0
    while start < n:
        stop = start
        while stop < n and i[stop] == i[start]:
            stop += 1
        block = np.ascontiguousarray(points[:, start:stop])
        m = stop - start
        for t in range(start, stop):
            _kernels(x[t], block, theta, kernels[:m], exponents[:m], work[:m])
            total = 0.0
            for s in range(m):
                total += (variance * kernels[s] + offset) * switch[start + s]
            result[i[start]] += total * switch[t]
        start = stop
    return result
