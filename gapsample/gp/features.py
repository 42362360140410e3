"""Product kernels as features: a function of several variables is a weighted sum of products of modes.

The features do not depend on hyper-parameters; the prior variance of their weights does. So observations are
turned into sums over features once, and the hyper-parameters can be sought afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.gp.spectra import Axis

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TIE = 1e-9  # relative; modes as close as this in their prior variance are kept or left out together
MOST_FREQUENCIES = 64  # along one axis


@dataclass(frozen=True)
class PriorVariance:
    """Of each weight at given lengths and unit amplitude.

    Attributes
    ----------
    variances : shape (M,)
    slopes : shape (d, M), derivative of their log by the log of each length
    lost : shape (d,), variance of the derivative along each axis that the modes left out would have had
    """

    variances: Floats
    slopes: Floats
    lost: Floats


class Features:
    """A set of modes: rows of integers that name one function for each axis.

    Parameters
    ----------
    axes : the variables
    modes : shape (M, d)
    orders : frequencies tabulated along each axis, so that every number in `modes` is covered
    """

    def __init__(self, axes: Sequence[Axis], modes: Integers, orders: Sequence[int]) -> None:
        self.axes, self.modes, self.orders = tuple(axes), modes, tuple(orders)
        shifted, factors = [modes], []
        for a, (axis, order) in enumerate(zip(self.axes, self.orders, strict=True)):
            partner, factor = axis.derivatives(order)
            column = modes.copy()
            column[:, a] = partner[modes[:, a]]
            shifted.append(column)
            factors.append(factor[modes[:, a]])
        products, where = np.unique(np.concatenate(shifted), axis=0, return_inverse=True)
        where = where.reshape(1 + self.dimension, len(modes))
        self._value_at, self._slope_at, self._factors = where[0], where[1:], np.array(factors)
        half = (self.dimension + 1) // 2
        self._left, self._left_at = np.unique(products[:, :half], axis=0, return_inverse=True)
        self._right, self._right_at = np.unique(products[:, half:], axis=0, return_inverse=True)

    @property
    def dimension(self) -> int:
        return len(self.axes)

    def __len__(self) -> int:
        return len(self.modes)

    @classmethod
    def choose(
        cls, axes: Sequence[Axis], lengths: Sequence[float] | Floats, most: int, tolerance: float = 1e-6
    ) -> Features:
        """The modes of largest prior variance, and so of the lowest frequencies.

        Parameters
        ----------
        lengths : of the kernels at which the modes are ranked
        most : number of modes that is not exceeded
        tolerance : fraction of the prior variance of a derivative that may be lost; fewer modes are taken
            where fewer are enough

        Raises
        ------
        InputError
            No mode fits in `most`.
        """
        orders = [_enough(axis, length, tolerance) for axis, length in zip(axes, lengths, strict=True)]
        modes = np.zeros((1, 0), dtype=np.int64)
        scores = np.ones(1)
        for axis, length, order in zip(axes, lengths, orders, strict=True):
            score = axis.variances(length, order)[0] * axis.mean_squares(order)
            every = np.multiply.outer(scores, score).ravel()
            best = np.argsort(-every, kind="stable")
            best = best[every[best] >= every[best[min(most, len(best) - 1)]] * (1.0 - TIE)]
            modes = np.column_stack([modes[best // len(score)], best % len(score)])
            scores = every[best]
        varying = np.any(_frequencies(axes, modes, orders) > 0.0, axis=1)  # a constant means nothing
        modes, scores = modes[varying], scores[varying]
        if len(modes) > most:
            modes = modes[scores > scores[most] * (1.0 + TIE)]
        if len(modes) == 0:
            raise InputError(
                f"{most} modes are fewer than the first shell in {len(axes)} dimensions; allow more"
            )
        return cls(axes, modes, orders)._no_more_than_needed(lengths, tolerance)

    def subset(self, keep: Integers) -> Features:
        """Only some of the modes."""
        return Features(self.axes, self.modes[keep], self.orders)

    def prior(self, lengths: Sequence[float] | Floats) -> PriorVariance:
        """Prior variances of the weights when the whole function has unit variance."""
        variances, kept = np.ones(len(self)), np.ones(len(self))
        slopes = np.empty((self.dimension, len(self)))
        for a, (axis, order, length) in enumerate(zip(self.axes, self.orders, lengths, strict=True)):
            variance, slope = axis.variances(length, order)
            mode = self.modes[:, a]
            variances *= variance[mode]
            kept *= variance[mode] * axis.mean_squares(order)[mode]
            slopes[a] = slope[mode]
        squares = _frequencies(self.axes, self.modes, self.orders) ** 2
        whole = _slope_variances(self.axes, lengths)
        return PriorVariance(variances, slopes, np.maximum(whole - kept @ squares, 0.0))

    @property
    def highest(self) -> Floats:
        """Highest angular frequency along each axis, shape (d,)."""
        return np.max(_frequencies(self.axes, self.modes, self.orders), axis=0)

    def average(self, points: Floats, weights: Floats | None = None) -> Floats:
        """Every product of functions averaged over points: what `value_row` and `gradient_rows` need.

        The average over n points of a product set is one matrix product of its two halves.
        """
        left, right = self._halves(points)
        if weights is None:
            left = left / len(points)
        else:
            left = left * (weights / np.sum(weights))[:, None]
        return (left.T @ right)[self._left_at, self._right_at]

    def products(self, points: Floats) -> Floats:
        """Every product of functions at each point, shape (n, n_products)."""
        left, right = self._halves(points)
        return left[:, self._left_at] * right[:, self._right_at]

    def value_rows(self, products: Floats) -> Floats:
        """Features from products, shape (..., M)."""
        return products[..., self._value_at]

    def gradient_rows(self, products: Floats) -> Floats:
        """Derivatives of the features along each axis from products, shape (..., d, M)."""
        return products[..., self._slope_at] * self._factors

    def values(self, points: Floats) -> Floats:
        """Features at points, shape (n, M)."""
        return self.value_rows(self.products(points))

    def gradients(self, points: Floats) -> Floats:
        """Derivatives of the features at points, shape (n, d, M)."""
        return self.gradient_rows(self.products(points))

    def gradient_weights(self, weights: Floats) -> Floats:
        """Weights of the products whose sums are the derivatives of sum_m weights_m feature_m.

        Parameters
        ----------
        weights : shape (M, k)

        Returns
        -------
        shape (d, n_products, k)
        """
        spread = np.zeros((self.dimension, len(self._left_at), *weights.shape[1:]))
        for a in range(self.dimension):
            np.add.at(spread[a], self._slope_at[a], (weights.T * self._factors[a]).T)
        return spread

    def _halves(self, points: Floats) -> tuple[Floats, Floats]:
        tables = [axis.table(points[:, a], self.orders[a]) for a, axis in enumerate(self.axes)]
        half = self._left.shape[1]
        return _products(tables[:half], self._left), _products(tables[half:], self._right, len(points))

    def _no_more_than_needed(self, lengths: Sequence[float] | Floats, tolerance: float) -> Features:
        prior = self.prior(lengths)
        kept = prior.variances.copy()
        for a, (axis, order) in enumerate(zip(self.axes, self.orders, strict=True)):
            kept *= axis.mean_squares(order)[self.modes[:, a]]
        squares = _frequencies(self.axes, self.modes, self.orders) ** 2
        shares = kept[:, None] * squares / _slope_variances(self.axes, lengths)
        left = np.max(1.0 - np.cumsum(shares, axis=0), axis=1)
        enough = np.flatnonzero(left <= tolerance)
        if len(enough) == 0:
            return self
        return self.subset(np.flatnonzero(kept >= kept[: enough[0] + 1].min() * (1.0 - TIE)))


def _products(tables: list[Floats], modes: Integers, n: int = 0) -> Floats:
    if not tables:
        return np.ones((n, 1))
    result = tables[0][:, modes[:, 0]]
    for a, table in enumerate(tables[1:], start=1):
        result *= table[:, modes[:, a]]
    return result


def _frequencies(axes: Sequence[Axis], modes: Integers, orders: Sequence[int]) -> Floats:
    """Angular frequency of each mode along each axis, shape (M, d)."""
    columns = [
        axis.frequencies(order)[modes[:, a]] for a, (axis, order) in enumerate(zip(axes, orders, strict=True))
    ]
    return np.column_stack(columns)


def _slope_variances(axes: Sequence[Axis], lengths: Sequence[float] | Floats) -> Floats:
    """Prior variance of the derivative along each axis, all modes together, averaged over all axes."""
    values = np.array([axis.value_variance(length) for axis, length in zip(axes, lengths, strict=True)])
    slopes = np.array([axis.slope_variance(length) for axis, length in zip(axes, lengths, strict=True)])
    return slopes * np.prod(values) / values


def _enough(axis: Axis, length: float, tolerance: float) -> int:
    """Frequencies that leave less than `tolerance` of the variance of the slope to the rest."""
    variances, _ = axis.variances(length, MOST_FREQUENCIES)
    parts = variances * axis.mean_squares(MOST_FREQUENCIES) * axis.frequencies(MOST_FREQUENCIES) ** 2
    left = 1.0 - np.cumsum(parts) / axis.slope_variance(length)
    found = np.flatnonzero(left < 0.1 * tolerance)
    if len(found) == 0:
        return MOST_FREQUENCIES
    used = np.unique(axis.frequencies(MOST_FREQUENCIES)[: found[0] + 1])
    return max(1, int(np.sum(used > 0.0)))
