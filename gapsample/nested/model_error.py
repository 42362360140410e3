"""How far a curve or a transition would move if the surrogate were another one that the data allow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from gapsample.compiled.walks_core import CORE
from gapsample.errors import InputError
from gapsample.nested.peaks import Peak, peaks
from gapsample.nested.points import DeadPoints
from gapsample.nested.reweighting import SMALLEST_SIZE
from gapsample.nested.thermodynamics import Curve, Thermodynamics, thermodynamics

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Quantity = str | Callable[[Thermodynamics], Curve]

OWN = ("log_Z", "energy", "heat_capacity", "entropy")  # curves that need no observable
HISTORIES = 24  # of shrinkage behind each draw's curve: enough to tell a peak from noise
FEWEST = 0.5  # of the draws must be believable for their spread to be a model error

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DrawnPeak:
    """A peak with its statistical error, and where the draws of the potential have it.

    Attributes
    ----------
    peak : of the potential that was sampled
    temperatures : shape (n_draws,), nearest peak of each draw; NaN for a draw that has none or lacks points
    """

    peak: Peak
    temperatures: Floats

    @property
    def model_err(self) -> float:
        """Standard deviation over the draws; NaN if fewer than half of them can tell."""
        return float(_spread(self.temperatures[:, None])[0])

    @property
    def n_lost(self) -> int:
        """Draws that cannot tell."""
        return int(np.isnan(self.temperatures).sum())


@dataclass(frozen=True)
class ModelError:
    """A curve with both its errors.

    Attributes
    ----------
    temperatures : shape (n_temperatures,)
    curve : of the potential that was sampled, with its statistical error
    of_draws : shape (n_draws, n_temperatures), of every posterior draw, by the same points
    effective_size : shape (n_draws, n_temperatures), number of points that speak for each
    smallest_size : of these, below which not to believe them
    transitions : peaks of the curve
    """

    temperatures: Floats
    curve: Curve
    of_draws: Floats
    effective_size: Floats
    smallest_size: float
    transitions: tuple[DrawnPeak, ...]

    @property
    def believable(self) -> Flags:
        """Shape (n_draws, n_temperatures)."""
        return self.effective_size >= self.smallest_size

    @property
    def model_err(self) -> Floats:
        """Standard deviation over believable draws, shape (n_temperatures,); NaN where under half are.

        It holds what the posterior leaves undetermined, not what the form of the potential cannot express.
        """
        return _spread(np.where(self.believable, self.of_draws, np.nan))


def model_error(
    points: DeadPoints,
    temperatures: ArrayLike,
    quantity: Quantity = "heat_capacity",
    *,
    rng: Generator,
    draws: Floats | None = None,
    energy: ArrayLike | None = None,
    smallest_size: float = SMALLEST_SIZE,
    n_draws: int = 100,
    **options: Any,
) -> ModelError:
    """Reweight a run to every posterior draw of its potential.

    Parameters
    ----------
    points : of a run with the observer `PredictedError`
    temperatures : shape (n_temperatures,), increasing; fine enough that peaks lie between its points
    quantity : ``"heat_capacity"``, ``"energy"``, ``"entropy"``, ``"log_Z"``, the name of an observable, or a
        function such as ``lambda found: found.slopes["volume"]``
    draws : shape (n, n_potentials), energy of each potential minus that sampled; None: the observable
        ``"energy_draws"``
    energy : shape (n,), values elsewhere, see `shifted_values`; None: those sampled
    smallest_size : effective number of points below which a draw is not believed
    n_draws : simulated histories of shrinkage behind the statistical error
    options : to `thermodynamics`

    Raises
    ------
    InputError
        There are no draws, or they are not finite.

    Notes
    -----
    All draws share points and expected volumes, so that their spread holds no statistical error. A draw whose
    effective size is small has its weight where the sampled potential seldom goes: learn more
    configurations there, refit and sample again. Points in a hard core (values of `CORE` and above) are
    alike for all draws.
    """
    base = points.value if energy is None else np.asarray(energy, float)
    differences = _differences(points, draws)
    chosen = options | {"observables": _needed(points, quantity)}
    history = int(rng.integers(2**63))

    def found(values: Floats, n: int) -> Thermodynamics:
        same = np.random.default_rng(history)
        return thermodynamics(points, temperatures, rng=same, n_draws=n, energy=values, **chosen)

    sampled = found(base, n_draws)
    curve, grid = _curve(sampled, quantity), sampled.temperatures
    summits = peaks(grid, curve) if len(grid) > 2 else []
    of_draws, sizes = np.empty((2, differences.shape[1], len(grid)))
    places = np.full((len(summits), differences.shape[1]), np.nan)
    for k, difference in enumerate(differences.T):
        drawn = found(base + difference, HISTORIES)
        own = _curve(drawn, quantity)
        of_draws[k], sizes[k] = own.value, drawn.effective_size
        candidates = np.array([peak.temperature for peak in peaks(grid, own)]) if summits else np.empty(0)
        for s, summit in enumerate(summits):
            places[s, k] = _nearest(candidates, summit.temperature, grid, sizes[k] >= smallest_size)
    transitions = tuple(DrawnPeak(peak, place) for peak, place in zip(summits, places, strict=True))
    result = ModelError(grid, curve, of_draws, sizes, smallest_size, transitions)
    _warn(result)
    return result


def _nearest(candidates: Floats, place: float, grid: Floats, believable: Flags) -> float:
    """The candidate nearest to a place, NaN if it is not believed or there is none."""
    if not len(candidates):
        return np.nan
    nearest = float(candidates[np.argmin(np.abs(candidates - place))])
    return nearest if believable[np.argmin(np.abs(grid - nearest))] else np.nan


def _differences(points: DeadPoints, draws: Floats | None) -> Floats:
    if draws is None and "energy_draws" not in points.observables:
        raise InputError(
            "the points carry no 'energy_draws'; sample with System(…, observers=[PredictedError(gap)])"
        )
    given = np.asarray(points.observables["energy_draws"] if draws is None else draws, float)
    if given.ndim != 2 or len(given) != len(points) or given.shape[1] < 2:
        raise InputError(
            f"draws need shape ({len(points)}, 2 or more), one row for each point; got {given.shape}"
        )
    outside = np.where((points.value >= CORE)[:, None], 0.0, given)
    if not np.isfinite(outside).all():
        raise InputError(
            f"energies of draws are not finite for {(~np.isfinite(outside)).any(1).sum()} points"
        )
    return outside


def _needed(points: DeadPoints, quantity: Quantity) -> Mapping[str, Floats]:
    """Observables to average: no more than what is asked for."""
    scalars = {name: values for name, values in points.observables.items() if values.ndim == 1}
    if callable(quantity):
        return scalars
    if quantity in OWN:
        return {}
    if quantity not in scalars:
        raise InputError(f"no quantity {quantity!r}; there are {[*OWN, *sorted(scalars)]}")
    return {quantity: scalars[quantity]}


def _curve(found: Thermodynamics, quantity: Quantity) -> Curve:
    if callable(quantity):
        return quantity(found)
    own = {
        "log_Z": found.log_Z,
        "energy": found.energy,
        "heat_capacity": found.heat_capacity,
        "entropy": found.entropy,
    }
    return own[quantity] if quantity in own else found.means[quantity]


def _spread(values: Floats) -> Floats:
    """Standard deviation over the first dimension, of what is not NaN, if that is enough."""
    there = ~np.isnan(values)
    n = there.sum(axis=0)
    enough = (n >= FEWEST * len(values)) & (n > 1)
    few = np.maximum(n, 2)
    mean = np.where(there, values, 0.0).sum(axis=0) / few
    variance = np.where(there, (values - mean) ** 2, 0.0).sum(axis=0) / (few - 1)
    return np.where(enough, np.sqrt(variance), np.nan)


def _warn(result: ModelError) -> None:
    lost = int((~result.believable).any(axis=1).sum())
    if lost:
        logger.warning(
            "%d of %d draws have an effective size below %.0f at some temperature (smallest %.1f): the model "
            "error there is not to be believed; sample longer, or teach the potential more and sample again",
            lost,
            len(result.of_draws),
            result.smallest_size,
            result.effective_size.min(),
        )
