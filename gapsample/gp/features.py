"""Kernels as features: a function of several variables is a weighted sum of plane waves.

The features do not depend on hyper-parameters; the prior variance of their weights does. So observations are
turned into sums over features once, and the hyper-parameters can be sought afterwards. These are one length
for each axis and, in few variables, how axes mix: a product of kernels of the variables y = R'^-1 s, with R
an upper triangle that has the lengths on its diagonal, gives a wave of frequencies w a variance that depends
on R w. So valleys may run askew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.gp.spectra import TURNS, Axis, density, stationary

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
Integers = NDArray[np.int64]

TIE = 1e-9  # relative; waves as close as this in their prior variance are kept or left out together
MOST_FREQUENCIES = 64  # along one axis
TAIL = 64  # times that many frequencies are all there are
MOST_MIXED = 3  # variables; with more, too many pairs to learn about


@dataclass(frozen=True)
class PriorVariance:
    """Of each weight at given parameters and unit amplitude.

    Attributes
    ----------
    variances : shape (M,)
    slopes : shape (n_parameters, M), derivative of their log by each parameter
    """

    variances: Floats
    slopes: Floats


class Features:
    """Cosine and sine of each of a set of waves: all cosines first, then all sines.

    Parameters of the prior are logs of one length for each axis, then, up to three axes, how they mix: the
    elements above the diagonal, row by row, of the triangle C in R = C diag(lengths).

    Parameters
    ----------
    axes : the variables
    waves : shape (M / 2, d), full turns of each wave along each axis; of a wave and its negative only one
    """

    def __init__(self, axes: Sequence[Axis], waves: Integers) -> None:
        self.axes, self.waves = tuple(axes), waves
        self.frequencies = waves * _units(self.axes)
        half = (self.dimension + 1) // 2
        self._left, self._left_at = np.unique(waves[:, :half], axis=0, return_inverse=True)
        self._right, self._right_at = np.unique(waves[:, half:], axis=0, return_inverse=True)

    @property
    def dimension(self) -> int:
        return len(self.axes)

    @property
    def n_parameters(self) -> int:
        return self.dimension + len(_above(self.dimension)[0])

    def __len__(self) -> int:
        return 2 * len(self.waves)

    @classmethod
    def choose(cls, axes: Sequence[Axis], parameters: Floats, most: int, tolerance: float = 1e-6) -> Features:
        """The waves of largest prior variance, and so of the lowest frequencies.

        Parameters
        ----------
        parameters : of the prior by which waves are ranked
        most : number of features that is not exceeded
        tolerance : fraction of the prior variance of a derivative that may be lost; fewer waves are taken
            where fewer are enough

        Raises
        ------
        InputError
            No wave fits in `most`.
        """
        r = metric(parameters, len(axes))
        reach = 1.0 / np.linalg.norm(np.linalg.inv(r), axis=1)  # shortest distance over which F varies
        frequencies, scores = np.zeros((1, 0)), np.ones(1)
        waves = np.zeros((1, 0), dtype=np.int64)
        for a in reversed(range(len(axes))):
            order = _enough(axes[a], reach[a], tolerance, alone=not mixes(len(axes)))
            k = np.arange(-order, order + 1)
            w = _units(axes)[a] * k
            if mixes(len(axes)):
                z = r[a, a] * w + (frequencies @ r[a, a + 1 :])[:, None]
                every = (scores[:, None] * density(axes[a].kernel, z)[0]).ravel()
            else:
                every = np.multiply.outer(scores, axes[a].alone(k, r[a, a])[0]).ravel()
            best = np.argsort(-every, kind="stable")
            best = best[every[best] >= every[best[min(most, len(best) - 1)]] * (1.0 - TIE)]
            old, new = np.divmod(best, len(k))
            waves, scores = np.column_stack([k[new], waves[old]]), every[best]
            frequencies = np.column_stack([w[new], frequencies[old]])
        first = waves[np.arange(len(waves)), np.argmax(waves != 0, axis=1)]
        waves, scores = waves[first > 0], scores[first > 0]  # a constant means nothing
        if 2 * len(waves) > most:
            waves = waves[scores > scores[most // 2] * (1.0 + TIE)]
        if len(waves) == 0:
            raise InputError(
                f"{most} modes are fewer than the first shell in {len(axes)} dimensions; allow more"
            )
        return cls(axes, waves)._no_more_than_needed(parameters, tolerance)

    def subset(self, keep: Integers) -> Features:
        """Only some of the waves, by their numbers."""
        return Features(self.axes, self.waves[keep])

    def numbers(self, waves: Integers) -> Integers:
        """Numbers of the features of some waves."""
        return np.concatenate([waves, len(self.waves) + waves])

    def prior(self, parameters: Floats) -> PriorVariance:
        """Prior variances of the weights when the whole function has unit variance."""
        d = self.dimension
        if not mixes(d):
            lengths = np.exp(parameters)
            parts = [each.alone(k, l) for each, k, l in zip(self.axes, self.waves.T, lengths, strict=True)]
            variances = np.prod([variance for variance, _ in parts], axis=0)
            return PriorVariance(np.tile(variances, 2), np.tile([slope for _, slope in parts], 2))
        r = metric(parameters, d)
        z = self.frequencies @ r.T
        scaled = self.frequencies * np.diag(r)
        variances, by_z = np.ones(len(z)), np.empty_like(z)
        for a, axis in enumerate(self.axes):
            value, by_z[:, a] = density(axis.kernel, z[:, a])
            variances *= value * r[a, a] / axis.turn
        triangle = r / np.diag(r)
        by_length = [1.0 + scaled[:, b] * (by_z @ triangle[:, b]) for b in range(d)]
        by_mixing = [by_z[:, a] * scaled[:, b] for a, b in zip(*_above(d), strict=True)]
        slopes = np.array([*by_length, *by_mixing])
        return PriorVariance(np.tile(variances, 2), np.tile(slopes, 2))

    def lost(self, parameters: Floats) -> Floats:
        """Prior variance of the derivative along each axis that the waves left out would have had, (d,)."""
        kept = self.prior(parameters).variances @ np.tile(self.frequencies**2, (2, 1))
        return np.maximum(_slope_variances(self.axes, parameters) - kept, 0.0)

    @property
    def highest(self) -> Floats:
        """Highest angular frequency along each axis, shape (d,)."""
        return np.max(np.abs(self.frequencies), axis=0)

    def average(self, points: Floats, weights: Floats | None = None) -> Complex:
        """Every wave averaged over points, shape (M / 2,): what `value_rows` and `gradient_rows` need.

        A wave is the product of two halves, its average over n points one of a matrix product.
        """
        left, right = self._halves(points)
        share = np.full(len(points), 1.0 / len(points)) if weights is None else weights / np.sum(weights)
        return ((left * share[:, None]).T @ right)[self._left_at, self._right_at]

    def at(self, points: Floats) -> Complex:
        """Every wave at each point, shape (n, M / 2)."""
        left, right = self._halves(points)
        return left[:, self._left_at] * right[:, self._right_at]

    def value_rows(self, waves: Complex) -> Floats:
        """Features from waves, shape (..., M)."""
        return np.sqrt(2.0) * np.concatenate([waves.real, waves.imag], axis=-1)

    def gradient_rows(self, waves: Complex) -> Floats:
        """Derivatives of the features along each axis from waves, shape (..., d, M)."""
        waves = waves[..., None, :]
        turned = np.sqrt(2.0) * self.frequencies.T
        return np.concatenate([-turned * waves.imag, turned * waves.real], axis=-1)

    def values(self, points: Floats) -> Floats:
        """Features at points, shape (n, M)."""
        return self.value_rows(self.at(points))

    def gradients(self, points: Floats) -> Floats:
        """Derivatives of the features at points, shape (n, d, M)."""
        return self.gradient_rows(self.at(points))

    def gradient_weights(self, weights: Floats) -> Complex:
        """Factors of the waves whose sum has the gradient of sum_m weights_m feature_m as its real part.

        Parameters
        ----------
        weights : shape (k, M)

        Returns
        -------
        shape (k, M / 2, d)
        """
        cosine, sine = np.split(weights, 2, axis=-1)
        return np.sqrt(2.0) * (1j * cosine + sine)[..., None] * self.frequencies

    def _halves(self, points: Floats) -> tuple[Complex, Complex]:
        phases = points * _units(self.axes)
        half = self._left.shape[1]
        return _products(phases[:, :half], self._left), _products(phases[:, half:], self._right)

    def _no_more_than_needed(self, parameters: Floats, tolerance: float) -> Features:
        variances = self.prior(parameters).variances[: len(self.waves)]
        whole = _slope_variances(self.axes, parameters)
        shares = 2.0 * variances[:, None] * self.frequencies**2 / whole
        left = np.max(1.0 - np.cumsum(shares, axis=0), axis=1)
        enough = np.flatnonzero(left <= tolerance)
        if len(enough) == 0:
            return self
        return self.subset(np.flatnonzero(variances >= variances[: enough[0] + 1].min() * (1.0 - TIE)))


def metric(parameters: Floats, d: int) -> Floats:
    """R of parameters of the prior, shape (d, d), upper triangular; without mixing where they are d only."""
    triangle = np.eye(d)
    if len(parameters) > d:
        triangle[_above(d)] = parameters[d:]
    return np.asarray(triangle * np.exp(parameters[:d]))


def mixes(d: int) -> bool:
    """Whether the axes of so many variables mix."""
    return d <= MOST_MIXED


def _above(d: int) -> tuple[Integers, Integers]:
    """Row and column of each element above the diagonal that is a parameter."""
    rows, columns = np.triu_indices(d if mixes(d) else 0, k=1)
    return rows, columns


def _units(axes: Sequence[Axis]) -> Floats:
    """Angular frequency of one full turn along each axis."""
    return 2.0 * np.pi / np.array([axis.turn for axis in axes])


def _products(phases: Floats, waves: Integers) -> Complex:
    """Plane waves of few variables from powers of each variable's own, shape (n, n_waves)."""
    result = np.ones((len(phases), len(waves)), dtype=np.complex128)
    for phase, k in zip(phases.T, waves.T, strict=True):
        order = int(np.max(np.abs(k)))
        positive = np.exp(1j * np.multiply.outer(phase, np.arange(order + 1)))
        result *= np.concatenate([np.conj(positive[:, :0:-1]), positive], axis=1)[:, order + k]
    return result


def _slope_variances(axes: Sequence[Axis], parameters: Floats) -> Floats:
    """Prior variance of the derivative along each axis, all waves together: kernels summed over all turns."""
    d = len(axes)
    if not mixes(d):
        turns = np.arange(-TAIL * MOST_FREQUENCIES, TAIL * MOST_FREQUENCIES + 1)
        parts = [axis.alone(turns, length)[0] for axis, length in zip(axes, np.exp(parameters), strict=True)]
        values = np.sum(parts, axis=1)
        return np.prod(values) / values * _units(axes) ** 2 * np.sum(parts * turns**2, axis=1)
    inverse = np.linalg.inv(metric(parameters, d)).T  # y = inverse s
    count = np.arange(-TURNS, TURNS + 1)
    turns = np.stack(np.meshgrid(*[count * axis.turn for axis in axes], indexing="ij"), axis=-1)
    y = turns.reshape(-1, d) @ inverse.T
    kernels = [stationary(axis.kernel, y[:, a]) for a, axis in enumerate(axes)]
    total = np.zeros((d, d))
    for a in range(d):
        for b in range(d):
            factors = [kernel[(c == a) + (c == b)] for c, kernel in enumerate(kernels)]
            total[a, b] = np.sum(np.prod(factors, axis=0))
    return np.asarray(-np.einsum("ba,bc,ca->a", inverse, total, inverse))


def _enough(axis: Axis, length: float, tolerance: float, *, alone: bool) -> int:
    """Frequencies that leave less than `tolerance` of the variance of the slope to the rest."""
    turns = np.arange(1, TAIL * MOST_FREQUENCIES)
    w = 2.0 * np.pi / axis.turn * turns
    variances = axis.alone(turns, length)[0] if alone else density(axis.kernel, np.asarray(length * w))[0]
    parts = variances * w**2
    left = 1.0 - np.cumsum(parts) / np.sum(parts)
    return min(1 + int(np.sum(left >= 0.1 * tolerance)), MOST_FREQUENCIES)
