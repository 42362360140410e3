"""Embedded-atom models of `System`: files that ASE reads, and ASE's effective medium theory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.calculators import emt as ase_emt
from ase.calculators.eam import EAM
from ase.units import Bohr

from gapsample.compiled.models_eam import EmbeddedAtoms
from gapsample.compiled.splines import Table, tabulate
from gapsample.errors import FileFormatError, UnknownSpecies
from gapsample.nested.problem import Floats

TOLERANCE = 1e-10  # eV and units of the density; error of tables midway between their nodes
WALL = 1e6  # eV, that the pair energy rises by at least between the start of the tables and distance 0
START = 0.5  # Å, where tables start
LOG_DENSITIES = (-60.0, 10.0)  # of effective medium theory
BROADEST = 1 / 8  # widest interval to try first, as `tabulate` does

Functions = Callable[[Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class EmbeddedAtom:
    """``E = sum_i [level + F(rho_i)] + 1/2 sum_ij phi(r_ij)`` in any periodic cell, compiled.

    Below the start of the radial tables densities stay constant and a wall rises, so that coinciding atoms
    have a large finite energy; beyond the densities tabulated F goes on in a straight line.

    Parameters
    ----------
    symbols : species known
    radial : by the distance (Å): pair energies (eV) of all pairs of symbols (s, t), t running fastest; then
        densities at atoms of s from atoms of t
    embedding : F of each species (eV), by the density or its natural logarithm
    logarithmic : which
    levels : eV, of each species
    """

    symbols: tuple[str, ...]
    radial: Table
    embedding: Table
    logarithmic: bool
    levels: tuple[float, ...]
    scale: float = 1.0

    @classmethod
    def read(cls, path: Path | str) -> EmbeddedAtom:
        """Read a potential file: ``.alloy``, ``.fs`` or ``.eam`` (the funcfl of LAMMPS).

        Raises
        ------
        FileFormatError
            The name ends differently or the file holds something else.
        """
        try:
            calculator = EAM(potential=str(path))
        except (RuntimeError, ValueError, IndexError, KeyError) as problem:
            raise FileFormatError(
                f"{path} is no embedded-atom potential in the form its ending names ({problem}); "
                "wanted .alloy, .fs or .eam as LAMMPS has them"
            ) from problem
        return cls.of(calculator)

    @classmethod
    def of(cls, calculator: EAM) -> EmbeddedAtom:
        """Take the splines of ASE's calculator, which must have read a file.

        Raises
        ------
        FileFormatError
            Its potential has angular terms (adp), or came as functions.
        """
        if calculator.form not in ("alloy", "fs", "eam") or not hasattr(calculator, "embedded_data"):
            raise FileFormatError(
                f"only potentials read from .alloy, .fs and .eam files can be compiled, got form "
                f"{calculator.form!r}; use AnyPotential for others"
            )
        several, finnis = range(calculator.Nelements), calculator.form == "fs"
        pairs = [(s, t) for s in several for t in several]
        density, slope = calculator.electron_density, calculator.d_electron_density

        def radial(r: Floats) -> tuple[Floats, Floats]:
            values = [calculator.phi[s, t](r) for s, t in pairs]
            values += [(density[t, s] if finnis else density[t])(r) for s, t in pairs]
            slopes = [calculator.d_phi[s, t](r) for s, t in pairs]
            slopes += [(slope[t, s] if finnis else slope[t])(r) for s, t in pairs]
            return np.array(values), np.array(slopes)

        def embedding(rho: Floats) -> tuple[Floats, Floats]:
            values = [calculator.embedded_energy[s](rho) for s in several]
            return np.array(values), np.array([calculator.d_embedded_energy[s](rho) for s in several])

        highest = (calculator.nrho - 1) * calculator.drho
        return cls(
            tuple(calculator.elements),
            tabulate(radial, START, calculator.cutoff, _aligned(calculator.dr), TOLERANCE),
            tabulate(embedding, 0.0, highest, _aligned(calculator.drho), TOLERANCE),
            False,
            (0.0,) * calculator.Nelements,
        )

    @classmethod
    def emt(cls, symbols: Sequence[str], asap_cutoff: bool = False) -> EmbeddedAtom:
        """Effective medium theory as `ase.calculators.emt.EMT` has it, for Al, Cu, Ag, Au, Ni, Pd and Pt.

        References
        ----------
        Jacobsen, Stoltze & Nørskov, Surf. Sci. 366, 394 (1996).
        """
        unknown = set(symbols) - set(ase_emt.parameters)
        if unknown:
            raise UnknownSpecies(symbols, ase_emt.parameters)
        symbols = tuple(dict.fromkeys(symbols))
        medium = _Medium.of(symbols, asap_cutoff)
        low, high = LOG_DENSITIES
        return cls(
            symbols,
            tabulate(medium.radial, START, medium.cutoff, 0.125, TOLERANCE),
            tabulate(medium.embedding, low, high, 1.0, TOLERANCE),
            True,
            tuple(-medium.e0),
        )

    @property
    def cutoff(self) -> float:
        """Distance from which on atoms do not meet, Å."""
        return self.radial.stop

    @property
    def fingerprint(self) -> str:
        """Text that differs for models that differ."""
        digest = hashlib.sha256()
        for table in (self.radial, self.embedding):
            digest.update(repr((table.start, table.stop, table.inverse_step)).encode())
            digest.update(table.coefficients.tobytes())
        return f"EmbeddedAtom({self.symbols}, {self.logarithmic}, {self.levels}, {digest.hexdigest()})"

    def compiled(self, symbols: tuple[str, ...]) -> EmbeddedAtoms:
        """Tables for compiled walks of systems of these species.

        Raises
        ------
        UnknownSpecies
            The potential knows nothing of one of them.
        """
        if not set(symbols) <= set(self.symbols):
            raise UnknownSpecies(symbols, self.symbols)
        chosen = [self.symbols.index(symbol) for symbol in symbols]
        n = len(self.symbols)
        functions = self.radial.coefficients.reshape(2, n, n, -1, 6)[:, chosen][:, :, chosen]
        both = np.stack((functions[0], functions[1], functions[1].swapaxes(0, 1)), axis=3)
        return EmbeddedAtoms(
            cutoff=self.radial.stop,
            start=self.radial.start,
            inverse_step=self.radial.inverse_step,
            wall=WALL / self.radial.start**2,
            radial=np.ascontiguousarray(both),
            low=self.embedding.start,
            inverse_width=self.embedding.inverse_step,
            embedding=np.ascontiguousarray(self.embedding.coefficients[chosen]),
            logarithmic=self.logarithmic,
            levels=np.array(self.levels)[chosen],
        )


def _aligned(step: float) -> float:
    """Return the grid of a file times or over a power of two: intervals that `tabulate` tries fall on it."""
    return float(step * 2.0 ** max(0.0, np.floor(np.log2(BROADEST / step))))


@dataclass(frozen=True)
class _Medium:
    """Parameters of effective medium theory, shapes (n_species,), eV and Å, and what follows from them."""

    e0: Floats
    s0: Floats
    v0: Floats
    eta2: Floats
    kappa: Floats
    decay: Floats
    n0: Floats
    middle: float
    steepness: float
    cutoff: float

    @classmethod
    def of(cls, symbols: Sequence[str], asap_cutoff: bool) -> _Medium:
        e0, s0, v0, eta2, kappa, decay, n0 = np.array([ase_emt.parameters[symbol] for symbol in symbols]).T
        largest = max(
            ase_emt.parameters[symbol][1] for symbol in (symbols if asap_cutoff else ase_emt.parameters)
        )
        nearest = ase_emt.beta * largest * Bohr
        middle = nearest * 0.5 * (np.sqrt(3.0) + 2.0)
        steepness = np.log(1e4 - 1.0) / (2.0 * nearest - middle)
        cutoff = middle * 1.045 if asap_cutoff else middle + 0.5
        scaled = (s0 * Bohr, v0, eta2 / Bohr, kappa / Bohr, decay / Bohr, n0 / Bohr**3)
        return cls(e0, *scaled, middle, float(steepness), cutoff)

    def radial(self, r: Floats) -> tuple[Floats, Floats]:
        """Pair energies and densities for `EmbeddedAtom`."""
        w = self._weight(r)
        fall = self.steepness * (w - 1.0)
        chi = (self.n0[None, :] / self.n0[:, None])[:, :, None]  # at s from t
        away = r - ase_emt.beta * self.s0[:, None]
        eta, kappa = self.eta2[:, None], self.kappa[:, None] / ase_emt.beta
        density = chi * np.exp(-eta * away) * w
        strength = -0.5 * self.v0 / self._gamma(self.kappa / ase_emt.beta)
        pull = strength[:, None, None] * chi * np.exp(-kappa * away) * w
        pull_slope = pull * (fall - kappa)
        values = np.stack((pull + pull.swapaxes(0, 1), density))
        slopes = np.stack((pull_slope + pull_slope.swapaxes(0, 1), density * (fall - eta)))
        return values.reshape(-1, len(r)), slopes.reshape(-1, len(r))

    def embedding(self, u: Floats) -> tuple[Floats, Floats]:
        """Cohesive and atomic-sphere energies by the logarithm of the density."""
        width = (ase_emt.beta * self.eta2)[:, None]
        ds = (np.log(12.0 * self._gamma(self.eta2))[:, None] - u) / width
        e0, lds, kds = self.e0[:, None], self.decay[:, None] * ds, self.kappa[:, None] * ds
        cohesive, sphere = np.exp(-lds), 6.0 * self.v0[:, None] * np.exp(-kds)
        by_ds = -e0 * self.decay[:, None] * lds * cohesive - self.kappa[:, None] * sphere
        return e0 * (1.0 + lds) * cohesive + sphere, -by_ds / width

    def _weight(self, r: Floats) -> Floats:
        return 1.0 / (1.0 + np.exp(self.steepness * (r - self.middle)))

    def _gamma(self, rate: Floats) -> Floats:
        """Sums over three shells of the face-centered cubic lattice, shape (n_species,)."""
        nearest = ase_emt.beta * self.s0[:, None]
        r = nearest * np.sqrt([1.0, 2.0, 3.0])
        shells = np.array([12.0, 6.0, 24.0]) / 12.0
        return np.sum(shells * self._weight(r) * np.exp(-rate[:, None] * (r - nearest)), axis=1)
