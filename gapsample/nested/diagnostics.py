"""Is the run right? Ranks of new points, and whether clones forgot what they were cloned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.nested.points import DeadPoints

Floats = NDArray[np.float64]
FEWEST = 20


@dataclass(frozen=True)
class InsertionTest:
    """How new points rank among those alive: uniformly, if they are drawn from the prior below the ceiling.

    Attributes
    ----------
    p_value : of the whole run (Kolmogorov–Smirnov)
    rolling : smallest p-value of stretches of the run, times their number (Bonferroni), at most 1
    n : ranks tested
    """

    p_value: float
    rolling: float
    n: int


@dataclass(frozen=True)
class Memory:
    """Rank correlation of clones with their ancestors: 0 when walks are long enough.

    Attributes
    ----------
    correlation, correlation_err : Spearman's, over the whole run
    largest : the largest of the correlations over stretches of the run
    n : pairs compared
    """

    correlation: float
    correlation_err: float
    largest: float
    n: int


def insertion_test(points: DeadPoints, *, stretch: int = 1000) -> InsertionTest:
    """Order-statistics test of one run; a small p-value says that walks do not sample below the ceiling.

    Blind to clones that stay near their ancestors: see `memory`. Of points merged from several runs it
    tests all ranks together, each rank being that in its own run.

    References
    ----------
    Fowlie, Handley & Su, Mon. Not. R. Astron. Soc. 497, 5256 (2020).
    """
    from scipy import stats  # takes longer to import than all of this package

    ranks = _born_in_the_run(points).insertion
    parts = np.array_split(ranks, max(1, len(ranks) // stretch))
    lowest = min(float(stats.kstest(part, "uniform").pvalue) for part in parts)
    return InsertionTest(
        float(stats.kstest(ranks, "uniform").pvalue), min(1.0, lowest * len(parts)), len(ranks)
    )


def smallest_of(p_values: Sequence[float]) -> float:
    """Šidák's p-value of several independent tests: how often the smallest of so many would be so small.

    Parameters
    ----------
    p_values : one or more, such as those of `insertion_test` of every run; one alone stays what it is

    References
    ----------
    Šidák, J. Am. Stat. Assoc. 62, 626 (1967).
    """
    if not p_values:
        raise InputError("the smallest of no p-values is asked for; give one or more")
    lowest = min(p_values)
    return 1.0 if lowest >= 1.0 else float(-np.expm1(len(p_values) * np.log1p(-lowest)))


def memory(points: DeadPoints, *, stretch: int = 1000) -> Memory:
    """How much clones remember the value of their ancestor; it sees walks that are too short.

    It sees memory of the value only: where basins of equal value exchange slowly, independent runs decide.
    """
    born = _born_in_the_run(points)
    parts = np.array_split(np.arange(len(born)), max(1, len(born) // stretch))
    largest = max(rank_correlation(born.ancestor[part], born.insertion[part]) for part in parts)
    whole = rank_correlation(born.ancestor, born.insertion)
    return Memory(whole, 1.0 / np.sqrt(len(born) - 1), largest, len(born))


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's correlation of quantities whose ranks are given, shape (n,); 0 where one is constant."""
    if len(first) == 0:
        return 0.0
    a, b = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0.0 else 0.0


def _born_in_the_run(points: DeadPoints) -> DeadPoints:
    """Points made by cloning, in the order of their births."""
    born = points.take(np.isfinite(points.insertion))
    if len(born) < FEWEST:
        raise InputError(f"diagnostics need {FEWEST} or more points born in the run, got {len(born)}")
    return born.take(np.lexsort((born.birth_label, born.birth))[::-1])
