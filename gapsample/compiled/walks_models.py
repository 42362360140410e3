"""The one thing a compiled walk asks of a model: energy and forces of atoms in a periodic cell.

A model is a NamedTuple of plain numbers and arrays. Its file registers the compiled function that evaluates
it; walks call `evaluate` and are compiled once for each class of model. Run in plain Python
(``walk.py_func``), the same walks take any object with a method of that name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeVar

import numba.extending
import numpy as np
from numba.core import types
from numpy.typing import NDArray

from gapsample.compiled.jit import njit, options
from gapsample.compiled.walks_core import reciprocal

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Evaluator = Callable[[Any, Floats, Integers, Floats, Floats], float]
Function = TypeVar("Function", bound=Callable[..., Any])

_OPTIONS: Any = options(inline=True)
_EVALUATORS: dict[type, Evaluator] = {}


class PythonModel(Protocol):
    """A model that is not compiled; walks run in plain Python around it."""

    def evaluate(self, positions: Floats, species: Integers, cell: Floats, forces: Floats) -> float:
        """As the function `evaluate` of this module."""
        ...


def evaluate(model: Any, positions: Floats, species: Integers, cell: Floats, forces: Floats) -> float:
    """Energy of a configuration, periodic along all three axes; its forces into `forces`.

    Parameters
    ----------
    model : a NamedTuple whose class has been given an evaluator, or in plain Python a `PythonModel`
    positions : shape (n, 3), Å; atoms may lie outside of the cell
    species : shape (n,), places of the atoms' symbols among those the model was compiled for
    cell : shape (3, 3), Å, rows its vectors; any shape and size, right-handed
    forces : shape (n, 3), eV/Å, overwritten; or (0, 3) if none are wanted

    Returns
    -------
    float
        eV; NaN or infinite where the model cannot tell.
    """
    known = _EVALUATORS.get(type(model))
    if known is None:
        return model.evaluate(positions, species, cell, forces)
    return known(model, positions, species, cell, forces)


def evaluates(model: type) -> Callable[[Function], Function]:
    """Let walks evaluate models of a NamedTuple class by the compiled function that follows.

    >>> @evaluates(Springs)  # doctest: +SKIP
    ... @njit
    ... def springs(model, positions, species, cell, forces): ...
    """

    def register(function: Function) -> Function:
        _EVALUATORS[model] = function

        @numba.extending.overload(evaluate, jit_options=_OPTIONS)
        def chosen(model_: Any, positions: Any, species: Any, cell: Any, forces: Any) -> Any:
            named = isinstance(model_, types.NamedTuple | types.NamedUniTuple)
            if not (named and model_.instance_class is model):
                return None

            def run(model_: Any, positions: Any, species: Any, cell: Any, forces: Any) -> Any:
                return function(model_, positions, species, cell, forces)

            return run

        return function

    return register


def inlined(function: Function) -> Function:
    """Plain Python when called from Python, compiled when called from compiled code.

    For every function that hands a model on: only so does a whole walk run in either way.
    """
    return numba.extending.register_jitable(**_OPTIONS)(function)


def for_model(function: Function, model: Any) -> Function:
    """The compiled function for a compiled model, the same source in plain Python for a `PythonModel`."""
    return function if isinstance(model, tuple) else function.py_func  # type: ignore[attr-defined]


class Springs(NamedTuple):
    """Every atom on a spring of its own to the nearest image of its site: Einstein's solid, or an ideal gas.

    Attributes
    ----------
    stiffness : shape (n, 3), eV/Å^2, along each axis; energy = 1/2 sum stiffness away^2
    sites : shape (n, 3), Å
    levels : shape (n_species,), eV, energy of an atom of each species
    """

    stiffness: Floats
    sites: Floats
    levels: Floats


@evaluates(Springs)
@njit
def springs(model: Springs, positions: Floats, species: Integers, cell: Floats, forces: Floats) -> float:
    """Energy and forces of the harmonic solid."""
    energy = 0.0
    inverse, away, cells = np.empty((3, 3)), np.empty(3), np.empty(3)
    reciprocal(cell, inverse)
    for i in range(len(positions)):
        energy += model.levels[species[i]]
        for k in range(3):
            away[k] = positions[i, k] - model.sites[i, k]
        for k in range(3):
            cells[k] = np.rint(away[0] * inverse[0, k] + away[1] * inverse[1, k] + away[2] * inverse[2, k])
        for k in range(3):
            away[k] -= cells[0] * cell[0, k] + cells[1] * cell[1, k] + cells[2] * cell[2, k]
            energy += 0.5 * model.stiffness[i, k] * away[k] * away[k]
            if len(forces):
                forces[i, k] = -model.stiffness[i, k] * away[k]
    return energy
