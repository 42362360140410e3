"""Transition temperatures: the peaks of a curve, with error bars from its simulated draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.nested.thermodynamics import Curve

Floats = NDArray[np.float64]

SEED_SMALLEST = 1.0  # how far a peak of one seed must stand out, in its standard errors
SEED_WINDOW = 0.3  # in log temperature, how far from the peak of all seeds together


@dataclass(frozen=True)
class Peak:
    """A maximum of a curve: where it is and how high, with standard errors from simulated shrinkage."""

    temperature: float
    temperature_err: float
    height: float
    height_err: float


def peaks(temperatures: Floats, curve: Curve, *, smallest: float = 3.0) -> list[Peak]:
    """Maxima of a curve that stand out of the valleys beside them, from low to high temperature.

    Parameters
    ----------
    temperatures : shape (n_temperatures,), increasing; the peak lies between points of this grid
    curve : e.g. `Thermodynamics.heat_capacity`
    smallest : how far a peak must rise above the higher of its two valleys, in standard errors
    """
    if len(temperatures) < 3 or not (np.diff(temperatures) > 0).all():
        raise InputError(f"peaks need 3 or more increasing temperatures, got {len(temperatures)}")
    found: list[Peak] = []
    low = 0
    inner = np.arange(1, len(temperatures) - 1)
    value = curve.value
    tops = inner[(value[inner] > value[inner - 1]) & (value[inner] >= value[inner + 1])]
    for number, top in enumerate(tops):
        next_top = tops[number + 1] if number + 1 < len(tops) else len(value) - 1
        left = low + int(np.argmin(value[low : top + 1]))
        right = top + int(np.argmin(value[top : next_top + 1]))
        summits = curve.draws[:, left : right + 1].max(axis=1)  # a sharp peak moves from draw to draw
        rise = summits - np.maximum(curve.draws[:, left], curve.draws[:, right])
        if rise.mean() > smallest * rise.std(ddof=1):
            found.append(_measured(temperatures, curve, left, top, right))
            low = right
    return found


def seen_by_seeds(place: float, places: Sequence[float], alone: Sequence[Sequence[Peak]]) -> Floats:
    """Temperature of the same peak in every seed that shows one nearby, nearer to it than to its like.

    Parameters
    ----------
    place, places : one, and all, of the peaks of the seeds together
    alone : peaks of each seed, found with `SEED_SMALLEST`
    """
    own = []
    for tops in alone:
        near = [
            top.temperature
            for top in tops
            if abs(np.log(top.temperature / place)) < SEED_WINDOW
            and min(places, key=lambda other: abs(np.log(top.temperature / other))) == place
        ]
        if near:
            own.append(min(near, key=lambda t: abs(np.log(t / place))))
    return np.array(own)


def spread_err(seen: Floats) -> float:
    """Standard error of a mean from the spread of what seeds saw; NaN if fewer than two did."""
    return float(np.std(seen, ddof=1) / np.sqrt(len(seen))) if len(seen) > 1 else float("nan")


def _measured(temperatures: Floats, curve: Curve, left: int, top: int, right: int) -> Peak:
    place, height = _summit(temperatures, curve.value, top)
    tops = left + np.argmax(curve.draws[:, left : right + 1], axis=1)
    inside = np.clip(tops, 1, len(temperatures) - 2)
    summits = [_summit(temperatures, draw, t) for draw, t in zip(curve.draws, inside, strict=True)]
    spread = np.std(summits, axis=0, ddof=1)
    return Peak(place, float(spread[0]), height, float(spread[1]))


def _summit(temperatures: Floats, values: Floats, top: int) -> tuple[float, float]:
    """Vertex of the parabola through a point and its two neighbours, kept between these."""
    t, v = temperatures[top - 1 : top + 2], values[top - 1 : top + 2]
    a, b, c = np.polyfit(t - t[1], v, 2)
    offset = float(np.clip(-b / (2 * a), t[0] - t[1], t[2] - t[1])) if a < 0 else 0.0
    return float(t[1] + offset), float(a * offset**2 + b * offset + c)
