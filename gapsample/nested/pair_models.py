"""Pair potentials as models of `System`: one for all atoms, or one for each pair of species."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gapsample.compiled.models_pairs import ClosedPairs, TabledPairs
from gapsample.compiled.walks_pairs import Pairs
from gapsample.errors import InputError, UnknownSpecies
from gapsample.nested.pair_box import PairPotential
from gapsample.nested.pair_potential import Tabulated
from gapsample.nested.problem import Floats

HIGH = 1e10  # of the scale: Lennard-Jones is not resolved above
TABLE_HIGH = 2e4  # the same where it must become a table, beside others
WALL = 1e6  # of the scale, that a table's core rises by at least
NOTHING = (0.0, 1.0, 0.0, 0.0, 0.0)  # of a pair that does not interact: its cutoff is 0

Compiled = ClosedPairs | TabledPairs


@dataclass(frozen=True)
class PairModel:
    """One pair potential for all atoms, whatever their species.

    Any periodic cell will do, however small: atoms meet all images within the cutoff. In a box of right
    angles whose edges are twice the cutoff or more only the nearest image counts, which is much faster.
    Coinciding atoms have a large finite energy, and forces that are finite and push them apart.

    Parameters
    ----------
    potential : `LennardJones`, `Tabulated` or the like
    """

    potential: PairPotential

    @property
    def cutoff(self) -> float:
        """Distance from which on atoms do not interact, Å."""
        return self.potential.cutoff

    @property
    def scale(self) -> float:
        """Energy that precision is measured by, eV."""
        return self.potential.scale

    @property
    def fingerprint(self) -> str:
        """Text that differs for models that differ."""
        return f"PairModel({self.potential.fingerprint})"

    def compiled(self, symbols: tuple[str, ...]) -> Compiled:
        """Constants for compiled walks of systems of these species."""
        return _compiled([[self.potential] * len(symbols)] * len(symbols))


@dataclass(frozen=True)
class Mixture:
    """A pair potential for each pair of species; cells as in `PairModel`.

    Parameters
    ----------
    potentials : by pairs of symbols in either order, such as ``{("Ar", "Kr"): LennardJones(...)}``; None
        for species that do not feel each other

    Raises
    ------
    InputError
        A pair is given twice, or there is none that interacts.
    """

    potentials: Mapping[tuple[str, str], PairPotential | None]

    def __post_init__(self) -> None:
        twice = [pair for pair in self.potentials if pair[0] < pair[1] and pair[::-1] in self.potentials]
        if twice:
            raise InputError(f"the pair {twice[0]} is given in both orders; give it once")
        if not self._present:
            raise InputError("a mixture needs a potential for one pair at least, got none")

    @property
    def cutoff(self) -> float:
        """Distance from which on no atoms interact, Å."""
        return max(potential.cutoff for potential in self._present)

    @property
    def scale(self) -> float:
        """Energy that precision is measured by, eV: the largest of all pairs."""
        return max(potential.scale for potential in self._present)

    @property
    def fingerprint(self) -> str:
        """Text that differs for models that differ."""
        parts = [
            f"{'-'.join(sorted(pair))}: {None if potential is None else potential.fingerprint}"
            for pair, potential in self.potentials.items()
        ]
        return f"Mixture({', '.join(sorted(parts))})"

    def compiled(self, symbols: tuple[str, ...]) -> Compiled:
        """Constants for compiled walks of systems of these species.

        Raises
        ------
        UnknownSpecies
            A species is in none of the pairs.
        InputError
            A pair of the species has no potential.
        """
        known = {symbol for pair in self.potentials for symbol in pair}
        if not known.issuperset(symbols):
            raise UnknownSpecies(symbols, known)
        return _compiled([[self._between(a, b) for b in symbols] for a in symbols])

    def _between(self, a: str, b: str) -> PairPotential | None:
        for pair in ((a, b), (b, a)):
            if pair in self.potentials:
                return self.potentials[pair]
        raise InputError(f"the mixture has no potential for {a} with {b}; give one, or None if there is none")

    @property
    def _present(self) -> list[PairPotential]:
        return [potential for potential in self.potentials.values() if potential is not None]


def _compiled(potentials: list[list[PairPotential | None]]) -> Compiled:
    """Closed form if all are Lennard-Jones, else tables of all; shape (n_species, n_species) in and out."""
    plain = [[None if p is None else p.compiled(1.0, np.inf) for p in row] for row in potentials]
    scale = max(p.scale for row in potentials for p in row if p)
    cutoff = max(p.cutoff for row in potentials for p in row if p)
    if all(p.closed for row in plain for p in row if p):
        closed = [[NOTHING if p is None else _closed(p, scale) for p in row] for row in plain]
        return ClosedPairs(np.array(closed), cutoff)
    rows: list[Floats] = []
    parameters = np.empty((len(plain), len(plain), len(NOTHING)))
    wall = 0.0
    for i, row in enumerate(plain):
        for j, pairs in enumerate(row):
            parameters[i, j] = NOTHING
            if pairs is not None:
                table = _as_table(pairs, scale) if pairs.closed else pairs
                wall = max(wall, WALL * scale / table.start**2)
                first = sum(map(len, rows))
                parameters[i, j] = table.cutoff2, table.start**2, table.start, table.inverse_step, first
                rows += [table.coefficients, np.zeros((1, 6))]
            elif not rows:
                rows = [np.zeros((2, 6))]
    return TabledPairs(parameters, np.concatenate(rows), wall, cutoff)


def _closed(pairs: Pairs, scale: float) -> tuple[float, float, float, float, float]:
    core2 = max((pairs.c12 / (HIGH * scale)) ** (1 / 6), 1e-4 * pairs.cutoff2)
    return pairs.cutoff2, core2, pairs.c12, pairs.c6, pairs.shift


def _as_table(pairs: Pairs, scale: float) -> Pairs:
    """Tabulate Lennard-Jones."""

    def function(r: Floats) -> tuple[Floats, Floats]:
        s6 = r**-6.0
        value = (pairs.c12 * s6 - pairs.c6) * s6 - pairs.shift
        return value, (6.0 * pairs.c6 - 12.0 * pairs.c12 * s6) * s6 / r

    start = (pairs.c12 / (TABLE_HIGH * scale)) ** (1 / 12)
    return Tabulated.of(function, float(start), float(np.sqrt(pairs.cutoff2)), scale).compiled(1.0, np.inf)
