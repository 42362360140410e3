"""Which atoms are quantum: nested masks, the weights of their quantum forces, and the law of hysteresis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Layer(NamedTuple):
    """What a layer of the region takes in, and what it lets stay.

    Attributes
    ----------
    inner : shape (n_atoms,); atoms that enter
    outer : shape (n_atoms,); atoms that stay once they are in; those of `inner` are among them
    """

    inner: Bools
    outer: Bools

    @classmethod
    def of(cls, atoms: Bools) -> Layer:
        """The layer without memory: exactly these atoms."""
        return cls(atoms, atoms)

    def __or__(self, other: Layer) -> Layer:
        return Layer(self.inner | other.inner, self.outer | other.outer)

    def after(self, before: Bools | None) -> Bools:
        """The next set: those of `before` still within the outer set, and all of the inner one."""
        return self.inner.copy() if before is None else (before & self.outer) | self.inner


@dataclass(frozen=True, eq=False)
class Region:
    """The quantum region of one configuration.

    Attributes
    ----------
    core : shape (n_atoms,); atoms that asked for quantum forces
    quantum : shape (n_atoms,); atoms with quantum forces of weight 1, `core` among them
    transition : shape (n_atoms,); atoms with a weight between 0 and 1, none of `quantum`; empty where
        quantum forces end abruptly
    weight : shape (n_atoms,); of the quantum forces: 1 on `quantum`, 0 outside `transition`

    Raises
    ------
    InputError
        The masks are not nested, or the weights do not fit them.
    """

    core: Bools
    quantum: Bools
    transition: Bools
    weight: Floats

    def __post_init__(self) -> None:
        shapes = {part.shape for part in (self.core, self.quantum, self.transition, self.weight)}
        if len(shapes) != 1 or self.core.ndim != 1:
            raise InputError(f"a region wants masks and weights of one number per atom, got shapes {shapes}")
        if np.any(self.core & ~self.quantum) or np.any(self.quantum & self.transition):
            raise InputError("core atoms must be quantum atoms, and transition atoms must not")
        outside = ~(self.quantum | self.transition)
        within = np.all((self.weight >= 0.0) & (self.weight <= 1.0))
        if not (within and np.all(self.weight[self.quantum] == 1.0) and np.all(self.weight[outside] == 0.0)):
            raise InputError("weights must be 1 on quantum atoms, 0 outside the transition, else in [0, 1]")

    @classmethod
    def of(cls, quantum: Bools) -> Region:
        """Core and quantum atoms the same, quantum forces ending abruptly."""
        quantum = np.asarray(quantum, dtype=bool)
        return cls(quantum, quantum, np.zeros_like(quantum), quantum.astype(float))

    @property
    def n_atoms(self) -> int:
        return len(self.core)

    @property
    def treated(self) -> Bools:
        """Atoms that need quantum forces: quantum and transition, shape (n_atoms,)."""
        return self.quantum | self.transition


def weights_of(quantum: Bools, distance: Floats, width: float) -> Floats:
    """Weights that fall smoothly (with zero slope at both ends) from 1 at the quantum atoms to 0.

    Parameters
    ----------
    distance : shape (n_atoms,), Å, from the quantum atoms
    width : Å, distance at which the weight reaches 0; 0 for an abrupt end
    """
    if width <= 0.0:
        return quantum.astype(float)
    x = np.clip(1.0 - distance / width, 0.0, 1.0)
    return np.where(quantum, 1.0, x * x * (3.0 - 2.0 * x))
