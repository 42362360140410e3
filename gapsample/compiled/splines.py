"""Smooth functions of one distance as piecewise polynomials on a uniform grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]
MOST_INTERVALS = 2**15

# Values and slopes at 0, 1/2, 1 of the monomials 1, u, ..., u^5; its inverse fits a quintic through them.
_NODES = np.array([0.0, 0.5, 1.0])
_POWERS = np.arange(6)
_VALUES = _NODES[:, None] ** _POWERS
_SLOPES = np.concatenate((np.zeros((3, 1)), _POWERS[1:] * _NODES[:, None] ** _POWERS[:-1]), axis=1)
_FIT = np.linalg.inv(np.concatenate((_VALUES, _SLOPES)))


class Table(NamedTuple):
    """Several functions on one grid, each a quintic in every interval; continuous with its slope.

    Attributes
    ----------
    start, stop : the functions are known in ``[start, stop)``
    inverse_step : one over the width of an interval
    coefficients : shape (n_functions, n_intervals, 6), powers of the position in the interval (0 to 1)
    """

    start: float
    stop: float
    inverse_step: float
    coefficients: Floats


def tabulate(
    function: Callable[[Floats], tuple[Floats, Floats]],
    low: float,
    stop: float,
    unit: float,
    tolerance: float,
) -> Table:
    """Tabulate until the error midway between the nodes is below a tolerance.

    Each interval carries the quintic through values and slopes at its ends and middle, so kinks of the
    second derivative do no harm where they fall on the grid.

    Parameters
    ----------
    function : distances of shape (n,) -> values and slopes, each of shape (n_functions, n)
    low, stop : range to cover; the table may start up to one interval below `low`
    unit : a whole number of intervals fits in it, counted from `stop`; puts a kink on the grid
    tolerance : largest error accepted, in units of the function
    """
    per_unit = max(1, int(np.ceil(8 * unit)))
    while True:
        step = unit / per_unit
        n = int(np.ceil((stop - low) / step))
        start = stop - n * step
        table = _fit(function, start, stop, n)
        if _error(function, table) <= tolerance or 2 * n > MOST_INTERVALS:
            return table
        per_unit *= 2


def _fit(function: Callable[[Floats], tuple[Floats, Floats]], start: float, stop: float, n: int) -> Table:
    grid = np.linspace(start, stop, 2 * n + 1)
    values, slopes = function(grid)
    slopes = slopes * (stop - start) / n
    data = [f[:, first : first + 2 * n - 1 : 2] for f in (values, slopes) for first in (0, 1, 2)]
    coefficients = np.einsum("pd,dfn->fnp", _FIT, np.array(data))
    return Table(start, stop, n / (stop - start), np.ascontiguousarray(coefficients))


def _error(function: Callable[[Floats], tuple[Floats, Floats]], table: Table) -> float:
    n = table.coefficients.shape[1]
    u = np.array([0.25, 0.75])
    grid = table.start + (np.arange(n)[:, None] + u) / table.inverse_step
    fitted = table.coefficients @ (u[:, None] ** _POWERS).T
    return float(np.max(np.abs(fitted.reshape(len(fitted), -1) - function(grid.ravel())[0])))


@njit(relaxed=True)
def look_up(coefficients: Floats, u: float) -> tuple[float, float]:
    """Value of one quintic and its derivative by the position `u` in the interval."""
    c0, c1, c2 = coefficients[0], coefficients[1], coefficients[2]
    c3, c4, c5 = coefficients[3], coefficients[4], coefficients[5]
    value = c0 + u * (c1 + u * (c2 + u * (c3 + u * (c4 + u * c5))))
    slope = c1 + u * (2.0 * c2 + u * (3.0 * c3 + u * (4.0 * c4 + u * 5.0 * c5)))
    return value, slope
