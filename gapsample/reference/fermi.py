"""Electrons at a temperature: the Fermi level, occupations, energy and entropy of given levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase.units import kB
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import entr, expit

from gapsample.errors import GapsampleError

Floats = NDArray[np.float64]

WHOLE = 1e-9  # electrons; a count this close to a filled level fills it


class FermiLevelNotFound(GapsampleError):
    """No chemical potential holds the wanted number of electrons."""

    def __init__(self, electrons: float, levels: Floats, temperature: float) -> None:
        self.electrons, self.levels, self.temperature = electrons, levels, temperature
        lost = np.count_nonzero(~np.isfinite(levels))
        super().__init__(
            f"wanted a Fermi level for {electrons:g} electrons at {temperature:g} K among "
            f"{levels.shape[-1]} levels, {lost} of them not finite; got none. Look for atoms that nearly "
            "coincide, or raise the electronic temperature"
        )


@dataclass(frozen=True, eq=False)
class Electrons:
    """Levels and who sits in them.

    Attributes
    ----------
    levels : shape (n_kpoints, n_levels), eV, ascending at each k-point
    occupations : the same shape, 0 to 1; each level holds two electrons
    weights : shape (n_kpoints,), they sum to one
    fermi_level : eV; without partly filled levels and at low temperature the middle of the gap
    temperature : K
    """

    levels: Floats
    occupations: Floats
    weights: Floats
    fermi_level: float
    temperature: float

    @property
    def number(self) -> float:
        """Electrons in all levels."""
        return float(2.0 * self.weights @ self.occupations.sum(axis=1))

    @property
    def band_energy(self) -> float:
        """Sum of the occupied levels, eV."""
        return float(2.0 * self.weights @ np.sum(self.occupations * self.levels, axis=1))

    @property
    def entropy(self) -> float:
        """-2 k sum f ln f + (1 - f) ln(1 - f), eV/K."""
        empty = expit((self.levels - self.fermi_level) / (kB * self.temperature))
        return float(2.0 * kB * self.weights @ np.sum(entr(self.occupations) + entr(empty), axis=1))

    @property
    def free_energy(self) -> float:
        """Band energy minus temperature times entropy, eV: what forces are the gradient of."""
        return self.band_energy - self.temperature * self.entropy


def occupy(levels: Floats, weights: Floats, electrons: float, temperature: float) -> Electrons:
    """Fill levels with electrons by the Fermi-Dirac distribution.

    Parameters
    ----------
    levels : shape (n_kpoints, n_levels), eV
    weights : shape (n_kpoints,), they sum to one
    electrons : fewer than twice the number of levels
    temperature : K, above zero

    Raises
    ------
    FermiLevelNotFound
        Levels are not finite, or no level holds that many electrons.
    """
    thermal = kB * temperature
    shares = np.repeat(weights, levels.shape[1])
    if not np.all(np.isfinite(levels)) or not 0.0 < electrons < 2.0 * levels.shape[1]:
        raise FermiLevelNotFound(electrons, levels, temperature)
    order = np.argsort(levels, axis=None, kind="stable")
    level = _fermi_level(levels.ravel()[order], 2.0 * shares[order], electrons, thermal)
    if level is None:
        raise FermiLevelNotFound(electrons, levels, temperature)
    return Electrons(levels, expit((level - levels) / thermal), weights, level, temperature)


def _fermi_level(levels: Floats, rooms: Floats, electrons: float, thermal: float) -> float | None:
    """Where electrons above the last level needed are as many as holes below: no digits cancel in a gap."""
    filled = np.cumsum(rooms)
    last = int(np.searchsorted(filled, electrons - WHOLE))
    spare = float(filled[last] - electrons)
    spare = spare if abs(spare) > WHOLE else 0.0
    below, above = levels[: last + 1], levels[last + 1 :]
    rooms_below, rooms_above = rooms[: last + 1], rooms[last + 1 :]

    def excess(level: float) -> float:
        holes = float(rooms_below @ expit((below - level) / thermal))
        raised = float(rooms_above @ expit((level - above) / thermal))
        return spare + raised - holes

    middle = float(0.5 * (levels[last] + levels[last + 1])) if len(above) else float(levels[last])
    if excess(middle) == 0.0:
        return middle
    reach = 50.0 * thermal
    found, info = brentq(
        excess, levels[0] - reach, levels[-1] + reach, xtol=1e-14, maxiter=300, full_output=True, disp=False
    )
    return float(found) if info.converged else None
