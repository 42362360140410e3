"""Pair potentials for compiled walks: Lennard-Jones, Morse, or any function of the distance."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gapsample.compiled.splines import Table, tabulate
from gapsample.compiled.walks_pairs import EXACT, Pairs
from gapsample.errors import InputError
from gapsample.nested.problem import Floats

TOLERANCE = 1e-9  # of the scale; error of a table midway between its nodes

PairFunction = Callable[[Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class LennardJones:
    """``4 epsilon ((sigma/r)^12 - (sigma/r)^6)``, cut and shifted to 0 at `cutoff`.

    Parameters
    ----------
    epsilon, sigma : energy and length; reduced units by default
    cutoff : length, ``3 sigma`` in most published work
    """

    epsilon: float = 1.0
    sigma: float = 1.0
    cutoff: float = 3.0

    @property
    def scale(self) -> float:
        """Energy that precision is measured by."""
        return self.epsilon

    @property
    def fingerprint(self) -> str:
        """Text that differs for potentials that differ."""
        return repr(self)

    def compiled(self, quantum: float, cap: float) -> Pairs:
        """Constants for the compiled walks; `quantum` an energy, `cap` in quanta."""
        s6 = (self.sigma / self.cutoff) ** 6
        unit = 4.0 * self.epsilon / quantum
        return Pairs(
            closed=True,
            cutoff2=self.cutoff**2,
            c12=unit * self.sigma**12,
            c6=unit * self.sigma**6,
            shift=unit * (s6 * s6 - s6),
            start=0.0,
            inverse_step=0.0,
            coefficients=np.empty((0, 6)),
            cap=cap,
        )


@dataclass(frozen=True)
class Tabulated:
    """Any pair potential, as a table; 0 from the table's end on, and the cap below its start.

    Parameters
    ----------
    table : of one function, energy by distance
    scale : energy that precision is measured by, such as the well depth
    """

    table: Table
    scale: float

    @classmethod
    def of(cls, function: PairFunction, start: float, cutoff: float, scale: float) -> Tabulated:
        """Tabulate ``function(r) -> (energies, slopes)``, shapes (n,), between `start` and `cutoff`.

        Shift it to 0 at the cutoff first, unless a step there is meant. Choose `start` where the energy is
        beyond anything a run shall resolve: closer pairs all have the cap.
        """
        if not 0.0 < start < cutoff:
            raise InputError(f"a table needs 0 < start < cutoff, got start {start} and cutoff {cutoff}")

        def rows(r: Floats) -> tuple[Floats, Floats]:
            values, slopes = function(r)
            return values[None], slopes[None]

        return cls(tabulate(rows, start, cutoff, (cutoff - start) / 8, TOLERANCE * scale), scale)

    @property
    def cutoff(self) -> float:
        """Distance from which on the energy is 0."""
        return self.table.stop

    @property
    def fingerprint(self) -> str:
        """Text that differs for potentials that differ."""
        content = hashlib.sha256(self.table.coefficients.tobytes()).hexdigest()
        return f"Tabulated({self.table.start}, {self.table.stop}, {self.scale}, {content})"

    def compiled(self, quantum: float, cap: float) -> Pairs:
        """Constants for the compiled walks; `quantum` an energy, `cap` in quanta."""
        return Pairs(
            closed=False,
            cutoff2=self.table.stop**2,
            c12=0.0,
            c6=0.0,
            shift=0.0,
            start=self.table.start,
            inverse_step=self.table.inverse_step,
            coefficients=self.table.coefficients[0] / quantum,
            cap=cap,
        )


def morse(depth: float, stiffness: float, distance: float, cutoff: float) -> Tabulated:
    """``depth (1 - exp(-stiffness (r - distance)))^2 - depth``, cut and shifted to 0 at `cutoff`.

    Parameters
    ----------
    depth : energy
    stiffness : 1/length
    distance : of the minimum
    """

    def plain(r: Floats) -> tuple[Floats, Floats]:
        decay = np.exp(-stiffness * (r - distance))
        return depth * (decay * decay - 2.0 * decay), 2.0 * depth * stiffness * (decay - decay * decay)

    shift = plain(np.array([cutoff]))[0]

    def shifted(r: Floats) -> tuple[Floats, Floats]:
        values, slopes = plain(r)
        return values - shift, slopes

    return Tabulated.of(shifted, 1e-3 * distance, cutoff, depth)


def quantum(scale: float, bits: int = 30) -> float:
    """Unit that pair energies are whole multiples of: a power of two, `bits` bits below the scale."""
    return float(2.0 ** (np.floor(np.log2(scale)) - bits))


def cap(n_terms: float) -> float:
    """Highest pair energy in quanta, so that a sum of `n_terms` of them, each counted twice, stays exact."""
    return float(np.floor(0.5 * EXACT / max(1.0, n_terms)))
