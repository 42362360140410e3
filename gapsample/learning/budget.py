"""Where the error of an adaptive run comes from, in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ErrorBudget:
    """Errors of the forces of an adaptive run, and the heat that its thermostat had to take away.

    Attributes
    ----------
    buffer : eV/Å, error of quantum forces for the buffer is finite (from a locality scan)
    surrogate : eV/Å, audited root mean square error of the model where it was trusted; NaN, and so `force`,
        where nobody audited it
    momentum : eV/Å, root mean square of the correction that restores momentum, on the atoms that got it
    heat : eV/ps for each atom, removed by the thermostat, by the name of the region; negative: put in
    """

    buffer: float = 0.0
    surrogate: float = 0.0
    momentum: float = 0.0
    heat: Mapping[str, float] = field(default_factory=dict)

    @property
    def force(self) -> float:
        """The three errors of forces in quadrature, eV/Å."""
        return math.hypot(self.buffer, self.surrogate, self.momentum)

    def as_dict(self) -> dict[str, Any]:
        """The budget as plain numbers."""
        return {
            "buffer": self.buffer,
            "surrogate": self.surrogate,
            "momentum": self.momentum,
            "force": self.force,
            "heat": dict(self.heat),
        }
