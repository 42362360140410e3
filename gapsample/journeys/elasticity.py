"""Elastic constants of cubic crystals from stresses of strained cells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from matscipy.elasticity import fit_elastic_constants, generate_strained_configs
from numpy.typing import NDArray

from gapsample.journeys.relaxation import relaxed, with_calculator

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CubicElasticity:
    """Elastic constants of a cubic crystal, GPa.

    Attributes
    ----------
    c11, c12 : no internal strain enters them where every atom sits on a center or axis that a stretch keeps
    c44 : relaxed, the atoms free to move inside the sheared cell
    c44_unrelaxed : the atoms carried along with the cell
    """

    c11: float
    c12: float
    c44: float
    c44_unrelaxed: float

    @property
    def bulk_modulus(self) -> float:
        """GPa."""
        return (self.c11 + 2.0 * self.c12) / 3.0


def cubic_elasticity(
    crystal: Atoms,
    calculator: Calculator,
    *,
    strain: float = 0.004,
    force_tolerance: float = 1e-4,
    max_steps: int = 200,
) -> CubicElasticity:
    """The elastic constants of a cubic crystal at rest, its axes along x, y and z.

    Parameters
    ----------
    crystal : free of stress and of forces
    strain : the largest; stresses are fitted by a line through five strains from -strain to strain
    force_tolerance : eV/Å, of the relaxations in the strained cells

    Raises
    ------
    NotConverged
        If the atoms of a strained cell do not relax.
    """
    stiff = _matrix(crystal, calculator, strain, None, max_steps)
    soft = _matrix(crystal, calculator, strain, force_tolerance, max_steps)
    return CubicElasticity(
        c11=float(soft[0, 0]), c12=float(soft[0, 1]), c44=float(soft[3, 3]), c44_unrelaxed=float(stiff[3, 3])
    )


def _matrix(
    crystal: Atoms, calculator: Calculator, strain: float, force_tolerance: float | None, max_steps: int
) -> Floats:
    """Elastic matrix in Voigt notation, shape (6, 6), GPa; relaxed unless `force_tolerance` is None."""

    def cells() -> Iterator[Atoms]:
        for cell in generate_strained_configs(
            with_calculator(crystal, calculator), symmetry="cubic", N_steps=5, delta=strain / 2.0
        ):
            yield cell if force_tolerance is None else relaxed(cell, calculator, force_tolerance, max_steps)

    matrix, _ = fit_elastic_constants(cells(), symmetry="cubic", N_steps=5, verbose=False)
    return np.asarray(matrix / units.GPa)
