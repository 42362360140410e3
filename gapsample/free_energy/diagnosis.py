"""Is the surface right? What the samples say that the fit did not use, and what to do where they disagree.

The fit uses one number for each window and variable, the averaged gradient. Left over are how well windows
foretell each other, sums of the gradient round closed loops, and the second moments: for any window and any
function g, < dF/ds . g + dU/ds . g - kT div g > = 0 with U its restraint. With g = s - mean this asks whether
the surface bends within the window as its samples do, which is where kinks show.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from ase import units
from numpy.typing import NDArray
from scipy.stats import chi2, f, norm

from gapsample.errors import InputError
from gapsample.free_energy.estimators import FEW
from gapsample.free_energy.loops import loop_sums
from gapsample.free_energy.samples import Samples
from gapsample.free_energy.scatter import unskewed
from gapsample.free_energy.settling import FEW_PASSAGES, TWO_HUMPS, bimodality, passages
from gapsample.free_energy.surface import Surface
from gapsample.gp.spectra import Open
from gapsample.sampling.autocorrelation import ChainTooShort, autocorrelation_times, shared_times

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNLIKELY = 1e-3  # chance of a false alarm of each check of a good surface
FEWEST = 20.0  # effective samples of a window that can be judged
PREFERRED = 3.0  # log of the ratio of evidences: one to twenty


class Concern(Enum):
    """What may be wrong; the text says what to do."""

    MISFIT = (
        "a window disagrees with all others: look for slow motion across it, sample it longer or drop it; if "
        "it lies at a kink, fit with kernel matern52"
    )
    TOO_ROUGH = (
        "windows disagree more than their noise allows: sample longer, fit with free_noise, or with kernel "
        "matern52 if the surface may have kinks"
    )
    KINK = (
        "the surface bends within windows otherwise than their samples say: it is probably smoother than the "
        "truth near a kink; fit with kernel matern52, or add windows there"
    )
    WRONG_KERNEL = (
        "kernel matern52 explains the observations better: the surface is rough or has kinks somewhere, and "
        "the error bars of kernel se are too small there; fit with Options(kernel='matern52')"
    )
    LOOP = (
        "the averaged gradient does not add up to zero round a loop, as that of a function must: windows are "
        "not equilibrated, a period is wrong, or a slow variable is missing; sample longer or begin windows "
        "from other neighbors"
    )
    TWO_STATES = (
        "samples of a window fall into two groups: another slow variable may be hidden, or it lies on a "
        "ridge; with few passages between them its average is all but ignored. Sample it longer, restrain "
        "more strongly, or add a variable"
    )
    FEW_SAMPLES = "a window holds too few independent samples to know its own error; sample it longer"


@dataclass(frozen=True)
class Finding:
    """One thing found.

    Attributes
    ----------
    windows : numbers of the observations it is about; empty: all of them
    value : of the statistic, and `limit` what it should not have passed
    """

    concern: Concern
    windows: tuple[int, ...]
    value: float
    limit: float

    def __str__(self) -> str:
        where = f"windows {', '.join(map(str, self.windows))}" if self.windows else "all windows"
        return f"{where}: {self.value:.3g} (limit {self.limit:.3g}): {self.concern.value}"


@dataclass(frozen=True)
class Diagnosis:
    """All checks of a surface.

    Attributes
    ----------
    chi2 : shape (n,), misfit of each window, as the others foretell it; d expected
    loops : shape (n_loops,), sums round loops in units of their standard deviation
    effective : shape (n,), independent samples of each window; empty without samples
    bimodality : shape (n,), 1/3 for a Gaussian, 5/9 for a uniform density, 1 for two points
    curvature : shape (n, d), second moments of each window less those foretold, in standard deviations
    rougher : log evidence of the same fit with kernel matern52, less that of this one; NaN where not tried
    warnings : what passed its limit, the worst of each kind first
    """

    chi2: Floats
    loops: Floats
    effective: Floats
    bimodality: Floats
    curvature: Floats
    rougher: float
    warnings: tuple[Finding, ...] = field(default=())

    @property
    def chi2_mean(self) -> float:
        """Per degree of freedom."""
        return float(np.nanmean(self.chi2))

    @property
    def chi2_max(self) -> float:
        return float(np.nanmax(self.chi2))

    def has(self, concern: Concern) -> bool:
        return any(warning.concern is concern for warning in self.warnings)

    def __str__(self) -> str:
        return "\n".join(map(str, self.warnings)) or "nothing suspicious was found"


def diagnose(surface: Surface, samples: Sequence[Samples] = (), *, refit: bool = True) -> Diagnosis:
    """Check a surface against its observations and, where given, the samples they come from.

    Parameters
    ----------
    samples : one for each observation of the surface, in its order; without them fewer checks
    refit : fit once more with kernel matern52, to see whether the data prefer it

    Raises
    ------
    InputError
        Samples and observations are not as many.
    """
    if samples and len(samples) != len(surface.observations):
        raise InputError(
            f"{len(surface.observations)} observations want the samples of each, got {len(samples)} windows"
        )
    misfit = surface.window_chi2()
    loops, members = loop_sums(surface)
    effective = np.array([len(s.s) for s in samples]) / _times([s.displacements() for s in samples])
    humps = np.array([bimodality(s) for s in samples])
    curvature = _second_moments(surface, samples)
    rougher = _rougher(surface) if refit else float("nan")
    warnings = [
        *_misfits(surface, misfit, effective),
        *_outliers(Concern.KINK, curvature),
        *([Finding(Concern.WRONG_KERNEL, (), rougher, PREFERRED)] if rougher > PREFERRED else []),
        *_in_loops(loops, members),
        *_below(effective),
        *_humped(humps, effective, np.array([passages(s) for s in samples])),
    ]
    return Diagnosis(misfit, loops, effective, humps, curvature, rougher, tuple(warnings))


def _rougher(surface: Surface) -> float:
    if all(axis.kernel == "matern52" for axis in surface.axes):
        return float("nan")
    ranges = [(axis.low, axis.high) if isinstance(axis, Open) else None for axis in surface.axes]
    options = replace(surface.options, kernel="matern52", hyper="maximize")
    other = Surface.fit(surface.observations, surface.periods, ranges, options)
    x = np.median(surface.fitted.parameters, axis=0)
    here = surface.fitted.space.posterior(x).log_evidence
    return other.fitted.posteriors[0].log_evidence - here


def _misfits(surface: Surface, misfit: Floats, effective: Floats) -> Iterator[Finding]:
    """The largest misfits, and their mean.

    Noise estimated from m independent samples makes the misfit Hotelling's T^2.
    """
    d, known = len(surface.axes), np.flatnonzero(np.isfinite(misfit))
    if len(known) == 0:
        return
    chance = UNLIKELY / len(known)
    limits = np.full(len(misfit), chi2.isf(chance, d))
    expected = np.full(len(misfit), float(d))
    if len(effective):
        m = np.maximum(effective, d + 5.0)
        limits = d * (m - 1.0) / (m - d) * f.isf(chance, d, m - d)
        expected = d * (m - 1.0) / (m - d - 2.0)
    worst = known[np.argsort(-misfit[known] / limits[known])]
    for number in worst[misfit[worst] > limits[worst]].tolist():
        yield Finding(Concern.MISFIT, (number,), float(misfit[number]), float(limits[number]))
    ratio = float(np.mean(misfit[known] / expected[known]))
    limit = float(1.0 + norm.isf(UNLIKELY) * 1.5 * np.sqrt(2.0 / (d * len(known))))
    if ratio > limit:
        yield Finding(Concern.TOO_ROUGH, (), ratio, limit)


def _outliers(concern: Concern, z: Floats) -> Iterator[Finding]:
    """The largest deviations, and their mean square."""
    if z.size == 0:
        return
    worst, limit = np.max(np.abs(z), axis=1), float(norm.isf(0.5 * UNLIKELY / z.size)) * 1.15
    for number in np.argsort(-worst).tolist():
        if worst[number] > limit:
            yield Finding(concern, (number,), float(worst[number]), limit)
    spread, most = float(np.mean(z**2)), float(1.0 + norm.isf(UNLIKELY) * 1.5 * np.sqrt(2.0 / z.size))
    if spread > most:
        yield Finding(concern, (), spread, most)


def _in_loops(loops: Floats, members: Sequence[Integers]) -> Iterator[Finding]:
    if len(loops) == 0:
        return
    limit = float(norm.isf(0.5 * UNLIKELY / len(loops)))
    for number in np.argsort(-np.abs(loops)).tolist():
        if abs(loops[number]) > limit:
            yield Finding(Concern.LOOP, tuple(members[number].tolist()), float(abs(loops[number])), limit)


def _below(effective: Floats) -> Iterator[Finding]:
    for number in np.argsort(effective).tolist():
        if effective[number] < FEWEST:
            yield Finding(Concern.FEW_SAMPLES, (number,), float(effective[number]), FEWEST)


def _humped(humps: Floats, effective: Floats, passed: Integers) -> Iterator[Finding]:
    """Windows of two groups; of windows that few samples make look so, those that hardly passed between."""
    judged = (effective >= FEWEST) | (passed < FEW_PASSAGES)
    for number in np.argsort(-humps).tolist():
        if humps[number] > TWO_HUMPS and judged[number]:
            yield Finding(Concern.TWO_STATES, (number,), float(humps[number]), TWO_HUMPS)


def _times(chains: Sequence[Floats]) -> Floats:
    """Autocorrelation time of each chain, the longest of its columns; its length where it cannot tell."""
    if len(chains) >= FEW:
        try:
            return np.asarray(shared_times(chains).max(axis=1))
        except ChainTooShort:
            pass  # some window is too short even among others: each for itself then
    return np.array([_time(chain) for chain in chains])


def _time(chain: Floats) -> float:
    try:
        return float(autocorrelation_times(chain).max())
    except ChainTooShort as problem:
        return float(min(len(chain), problem.tau)) if np.isfinite(problem.tau) else float(len(chain))


def _second_moments(surface: Surface, samples: Sequence[Samples]) -> Floats:
    """< (dF/ds_a + dU/ds_a) (s_a - mean) > - kT in standard deviations, for each variable, shape (n, d).

    Its noise is judged by the autocorrelation times of the very products, which a window that swings to and
    fro forgets much later than where it is; products are skewed, as squares are.
    """
    series = [_products(surface, s) for s in samples]
    times, memories = _times(series), _times([s.displacements() for s in samples])
    found = [
        _moment(surface, *each)
        for each in zip(samples, series, times.tolist(), memories.tolist(), strict=True)
    ]
    return np.array(found).reshape(-1, len(surface.axes))


def _products(surface: Surface, samples: Samples) -> Floats:
    """(dF/ds_a + dU/ds_a) (s_a - mean), each less its mean, shape (n, d)."""
    displaced = samples.displacements()
    slopes = surface.gradient(np.array(samples.window.center) + displaced)
    slopes += np.array(samples.window.kappa) * displaced
    return np.asarray((slopes - slopes.mean(axis=0)) * (displaced - displaced.mean(axis=0)))


def _moment(surface: Surface, samples: Samples, series: Floats, time: float, memory: float) -> Floats:
    """Of one window; the mean that is taken away was that of `memory`-correlated samples, shape (d,)."""
    kT, n = units.kB * samples.temperature, len(series)
    displaced = samples.displacements()
    points, away = np.array(samples.window.center) + displaced, displaced - displaced.mean(axis=0)
    posterior, features = surface.fitted.posteriors[0], surface.features
    result = np.empty(len(surface.axes))
    for a in range(len(result)):
        here = features.gradient_rows(features.average(points, _positive(away[:, a])))[a]
        there = features.gradient_rows(features.average(points, _positive(-away[:, a])))[a]
        part = 0.5 * float(np.mean(np.abs(away[:, a])))
        row = (part * (here - there))[None]
        off = series[:, [a]] - kT * (1.0 - memory / n)
        variance = float(np.var(unskewed(off), ddof=1)) * time / n + float(posterior.variance(row)[0])
        result[a] = off.mean() / np.sqrt(variance)
    return result


def _positive(numbers: Floats) -> Floats:
    return np.maximum(numbers, 0.0)
