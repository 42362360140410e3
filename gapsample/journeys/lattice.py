"""The volume at which a crystal is free of pressure."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from scipy.optimize import brentq

from gapsample.errors import InputError
from gapsample.journeys.relaxation import with_calculator


def pressure_free(
    atoms: Atoms, calculator: Calculator, *, window: float = 0.06, tolerance: float = 1e-7
) -> Atoms:
    """A copy of `atoms`, its cell scaled isotropically until the pressure vanishes.

    Exact for cubic crystals whose positions are fixed by symmetry; for others it is the best isotropic scale.

    Parameters
    ----------
    window : the scale is searched in [1 - window, 1 + window]
    tolerance : of the scale

    Returns
    -------
    ase.Atoms
        With `calculator` attached.

    Raises
    ------
    InputError
        If the pressure does not change sign within the window.
    """

    def tension(scale: float) -> float:
        return float(np.trace(scaled(atoms, scale, calculator).get_stress(voigt=False)))

    low, high = tension(1.0 - window), tension(1.0 + window)
    if low >= 0.0 or high <= 0.0:
        raise InputError(
            f"the pressure should change sign between scales {1.0 - window:g} and {1.0 + window:g}, "
            f"but the trace of the stress is {low:.3g} and {high:.3g} eV/Å^3; start nearer to equilibrium"
        )
    scale = brentq(tension, 1.0 - window, 1.0 + window, xtol=tolerance)
    return scaled(atoms, float(scale), calculator)


def scaled(atoms: Atoms, scale: float, calculator: Calculator | None = None) -> Atoms:
    """A copy of `atoms`, cell and positions multiplied by `scale`, with `calculator` attached."""
    copy = with_calculator(atoms, calculator)
    copy.set_cell(atoms.cell[:] * scale, scale_atoms=True)
    return copy
