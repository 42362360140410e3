"""The same samples by other methods: MBAR, WHAM and umbrella integration beside the Gaussian process.

All give F at the centers of the same bins with the same constant: the mean over the bins that every method
knows is zero, and errors are those of F less that mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from ase import units
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import logsumexp

from gapsample.errors import InputError, UnknownName
from gapsample.free_energy.bins import Bins
from gapsample.free_energy.estimators import check_alike
from gapsample.free_energy.integration import umbrella_integration
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.surface import Surface
from gapsample.free_energy.variables import shortest
from gapsample.free_energy.wham import weighted_histograms
from gapsample.sampling.autocorrelation import ChainTooShort, autocorrelation_times

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

METHODS = ("mbar", "wham", "umbrella integration")
OURS = "gapsample"
N_BOOTSTRAP = 40
OUTSIDE = 1e4  # kT, in place of infinity
MOST_BINS = 4000  # for the error of MBAR, which is a matrix of all bins


class NoPymbar(InputError):
    """pymbar is not installed."""

    def __init__(self) -> None:
        super().__init__("MBAR wants pymbar: install gapsample[mbar], or leave 'mbar' out of the methods")


@dataclass(frozen=True)
class Estimate:
    """F at bin centers by one method, NaN where it knows nothing; shapes (n_bins,), eV."""

    free_energy: Floats
    std: Floats


@dataclass(frozen=True)
class Comparison:
    """Several methods on the same bins.

    Attributes
    ----------
    common : bins that every method knows; over these F has mean zero
    estimates : by name; `gapsample` first, where a surface was given
    skipped : methods left out, and why
    """

    bins: Bins
    common: NDArray[np.bool_]
    estimates: Mapping[str, Estimate]
    skipped: Mapping[str, str]

    def grid(self, method: str) -> tuple[Floats, Floats]:
        """F and its error in the shape of the bins."""
        if method not in self.estimates:
            raise UnknownName("method", method, self.estimates)
        found = self.estimates[method]
        return found.free_energy.reshape(self.bins.shape), found.std.reshape(self.bins.shape)

    def table(self) -> str:
        """One line for each bin any method knows: its center, then F and error of each method, eV."""
        names = list(self.estimates)
        head = [f"s{a}" for a in range(len(self.bins.edges))]
        lines = ["\t".join([*head, *(column for name in names for column in (name, f"{name} std"))])]
        columns = [column for e in self.estimates.values() for column in (e.free_energy, e.std)]
        for center, row in zip(self.bins.centers, np.array(columns).T, strict=True):
            if np.any(np.isfinite(row)):
                lines.append("\t".join(f"{x:.6g}" for x in [*center, *row]))
        return "\n".join(lines) + "\n"

    def rms(self, exact: Floats) -> dict[str, float]:
        """Root mean square of each method less known values at the bin centers, over the common bins."""
        known = exact[self.common] - exact[self.common].mean()
        return {
            name: float(np.sqrt(np.mean((e.free_energy[self.common] - known) ** 2)))
            for name, e in self.estimates.items()
        }


def compare(
    windows: Sequence[Samples],
    bins: Bins | Sequence[int] | int,
    surface: Surface | None = None,
    *,
    methods: Sequence[str] | None = None,
    rng: Generator | None = None,
    below: float = np.inf,
) -> Comparison:
    """F by several methods from the same samples.

    Errors of MBAR are those of its asymptotic covariance for samples thinned to be independent; WHAM and
    umbrella integration resample blocks of two autocorrelation times within each window.

    Parameters
    ----------
    bins : or how many along each variable, over all samples
    surface : ours, from the same samples; None leaves it out
    methods : some of `METHODS`; None: all that can be had
    rng : for resampling; the default is seeded with 0
    below : eV above the lowest; only bins that no method puts higher are `common`

    Raises
    ------
    InputError
        Windows do not belong together, no bin is known to all methods, or `NoPymbar` where MBAR is asked for.
    UnknownName
        There is no such method.
    """
    check_alike(windows)
    for name in methods or ():
        if name not in METHODS:
            raise UnknownName("method", name, METHODS)
    bins = bins if isinstance(bins, Bins) else Bins.over(windows, bins)
    kT = units.kB * windows[0].temperature
    times = np.array([_time(w) for w in windows])
    rng = np.random.default_rng(0) if rng is None else rng
    found: dict[str, tuple[Floats, Floats]] = {}  # F, and covariance up to what a constant does to it
    skipped: dict[str, str] = {}
    if surface is not None:
        found[OURS] = surface.mean(bins.centers), surface.covariance(bins.centers)
    for name in METHODS if methods is None else methods:
        try:
            found[name] = BY_NAME[name](windows, bins, times, kT, rng)
        except NoPymbar as problem:
            if methods is not None:
                raise
            skipped[name] = str(problem)
    return _aligned(bins, found, skipped, below)


def mbar(
    windows: Sequence[Samples], bins: Bins, times: Floats, kT: float, rng: Generator
) -> tuple[Floats, Floats]:
    """F of each bin and its covariance (up to a constant) by the multistate Bennett acceptance ratio.

    References
    ----------
    Shirts & Chodera, J. Chem. Phys. 129, 124105 (2008).
    """
    solver = _pymbar()
    u, counts = _reduced(windows, kT, np.ones(len(windows)))
    solved = solver(u, counts)
    log_mixture = logsumexp(solved.f_k[:, None] - u, b=counts[:, None], axis=0)
    place = bins.numbers(np.concatenate([w.s for w in windows]))
    n_bins = int(np.prod(bins.shape))
    mass = np.bincount(place[place >= 0], np.exp(log_mixture.min() - log_mixture)[place >= 0], n_bins)
    free = np.full(n_bins, np.nan)
    free[mass > 0.0] = -kT * np.log(mass[mass > 0.0])

    u, counts = _reduced(windows, kT, times)
    thinned = np.concatenate([w.s[:: _stride(t)] for w, t in zip(windows, times, strict=True)])
    place = bins.numbers(thinned)
    seen = np.unique(place[place >= 0])
    if len(seen) > MOST_BINS:
        raise InputError(f"MBAR's error of {len(seen)} bins is a matrix too large; take fewer bins")
    inside = np.where(place[None] == seen[:, None], 0.0, OUTSIDE)
    some = solver(u, counts, initial_f_k=solved.f_k)
    off = some.compute_perturbed_free_energies(inside)["dDelta_f"] * kT
    covariance = np.full((n_bins, n_bins), np.nan)
    covariance[np.ix_(seen, seen)] = -0.5 * np.square(off)
    return free, covariance


def wham(
    windows: Sequence[Samples], bins: Bins, times: Floats, kT: float, rng: Generator
) -> tuple[Floats, Floats]:
    """F of each bin by the weighted histogram analysis method, and its covariance by resampling.

    References
    ----------
    Kumar et al., J. Comput. Chem. 13, 1011 (1992).
    """
    n_bins = int(np.prod(bins.shape))
    places = [bins.numbers(w.s) for w in windows]
    bias = np.array([_bias(w, bins.centers) for w in windows]) / kT
    shifts = np.zeros(len(windows))

    def solve(chosen: Sequence[Integers]) -> Floats:
        nonlocal shifts
        histograms = np.array([np.bincount(p[p >= 0], minlength=n_bins) for p in chosen], dtype=float)
        free, shifts = weighted_histograms(histograms, bias, shifts)
        return kT * free

    whole = solve(places)
    draws = [
        solve([p[_resampled(len(p), t, rng)] for p, t in zip(places, times, strict=True)])
        for _ in range(N_BOOTSTRAP)
    ]
    return whole, _covariance(np.array(draws), whole)


def integrated(
    windows: Sequence[Samples], bins: Bins, times: Floats, kT: float, rng: Generator
) -> tuple[Floats, Floats]:
    """F at bin centers by umbrella integration, and its covariance by resampling."""
    displaced = [w.displacements() for w in windows]
    solve = umbrella_integration(windows, bins.centers.reshape(*bins.shape, -1), bins.periods, kT)
    whole = solve(displaced)
    draws = [
        solve([x[_resampled(len(x), t, rng)] for x, t in zip(displaced, times, strict=True)])
        for _ in range(N_BOOTSTRAP)
    ]
    return whole, _covariance(np.array(draws), whole)


Method = Callable[[Sequence[Samples], Bins, Floats, float, Generator], tuple[Floats, Floats]]
BY_NAME: Mapping[str, Method] = MappingProxyType(
    {"mbar": mbar, "wham": wham, "umbrella integration": integrated}
)


def _aligned(
    bins: Bins, found: Mapping[str, tuple[Floats, Floats]], skipped: Mapping[str, str], below: float
) -> Comparison:
    """F less its mean over the bins all know, with the error of exactly that."""
    if not found:
        raise InputError("there is nothing to compare: give a surface or methods")
    known = [
        np.isfinite(free) & np.isfinite(np.diag(covariance)) & (free <= np.fmin.reduce(free) + below)
        for free, covariance in found.values()
    ]
    common = np.all(known, axis=0)
    if not np.any(common):
        raise InputError("no bin is known to all methods; take wider bins, or sample more")
    estimates = {}
    for name, (free, covariance) in found.items():
        to_common = covariance[:, common].mean(axis=1)
        within = covariance[np.ix_(common, common)].mean()
        variance = np.diag(covariance) - 2.0 * to_common + within
        estimates[name] = Estimate(free - free[common].mean(), np.sqrt(np.maximum(variance, 0.0)))
    return Comparison(bins, common, MappingProxyType(estimates), MappingProxyType(dict(skipped)))


def _pymbar() -> Callable[..., Any]:
    try:
        from pymbar import MBAR
    except ImportError as problem:
        raise NoPymbar from problem
    return MBAR


def _reduced(windows: Sequence[Samples], kT: float, times: Floats) -> tuple[Floats, Integers]:
    """Restraint of each window on the (thinned) samples of all, in kT, shape (n_windows, n); and counts."""
    kept = [w.s[:: _stride(t)] for w, t in zip(windows, times, strict=True)]
    everything = np.concatenate(kept)
    return np.array([_bias(w, everything) for w in windows]) / kT, np.array([len(s) for s in kept])


def _bias(window: Samples, s: Floats) -> Floats:
    away = shortest(s - np.array(window.window.center), window.periods)
    return np.asarray(0.5 * away**2 @ np.array(window.window.kappa))


def _covariance(draws: Floats, whole: Floats) -> Floats:
    """Of draws about their mean; NaN for bins that some draw does not know."""
    known = np.isfinite(whole) & np.all(np.isfinite(draws), axis=0)
    covariance = np.full((len(whole), len(whole)), np.nan)
    if not np.any(known):
        return covariance
    away = draws[:, known] - draws[:, known].mean(axis=1, keepdims=True)
    covariance[np.ix_(known, known)] = np.cov(away.T, ddof=1)
    return covariance


def _resampled(n: int, time: float, rng: Generator) -> Integers:
    """Indices of n samples in random blocks of two autocorrelation times."""
    length = min(n, max(1, round(2.0 * time)) if time > 1.5 else 1)
    starts = rng.integers(0, n - length + 1, -(-n // length))
    return np.asarray((starts[:, None] + np.arange(length)).ravel()[:n])


def _time(window: Samples) -> float:
    """Longest autocorrelation time of a window; what it seems to be where the window is short."""
    try:
        return float(autocorrelation_times(window.displacements()).max())
    except ChainTooShort as problem:
        return problem.tau if np.isfinite(problem.tau) else float(len(window.s))


def _stride(time: float) -> int:
    return max(1, round(time))
