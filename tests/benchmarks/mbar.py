"""The surface beside pymbar's MBAR on the same samples: CPU time and error of the map as ratios, in one run.

``python tests/benchmarks/mbar.py`` (needs the extra ``mbar``). Umbrella windows on a torus of two angles with
a surface known exactly, independent samples; the last line is one JSON object of ratios, MBAR over the
surface, for each number of windows. Both maps are judged at the centers of the same bins.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
import pymbar
from ase import units
from numpy.typing import NDArray

from gapsample.free_energy import Bins, Samples, Surface, Window, gradient_averages
from gapsample.free_energy.comparators import mbar

T = TypeVar("T")
Floats = NDArray[np.float64]

TURN = 2.0 * np.pi
TEMPERATURE = 1.0 / units.kB  # kT = 1
KAPPA = 40.0
SAMPLES = 200
SIDES = (8, 10, 12)  # windows along each angle
BINS = 24
FINE = 121  # points along each angle of a window, from which its samples are drawn


def main() -> None:
    ratios: dict[str, float] = {}
    for side in SIDES:
        rng = np.random.default_rng(side)
        line = TURN * np.arange(side) / side
        windows = [drawn(Window((x, y), (KAPPA, KAPPA)), rng) for x in line for y in line]
        bins = Bins.over(windows, BINS)
        ours, our_time = timed(partial(learned, windows, bins))
        theirs, their_time = timed(partial(reweighted, windows, bins))
        known = np.isfinite(theirs)
        our_rms, their_rms = (float(np.std((f - exact(bins.centers))[known])) for f in (ours, theirs))
        ratios[f"mbar_over_surface_time_{side**2}"] = round(their_time / our_time, 2)
        ratios[f"mbar_over_surface_error_{side**2}"] = round(their_rms / our_rms, 2)
        print(
            f"{side**2:5d} windows: surface {our_time:.2f} s, {our_rms:.3f} kT; "
            f"MBAR (pymbar {pymbar.__version__}) {their_time:.2f} s, {their_rms:.3f} kT"
        )
    print(json.dumps(ratios))


def exact(s: Floats) -> Floats:
    """F at points, shape (n, 2), kT."""
    return np.asarray(3.0 * np.cos(s[:, 0]) + 2.0 * np.cos(2.0 * s[:, 1] - s[:, 0]) + np.sin(s[:, 1]))


def drawn(window: Window, rng: np.random.Generator) -> Samples:
    """Independent samples of a window."""
    half = 6.0 / np.sqrt(KAPPA)
    lines = [np.linspace(c - half, c + half, FINE) for c in window.center]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
    log = -exact(points) - 0.5 * KAPPA * np.sum((points - window.center) ** 2, axis=1)
    weight = np.exp(log - log.max())
    chosen = points[rng.choice(len(points), SAMPLES, p=weight / weight.sum())]
    s = chosen + (lines[0][1] - lines[0][0]) * rng.uniform(-0.5, 0.5, (SAMPLES, 2))
    return Samples(window, s, TEMPERATURE, (TURN, TURN))


def learned(windows: list[Samples], bins: Bins) -> Floats:
    """F at the centers of the bins by the surface, and its error, eV."""
    surface = Surface.fit(gradient_averages(windows), (TURN, TURN))
    surface.std(bins.centers)
    return surface.mean(bins.centers)


def reweighted(windows: list[Samples], bins: Bins) -> Floats:
    """The same by MBAR."""
    return mbar(windows, bins, np.ones(len(windows)), 1.0, np.random.default_rng(0))[0]


def timed(task: Callable[[], T]) -> tuple[T, float]:
    """What a call returns, and its CPU time."""
    start = time.process_time()
    return task(), time.process_time() - start


if __name__ == "__main__":
    main()
