"""One variable at a time: a circle, or a line put on a circle so wide that its ends do not meet; its kernel.

Every function of variables is a sum of waves that close on these circles. A kernel of unit length and
variance has a spectral density S(z), so that on a circle of circumference T a kernel of length l gives the
wave of angular frequency w the variance l S(l w) / T: the kernel of the line, summed over all turns.
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
APART = 3.0  # length scales from the end of an open range to its beginning one turn later, at the longest
SMALLEST = 1e-300  # prior variance
TURNS = 3  # either way that kernels of circles are summed over


class Axis(Protocol):
    """One variable."""

    @property
    def kernel(self) -> Shape: ...

    @property
    def extent(self) -> float:
        """Period, or width of the range."""

    @property
    def turn(self) -> float:
        """Circumference of the circle on which waves close."""

    @property
    def longest(self) -> float:
        """The longest length scale that the waves can stand for."""

    def covariance(self, distance: Floats, length: float) -> tuple[Floats, Floats, Floats]:
        """The exact kernel of a distance x - x', and its first and second derivative by it."""

    def alone(self, turns: Integers, length: float) -> tuple[Floats, Floats]:
        """Where axes do not mix: variance of a wave of so many turns, and its logarithmic slope by length."""


@dataclass(frozen=True)
class Periodic:
    """A variable on a circle.

    Where axes mix, its kernel is that of the line summed over all turns. Where they do not, and it is the
    squared exponential, exp(-2 sin^2(pi x / period) (period / 2 pi length)^2): in many variables most lengths
    are as long as they may be, and waves of two turns, which the other kernel then all but rules out, must
    still be let in.

    References
    ----------
    MacKay, *Introduction to Gaussian processes* (1998), sec. 4.5.

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

    @property
    def turn(self) -> float:
        return self.period

    @property
    def longest(self) -> float:
        return self.period / 3.0

    def covariance(self, distance: Floats, length: float) -> tuple[Floats, Floats, Floats]:
        nearest = distance - self.period * np.round(distance / self.period)
        images = nearest[..., None] + self.period * np.arange(-TURNS, TURNS + 1)
        value, slope, bend = stationary(self.kernel, images / length)
        return value.sum(axis=-1), slope.sum(axis=-1) / length, bend.sum(axis=-1) / length**2

    def alone(self, turns: Integers, length: float) -> tuple[Floats, Floats]:
        if self.kernel != "se":
            return _of_line(self, turns, length)
        k, z = np.abs(turns), (self.period / (2.0 * np.pi * length)) ** 2
        low, here, high = ive(np.abs(k - 1), z), ive(k, z), ive(k + 1, z)
        gone = here <= SMALLEST
        ratio = np.where(gone, k / z, 0.5 * (low + high) / np.where(gone, 1.0, here))
        return np.maximum(here, SMALLEST), -2.0 * z * (ratio - 1.0)


@dataclass(frozen=True)
class Open:
    """A variable on a line, of which waves repeat where nobody looks.

    Attributes
    ----------
    low, high : the range that observations and questions lie in
    margin : on either side, as a fraction of the range, before it all repeats

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
            raise InputError(f"the margin of a range must be positive, got {self.margin}")

    @property
    def extent(self) -> float:
        return self.high - self.low

    @property
    def turn(self) -> float:
        return (1.0 + 2.0 * self.margin) * self.extent

    @property
    def longest(self) -> float:
        return 2.0 * self.margin * self.extent / APART

    def covariance(self, distance: Floats, length: float) -> tuple[Floats, Floats, Floats]:
        value, slope, bend = stationary(self.kernel, distance / length)
        return value, slope / length, bend / length**2

    def alone(self, turns: Integers, length: float) -> tuple[Floats, Floats]:
        return _of_line(self, turns, length)


def density(kernel: Shape, z: Floats) -> tuple[Floats, Floats]:
    """Spectral density of a kernel of unit length and variance, and the derivative of its log."""
    if kernel == "se":
        return np.sqrt(2.0 * np.pi) * np.exp(-0.5 * z * z), -z
    return 16.0 / 3.0 * 5.0**2.5 * (5.0 + z * z) ** -3.0, -6.0 * z / (5.0 + z * z)


def stationary(kernel: Shape, u: Floats) -> tuple[Floats, Floats, Floats]:
    """A kernel of unit length and variance, and its first two derivatives by distance."""
    if kernel == "se":
        k = np.exp(-0.5 * u * u)
        return k, -u * k, (u * u - 1.0) * k
    v = np.sqrt(5.0) * np.abs(u)
    decay = np.exp(-v)
    return (
        (1.0 + v + v * v / 3.0) * decay,
        -5.0 / 3.0 * u * (1.0 + v) * decay,
        5.0 / 3.0 * (v * v - v - 1.0) * decay,
    )


def _of_line(axis: Axis, turns: Integers, length: float) -> tuple[Floats, Floats]:
    z = np.asarray(2.0 * np.pi / axis.turn * length * turns, dtype=np.float64)
    value, slope = density(axis.kernel, z)
    return value * length / axis.turn, 1.0 + z * slope


def _check_shape(kernel: str) -> None:
    if kernel not in SHAPES:
        raise UnknownName("kernel", kernel, SHAPES)
