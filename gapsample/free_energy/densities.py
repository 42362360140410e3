"""From the samples of windows to log-densities: everything that a window's points say about F.

The averaged gradient is one number for each variable; in a soft window the shape of the histogram says more.
Counts in bins have a likelihood, that of the multinomial distribution with p ~ exp(-(F + U) / kT), U the
restraint. About an earlier F_0, which foretells E_b counts where n_b were seen, it is that of observing
F_b = F_0 + kT (1 - n_b / E_b) up to a constant, with variance kT^2 / E_b: one step of Fisher's scoring. So
empty bins say what they should, and small counts bias nothing once F_0 is the surface itself.

A window's averaged umbrella gradient is the slope of its histogram: the two must not be given together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ase import units
from numpy.typing import NDArray
from scipy.special import logsumexp

from gapsample.errors import InputError
from gapsample.free_energy.estimators import Noise, check_alike, umbrella_noise
from gapsample.free_energy.grid import points as grid_points
from gapsample.free_energy.observations import LogDensity
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.settling import counts_as
from gapsample.sampling.autocorrelation import LEAST

Floats = NDArray[np.float64]

BINS = {1: 26, 2: 13}  # along each variable; with more variables bins are too many and too empty
REACH = 3.25  # standard deviations of a window either way that the bins cover
LIKELY = 1e-3  # of the fullest bin: those expected to hold less are left out
AGREED = 0.5  # of the samples lie in bins that are left, or the earlier surface is not believed here
NODES = 1.0 / np.sqrt(3.0)  # of Gauss's quadrature over a bin with two points, in half widths

Height = Callable[[Floats], Floats]
"""An estimate of F at points up to a constant, shapes (n, d) -> (n,)."""


def log_densities(
    windows: Sequence[Samples], *, surface: Height | None = None, least: float = LEAST, share: bool = True
) -> list[LogDensity]:
    """The log-density of each window over the bins it reaches, for one or two variables.

    Parameters
    ----------
    surface : an earlier estimate of F, about which counts are turned into values; None: each window's own
        Gaussian
    least, share : see `gradient_averages`

    Raises
    ------
    InputError
        Windows do not belong together, or have more than two variables.
    ChainTooShort
        As `gradient_averages`.
    """
    check_alike(windows)
    d = len(windows[0].periods)
    if d not in BINS:
        raise InputError(f"histograms want one or two variables, got {d}; use gradient_averages")
    noise = umbrella_noise(windows, least=least, share=share)
    seen = _seen(windows)
    return [_density(w, surface, _time(w, n), _edges(w, seen)) for w, n in zip(windows, noise, strict=True)]


def independent_samples(windows: Sequence[Samples], *, least: float = LEAST, share: bool = True) -> Floats:
    """How many independent samples each histogram counts as, shape (n_windows,); as `log_densities`.

    A few of them bend the surface systematically: bins are laid where the samples are, and leave out where
    more samples would have been.
    """
    noise = umbrella_noise(windows, least=least, share=share)
    return np.array([len(w.s) / _time(w, n) for w, n in zip(windows, noise, strict=True)])


def _time(window: Samples, noise: Noise) -> float:
    """Samples of which one counts."""
    return max(float(np.max(noise.taus)), len(window.s) / counts_as(window, noise.series, noise.taus))


def _density(window: Samples, surface: Height | None, tau: float, edges: Sequence[Floats]) -> LogDensity:
    """Of one window; a surface that foretells its samples elsewhere altogether is not believed."""
    kT, center = units.kB * window.temperature, np.array(window.window.center)
    counts, _ = np.histogramdd(window.displacements(), edges)
    middles = grid_points([0.5 * (edge[1:] + edge[:-1]) for edge in edges])
    height = _gaussian(window) if surface is None else surface
    log_expected = _log_shares(window, height, edges, middles)
    kept = log_expected > log_expected.max() + np.log(LIKELY)
    seen = counts.ravel()[kept]
    if surface is not None and seen.sum() < AGREED * len(window.s):
        return _density(window, None, tau, edges)
    expected = seen.sum() * np.exp(log_expected[kept] - logsumexp(log_expected[kept]))
    points = center + middles[kept]
    value = height(points) + kT * (1.0 - seen / expected)
    return LogDensity(points, value, np.diag(kT**2 * tau / expected))


def _seen(windows: Sequence[Samples]) -> tuple[Floats, Floats]:
    """Lowest and highest of each variable, infinite where it is periodic."""
    points = np.concatenate([w.window.center + w.displacements() for w in windows])
    bound = np.array([np.inf if period is not None else 0.0 for period in windows[0].periods])
    return points.min(axis=0) - bound, points.max(axis=0) + bound


def _edges(window: Samples, seen: tuple[Floats, Floats]) -> list[Floats]:
    """Edges of the bins along each variable, from the window's center: within half a period and what was
    seen by any window."""
    away, center = window.displacements(), np.array(window.window.center)
    middle, reach = away.mean(axis=0), REACH * away.std(axis=0)
    half = np.array([np.inf if period is None else 0.5 * period for period in window.periods])
    low = np.maximum(middle - reach, np.maximum(-half, seen[0] - center))
    high = np.minimum(middle + reach, np.minimum(half, seen[1] - center))
    return [np.linspace(a, b, BINS[len(half)] + 1) for a, b in zip(low, high, strict=True)]


def _gaussian(window: Samples) -> Height:
    """The F with which the window's samples would be Gaussian."""
    kT, center = units.kB * window.temperature, np.array(window.window.center)
    away = window.displacements()
    mean = away.mean(axis=0)
    precision = np.linalg.inv(np.cov(away.T).reshape(len(center), -1))

    def height(points: Floats) -> Floats:
        off = points - center - mean
        return np.asarray(0.5 * kT * np.sum(off @ precision * off, axis=1) - _bias(window, points - center))

    return height


def _log_shares(window: Samples, height: Height, edges: Sequence[Floats], middles: Floats) -> Floats:
    """Log of the probability of each bin, up to a constant, by quadrature over it."""
    kT, center = units.kB * window.temperature, np.array(window.window.center)
    half = np.array([0.5 * (edge[1] - edge[0]) for edge in edges])
    nodes = grid_points([np.array([-NODES, NODES])] * len(edges)) * half
    there = (middles[None] + nodes[:, None]).reshape(-1, len(edges))
    log = -(height(center + there) + _bias(window, there)) / kT
    return np.asarray(logsumexp(log.reshape(len(nodes), -1), axis=0))


def _bias(window: Samples, away: Floats) -> Floats:
    return np.asarray(0.5 * away**2 @ np.array(window.window.kappa))
