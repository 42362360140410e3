"""Ways for a set of atoms to grow: by distance, or by hops along bonds; with memory where radii differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.descriptors.neighbours import TOO_CLOSE, find_neighbours
from gapsample.errors import InputError
from gapsample.potential.protocol import Evaluation
from gapsample.qmmm.bonds import Bonds, image_shifts
from gapsample.qmmm.distances import distance_to
from gapsample.qmmm.region import Layer
from gapsample.qmmm.unwrap import Edges

Bools = NDArray[np.bool_]

STEP = 1.5  # Å, by which a radius grows where a calculation needs a larger buffer


@dataclass(frozen=True, eq=False)
class Scene:
    """A configuration as a selection sees it.

    Attributes
    ----------
    atoms : the configuration
    bonds : its bonds
    seen : what the classical potential says of it, with its predicted error where it knows one
    """

    atoms: Atoms
    bonds: Bonds
    seen: Evaluation | None = None


class Growth(Protocol):
    """How a set of atoms grows."""

    def layer(self, scene: Scene, members: Bools) -> Layer:
        """The set grown by the inner and by the outer measure."""
        ...

    def edges(self, scene: Scene, members: Bools) -> Edges:
        """What ties each atom of the inner layer, and every image of it there, to the set it grew from."""
        ...

    def larger(self) -> Self:
        """The next larger growth."""
        ...


@dataclass(frozen=True)
class Within:
    """All atoms nearer than a radius to an atom of the set.

    Attributes
    ----------
    inner : Å; nearer atoms enter
    outer : Å; atoms that are in stay as long as they are nearer; None: the same as `inner`
    """

    inner: float
    outer: float | None = None

    def __post_init__(self) -> None:
        _check(self.inner, self.outer, "radii (Å)")

    def layer(self, scene: Scene, members: Bools) -> Layer:
        """See `Growth.layer`."""
        outer = self.inner if self.outer is None else self.outer
        distance = distance_to(scene.atoms, members, outer)
        return Layer(distance < self.inner, distance < outer) | Layer.of(members)

    def edges(self, scene: Scene, members: Bools) -> Edges:
        """See `Growth.edges`: pairs nearer than the inner radius."""
        part = np.flatnonzero(self.layer(scene, members).inner)
        atoms = scene.atoms
        close = Atoms(atoms.numbers[part], atoms.positions[part], cell=atoms.cell, pbc=atoms.pbc)
        near = find_neighbours(close, max(self.inner, TOO_CLOSE))
        tied = members[part[near.i]] | members[part[near.j]]
        i, j = part[near.i[tied]], part[near.j[tied]]
        return Edges(i, j, image_shifts(atoms, i, j, near.D[tied]))

    def larger(self) -> Within:
        """Radii larger by 1.5 Å."""
        return Within(self.inner + STEP, None if self.outer is None else self.outer + STEP)


@dataclass(frozen=True)
class Hops:
    """All atoms within a number of bonds of an atom of the set.

    Attributes
    ----------
    inner : bonds; atoms within enter
    outer : bonds; atoms that are in stay as long as they are within; None: the same as `inner`
    """

    inner: int
    outer: int | None = None

    def __post_init__(self) -> None:
        _check(self.inner, self.outer, "hops")

    def layer(self, scene: Scene, members: Bools) -> Layer:
        """See `Growth.layer`."""
        outer = self.inner if self.outer is None else self.outer
        hops = scene.bonds.hops_from(members, outer)
        return Layer(hops <= self.inner, hops <= outer)

    def edges(self, scene: Scene, members: Bools) -> Edges:
        """See `Growth.edges`: bonds of atoms from which there is a hop to go."""
        bonds = scene.bonds.edges
        ahead = scene.bonds.hops_from(members, self.inner) < self.inner
        return bonds.where(ahead[bonds.i] | ahead[bonds.j])

    def larger(self) -> Hops:
        """One hop more."""
        return Hops(self.inner + 1, None if self.outer is None else self.outer + 1)


def _check(inner: float, outer: float | None, what: str) -> None:
    if not (inner >= 0 and (outer is None or outer >= inner)):
        raise InputError(f"a layer wants {what} with 0 <= inner <= outer, got {inner} and {outer}")
