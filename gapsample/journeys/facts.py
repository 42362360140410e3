"""What is known about a fitted model, in words that a report and a manifest can hold."""

from __future__ import annotations

from typing import Any

from ase.data import chemical_symbols

from gapsample.potential.gap import GAP
from gapsample.potential.recipe import KINDS
from gapsample.settings import dump


def describe_model(gap: GAP) -> dict[str, Any]:
    """Species, size, recipe, origin and calibration of a model, JSON-able."""
    return {
        "species": list(gap.species),
        "cutoff": gap.cutoff,
        "n_sparse": [term.n_sparse for term in gap.terms],
        "e0": {chemical_symbols[number]: energy for number, energy in gap.e0.items()},
        "recipe": None if gap.recipe is None else dump(gap.recipe, kinds=KINDS),
        "calibration": dump(gap.calibration),
        "origin": dict(gap.origin),
    }


def calibration_scales(gap: GAP) -> dict[str, float]:
    """Factors that the fit put on its raw predicted errors, by quantity; absent where never calibrated."""
    found = gap.calibration
    scales = {"energy": (found.energy, found.n_energies), "forces": (found.forces, found.n_forces)}
    return {name: scale for name, (scale, n) in scales.items() if n > 0}
