"""What a GAP is fitted on top of: subtracted from the labels before the fit, added after."""

from __future__ import annotations

from functools import reduce

from gapsample.errors import InputError
from gapsample.potential.calculator import FromCalculator
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


def name_own(whole: Potential | None, described: Baseline | None) -> str | None:
    """What a model's baseline holds besides the one its recipe describes, in words; None: nothing.

    Raises
    ------
    InputError
        The recipe's part is missing from it.
    """
    known = None if described is None else from_recipe(described)
    if whole == known:
        return None
    own = whole
    if known is not None:
        if not isinstance(own, Sum) or own.left != known:
            raise InputError("the model's baseline leaves out the one its recipe names; correct the recipe")
        own = own.right
    name = own.calculator if isinstance(own, FromCalculator) else own
    return type(name).__name__


def added(*parts: Potential | None) -> Potential | None:
    """The sum of the potentials that are there; None when there are none."""
    present = [part for part in parts if part is not None]
    return reduce(Sum, present) if present else None
