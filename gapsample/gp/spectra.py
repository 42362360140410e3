"""One variable at a time: stationary kernels as sums over Fourier modes, on a circle or in a box.

A kernel of unit variance on one axis is k(x, x') = sum_j v_j(l) f_j(x) f_j(x'), with functions f_j that do
not know the length scale l and variances v_j that do. All lengths are in the units of the variable: on a
circle of period P the squared-exponential kernel is exp(-2 sin^2(pi d / P) / L^2) with L = 2 pi l / P.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive

from gapsample.errors import InputError, UnknownName

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Shape = Literal["se", "matern52"]

SHAPES = ("se", "matern52")
ALL_MODES = 4096  # of the Matérn kernel on a circle; the rest is below 1e-6 of any variance
IMAGES = 3.0  # length scales to the nearest mirror image of a box, at the longest length scale
SMALLEST = 1e-300  # variance of a mode, so that its logarithm exists


class Axis(Protocol):
    """One variable: the functions of its modes, and what a kernel of unit variance gives each of them."""

    @property
    def kernel(self) -> Shape: ...

    @property
    def extent(self) -> float:
        """Period, or width of the range."""

    def table(self, x: Floats, order: int) -> Floats:
        """Functions at x, shape (n, n_functions): those of the modes first, then those of their slopes."""

    def derivatives(self, order: int) -> tuple[Integers, Floats]:
        """Of each mode: its slope is this function of the table times this number."""

    def frequencies(self, order: int) -> Floats:
        """Angular frequency of each mode, shape (n_modes,)."""

    def mean_squares(self, order: int) -> Floats:
        """Average over the axis of the square of each mode."""

    def variances(self, length: float, order: int) -> tuple[Floats, Floats]:
        """Prior variance of each mode, and the derivative of its log by the log of the length."""

    def value_variance(self, length: float) -> float:
        """Prior variance of the function averaged over the axis, all modes together."""

    def slope_variance(self, length: float) -> float:
        """Prior variance of its slope averaged over the axis, all modes together."""

    def covariance(self, distance: Floats, length: float) -> tuple[Floats, Floats, Floats]:
        """The exact kernel of a distance x - x', and its first and second derivative by it."""

    @property
    def longest(self) -> float:
        """The longest length scale that the modes can stand for."""


@dataclass(frozen=True)
class Periodic:
    """A variable on a circle: 1, cos, sin of every frequency.

    Raises
    ------
    InputError
        The period is not a positive number.
    """

    period: float
    kernel: Shape = "se"

    def __post_init__(self) -> None:
        _check_shape(self.kernel)
        if not 0.0 < self.period < np.inf:
            raise InputError(f"a period must be a positive number, got {self.period}; None means open")

    @property
    def extent(self) -> float:
        return self.period

    def table(self, x: Floats, order: int) -> Floats:
        phase = np.multiply.outer(np.asarray(x), self._wave_numbers(order))
        table = np.empty((len(phase), 2 * order + 1))
        table[:, 0] = 1.0
        np.cos(phase, out=table[:, 1::2])
        np.sin(phase, out=table[:, 2::2])
        return table

    def derivatives(self, order: int) -> tuple[Integers, Floats]:
        partner = np.zeros(2 * order + 1, dtype=np.int64)
        factor = np.zeros(2 * order + 1)
        k = np.arange(1, order + 1)
        partner[2 * k - 1], factor[2 * k - 1] = 2 * k, -self._wave_numbers(order)
        partner[2 * k], factor[2 * k] = 2 * k - 1, self._wave_numbers(order)
        return partner, factor

    def frequencies(self, order: int) -> Floats:
        return np.concatenate([[0.0], np.repeat(self._wave_numbers(order), 2)])

    def mean_squares(self, order: int) -> Floats:
        return np.concatenate([[1.0], np.full(2 * order, 0.5)])

    def variances(self, length: float, order: int) -> tuple[Floats, Floats]:
        weight, slope = self._spectrum(length, max(order, ALL_MODES if self.kernel == "matern52" else 0))
        pairs = np.concatenate([[0], np.repeat(np.arange(1, order + 1), 2)])
        return np.maximum(weight, SMALLEST)[pairs], slope[pairs]

    def value_variance(self, length: float) -> float:
        return 1.0

    def slope_variance(self, length: float) -> float:
        if self.kernel == "se":
            return 1.0 / length**2
        weight, _ = self._spectrum(length, ALL_MODES)
        return float(weight[1:] @ self._wave_numbers(ALL_MODES) ** 2)

    def covariance(self, distance: Floats, length: float) -> tuple[Floats, Floats, Floats]:
        if self.kernel == "se":
            w = 2.0 * np.pi / self.period
            z = 1.0 / (w * length) ** 2
            sine, cosine = np.sin(w * distance), np.cos(w * distance)
            k = np.exp(z * (cosine - 1.0))
            return k, -z * w * sine * k, w * w * ((z * sine) ** 2 - z * cosine) * k
        reach = int(np.ceil(40.0 * length / self.period)) + 1
        images = self.period * np.arange(-reach, reach + 1, dtype=np.float64)
        wrapped = distance - self.period * np.round(distance / self.period)
        parts = [np.sum(part, axis=-1) for part in _matern(wrapped[..., None] + images, length)]
        norm = float(np.sum(_matern(images, length)[0]))
        return np.asarray(parts[0] / norm), np.asarray(parts[1] / norm), np.asarray(parts[2] / norm)

    @property
    def longest(self) -> float:
        return self.period / 3.0

    def _wave_numbers(self, order: int) -> Floats:
        return 2.0 * np.pi / self.period * np.arange(1, order + 1, dtype=np.float64)

    def _spectrum(self, length: float, order: int) -> tuple[Floats, Floats]:
        """Variance of each frequency from 0 up, summing to one, and its logarithmic slope by length."""
        k = np.arange(order + 1)
        twice = np.where(k == 0, 1.0, 2.0)
        if self.kernel == "se":
            z = (self.period / (2.0 * np.pi * length)) ** 2
            low, here, high = ive(np.abs(k - 1), z), ive(k, z), ive(k + 1, z)
            gone = here <= SMALLEST
            ratio = np.where(gone, k / z, 0.5 * (low + high) / np.where(gone, 1.0, here))
            return twice * here, -2.0 * z * (ratio - 1.0)
        a2 = 5.0 / length**2
        denominator = a2 + (2.0 * np.pi / self.period * k) ** 2
        weight = twice * (denominator / a2) ** -3.0
        weight /= np.sum(weight)
        slope = 6.0 * a2 / denominator
        return weight, slope - weight @ slope


@dataclass(frozen=True)
class Open:
    """A variable on a line: the sine functions of a box that reaches beyond the range by a margin.

    These are the eigenfunctions of the Laplacian that vanish at the walls (Solin & Särkkä, Stat. Comput. 30,
    419 (2020)). Their sum is the kernel minus that of mirror images behind the walls, so the margin limits
    the length scale: the nearest image is never closer than 3 lengths.

    Attributes
    ----------
    low, high : the range that observations and questions lie in
    margin : on either side, as a fraction of the range

    Raises
    ------
    InputError
        The range is empty or not finite.
    """

    low: float
    high: float
    kernel: Shape = "se"
    margin: float = 0.75

    def __post_init__(self) -> None:
        _check_shape(self.kernel)
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise InputError(f"an open variable needs a range low < high, got {self.low} to {self.high}")
        if not self.margin > 0.0:
            raise InputError(f"the margin of a box must be positive, got {self.margin}")

    @property
    def extent(self) -> float:
        return self.high - self.low

    @property
    def _start(self) -> float:
        return self.low - self.margin * (self.high - self.low)

    @property
    def _width(self) -> float:
        return (1.0 + 2.0 * self.margin) * (self.high - self.low)

    def table(self, x: Floats, order: int) -> Floats:
        phase = np.multiply.outer(np.asarray(x) - self._start, self.frequencies(order))
        return np.concatenate([np.sin(phase), np.cos(phase)], axis=1)

    def derivatives(self, order: int) -> tuple[Integers, Floats]:
        return np.arange(order, 2 * order, dtype=np.int64), self.frequencies(order)

    def frequencies(self, order: int) -> Floats:
        return np.pi / self._width * np.arange(1, order + 1, dtype=np.float64)

    def mean_squares(self, order: int) -> Floats:
        return np.full(order, 0.5)

    def variances(self, length: float, order: int) -> tuple[Floats, Floats]:
        squares = self.frequencies(order) ** 2
        if self.kernel == "se":
            density = np.sqrt(2.0 * np.pi) * length * np.exp(-0.5 * length**2 * squares)
            slope = 1.0 - length**2 * squares
        else:
            a2 = 5.0 / length**2
            density = 16.0 / 3.0 * a2**2.5 * (a2 + squares) ** -3.0
            slope = 6.0 * a2 / (a2 + squares) - 5.0
        return np.maximum(2.0 / self._width * density, SMALLEST), slope

    def value_variance(self, length: float) -> float:
        density_at_zero = length * (
            np.sqrt(2.0 * np.pi) if self.kernel == "se" else 16.0 / 3.0 / np.sqrt(5.0)
        )
        return float(1.0 - 0.5 * density_at_zero / self._width)

    def slope_variance(self, length: float) -> float:
        return (1.0 if self.kernel == "se" else 5.0 / 3.0) / length**2

    def covariance(self, distance: Floats, length: float) -> tuple[Floats, Floats, Floats]:
        if self.kernel == "matern52":
            return _matern(distance, length)
        u = distance / length
        k = np.exp(-0.5 * u * u)
        return k, -u / length * k, (u * u - 1.0) / length**2 * k

    @property
    def longest(self) -> float:
        return 2.0 * self.margin * (self.high - self.low) / IMAGES


def _matern(distance: Floats, length: float) -> tuple[Floats, Floats, Floats]:
    """Matérn-5/2 kernel of unit variance with its first two derivatives by distance."""
    a = np.sqrt(5.0) / length
    u = a * np.abs(distance)
    decay = np.exp(-u)
    return (
        (1.0 + u + u * u / 3.0) * decay,
        -a * a / 3.0 * distance * (1.0 + u) * decay,
        a * a / 3.0 * (u * u - u - 1.0) * decay,
    )


def _check_shape(kernel: str) -> None:
    if kernel not in SHAPES:
        raise UnknownName("kernel", kernel, SHAPES)
