"""MBAR, WHAM and umbrella integration beside a surface, from the same samples: figure, table, and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gapsample.errors import InputError
from gapsample.free_energy.comparators import OURS, Comparison, Estimate, compare
from gapsample.free_energy.export import KJ_PER_MOL
from gapsample.free_energy.surface import Surface
from gapsample.journeys.surface_data import Evidence
from gapsample.plots import Figure
from gapsample.plots import free_energy as drawn

BINS = {1: 60, 2: 24}  # along each variable
MOST = 10_000_000  # windows times samples: MBAR holds a matrix of so many numbers


@dataclass(frozen=True, eq=False)
class Beside:
    """Several methods on the same samples.

    Attributes
    ----------
    every : of this many samples one was given to the comparators, whose work grows with windows times samples
    """

    found: Comparison
    names: tuple[str, ...]
    every: int

    def lines(self) -> Iterator[str]:
        """How far each method is from ours, and the errors both claim, kJ/mol."""
        comparison = self.found
        thinned = "" if self.every == 1 else f", of one sample in {self.every}"
        yield f"other methods on the {comparison.common.sum()} bins that all know{thinned}:"
        ours = comparison.estimates[OURS]
        for name, theirs in comparison.estimates.items():
            if name != OURS:
                away = (theirs.free_energy - ours.free_energy)[comparison.common]
                yield (
                    f"  {name}: {np.sqrt(np.mean(away**2)) / KJ_PER_MOL:.2f} kJ/mol from ours (RMS); claims "
                    f"{self._claimed(theirs):.2f}, ours {self._claimed(ours):.2f}"
                )
        for name, why in comparison.skipped.items():
            yield f"  {name} left out: {why}"

    def _claimed(self, estimate: Estimate) -> float:
        return float(np.sqrt(np.mean(estimate.std[self.found.common] ** 2)) / KJ_PER_MOL)

    def figure(self) -> Figure:
        """All methods: profiles over each other, or maps beside each other."""
        comparison = self.found
        middles = [0.5 * (edge[1:] + edge[:-1]) for edge in comparison.bins.edges]
        if len(self.names) == 1:
            lines = [
                drawn.Profile(name, middles[0], e.free_energy, e.std)
                for name, e in comparison.estimates.items()
            ]
            return drawn.profiles(lines, name=self.names[0])
        maps = {name: comparison.grid(name)[0] for name in comparison.estimates}
        return drawn.maps(middles, comparison.bins.periods, maps, names=self.names)


def beside(evidence: Evidence, surface: Surface, below: float) -> Beside:
    """Compare a surface with other methods on the samples it was learned from.

    Parameters
    ----------
    below : eV above the lowest; bins that every method finds so low are compared

    Raises
    ------
    InputError
        There are no samples, or more than two variables.
    """
    d = len(evidence.names)
    if not evidence.windows or d not in BINS:
        raise InputError(
            f"other methods want samples of windows in one or two variables, got {len(evidence.windows)} "
            f"windows in {d}; leave --compare out"
        )
    n = sum(len(window.s) for window in evidence.windows)
    every = -(-n * len(evidence.windows) // MOST)
    windows = [replace(window, s=window.s[::every], gradients=None) for window in evidence.windows]
    return Beside(compare(windows, BINS[d], surface, below=below), evidence.names, every)
