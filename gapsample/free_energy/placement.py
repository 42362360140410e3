"""Where the next windows teach most: the variance that is left after windows nobody has sampled yet.

The posterior covariance of a Gaussian process does not depend on the values observed. So what a window would
do for a question is known beforehand, and several can be chosen one after the other, each as if those before
it were done (Krause, Singh & Guestrin, J. Mach. Learn. Res. 9, 235 (2008)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.stats import qmc

from gapsample.errors import InputError
from gapsample.free_energy import fitting, paths
from gapsample.free_energy.surface import Surface
from gapsample.free_energy.variables import Periods, shortest
from gapsample.gp.features import Features
from gapsample.gp.spectra import Open, Periodic

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

CLOUD = 16  # points that stand for the samples of a window not yet sampled
AROUND = 48  # places looked at around each window
NEAR = 0.5  # of a step: what has a window as near as this has been seen
FINE = 0.5  # of a step: places nearer to each other than about this are one
MOST_PLACES = 700


class Goal(Protocol):
    """What the user asked for."""

    @property
    def below(self) -> float:
        """eV above the lowest F seen; places that are expected to be higher are left alone."""
        ...

    def rows(self, features: Features, places: Floats) -> Floats:
        """Rows r, shape (n, M), such that the squared error is the sum of r C r over them.

        Parameters
        ----------
        places : shape (n_places, d), evenly over all that can be reached and is expected to lie `below`
        """
        ...

    def to_see(self, surface: Surface, places: Floats, steps: Floats) -> Floats:
        """Points that must lie near a window before the question is answered, shape (n, d)."""
        ...


@dataclass(frozen=True)
class SurfaceBelow:
    """The surface as far as it lies within `below`, eV, of its lowest point; one constant is left free.

    The error is the root mean square over that region, its frontier included, all of which must be seen.
    """

    below: float

    def __post_init__(self) -> None:
        _check_height(self.below)

    def rows(self, features: Features, places: Floats) -> Floats:
        values = features.values(places)
        return np.asarray((values - values.mean(axis=0)) / np.sqrt(len(places)))

    def to_see(self, surface: Surface, places: Floats, steps: Floats) -> Floats:
        return places


@dataclass(frozen=True)
class Difference:
    """F(b) - F(a), the way between them nowhere higher than `below`, eV, above the lowest point.

    Both basins, as far as they lie within a step of their ends, and the way between them must be seen: a
    model that has only looked where it learns most believes what lies between.
    """

    a: tuple[float, ...]
    b: tuple[float, ...]
    below: float

    def __post_init__(self) -> None:
        _check_height(self.below)
        if len(self.a) != len(self.b) or not np.all(np.isfinite([*self.a, *self.b])):
            raise InputError(f"a difference wants two finite points, got {self.a} and {self.b}")

    def rows(self, features: Features, places: Floats) -> Floats:
        ends = features.values(np.array([self.a, self.b], dtype=float))
        return ends[1:] - ends[:1]

    def to_see(self, surface: Surface, places: Floats, steps: Floats) -> Floats:
        ends = np.array([self.a, self.b], dtype=float)
        near = distances(places, ends, surface.periods, steps).min(axis=1) <= 1.0
        way = paths.first_guess(paths.Landscape(surface.features, surface.weights[None]), places, *ends)
        return np.concatenate([way, places[near]])


@dataclass(frozen=True)
class Proposal:
    """The next windows, and how well the question is answered without them.

    Attributes
    ----------
    error : standard deviation of what was asked for, eV, now
    expected : the same when these windows are done, by the present hyper-parameters
    centers : shape (n, d)
    unseen : places that the question is about and no window is near
    """

    error: float
    expected: float
    centers: Floats
    unseen: int = 0


def places(surface: Surface, centers: Floats, steps: Floats, below: float, rng: Generator) -> Floats:
    """Points within a step of a window where F is expected to be `below`, thinned to be spread evenly.

    Parameters
    ----------
    centers : shape (n, d), of windows and of their samples
    steps : shape (d,), how far from them anything may be asked or done

    Returns
    -------
    shape (n_places, d); empty where nothing lies below
    """
    d = len(steps)
    boxes = rng.uniform(-1.0, 1.0, (len(centers), AROUND, d)) * steps
    found = _brought_back(surface, np.concatenate([centers, (centers[:, None] + boxes).reshape(-1, d)]))
    found = found[_first_of_each_cell(found, FINE * steps)]
    low = found[surface.mean(found) < below]  # the reference is the lowest point seen
    return low if len(low) <= MOST_PLACES else low[rng.choice(len(low), MOST_PLACES, replace=False)]


def propose(surface: Surface, goal: Goal, where: Floats, widths: Floats, n: int) -> Proposal:
    """Choose windows one by one, each where it reduces the error most beside those already chosen.

    A window is expected to be as noisy as the median of those there are. Hyper-parameters are those of the
    first posterior.

    Parameters
    ----------
    where : shape (n_places, d), what the goal is asked about and centers are chosen from (`places`)
    widths : shape (d,), standard deviation of the samples in a window
    """
    features, posterior = surface.features, surface.fitted.posteriors[0]
    d = where.shape[1]
    cloud = _cloud(d) * widths
    rows = np.concatenate([features.gradient_rows(features.average(c + cloud)) for c in where])
    asked, taught = posterior.half(goal.rows(features, where)), posterior.half(rows)
    between, among_them = asked.T @ taught, taught.T @ taught
    noise = typical_noise(surface)
    error = float(np.sum(asked**2))
    left, chosen = error, []
    for _ in range(n):
        blocks = among_them.reshape(len(where), d, len(where), d)
        own = np.einsum("iaib->iab", blocks) + noise
        cross = between.reshape(len(between), len(where), d)
        gains = np.einsum("nia,iab,nib->i", cross, np.linalg.inv(own), cross, optimize=True)
        best = int(np.argmax(gains))
        left -= float(gains[best])
        chosen.append(best)
        here = slice(best * d, best * d + d)
        share = np.linalg.solve(own[best], among_them[here])
        between = between - between[:, here] @ share
        among_them = among_them - among_them[:, here] @ share
    return Proposal(np.sqrt(error), np.sqrt(max(left, 0.0)), where[chosen])


def unseen(points: Floats, windows: Floats, periods: Periods, steps: Floats) -> Floats:
    """Those of the points that lie further than half a step from any window in some variable."""
    away = shortest(points[:, None] - windows[None], periods) / steps
    return points[np.min(np.max(np.abs(away), axis=-1), axis=1) > NEAR]


def cover(where: Floats, points: Floats, windows: Floats, periods: Periods, steps: Floats, n: int) -> Floats:
    """Choose places one by one so that points come nearest to a window, shape (n, d).

    A model that can foretell what it has not seen is told apart from one that only believes so by looking.
    """
    nearest = distances(points, windows, periods, steps).min(axis=1)
    away = distances(points, where, periods, steps)
    chosen = []
    for _ in range(n):
        chosen.append(int(np.argmin(np.minimum(nearest[:, None], away).sum(axis=0))))
        nearest = np.minimum(nearest, away[:, chosen[-1]])
        if np.all(nearest < NEAR):
            break
    return where[chosen]


def typical_noise(surface: Surface) -> Floats:
    """Median of the noise variances of all windows along each variable, as a matrix of shape (d, d)."""
    observations = [surface.observations[k] for k in fitting.sloped(surface.observations)]
    diagonals = [np.diag(o.slope_covariance) + surface.fitted.lost for o in observations]
    factor = surface.fitted.posteriors[0].noise ** 2
    return np.diag(factor * np.median(diagonals, axis=0))


def _cloud(d: int) -> Floats:
    """Standard normal points, evenly spread and balanced about zero, shape (CLOUD, d)."""
    half = qmc.MultivariateNormalQMC(np.zeros(d), seed=0).random(CLOUD // 2)
    return np.concatenate([half, -half])


def _brought_back(surface: Surface, points: Floats) -> Floats:
    """Periodic variables within half a period of zero, open ones within their range."""
    result = points.copy()
    for a, axis in enumerate(surface.axes):
        if isinstance(axis, Periodic):
            result[:, a] -= axis.period * np.rint(result[:, a] / axis.period)
        elif isinstance(axis, Open):
            result[:, a] = np.clip(result[:, a], axis.low, axis.high)
    return result


def _first_of_each_cell(points: Floats, edges: Floats) -> Integers:
    _, first = np.unique(np.floor(points / edges), axis=0, return_index=True)
    return np.sort(first)


def _check_height(below: float) -> None:
    if not 0.0 < below < np.inf:
        raise InputError(f"a height above the lowest point must be positive and finite, got {below} eV")


def distances(a: Floats, b: Floats, periods: Periods, steps: Floats) -> Floats:
    """Between all points of two sets in units of `steps`, by the shortest way, shape (n_a, n_b)."""
    away = shortest(a[:, None] - b[None], periods) / steps
    return np.asarray(np.linalg.norm(away, axis=-1))
