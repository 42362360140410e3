"""The quantum engine of the study: GFN1-xTB, one k-point, diamond in the 64-atom cubic cell."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator

SETTINGS: dict[str, Any] = {
    "method": "GFN1-xTB",
    "accuracy": 0.05,  # times tblite's default thresholds: forces repeat to 1e-7 eV/Å
    "electronic_temperature": 2000.0,  # K: keeps the vacancy's half-filled level single-valued (README)
    "max_iterations": 500,
}
LEVEL = "GFN1-xTB/Gamma/2000K"
A0_GUESS = 3.555  # Å


def quantum() -> Calculator:
    """A fresh calculator; keep it for a series of cells of one size, it restarts from its last charges."""
    from tblite.ase import TBLite

    return TBLite(verbosity=0, **SETTINGS)


def diamond(a: float) -> Atoms:
    """The 64-atom cubic cell with lattice constant `a` (Å)."""
    return bulk("C", "diamond", a=a, cubic=True).repeat(2)


def labelled(atoms: Atoms, config_type: str) -> Atoms:
    """A copy of `atoms` that carries qm_energy (eV), qm_forces (eV/Å) and qm_virial = -V stress (eV).

    `atoms` must have the quantum calculator attached. Molecules and atoms without a cell get no virial.
    """
    frame = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
    frame.info["config_type"] = config_type
    frame.info["level"] = LEVEL
    frame.info["qm_energy"] = float(atoms.get_potential_energy())
    frame.arrays["qm_forces"] = atoms.get_forces()
    if atoms.pbc.all():
        frame.info["qm_virial"] = -atoms.get_volume() * atoms.get_stress(voigt=False)
    return frame


def provenance() -> dict[str, Any]:
    """Versions and settings that decide the labels."""
    packages = ("tblite", "ase", "numpy", "phonopy", "matscipy", "scipy")
    return {
        "level": LEVEL,
        "settings": SETTINGS,
        "k_points": "Gamma only, 64-atom cubic cell (63 with the vacancy)",
        "python": platform.python_version(),
        "machine": platform.machine(),
        "versions": {name: version(name) for name in packages},
    }


def random_strain(rng: np.random.Generator, size: float) -> np.ndarray:
    """Symmetric strain, shape (3, 3), each component uniform in [-size, size]."""
    strain = rng.uniform(-size, size, (3, 3))
    return np.asarray(np.triu(strain) + np.triu(strain, 1).T)
