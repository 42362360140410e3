"""What a GAP is fitted on top of: subtracted from the labels before the fit, added after."""

from __future__ import annotations

from functools import reduce

from gapsample.potential.protocol import Potential, Sum
from gapsample.potential.recipe import Baseline
from gapsample.potential.zbl import ZBL


def from_recipe(baseline: Baseline) -> Potential | None:
    """The potential a recipe asks for; None when it asks for nothing."""
    parts: list[Potential] = []
    if baseline.zbl is not None:
        parts.append(ZBL(*baseline.zbl))
    if baseline.charges:
        from gapsample.potential.coulomb import PointCharges  # matscipy is slow to import

        parts.append(PointCharges(baseline.charges))
    return added(*parts)


def added(*parts: Potential | None) -> Potential | None:
    """The sum of the potentials that are there; None when there are none."""
    present = [part for part in parts if part is not None]
    return reduce(Sum, present) if present else None
