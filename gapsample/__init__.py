"""gapsample: one self-aware GAP, and what can be sampled with it.

The front door. Names are imported when first used, so that ``import gapsample`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gapsample.database import Database, Label
    from gapsample.potential.calculator import Calculator
    from gapsample.potential.files import load
    from gapsample.potential.fit import Fit, fit
    from gapsample.potential.hyperparameters import optimize
    from gapsample.potential.quip.write import write_quip
    from gapsample.potential.recipe import Angle, Baseline, Distance, Recipe, Sigmas, Soap

_HOME = {
    "Angle": "gapsample.potential.recipe",
    "Baseline": "gapsample.potential.recipe",
    "Calculator": "gapsample.potential.calculator",
    "Database": "gapsample.database",
    "Distance": "gapsample.potential.recipe",
    "Fit": "gapsample.potential.fit",
    "Label": "gapsample.database",
    "Recipe": "gapsample.potential.recipe",
    "Sigmas": "gapsample.potential.recipe",
    "Soap": "gapsample.potential.recipe",
    "fit": "gapsample.potential.fit",
    "load": "gapsample.potential.files",
    "optimize": "gapsample.potential.hyperparameters",
    "write_quip": "gapsample.potential.quip.write",
}

_ROOMS = ("free_energy", "learning", "nested", "qmmm", "reference")

__all__ = [
    "Angle",
    "Baseline",
    "Calculator",
    "Database",
    "Distance",
    "Fit",
    "Label",
    "Recipe",
    "Sigmas",
    "Soap",
    "fit",
    "load",
    "optimize",
    "write_quip",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"gapsample.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'gapsample' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS]
