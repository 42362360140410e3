"""What sampling says about a free-energy surface: averaged gradients and log-densities with their noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError

Floats = NDArray[np.float64]

SYMMETRIC = 1e-8  # relative; what a covariance may differ from its transpose by rounding


@dataclass(frozen=True)
class GradientAverage:
    """The gradient of F averaged over the points of one window.

    With a harmonic bias 1/2 sum kappa_a (s_a - c_a)^2 the average is exactly kappa_a (c_a - mean of s_a);
    with the instantaneous collective force it is minus its mean. The points are kept because the average
    belongs to all of them, not to the center and not to their mean.

    Attributes
    ----------
    points : shape (n, d), units of s; one point is a gradient at that point
    value : shape (d,), eV per unit of s, the average of dF/ds (the negative of PLUMED's mean force)
    covariance : shape (d, d), of `value`, positive definite, corrected for autocorrelation
    weights : shape (n,), positive, of the points; None where all count the same

    Raises
    ------
    InputError
        Shapes disagree, there is no point, a number is not finite, or the covariance is no covariance.
    """

    points: Floats
    value: Floats
    covariance: Floats
    weights: Floats | None = None

    def __post_init__(self) -> None:
        _check_points(self.points)
        d = self.points.shape[1]
        if np.shape(self.value) != (d,):
            raise InputError(
                f"points in {d} dimensions need a gradient of shape ({d},), got {np.shape(self.value)}"
            )
        _check_finite("the averaged gradient", self.value)
        _check_covariance(self.covariance, d)
        if self.weights is not None:
            if np.shape(self.weights) != (len(self.points),):
                raise InputError(
                    f"{len(self.points)} points need as many weights, got {np.shape(self.weights)}"
                )
            if not (np.all(self.weights >= 0.0) and 0.0 < np.sum(self.weights) < np.inf):
                raise InputError("weights of points must be finite, none negative, and not all of them zero")

    @property
    def dimension(self) -> int:
        return int(self.points.shape[1])

    @property
    def center(self) -> Floats:
        """Weighted mean of the points as they are given, shape (d,)."""
        return np.asarray(np.average(self.points, axis=0, weights=self.weights))

    @property
    def slope_covariance(self) -> Floats:
        """Covariance of the gradient, shape (d, d)."""
        return self.covariance


@dataclass(frozen=True)
class LogDensity:
    """F at points up to one constant nobody knows: -kT log p + bias of one histogram or density estimate.

    Attributes
    ----------
    points : shape (n, d), units of s; at least two
    value : shape (n,), eV; a constant added to all of them changes nothing
    covariance : shape (n, n), eV^2, of `value`, positive definite

    Raises
    ------
    InputError
        Shapes disagree, there are fewer than two points, a number is not finite, or the covariance is no
        covariance.
    """

    points: Floats
    value: Floats
    covariance: Floats

    def __post_init__(self) -> None:
        _check_points(self.points)
        n = len(self.points)
        if n < 2:
            raise InputError(
                "one point of a log-density says nothing, its constant is free; give two or more"
            )
        if np.shape(self.value) != (n,):
            raise InputError(f"{n} points need as many values of -kT log p, got {np.shape(self.value)}")
        _check_finite("the log-density", self.value)
        _check_covariance(self.covariance, n)

    @property
    def dimension(self) -> int:
        return int(self.points.shape[1])

    @property
    def center(self) -> Floats:
        """Mean of the points, the less noisy ones counting more, shape (d,)."""
        known = np.linalg.solve(self.covariance, np.ones(len(self.points)))
        return np.asarray(known @ self.points / known.sum())

    @property
    def sloped(self) -> bool:
        """Whether the points spread in all variables, so that `slopes` can be known."""
        return bool(np.linalg.matrix_rank(self.points - self.center) == self.dimension)

    @property
    def slopes(self) -> Floats:
        """What turns values into the gradient of the plane that fits them best, shape (d, n).

        Raises
        ------
        InputError
            The points do not spread in all variables.
        """
        if not self.sloped:
            raise InputError(
                f"{len(self.points)} points that spread in fewer than {self.dimension} variables have no "
                "slope"
            )
        plane = np.column_stack([np.ones(len(self.points)), self.points - self.center])
        weighted = np.linalg.solve(self.covariance, plane)
        return np.linalg.solve(weighted.T @ plane, weighted.T)[1:]

    @property
    def slope_covariance(self) -> Floats:
        """Covariance of the gradient of that plane, shape (d, d); errors as `slopes`."""
        slopes = self.slopes
        return slopes @ self.covariance @ slopes.T


Observation = GradientAverage | LogDensity


def _check_points(points: Floats) -> None:
    if np.ndim(points) != 2:
        raise InputError(f"points must have shape (n, d), got {np.shape(points)}")
    if points.shape[0] == 0 or points.shape[1] == 0:
        raise InputError(
            f"an observation needs at least one point, got shape {points.shape}; leave out empty windows"
        )
    _check_finite("the points", points)


def _check_finite(what: str, numbers: Floats) -> None:
    bad = int(np.sum(~np.isfinite(numbers)))
    if bad:
        raise InputError(f"{what} must be finite, {bad} of {np.size(numbers)} numbers are NaN or infinite")


def _check_covariance(covariance: Floats, n: int) -> None:
    if np.shape(covariance) != (n, n):
        raise InputError(f"the covariance must have shape ({n}, {n}), got {np.shape(covariance)}")
    _check_finite("the covariance", covariance)
    scale = float(np.max(np.abs(covariance)))
    if np.max(np.abs(covariance - covariance.T)) > SYMMETRIC * scale:
        raise InputError("the covariance must be symmetric")
    smallest = float(np.linalg.eigvalsh(covariance)[0])
    if smallest <= 0.0:
        raise InputError(
            f"the covariance must be positive definite, its smallest eigenvalue is {smallest:.3g}; one "
            "sample, or fewer samples than dimensions, cannot give one"
        )
