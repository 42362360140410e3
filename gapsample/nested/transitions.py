"""Transitions at one pressure: where the heat capacity peaks, how surely, and what jumps there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from gapsample.errors import InputError
from gapsample.nested.peaks import SEED_SMALLEST, Peak, peaks, seen_by_seeds, spread_err
from gapsample.nested.points import DeadPoints, live_numbers, merge
from gapsample.nested.thermodynamics import Curve, thermodynamics
from gapsample.nested.volumes import expected_log_shells

Floats = NDArray[np.float64]

TWO_PHASES = 0.8  # contrast of two Gaussian phases of equal weight, four standard deviations apart


@dataclass(frozen=True)
class Transition:
    """A peak of the heat capacity at constant pressure. Errors are standard errors.

    Attributes
    ----------
    temperature, pressure : in the units of the runs
    temperature_err_statistical : from simulated shrinkage of all seeds merged
    temperature_err_seeds : spread of the seeds over the root of their number; NaN if fewer than two saw it
    temperature_err_model : of the potential, see `PhaseDiagram.with_model_errors`; NaN if not known
    height, height_err : of the heat capacity
    latent_heat, latent_heat_err : enthalpy of the upper less that of the lower phase, whole configuration
    volume_jump, volume_jump_err : likewise
    volume_ratio : upper over lower phase
    contrast : share of the variance of the enthalpy that lies between the phases: 1 where two phases are
        sharply distinct, 2/pi where there is but one
    seeds_seen, n_seeds : how many seeds show the peak on their own, and of how many
    """

    pressure: float
    temperature: float
    temperature_err_statistical: float
    temperature_err_seeds: float
    height: float
    height_err: float
    latent_heat: float
    latent_heat_err: float
    volume_jump: float
    volume_jump_err: float
    volume_ratio: float
    contrast: float
    seeds_seen: int
    n_seeds: int
    temperature_err_model: float = float("nan")

    @property
    def temperature_err(self) -> float:
        """The larger of what shrinkage and what the seeds say: the former alone is too small at freezing."""
        return float(np.fmax(self.temperature_err_statistical, self.temperature_err_seeds))

    @property
    def slope(self) -> float:
        """dT/dP by Clausius and Clapeyron, from the jumps of volume and enthalpy."""
        return self.temperature * self.volume_jump / self.latent_heat

    @property
    def first_order(self) -> bool:
        """Two phases can be told apart; else it is a continuous change, such as a Widom line."""
        return self.contrast > TWO_PHASES


def find_transitions(
    seeds: Sequence[DeadPoints],
    pressure: float,
    temperatures: ArrayLike,
    *,
    rng: Generator,
    boltzmann: float = 1.0,
    degrees_of_freedom: float = 0.0,
    n_draws: int = 100,
    smallest: float = 3.0,
) -> tuple[Curve, list[Transition]]:
    """Heat capacity of one pressure's runs together, and the transitions it shows, from low temperature up.

    Parameters
    ----------
    seeds : independent runs at this pressure, with the observable ``"volume"``; values are enthalpies
    temperatures : shape (n_temperatures,), increasing; fine enough for the narrowest peak
    smallest : how far peaks must stand out, in standard errors

    Raises
    ------
    InputError
        There is no run, or one without volumes.
    """
    if not seeds or any("volume" not in seed.observables for seed in seeds):
        raise InputError(
            f"transitions at pressure {pressure} need one or more runs that observe the volume, got "
            f"{[sorted(seed.observables) for seed in seeds]}"
        )
    grid = np.asarray(temperatures, float)

    def peaked(points: DeadPoints, least: float) -> tuple[Curve, list[Peak]]:
        found = thermodynamics(
            points,
            grid,
            rng=rng,
            boltzmann=boltzmann,
            degrees_of_freedom=degrees_of_freedom,
            n_draws=n_draws,
            observables={},
        ).heat_capacity
        return found, peaks(grid, found, smallest=least)

    merged = merge(seeds)
    curve, tops = peaked(merged, smallest)
    alone = [peaked(seed, SEED_SMALLEST)[1] for seed in seeds] if len(seeds) > 1 else []
    places = [top.temperature for top in tops]
    found = []
    for top in tops:
        seen = seen_by_seeds(top.temperature, places, alone)
        jumps = _jumps(merged, top.temperature, rng, boltzmann, n_draws)
        found.append(
            Transition(
                pressure,
                top.temperature,
                top.temperature_err,
                spread_err(seen),
                top.height,
                top.height_err,
                *jumps,
                seeds_seen=len(seen) if alone else 1,
                n_seeds=len(seeds),
            )
        )
    return curve, found


def _jumps(
    points: DeadPoints, temperature: float, rng: Generator, boltzmann: float, n_draws: int
) -> tuple[float, float, float, float, float, float]:
    """Latent heat, volume jump, each with its error, volume ratio and contrast at a temperature."""
    split, contrast = _parted(points, boltzmann * temperature)
    volume, excess = points.observables["volume"], points.value - split
    high = (excess > 0.0).astype(float)
    seen = {
        "high": high,
        "excess": excess,
        "excess high": excess * high,
        "volume": volume,
        "volume high": volume * high,
    }
    means = thermodynamics(
        points, [temperature], rng=rng, boltzmann=boltzmann, n_draws=n_draws, observables=seen
    ).means

    def phases(name: str) -> tuple[Curve, Curve]:
        """Averages over the upper and the lower phase."""
        share, both, upper = means["high"], means[name], means[f"{name} high"]
        top = Curve(upper.value / share.value, upper.draws / share.draws)
        low = (both.value - upper.value) / (1.0 - share.value)
        return top, Curve(low, (both.draws - upper.draws) / (1.0 - share.draws))

    (hot, cold), (wide, dense) = phases("excess"), phases("volume")
    heat, jump = (
        Curve(hot.value - cold.value, hot.draws - cold.draws),
        Curve(wide.value - dense.value, wide.draws - dense.draws),
    )
    numbers = (heat.value, heat.err, jump.value, jump.err, wide.value / dense.value)
    first, second, third, fourth, ratio = (float(number[0]) for number in numbers)
    return first, second, third, fourth, ratio, contrast


def _parted(points: DeadPoints, thermal: float) -> tuple[float, float]:
    """Value that best parts the points at a temperature in two phases, and the contrast of these.

    Otsu's threshold: the variance between the two parts is largest (IEEE Trans. SMC 9, 62 (1979)).
    """
    log_weight = expected_log_shells(live_numbers(points)) - points.value / thermal
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    deviation = points.value - float(weight @ points.value)
    above = np.cumsum(weight)[:-1]
    moment = np.cumsum(weight * deviation)[:-1]
    product = above * (1.0 - above)
    inside = product > 1e-12
    between = np.where(inside, moment**2 / np.where(inside, product, 1.0), 0.0)
    best = int(np.argmax(between))
    split = 0.5 * float(points.value[best] + points.value[best + 1])
    return split, float(between[best] / (weight @ deviation**2))
