"""The analytic potential in the third column: Tersoff's carbon of 1989, as matscipy has it."""

from __future__ import annotations

import warnings
from typing import Any

from ase import Atoms
from ase.calculators.calculator import Calculator
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import TersoffBrenner
from matscipy.calculators.manybody.explicit_forms.tersoff_brenner import Tersoff_PRB_39_5566_Si_C

NAME = "Tersoff 1989"


class _QuietManybody(Manybody):  # type: ignore[misc]
    """matscipy's potential masks the places where it divides by zero, but NumPy warns about them."""

    def calculate(self, atoms: Atoms, properties: Any, system_changes: Any) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*'where' used without 'out'.*", category=UserWarning)
            super().calculate(atoms, properties, system_changes)


def tersoff() -> Calculator:
    """Tersoff, Phys. Rev. B 39, 5566 (1989), the parameters of carbon."""
    return _QuietManybody(**TersoffBrenner(Tersoff_PRB_39_5566_Si_C))
