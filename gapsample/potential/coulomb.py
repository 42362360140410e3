"""Fixed point charges: Ewald's sum in a periodic cell (matscipy), the plain sum in vacuum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import all_changes
from matscipy.calculators.ewald import Ewald
from numpy.typing import NDArray

from gapsample.errors import InputError, SettingsError, UnknownSpecies
from gapsample.potential.protocol import ErrorRequest, Evaluation

Floats = NDArray[np.float64]

COULOMB = units.Hartree * units.Bohr  # eV Å, e^2 / (4 pi epsilon_0)
NEUTRAL = 1e-6  # e, largest net charge of a periodic cell


@dataclass(frozen=True)
class PointCharges:
    """Coulomb energy of one fixed charge per species; a `Potential`.

    Periodic in all directions or in none. In a periodic cell the energies of single atoms are not known
    (None); the surroundings are a conductor ("tin foil").

    Attributes
    ----------
    charges : e, by chemical symbol; every species that occurs must be named
    tolerance : of Ewald's sum, relative to one pair of charges
    """

    charges: Mapping[str, float]
    tolerance: float = field(default=1e-9, kw_only=True)

    def __post_init__(self) -> None:
        bad = {symbol: q for symbol, q in self.charges.items() if not math.isfinite(q)}
        if bad or not 0.0 < self.tolerance < 1.0:
            raise SettingsError(
                f"charges must be finite and the tolerance between 0 and 1; got {bad or self.tolerance}"
            )

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy, forces and virial; the predicted error is not known (`Potential.evaluate`)."""
        charges = self.of_atoms(atoms)
        if np.all(atoms.pbc):
            found = _periodic(atoms, charges, self.tolerance)
        elif not np.any(atoms.pbc):
            found = _in_vacuum(atoms.positions, charges)
        else:
            raise InputError(
                "point charges need a cell periodic in all directions or in none; "
                f"got pbc={atoms.pbc.tolist()}. Set atoms.pbc to True (with vacuum in the cell) or to False"
            )
        return Evaluation(
            found.energy,
            found.forces if forces else None,
            found.virial if virial else None,
            found.local_energies,
        )

    def of_atoms(self, atoms: Atoms) -> Floats:
        """The charge of every atom, shape (n_atoms,), e."""
        symbols = atoms.get_chemical_symbols()
        if not set(symbols) <= set(self.charges):
            raise UnknownSpecies(set(symbols), self.charges)
        return np.array([self.charges[symbol] for symbol in symbols], float)


def _in_vacuum(positions: Floats, charges: Floats) -> Evaluation:
    D = positions[None] - positions[:, None]
    d = np.linalg.norm(D, axis=2)
    np.fill_diagonal(d, np.inf)
    if np.any(d == 0.0):
        raise InputError("two charges sit on the same point; remove the duplicate atom")
    pairs = COULOMB * np.outer(charges, charges) / d
    pull = -(pairs / d**2)[:, :, None] * D
    local = 0.5 * pairs.sum(axis=1)
    return Evaluation(float(local.sum()), pull.sum(axis=1), -0.5 * np.einsum("ija,ijb->ab", D, pull), local)


def _periodic(atoms: Atoms, charges: Floats, tolerance: float) -> Evaluation:
    if abs(charges.sum()) > NEUTRAL:
        raise InputError(
            f"a periodic cell of point charges must be neutral; {atoms.get_chemical_formula()} carries "
            f"{charges.sum():+.4g} e. Adapt the charges, or turn periodicity off"
        )
    volume = atoms.get_volume()
    # Both sums are cut where their Gaussians fall below the tolerance; this width balances their costs.
    reach = math.sqrt(-math.log(tolerance))
    alpha = (len(atoms) * math.pi**3 / volume**2) ** (1.0 / 6.0)
    wave_cutoff = 2.0 * alpha * reach
    n_waves = np.ceil(wave_cutoff * atoms.cell.lengths() / (2.0 * math.pi)).astype(int)
    bare = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    bare.set_array("charge", charges)
    ewald = Ewald()
    ewald.set(
        accuracy=tolerance,
        cutoff=reach / alpha,
        verbose=False,
        kspace={"alpha": alpha, "nbk_c": n_waves, "cutoff": wave_cutoff},
    )
    with np.errstate(all="ignore"):  # it works out its own alpha first, from the cell's diagonal, in vain
        ewald.calculate(bare, ["energy", "forces", "stress"], all_changes)
    xx, yy, zz, yz, xz, xy = ewald.results["stress"]
    stress = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
    return Evaluation(float(ewald.results["energy"]), ewald.results["forces"], -volume * stress)
