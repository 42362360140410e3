"""The free-energy surface: what the observations say about F, and how well they know it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from gapsample.errors import InputError
from gapsample.free_energy import fitting, paths, populations
from gapsample.free_energy.fitting import Fitted, Options
from gapsample.free_energy.grid import Grid, coordinates
from gapsample.free_energy.grid import points as grid_points
from gapsample.free_energy.observations import GradientAverage, Observation
from gapsample.free_energy.paths import Path
from gapsample.free_energy.populations import Region
from gapsample.gp.features import Features
from gapsample.gp.spectra import Axis, Open, Periodic

Floats = NDArray[np.float64]

N_DRAWS = 100


@dataclass(frozen=True)
class Surface:
    """F(s) with its error, from `Surface.fit`; nothing given to it is altered.

    F is known up to a constant: values are relative to `reference`, the lowest of the observed centers,
    unless another reference is given.

    Attributes
    ----------
    axes : the variables
    observations : all that was learned from
    fitted : features, sums and posteriors
    reference : shape (d,)
    """

    axes: tuple[Axis, ...]
    observations: tuple[Observation, ...]
    options: Options
    fitted: Fitted
    reference: Floats

    @classmethod
    def fit(
        cls,
        observations: Sequence[Observation],
        periods: Sequence[float | None],
        ranges: Sequence[tuple[float, float] | None] | None = None,
        options: Options | None = None,
        rng: np.random.Generator | None = None,
    ) -> Surface:
        """Learn a surface.

        Parameters
        ----------
        periods : of each variable, None where it is open
        ranges : of each open variable, None where the points observed decide
        rng : for sampling hyper-parameters; the default is seeded with 0

        Raises
        ------
        InputError
            Observations, periods and ranges do not fit together.
        """
        options = Options() if options is None else options
        observations = tuple(observations)
        axes = fitting.variables(observations, periods, ranges, options.kernel)
        fitted = fitting.fit(observations, axes, options, _generator(rng))
        return cls._of(axes, observations, options, fitted)

    def update(self, observations: Sequence[Observation], rng: np.random.Generator | None = None) -> Surface:
        """Learn more; the old observations are only read again where the variables or lengths changed.

        Raises
        ------
        InputError
            The new observations have other dimensions, or leave a given range.
        """
        new = tuple(observations)
        everything = (*self.observations, *new)
        axes = fitting.variables(everything, self.periods, None, self.options.kernel)
        if all(_within(narrow, wide) for narrow, wide in zip(axes, self.axes, strict=True)):
            fitted = fitting.update(
                self.fitted, self.axes, (self.observations, new), self.options, _generator(rng)
            )
            return self._of(self.axes, everything, self.options, fitted)
        fitted = fitting.fit(everything, axes, self.options, _generator(rng))
        return self._of(axes, everything, self.options, fitted)

    @property
    def features(self) -> Features:
        return self.fitted.kept

    @property
    def weights(self) -> Floats:
        """Posterior mean of the weights of `features`, averaged over hyper-parameters, shape (M,)."""
        return np.mean([p.mean for p in self.fitted.posteriors], axis=0)

    def mean(self, points: Floats, reference: Floats | None = None) -> Floats:
        """F at points less F at the reference, shape (n,)."""
        points = self._checked(points)
        zero = self._zero(reference)
        return np.concatenate([(rows - zero) @ self.weights for rows in self._rows(points)])

    def std(self, points: Floats, reference: Floats | None = None) -> Floats:
        """Standard deviation of `mean`, shape (n,)."""
        points = self._checked(points)
        zero = self._zero(reference)
        return np.sqrt(np.concatenate([self._variance(rows - zero) for rows in self._rows(points)]))

    def covariance(self, points: Floats, reference: Floats | None = None) -> Floats:
        """Posterior covariance of `mean`, shape (n, n)."""
        rows = self.features.values(self._checked(points)) - self._zero(reference)
        parts = [p.covariance(rows) for p in self.fitted.posteriors]
        means = np.array([rows @ p.mean for p in self.fitted.posteriors])
        off = means - means.mean(axis=0)
        return np.mean(parts, axis=0) + off.T @ off / len(means)

    def gradient(self, points: Floats) -> Floats:
        """dF/ds at points, shape (n, d)."""
        points = self._checked(points)
        return paths.Landscape(self.features, self.weights[None]).gradients(points[None])[0]

    def gradient_std(self, points: Floats) -> Floats:
        """Standard deviation of `gradient`, shape (n, d)."""
        rows = self.features.gradients(self._checked(points))
        return np.sqrt(self._variance(rows.reshape(-1, rows.shape[-1]))).reshape(rows.shape[:2])

    def difference(self, a: Floats, b: Floats) -> tuple[float, float]:
        """F(b) - F(a) with its standard deviation, from the full covariance."""
        ends = self._checked(np.array([a, b], dtype=float))
        return float(self.mean(ends[1:], ends[0])[0]), float(self.std(ends[1:], ends[0])[0])

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Weights of `features` drawn from the posterior, shape (n, M)."""
        share = np.bincount(np.arange(n) % len(self.fitted.posteriors), minlength=len(self.fitted.posteriors))
        return np.concatenate(
            [p.draws(k, rng) for p, k in zip(self.fitted.posteriors, share, strict=True) if k]
        )

    def minimum(self, start: Floats) -> Floats:
        """The local minimum of the mean surface below a point, shape (d,)."""
        start = self._checked(np.asarray(start, dtype=float)[None])[0]
        unit = paths.scales(self.axes)
        bounds = [
            (axis.low / u, axis.high / u) if isinstance(axis, Open) else (None, None)
            for axis, u in zip(self.axes, unit, strict=True)
        ]

        def height(u: Floats) -> tuple[float, Floats]:
            point = u[None] * unit
            return float(self.mean(point)[0]), self.gradient(point)[0] * unit

        found = minimize(height, start / unit, jac=True, method="L-BFGS-B", bounds=bounds)
        return np.asarray(found.x * unit)

    def minimum_free_energy_path(
        self, a: Floats, b: Floats, rng: np.random.Generator | None = None, n_draws: int = N_DRAWS
    ) -> Path:
        """The path of least resistance from a to b through what was seen, with posterior draws of it.

        Distances along it are measured in periods and ranges of the variables. Each draw relaxes its own
        path from that of the mean, so a draw whose best way is another channel is not told apart.
        """
        ends = self._checked(np.array([a, b], dtype=float))
        mean = paths.Landscape(self.features, self.weights[None])
        drawn = paths.Landscape(self.features, self.draws(n_draws, _generator(rng)))
        images, barriers = paths.relaxed(
            mean, drawn, paths.first_guess(mean, self._centers(), ends[0], ends[1])
        )
        return Path(
            images,
            self.mean(images, images[0]),
            self.std(images, images[0]),
            float(np.mean(barriers)),
            float(np.std(barriers, ddof=1)),
            barriers,
        )

    def barrier(self, a: Floats, b: Floats, rng: np.random.Generator | None = None) -> tuple[float, float]:
        """Highest F on the way from a to b, less F(a), with its standard deviation."""
        path = self.minimum_free_energy_path(a, b, rng)
        return path.barrier, path.barrier_std

    def population(
        self, region: Region, kT: float, rng: np.random.Generator | None = None, within: Region | None = None
    ) -> tuple[float, float]:
        """Fraction of the equilibrium distribution inside a region, with its standard deviation.

        Parameters
        ----------
        region : says of points (n, d) which are inside
        within : all that counts; everything where None. Leave out what was never visited: there the surface
            is a guess, and the error bar says so.
        """
        weights = self.draws(N_DRAWS, _generator(rng))
        both = region if within is None else lambda points: region(points) & within(points)
        part, whole = populations.log_weights(self.features, weights, kT, [both, within])
        share = np.exp(part - whole)
        return float(np.mean(share)), float(np.std(share, ddof=1))

    def region_difference(
        self,
        a: Region,
        b: Region,
        kT: float,
        rng: np.random.Generator | None = None,
    ) -> tuple[float, float]:
        """-kT log of the ratio of the populations of two regions, F_b - F_a, with its standard deviation."""
        weights = self.draws(N_DRAWS, _generator(rng))
        of_a, of_b = populations.log_weights(self.features, weights, kT, [a, b])
        found = -kT * (of_b - of_a)
        return float(np.mean(found)), float(np.std(found, ddof=1))

    def grid(self, shape: Sequence[int] | int) -> Grid:
        """The surface on a regular grid over periods and ranges."""
        shape = (shape,) * len(self.axes) if isinstance(shape, int) else tuple(shape)
        if len(shape) != len(self.axes) or min(shape) < 2:
            raise InputError(
                f"a grid needs two or more points for each of {len(self.axes)} variables, got {shape}"
            )
        lines = coordinates(self.axes, shape, populations.limits(self.axes))
        points = grid_points(lines)
        height = self.mean(points)
        lowest = points[np.argmin(height)]
        std = self.std(points, lowest).reshape(shape)
        gradient = self.gradient(points).T.reshape(len(shape), *shape)
        return Grid(lines, self.periods, (height - height.min()).reshape(shape), std, gradient)

    def marginal(
        self,
        keep: Sequence[int],
        kT: float,
        shape: Sequence[int] | int = 60,
        rng: np.random.Generator | None = None,
    ) -> Grid:
        """F of fewer variables, -kT log of the integral over the others, on a grid with draws.

        Raises
        ------
        InputError
            `keep` names no variable, one twice, or all of them.
        """
        d = len(self.axes)
        if not 0 < len(keep) < d or len(set(keep)) != len(keep) or not set(keep) <= set(range(d)):
            raise InputError(f"keep some, not all, of the variables 0 to {d - 1}, got {tuple(keep)}")
        shape = (shape,) * len(keep) if isinstance(shape, int) else tuple(shape)
        kept = [self.axes[a] for a in keep]
        lines = coordinates(kept, shape, populations.limits(kept))
        weights = self.draws(N_DRAWS, _generator(rng))
        found = populations.marginals(self.features, weights, keep, kT, lines).reshape(N_DRAWS, -1)
        mean = np.mean(found - found.mean(axis=1, keepdims=True), axis=0)
        relative = found - found[:, [np.argmin(mean)]]
        std = np.std(relative, axis=0, ddof=1).reshape(shape)
        periods = tuple(self.periods[a] for a in keep)
        draws = relative.reshape(N_DRAWS, *shape)
        return Grid(lines, periods, (mean - mean.min()).reshape(shape), std, draws=draws)

    def window_chi2(self) -> Floats:
        """Misfit of each averaged gradient in units of what was expected, ~ chi^2 of d degrees; shape (n,).

        The residual of a window about the posterior mean has covariance S - G C G', with S its noise; the
        same number is the chi^2 of predicting the window from all others. Hyper-parameters are those of the
        first posterior. Of log-densities it is the slope that is judged; NaN where points lie on a line.
        """
        posterior = self.fitted.posteriors[0]
        result = np.full(len(self.observations), np.nan)
        for number in fitting.sloped(self.observations):
            rows, value, noise = fitting.gradient(self.features, self.observations[number], self.fitted.lost)
            left = noise * posterior.noise**2 - posterior.covariance(rows)
            residual = value - rows @ posterior.mean
            result[number] = residual @ np.linalg.solve(left, residual)
        return result

    @classmethod
    def _of(
        cls, axes: tuple[Axis, ...], observations: tuple[Observation, ...], options: Options, fitted: Fitted
    ) -> Surface:
        start = np.array([axis.low if isinstance(axis, Open) else 0.0 for axis in axes])
        draft = cls(axes, observations, options, fitted, start)
        centers = draft._centers()
        return replace(draft, reference=centers[np.argmin(draft.mean(centers))])

    def _centers(self) -> Floats:
        centers = [o.center[None] if isinstance(o, GradientAverage) else o.points for o in self.observations]
        return np.concatenate(centers)

    @property
    def periods(self) -> tuple[float | None, ...]:
        """Of each variable, None where it is open."""
        return tuple(axis.period if isinstance(axis, Periodic) else None for axis in self.axes)

    def _zero(self, reference: Floats | None) -> Floats:
        where = self.reference if reference is None else np.asarray(reference, dtype=float)
        return self.features.values(self._checked(where[None]))

    def _variance(self, rows: Floats) -> Floats:
        parts = np.mean([p.variance(rows) for p in self.fitted.posteriors], axis=0)
        return np.asarray(parts + np.var([rows @ p.mean for p in self.fitted.posteriors], axis=0))

    def _rows(self, points: Floats) -> Iterator[Floats]:
        step = max(1, populations.AT_ONCE // len(self.features))
        for begin in range(0, len(points), step):
            yield self.features.values(points[begin : begin + step])

    def _checked(self, points: Floats) -> Floats:
        points = np.asarray(points, dtype=float)
        if points.ndim != 2 or points.shape[1] != len(self.axes):
            raise InputError(f"points must have shape (n, {len(self.axes)}), got {points.shape}")
        if not np.all(np.isfinite(points)):
            raise InputError("points to ask about must be finite")
        for a, axis in enumerate(self.features.axes):
            if isinstance(axis, Open):
                slack = 0.5 * axis.margin * axis.extent
                low, high = float(points[:, a].min()), float(points[:, a].max())
                if low < axis.low - slack or high > axis.high + slack:
                    raise InputError(
                        f"variable {a} was asked for from {low:g} to {high:g}; the surface knows "
                        f"{axis.low:g} to {axis.high:g}: give a wider range to fit"
                    )
        return points


def _within(narrow: Axis, wide: Axis) -> bool:
    if isinstance(narrow, Open) and isinstance(wide, Open):
        return wide.low <= narrow.low and narrow.high <= wide.high
    return narrow == wide


def _generator(rng: np.random.Generator | None) -> np.random.Generator:
    return np.random.default_rng(0) if rng is None else rng
