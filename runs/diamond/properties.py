"""What is compared: the same numbers from any calculator, in the same 64-atom cell."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase.build import bulk
from ase.calculators.calculator import Calculator
from engine import A0_GUESS, diamond

from gapsample.journeys.defects import vacancy_migration
from gapsample.journeys.elasticity import cubic_elasticity
from gapsample.journeys.lattice import pressure_free
from gapsample.journeys.phonons import CUBIC_FROM_FCC, fcc_bands, phonons
from gapsample.journeys.thermal_expansion import thermal_expansion

SUPERCELL = 2 * CUBIC_FROM_FCC
"""The 64-atom cube, in units of the primitive cell."""
SCALES = np.linspace(0.985, 1.025, 9)
TEMPERATURES = np.arange(0.0, 1501.0, 25.0)


def measure(calculator: Calculator) -> dict[str, Any]:
    """Every property of diamond in the study, JSON-able.

    Returns
    -------
    dict
        ``a`` (Å); ``elasticity`` (GPa); ``bands``: x (2π/a), frequencies (THz), ticks; ``vacancy``:
        formation, formation_unrelaxed, barrier, energies (eV), path (Å); ``expansion``: temperatures (K),
        alpha (1/K), scale, bulk_modulus (GPa). Each potential is taken at its own lattice constant.
    """
    crystal = pressure_free(diamond(A0_GUESS), calculator)
    a = float(crystal.cell[0, 0]) / 2.0
    primitive = bulk("C", "diamond", a=a)
    elasticity = cubic_elasticity(crystal, calculator)
    bands = fcc_bands(phonons(primitive, calculator, SUPERCELL), a)
    vacancy = vacancy_migration(crystal, calculator)
    expansion = thermal_expansion(primitive, calculator, SUPERCELL, scales=SCALES, temperatures=TEMPERATURES)
    return {
        "a": a,
        "elasticity": {
            "c11": elasticity.c11,
            "c12": elasticity.c12,
            "c44": elasticity.c44,
            "c44_unrelaxed": elasticity.c44_unrelaxed,
            "bulk_modulus": elasticity.bulk_modulus,
        },
        "bands": {
            "x": bands.x.tolist(),
            "frequencies": bands.frequencies.tolist(),
            "ticks": [[position, name] for position, name in bands.ticks],
        },
        "vacancy": {
            "formation": vacancy.formation,
            "formation_unrelaxed": vacancy.formation_unrelaxed,
            "barrier": vacancy.barrier,
            "path": vacancy.path.tolist(),
            "energies": vacancy.energies.tolist(),
        },
        "expansion": {
            "temperatures": expansion.temperatures.tolist(),
            "alpha": expansion.alpha.tolist(),
            "scale": expansion.scale.tolist(),
            "bulk_modulus": expansion.bulk_modulus.tolist(),
        },
    }
