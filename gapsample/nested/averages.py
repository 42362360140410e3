"""Averages over temperature of what is known of some dead points only, each standing for those around it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from gapsample.errors import InputError
from gapsample.nested.points import DeadPoints, live_numbers
from gapsample.nested.thermodynamics import Curve, thermodynamics
from gapsample.nested.volumes import expected_log_shells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TOGETHER = 8  # columns averaged in one pass
BESIDE = 5  # kept points on either side whose mean a kept one is compared with


def averages(
    points: DeadPoints,
    rows: Integers,
    values: Mapping[str, ArrayLike],
    temperatures: ArrayLike,
    *,
    rng: Generator,
    boltzmann: float = 1.0,
    n_draws: int = 100,
    alone: NDArray[np.bool_] | None = None,
    energy: ArrayLike | None = None,
    log_weight: ArrayLike | None = None,
) -> dict[str, Curve]:
    """Thermodynamic averages of quantities measured on kept configurations.

    Every dead point is given the value of the kept one nearest to it in the order of dying, and has its own
    Boltzmann weight: a configuration kept every k-th time stands for about k points, each weighed by its own
    energy. Errors hold simulated shrinkage and, besides, the scatter of the quantity among kept points of
    about the same energy: nobody has seen the points between. Keep 20 or more points for every factor e of
    volume (n_live / keep_every): with fewer the bars of rare phases are too narrow.

    Parameters
    ----------
    rows : shape (m,), increasing; the kept among the points
    values : shape (m,) or (m, ...), by name
    alone : shape (m,); those that stand for nobody but themselves because all of their kind were kept, such
        as by `Settings.keep_above`; None: no such
    energy, log_weight, boltzmann, n_draws : as in `thermodynamics`

    Returns
    -------
    Curves whose `value` has shape (n_temperatures, ...) and whose `draws` have one dimension before.

    Raises
    ------
    InputError
        Fewer than two kept points that may stand for others, or another number of values than of rows.
    """
    columns, shapes = _columns(values, len(rows))
    owner = stands_for(len(points), rows, alone)
    temperature = np.atleast_1d(np.asarray(temperatures, float))
    history = rng.integers(2**63)  # the same one behind every column
    share = np.empty((0, 0))
    found: dict[str, Curve] = {}
    items = iter(columns.items())
    while batch := dict(islice(items, TOGETHER)):
        curves = thermodynamics(
            points,
            temperature,
            rng=np.random.default_rng(history),
            boltzmann=boltzmann,
            n_draws=n_draws,
            energy=energy,
            log_weight=log_weight,
            observables={name: column[owner] for name, column in batch.items()},
        )
        if not len(share):
            target = points.value if energy is None else np.asarray(energy, float)
            prior = np.zeros(len(points)) if log_weight is None else np.asarray(log_weight, float)
            log_mass = expected_log_shells(live_numbers(points)) + prior
            share = _shares(log_mass, target, boltzmann * temperature, curves.log_Z.value, owner, len(rows))
            chance = _unseen(owner, len(rows)) * rng.standard_normal((n_draws, len(rows)))
        for name, column in batch.items():
            noise = chance @ (share * _residuals(column, alone)).T
            found[name] = Curve(curves.means[name].value, curves.means[name].draws + noise)
    return _gathered(found, shapes)


def stands_for(n: int, rows: Integers, alone: NDArray[np.bool_] | None = None) -> Integers:
    """Which kept configuration speaks for each of n points, shape (n,): the nearest in the order of dying."""
    lonely = np.zeros(len(rows), bool) if alone is None else np.asarray(alone, bool)
    if lonely.shape != rows.shape or (len(rows) and not 0 <= rows.min() <= rows.max() < n):
        raise InputError(f"{len(rows)} kept rows do not fit {n} points and {lonely.size} marks")
    regular = np.flatnonzero(~lonely)
    if len(regular) < 2 or not (np.diff(rows) > 0).all():
        raise InputError(
            f"averages need two or more kept configurations in increasing order, got {len(regular)}; "
            "set keep_every in the settings of the run"
        )
    between = 0.5 * (rows[regular][1:] + rows[regular][:-1])
    owner = regular[np.searchsorted(between, np.arange(n))]
    owner[rows[lonely]] = np.flatnonzero(lonely)
    return np.asarray(owner)


def _shares(
    log_mass: Floats, energy: Floats, thermal: Floats, log_z: Floats, owner: Integers, m: int
) -> Floats:
    """Probability of all points that each kept one stands for, shape (n_temperatures, m)."""
    return np.stack(
        [
            np.bincount(owner, np.exp(log_mass - energy / kt - z), minlength=m)
            for kt, z in zip(thermal, log_z, strict=True)
        ]
    )


def _unseen(owner: Integers, m: int) -> Floats:
    """Root of the variance that one value for several points lacks in simulated shrinkage, shape (m,)."""
    return np.asarray(np.sqrt(1.0 - 1.0 / np.maximum(np.bincount(owner, minlength=m), 1)))


def _residuals(column: Floats, alone: NDArray[np.bool_] | None) -> Floats:
    """Deviation of each kept value from the mean of those beside it, of the right variance; shape (m,)."""
    regular = np.ones(len(column), bool) if alone is None else ~np.asarray(alone, bool)
    own = column[regular]
    window = np.ones(min(2 * BESIDE + 1, 2 * ((len(own) - 1) // 2) + 1))
    if len(window) == 1:
        around, n = np.full(len(own), own.sum()), np.full(len(own), float(len(own)))
    else:
        around, n = np.convolve(own, window, "same"), np.convolve(np.ones(len(own)), window, "same")
    deviation = np.zeros(len(column))
    deviation[regular] = (own - around / n) * np.sqrt(n / (n - 1.0))
    return deviation


def _columns(values: Mapping[str, ArrayLike], m: int) -> tuple[dict[str, Floats], dict[str, tuple[int, ...]]]:
    """Every component of every quantity as a column of its own, and the shapes to put them back."""
    columns, shapes = {}, {}
    for name, given in values.items():
        array = np.asarray(given, float)
        if array.ndim == 0 or len(array) != m:
            raise InputError(
                f"{name} must have a first dimension of {m} kept configurations, got {array.shape}"
            )
        if not np.isfinite(array).all():
            raise InputError(
                f"{name} is not finite for {int((~np.isfinite(array)).sum())} kept configurations"
            )
        shapes[name] = array.shape[1:]
        for place, column in enumerate(array.reshape(m, -1).T):
            columns[f"{name} {place}"] = column
    return columns, shapes


def _gathered(found: Mapping[str, Curve], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Curve]:
    whole = {}
    for name, shape in shapes.items():
        parts = [found[f"{name} {place}"] for place in range(int(np.prod(shape)))]
        value, draws = (
            np.stack(each, axis=-1) for each in zip(*((p.value, p.draws) for p in parts), strict=True)
        )
        whole[name] = Curve(value.reshape(*value.shape[:1], *shape), draws.reshape(*draws.shape[:2], *shape))
    return whole
