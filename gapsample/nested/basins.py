"""Basins of the landscape: which low points are connected at which height, and how much room each has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from gapsample.errors import InputError
from gapsample.nested.averages import stands_for
from gapsample.nested.points import DeadPoints, live_numbers
from gapsample.nested.volumes import expected_log_shells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Basin:
    """A connected set of points below the height at which it joins a deeper one.

    Attributes
    ----------
    minimum : row of its lowest point
    lowest : value there
    merge : value at which it joins; ``inf`` for one that nothing deeper was found connected with
    parent : place of the deeper basin in the list, -1 for none
    rows : shape (population,); the points it holds when it joins, those of basins that joined it included
    log_volume : log of the prior mass of these
    """

    minimum: int
    lowest: float
    merge: float
    parent: int
    rows: Integers
    log_volume: float

    @property
    def population(self) -> int:
        """Number of points."""
        return len(self.rows)


def disconnectivity(
    values: ArrayLike,
    fingerprints: ArrayLike,
    *,
    n_neighbours: int = 12,
    smallest: int = 20,
    log_mass: ArrayLike | None = None,
) -> list[Basin]:
    """The basins among sampled points, deepest first, and how they join.

    Points are joined to their nearest neighbours in the space of fingerprints; adding them from the lowest
    up, a point without lower neighbours opens a basin, and one that has neighbours in several joins these.

    Parameters
    ----------
    values : shape (m,); energies or enthalpies
    fingerprints : shape (m, n) or (m,); numbers that do not change under motions and renumbering, on scales
        that make differences comparable: order parameters, places on a map of `environment.embed`
    n_neighbours : more joins sooner; too few leave noise for basins
    smallest : basins of fewer points when they would join are taken for noise
    log_mass : shape (m,); log prior mass of each point, see `prior_masses`; None: equal ones

    Raises
    ------
    InputError
        Shapes do not fit or there are fewer points than neighbours.

    References
    ----------
    Pártay, Bartók & Csányi, J. Phys. Chem. B 114, 10502 (2010), sec. on the landscape; Becker & Karplus, J.
    Chem. Phys. 106, 1495 (1997).
    """
    value = np.asarray(values, float)
    places = np.asarray(fingerprints, float).reshape(len(value), -1)
    mass = (
        np.full(len(value), -np.log(max(1, len(value)))) if log_mass is None else np.asarray(log_mass, float)
    )
    if mass.shape != value.shape or not np.isfinite(places).all() or smallest < 1:
        raise InputError(
            f"basins need finite fingerprints and masses of {len(value)} points and smallest >= 1, got "
            f"{mass.size} masses, {int((~np.isfinite(places)).sum())} numbers that are not finite, {smallest}"
        )
    if not 1 <= n_neighbours < len(value):
        raise InputError(f"{n_neighbours} neighbours need more points than {len(value)}")
    flood = _Flood(value, _graph(places, n_neighbours), smallest)
    return _listed(flood.rise(), value, mass)


def prior_masses(points: DeadPoints, rows: Integers) -> Floats:
    """Log of the prior mass that each kept configuration stands for, shape (m,)."""
    log_mass = expected_log_shells(live_numbers(points))
    owner = stands_for(len(points), rows)
    top = np.full(len(rows), -np.inf)
    np.maximum.at(top, owner, log_mass)
    return np.asarray(top + np.log(np.bincount(owner, np.exp(log_mass - top[owner]), minlength=len(rows))))


@dataclass
class _Pool:
    """A connected set while the flood rises."""

    minimum: int
    rows: list[int]


@dataclass(frozen=True)
class _Joined:
    """One pool's end: where it went, and what it was."""

    pool: _Pool
    rows: Integers
    height: float
    into: _Pool | None


class _Flood:
    """Adds points from the lowest to the highest and keeps track of what is connected."""

    def __init__(self, value: Floats, graph: list[list[int]], smallest: int) -> None:
        self.value, self.graph, self.smallest = value, graph, smallest
        self.pool_of: list[_Pool | None] = [None] * len(value)

    def rise(self) -> list[_Joined]:
        joined: list[_Joined] = []
        for row in np.argsort(self.value, kind="stable").tolist():
            touched = {id(pool): pool for other in self.graph[row] if (pool := self.pool_of[other])}
            joined += self._add(row, list(touched.values()))
        last = {id(pool): pool for pool in self.pool_of if pool and len(pool.rows) >= self.smallest}
        return joined + [_Joined(pool, np.array(pool.rows), np.inf, None) for pool in last.values()]

    def _add(self, row: int, touched: list[_Pool]) -> list[_Joined]:
        if not touched:
            self.pool_of[row] = _Pool(row, [row])
            return []
        grown = [pool for pool in touched if len(pool.rows) >= self.smallest]
        heir = min(grown or touched, key=self._depth)
        height = float(self.value[row])
        ended = [_Joined(pool, np.array(pool.rows), height, heir) for pool in grown if pool is not heir]
        deepest = min(touched, key=self._depth)
        for pool in touched:
            if pool is not heir:
                self._pour(pool, heir)
        heir.minimum = deepest.minimum
        heir.rows.append(row)
        self.pool_of[row] = heir
        return ended

    def _depth(self, pool: _Pool) -> float:
        return float(self.value[pool.minimum])

    def _pour(self, pool: _Pool, heir: _Pool) -> None:
        for row in pool.rows:
            self.pool_of[row] = heir
        heir.rows.extend(pool.rows)


def _graph(places: Floats, n_neighbours: int) -> list[list[int]]:
    """Neighbours of every point, the relation made mutual."""
    near = np.asarray(cKDTree(places).query(places, n_neighbours + 1)[1])
    graph: list[list[int]] = [[] for _ in places]
    for row, others in enumerate(near.tolist()):
        for other in others:
            if other != row:
                graph[row].append(other)
                graph[other].append(row)
    return graph


def _listed(joined: Sequence[_Joined], value: Floats, mass: Floats) -> list[Basin]:
    ordered = sorted(joined, key=lambda end: float(value[end.pool.minimum]))
    place = {id(end.pool): number for number, end in enumerate(ordered)}
    return [
        Basin(
            end.pool.minimum,
            float(value[end.pool.minimum]),
            end.height,
            -1 if end.into is None else place[id(end.into)],
            np.sort(end.rows),
            float(np.logaddexp.reduce(mass[end.rows])),
        )
        for end in ordered
    ]
