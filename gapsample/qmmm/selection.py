"""From a configuration to its quantum region: criteria, layers with memory, whole molecules, weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.qmmm.distances import distance_to
from gapsample.qmmm.layers import Growth, Scene
from gapsample.qmmm.region import Layer, Region, weights_of

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

Criterion = Callable[[Scene], Layer | Bools]
"""What asks for quantum forces: any function of a `Scene` will do. It returns a mask, shape (n_atoms,), or a
`Layer` where atoms that are in are to stay longer."""

Selector = Callable[[Scene, Region | None], Region]
"""The region of a configuration, given the one before it (None at the start)."""


@dataclass(frozen=True)
class ErrorThreshold:
    """A criterion: atoms whose predicted force error is large.

    The error of an atom is the norm of its `Evaluation.forces_std`.

    Attributes
    ----------
    enter : eV/Å; atoms above it enter
    leave : eV/Å; atoms leave below it
    """

    enter: float
    leave: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.leave <= self.enter:
            raise InputError(
                f"error thresholds want 0 <= leave <= enter, got enter={self.enter}, leave={self.leave} eV/Å"
            )

    def __call__(self, scene: Scene) -> Layer:
        if scene.seen is None or scene.seen.forces_std is None:
            raise InputError(
                "selection by error wants a predicted force error, and the classical potential gave none; "
                "use a GAP and evaluate it with error='forces', or select by distance"
            )
        error = np.linalg.norm(scene.seen.forces_std, axis=1)
        if np.isnan(error).any():
            raise InputError(f"the predicted force error of {np.isnan(error).sum()} atoms is not a number")
        return Layer(error > self.enter, error > self.leave)


@dataclass(frozen=True)
class Seeds:
    """A criterion: given atoms, and those around them.

    Attributes
    ----------
    atoms : indices
    around : how far from them; None: these atoms only
    """

    atoms: tuple[int, ...]
    around: Growth | None = None

    def __call__(self, scene: Scene) -> Layer:
        members = np.zeros(len(scene.atoms), bool)
        if not all(0 <= atom < len(members) for atom in self.atoms):
            raise InputError(f"seeds {self.atoms} are not all among {len(members)} atoms, counted from 0")
        members[list(self.atoms)] = True
        return Layer.of(members) if self.around is None else self.around.layer(scene, members)


@dataclass(frozen=True)
class Selection:
    """The selector built of pieces: a core by criteria, grown to quantum atoms, with a ramp around them.

    Each layer has its own memory: next = (before and outer) or inner.

    Attributes
    ----------
    criteria : an atom is wanted if any of them wants it
    growth : from core to quantum atoms; None: none but whole molecules
    ramp : Å, width of the transition in which weights fall to 0; 0: abrupt
    """

    criteria: tuple[Criterion, ...]
    growth: Growth | None = None
    ramp: float = 0.0

    def __post_init__(self) -> None:
        if not self.criteria or self.ramp < 0.0:
            raise InputError(
                f"a selection wants criteria and a ramp >= 0 Å, got {self.criteria}, {self.ramp}"
            )

    def __call__(self, scene: Scene, previous: Region | None = None) -> Region:
        """The region of a configuration.

        Raises
        ------
        InputError
            `previous` belongs to another number of atoms, a criterion cannot be applied, or it returns
            something else than a mask of all atoms.
        """
        if previous is not None and previous.n_atoms != len(scene.atoms):
            raise InputError(f"the previous region is of {previous.n_atoms} atoms, now {len(scene.atoms)}")
        wanted = _united([_layer(criterion(scene), len(scene.atoms)) for criterion in self.criteria])
        core = wanted.after(None if previous is None else previous.core)
        grown = Layer.of(core) if self.growth is None else self.growth.layer(scene, core)
        quantum = scene.bonds.with_molecules(grown.after(None if previous is None else previous.quantum))
        weight = weights_of(quantum, self._distance(scene, quantum), self.ramp)
        return Region(core, quantum, (weight > 0.0) & ~quantum, weight)

    def _distance(self, scene: Scene, quantum: Bools) -> Floats:
        """From the quantum atoms; atoms of one molecule share the least, and with it their weight."""
        distance = distance_to(scene.atoms, quantum, self.ramp)
        bonds = scene.bonds
        least = np.full(int(bonds.molecule.max()) + 1, np.inf)
        np.minimum.at(least, bonds.molecule, distance)
        return np.where(bonds.whole, least[bonds.molecule], distance)


def _layer(answer: Layer | Bools, n_atoms: int) -> Layer:
    """What a criterion answers, as a layer."""
    inner, outer = answer if isinstance(answer, Layer) else Layer.of(answer)
    layer = Layer(np.asarray(inner), np.asarray(outer))
    for mask in layer:
        if mask.shape != (n_atoms,) or mask.dtype != bool:
            raise InputError(
                f"a criterion is to return a mask of {n_atoms} booleans, or a Layer of two, got shape "
                f"{mask.shape} of {mask.dtype}"
            )
    return layer


def _united(layers: list[Layer]) -> Layer:
    first, *others = layers
    for other in others:
        first = first | other
    return first
