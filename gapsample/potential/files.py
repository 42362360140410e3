"""Reading a GAP from the file it was saved to, or from one of QUIP's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, GapsampleError, InputError
from gapsample.potential.baseline import added, from_recipe
from gapsample.potential.container import UNREADABLE, read_container, unreadable
from gapsample.potential.gap import GAP, Calibration
from gapsample.potential.model_parts import check_numbers, rebuild_posterior, rebuild_terms
from gapsample.potential.protocol import Potential
from gapsample.potential.quip.read import read_quip
from gapsample.potential.recipe import KINDS, Baseline, Recipe
from gapsample.settings import build

Floats = NDArray[np.float64]


def load(path: str | Path, *, baseline: Potential | None = None) -> GAP:
    """Read a model written by `GAP.save`, or an ``.xml`` of QUIP (see `read_quip`).

    Parameters
    ----------
    baseline : the Potential that was given to `fit` as its `baseline`, if one was; for an ``.xml``, any

    Raises
    ------
    InputError
        The model was fitted on top of a baseline of the user's own and none is given, or the reverse.
    FileFormatError
        The file is missing, truncated, of another kind or newer than this program; or its arrays do not
        fit its header. Pickled objects are refused.
    """
    path = Path(path)
    if path.suffix.lower() == ".xml":
        return replace(read_quip(path), baseline=baseline)
    header, arrays = read_container(path)
    try:
        gap = _assemble(header, arrays)
    except FileFormatError:
        raise
    except GapsampleError as problem:
        raise FileFormatError(f"{path} is not a valid gapsample model: {problem}") from problem
    except UNREADABLE as problem:
        raise unreadable(path, problem) from problem
    own = header.get("own_baseline")
    if own is not None and baseline is None:
        raise InputError(
            f"{path} was fitted on top of a baseline of its own ({own}) that a file cannot hold; "
            "give the same one as load(path, baseline=...)"
        )
    if own is None and baseline is not None:
        raise InputError(f"{path} was fitted without a baseline of its own; load it without one")
    return gap if baseline is None else replace(gap, baseline=added(gap.baseline, baseline))


def _assemble(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> GAP:
    if not isinstance(header["own_baseline"], str | None) or not isinstance(header["origin"], dict):
        raise FileFormatError("the header has values of the wrong kind; copy the file or fit it again")
    terms = rebuild_terms(header["terms"], arrays)
    n_sparse = sum(term.n_sparse for term in terms)
    if arrays["alpha"].shape != (n_sparse,):
        raise FileFormatError(f"{n_sparse} sparse points but weights of shape {arrays['alpha'].shape}")
    for part in ("e0", "calibration"):
        check_numbers(header[part], part)
    recipe = None if header["recipe"] is None else build(Recipe, header["recipe"], "recipe", kinds=KINDS)
    head = header["posterior"]
    return GAP(
        terms=terms,
        alpha=arrays["alpha"],
        e0={atomic_numbers[symbol]: float(value) for symbol, value in header["e0"].items()},
        baseline=from_recipe(Baseline() if recipe is None else recipe.baseline),
        posterior=None if head is None else rebuild_posterior(head, arrays["triangle"], n_sparse),
        recipe=recipe,
        calibration=Calibration(**header["calibration"]),
        origin=header["origin"],
    )
