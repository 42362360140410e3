"""From observations to a posterior: variables, features, sums, hyper-parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError, UnknownName
from gapsample.free_energy.observations import GradientAverage, Observation
from gapsample.gp import hyper
from gapsample.gp.features import Features, metric
from gapsample.gp.spectra import Axis, Open, Periodic, Shape
from gapsample.gp.weight_space import Accumulator, Cautious, Sums, WeightPosterior, WeightSpace

Floats = NDArray[np.float64]
Averaging = Literal["maximize", "sample"]
Bounds = list[tuple[float, float]]

AVERAGING = ("maximize", "sample")
MOST_MODES = {1: 128, 2: 1200, 3: 2000}  # beyond: MOST_MODES_MANY
MOST_MODES_MANY = 3200
PILOT_WINDOWS = 600
MANY_MODES = 1500  # more than these: hyper-parameters are those of the pilot
PILOT_MODES = 600
SHORTEST = 1.5  # length times highest frequency
RESOLVED = 0.75  # features resolve lengths down to this fraction of the first guess
NEGLIGIBLE = 1e-7  # of the prior variance of a derivative: modes that lose less are left out
MATTERS = 0.1  # of the noise variance: more lost prior variance than this asks for new features
AMPLITUDES = 10.0  # either way of the first guess
MARGIN = 2.5  # length scales from the range to the wall of its box
STARTS = (0.2, 0.4, 0.55, 0.7, 0.85, 1.0)  # lengths tried, as shares of their bounds (logs)
MIXED = 3.0  # most lengths of one axis that a length of another may shift it by
NOISE_FACTOR = 5.0  # either way
BURN_IN, KEPT_STEPS, KEPT = 60, 60, 16


@dataclass(frozen=True)
class Options:
    """How a surface is fitted.

    Attributes
    ----------
    kernel : ``"se"`` for smooth surfaces, ``"matern52"`` where there may be kinks; one, or one a variable
    hyper : ``"maximize"`` the evidence, or ``"sample"`` it and average over the hyper-parameters
    free_noise : let a common factor on all noise deviations be found with the other hyper-parameters
    most_modes : number of features not exceeded; None leaves it to the dimension
    """

    kernel: Shape | tuple[Shape, ...] = "se"
    hyper: Averaging = "maximize"
    free_noise: bool = False
    most_modes: int | None = None

    def __post_init__(self) -> None:
        if self.hyper not in AVERAGING:
            raise UnknownName("treatment of hyper-parameters", self.hyper, AVERAGING)
        if self.most_modes is not None and self.most_modes < 1:
            raise InputError(f"a surface needs at least one mode, got most_modes={self.most_modes}")

    def modes(self, dimension: int) -> int:
        return self.most_modes or MOST_MODES.get(dimension, MOST_MODES_MANY)


@dataclass(frozen=True)
class Fitted:
    """Features with all data summed up, and posteriors of one or several sets of hyper-parameters.

    Attributes
    ----------
    space : features and sums
    lost : shape (d,), prior variance of derivatives put on the noise diagonal, as the sums hold it
    parameters : shape (n_sets, n_parameters), logs; the sets count the same
    posteriors : of each set, for the modes `kept`
    kept : features of the posteriors
    bounds : of the parameters
    """

    space: WeightSpace
    lost: Floats
    parameters: Floats
    posteriors: tuple[WeightPosterior, ...]
    kept: Features
    bounds: Bounds


def variables(
    observations: Sequence[Observation],
    periods: Sequence[float | None],
    ranges: Sequence[tuple[float, float] | None] | None,
    kernel: Shape | tuple[Shape, ...],
) -> tuple[Axis, ...]:
    """One axis for each variable; the range of an open one is that of the points unless it is given.

    Raises
    ------
    InputError
        No observation, dimensions that disagree, points outside a given range, or no range at all.
    """
    if len(observations) == 0:
        raise InputError("a surface needs at least one observation, got none")
    d = len(periods)
    wrong = sorted({o.dimension for o in observations} - {d})
    if wrong:
        raise InputError(
            f"{d} periods are given but there are observations in {wrong} dimensions; give one each"
        )
    kernels = (kernel,) * d if isinstance(kernel, str) else kernel
    if len(kernels) != d:
        raise InputError(f"{d} variables need as many kernels, got {len(kernels)}")
    ranges = (None,) * d if ranges is None else ranges
    if len(ranges) != d:
        raise InputError(f"{d} variables need as many ranges (None where the data decide), got {len(ranges)}")
    axes: list[Axis] = []
    for a, (period, limits, shape) in enumerate(zip(periods, ranges, kernels, strict=True)):
        if period is not None:
            axes.append(Periodic(float(period), shape))
            _check_period(observations, a, float(period))
            continue
        low = min(float(np.min(o.points[:, a])) for o in observations)
        high = max(float(np.max(o.points[:, a])) for o in observations)
        if limits is not None and (low < limits[0] or high > limits[1]):
            raise InputError(
                f"variable {a} was seen from {low:g} to {high:g}, outside its range {limits}; widen it"
            )
        if limits is None and low == high:
            raise InputError(f"variable {a} never changes (always {low:g}); give its range, or leave it out")
        axes.append(Open(*(limits or (low, high)), kernel=shape))
    return tuple(axes)


def fit(
    observations: Sequence[Observation], axes: Sequence[Axis], options: Options, rng: np.random.Generator
) -> Fitted:
    """Find lengths from a part of the data, choose the features they need, sum up all data, fit."""
    d = len(axes)
    step = -(-len(observations) // PILOT_WINDOWS)
    pilot = observations[::step]
    rough = _broad(axes, min(PILOT_MODES, options.modes(d)))
    space = WeightSpace(rough, absorb(rough, pilot, np.zeros(d), None), options.free_noise)
    start, bounds = _guess(space, pilot)
    x = _climb(space, start, bounds)
    shape = space.shape(x)
    reaches = np.linalg.norm(metric(shape, d), axis=0)
    snug = [_snug(axis, length) for axis, length in zip(axes, reaches, strict=True)]
    bounds[1 : 1 + d] = [
        (low, min(high, float(np.log(axis.longest))))
        for (low, high), axis in zip(bounds[1 : 1 + d], snug, strict=True)
    ]
    features = Features.choose(snug, _resolved(shape, d), options.modes(d), NEGLIGIBLE)
    lost = np.exp(2.0 * x[0]) * features.lost(shape)
    space = WeightSpace(features, absorb(features, observations, lost, None), options.free_noise)
    return _settle(space, lost, x, bounds, options, rng)


def update(
    fitted: Fitted,
    axes: Sequence[Axis],
    observations: tuple[Sequence[Observation], Sequence[Observation]],
    options: Options,
    rng: np.random.Generator,
) -> Fitted:
    """Add observations to the sums; the old ones are read again only where the features no longer do.

    Parameters
    ----------
    observations : the old ones, then the new ones
    """
    old, new = observations
    space = fitted.space
    features = space.features
    space = WeightSpace(features, absorb(features, new, fitted.lost, space.sums), space.free_noise)
    x = np.median(fitted.parameters, axis=0)
    again = _settle(space, fitted.lost, x, fitted.bounds, options, rng)
    x = np.median(again.parameters, axis=0)
    lost = np.exp(2.0 * x[0]) * features.lost(space.shape(x))
    if np.any(lost - fitted.lost > MATTERS * _typical_noise((*old, *new), features.dimension)):
        return fit((*old, *new), axes, options, rng)
    return again


def rows(features: Features, observation: Observation) -> Floats:
    """Features of an observation: one row for each of its values."""
    if isinstance(observation, GradientAverage):
        return features.gradient_rows(features.average(observation.points, observation.weights))
    return features.values(observation.points)


def noise(observation: Observation, lost: Floats) -> Floats:
    """Covariance of an observation with the prior variance that the features have lost."""
    if isinstance(observation, GradientAverage):
        return observation.covariance + np.diag(lost)
    return observation.covariance


def sloped(observations: Sequence[Observation]) -> list[int]:
    """Numbers of the observations that have a `gradient`: all but log-densities along a line."""
    return [k for k, o in enumerate(observations) if isinstance(o, GradientAverage) or o.sloped]


def gradient(features: Features, observation: Observation, lost: Floats) -> tuple[Floats, Floats, Floats]:
    """One gradient of each observation, the slope of a log-density: features (d, M), value, covariance.

    Raises
    ------
    InputError
        The points of a log-density do not spread in all variables.
    """
    covariance = noise(observation, lost)
    if isinstance(observation, GradientAverage):
        return rows(features, observation), observation.value, covariance
    slopes = observation.slopes
    return slopes @ rows(features, observation), slopes @ observation.value, slopes @ covariance @ slopes.T


def absorb(features: Features, observations: Sequence[Observation], lost: Floats, start: Sums | None) -> Sums:
    """Sums of observations, added to those of earlier ones where there are any.

    Parameters
    ----------
    lost : shape (d,), prior variance of derivatives that the features lack
    """
    accumulator = Accumulator(len(features), start)
    for observation in observations:
        covariance = noise(observation, lost)
        if isinstance(observation, GradientAverage):
            accumulator.absorb(rows(features, observation), observation.value, covariance)
        else:
            accumulator.absorb_up_to_constant(rows(features, observation), observation.value, covariance)
    return accumulator.sums()


def _resolved(shape: Floats, d: int) -> Floats:
    """Parameters of the features' prior with lengths that are resolved as well."""
    return np.concatenate([shape[:d] + np.log(RESOLVED), shape[d:]])


def _snug(axis: Axis, length: float) -> Axis:
    """An open axis on a circle no wider than its length scale needs: fewer waves resolve the same."""
    if not isinstance(axis, Open):
        return axis
    return replace(axis, margin=min(axis.margin, MARGIN * length / axis.extent))


def _broad(axes: Sequence[Axis], most: int) -> Features:
    """Features for lengths nobody knows yet: the shortest that `most` modes resolve."""
    per_axis = max(2, int(0.5 * most ** (1.0 / len(axes))))
    lengths = [SHORTEST * axis.turn / (2.0 * np.pi * per_axis) for axis in axes]
    return Features.choose(axes, np.log(lengths), most)


def _guess(space: WeightSpace, observations: Sequence[Observation]) -> tuple[Floats, Bounds]:
    """Start and bounds of the hyper-parameters (logs)."""
    features = space.features
    lengths = [
        (np.log(min(SHORTEST / highest, axis.longest)), np.log(axis.longest))
        for axis, highest in zip(features.axes, features.highest, strict=True)
    ]
    slopes = [o.value for o in observations if isinstance(o, GradientAverage)]
    heights = [float(np.std(o.value)) for o in observations if not isinstance(o, GradientAverage)]
    steep = float(np.sqrt(np.mean(np.square(slopes)))) if slopes else 0.0
    tiny = float(np.finfo(float).tiny)
    n_mixed = features.n_parameters - features.dimension
    starts = []
    for share in STARTS:
        middle = [(1.0 - share) * low + share * high for low, high in lengths]
        amplitude = float(np.log(max([steep * float(np.exp(np.mean(middle))), *heights, tiny])))
        starts.append(np.array([amplitude, *middle] + [0.0] * (n_mixed + space.free_noise)))
    start = max(starts, key=Cautious(space).log_evidence)
    amplitude = float(start[0])
    spread = np.log(AMPLITUDES)
    factor = np.log(NOISE_FACTOR)
    bounds = [(amplitude - spread, amplitude + spread), *lengths]
    bounds += [(-MIXED, MIXED)] * n_mixed + [(-factor, factor)] * space.free_noise
    return start, [(float(low), float(high)) for low, high in bounds]


def _climb(space: WeightSpace, start: Floats, bounds: Bounds) -> Floats:
    low, high = np.array(bounds).T
    return hyper.maximize(Cautious(space), np.clip(start, low, high), bounds)


def _settle(
    space: WeightSpace,
    lost: Floats,
    start: Floats,
    bounds: Bounds,
    options: Options,
    rng: np.random.Generator,
) -> Fitted:
    best = _climb(space, start, bounds) if len(space.features) <= MANY_MODES else start
    if options.hyper == "maximize":
        return Fitted(space, lost, best[None], (space.posterior(best),), space.features, bounds)
    resolved = _resolved(space.shape(best), space.features.dimension)
    variances = space.features.prior(resolved).variances[: len(space.features.waves)]
    small = space.subset(np.flatnonzero(variances > 1e-12 * variances.max()))
    n_walkers = 2 * small.n_parameters + 2
    chain, _ = hyper.sample(Cautious(small), best, bounds, n_walkers, BURN_IN + KEPT_STEPS, rng)
    late = chain[BURN_IN:].reshape(-1, small.n_parameters)
    parameters = late[rng.choice(len(late), KEPT, replace=False)]
    posteriors = tuple(small.posterior(x) for x in parameters)
    return Fitted(space, lost, parameters, posteriors, small.features, bounds)


def _typical_noise(observations: Sequence[Observation], d: int) -> Floats:
    """Median noise variance of gradients along each axis."""
    diagonals = [np.diag(o.covariance) for o in observations if isinstance(o, GradientAverage)]
    return np.asarray(np.median(diagonals, axis=0)) if diagonals else np.full(d, np.inf)


def _check_period(observations: Sequence[Observation], a: int, period: float) -> None:
    for number, observation in enumerate(observations):
        spread = float(np.ptp(observation.points[:, a]))
        if spread > 2.0 * period:
            raise InputError(
                f"points of observation {number} spread over {spread:g} in variable {a}, whose period is "
                f"{period:g}; is the period in the units of the points (degrees or radians)?"
            )
