"""Clusters carved out around a set of atoms, ready for a quantum engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.qmmm.layers import Growth, Scene, Within
from gapsample.qmmm.termination import caps, closed, has_odd_electrons, to_hydrogen
from gapsample.qmmm.unwrap import fits, followed, joined, unwrapped

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Carving:
    """How clusters are cut out.

    Attributes
    ----------
    buffer : how far a cluster reaches beyond the atoms whose forces are wanted
    terminate : close cut bonds with hydrogen; False for metals
    vacuum : Å around the cluster, in a box, along directions in which it is not periodic, for engines
        that want one; None: no box
    partial : a cluster that would meet its own images along some of the periodic directions is periodic along
        these alone, for engines that know such cells; False: it is the whole configuration
    """

    buffer: Growth = field(default_factory=lambda: Within(6.0))
    terminate: bool = True
    vacuum: float | None = None
    partial: bool = False

    def __post_init__(self) -> None:
        if self.vacuum is not None and not self.vacuum > 0.0:
            raise InputError(f"a box wants a vacuum > 0 Å, got {self.vacuum}; None for no box")

    def larger(self) -> Carving:
        """The same with the next larger buffer."""
        return replace(self, buffer=self.buffer.larger())


@dataclass(frozen=True, eq=False)
class Cluster:
    """A piece of a configuration on its own.

    Attributes
    ----------
    atoms : real atoms in the order of the parent, then hydrogens that close cut bonds; periodic only along
        the cell vectors along which it would meet its own images
    index : shape (n_real,), of the real atoms in the parent
    trusted : shape (n_atoms,); atoms whose forces were wanted. Those of the buffer and of hydrogens mean
        nothing
    complete : the parent itself, atom for atom and with its cell: then the energy means something too
    """

    atoms: Atoms
    index: Integers
    trusted: Bools
    complete: bool = False

    @property
    def n_real(self) -> int:
        return len(self.index)

    @property
    def wanted(self) -> Integers:
        """Atoms of the parent whose forces were wanted; they come in the order of ``forces[trusted]``."""
        return self.index[self.trusted[: self.n_real]]


def carve(scene: Scene, wanted: Bools, carving: Carving) -> list[Cluster]:
    """Clusters that give the forces of the wanted atoms; one for each set whose buffers share atoms.

    A cluster that crosses a periodic boundary is unwrapped. One that would hold an atom and its own image,
    holds all atoms, or would hold more (with its hydrogens) than there are, is the whole configuration; so it
    is if all atoms are wanted. With `Carving.partial` one that meets its images along some directions, not
    along all, is periodic along those instead.

    Where hydrogens close cut bonds and the number of electrons is odd, the hydrogen on the bond stretched
    most (by covalent radii) is left out: often one bond too many of an atom squeezed among others, otherwise
    the unpaired electron inside pairs with that of the bond left open. Odd molecules without cut bonds stay
    as they are.

    Parameters
    ----------
    wanted : shape (n_atoms,)

    Returns
    -------
    list of Cluster
        In the order of their first atoms; empty if no atom is wanted.
    """
    if not wanted.any():
        return []
    if wanted.all():
        return [_complete(scene.atoms, wanted)]
    numbers, terminate = scene.atoms.numbers, carving.terminate
    reached = closed(scene.bonds, numbers, carving.buffer.layer(scene, wanted).inner, terminate=False)
    bonds = scene.bonds.of(closed(scene.bonds, numbers, reached, terminate=terminate))
    kept = reached[bonds.edges.i] & (bonds.whole[bonds.edges.i] | to_hydrogen(bonds, numbers))
    pieces = unwrapped(len(numbers), joined(carving.buffer.edges(scene, wanted), bonds.edges.where(kept)))
    clusters = []
    for label in np.unique(pieces.label[wanted]):
        part = pieces.label == label
        members = closed(bonds, numbers, part, terminate=terminate)
        inside = bonds.of(members)
        shift = followed(part, pieces.shift, inside.edges.where(members[inside.edges.j]))
        near = Scene(scene.atoms, inside)
        clusters.append(_cluster(near, wanted & part, members, shift, pieces.wraps[label], carving))
    return clusters


def _cluster(
    scene: Scene, wanted: Bools, members: Bools, shift: Integers, periodic: Bools, carving: Carving
) -> Cluster:
    """One cluster, its members moved by `shift` cells except along directions in which it is periodic.

    The scene holds the bonds of its members only.
    """
    parent = scene.atoms
    wraps = periodic.any() and not (carving.partial and (parent.pbc & ~periodic).any())
    if members.all() or wraps:
        return _complete(parent, wanted)
    index = np.flatnonzero(members)
    shift = np.where(periodic, 0, shift)
    moved = parent.positions + shift @ parent.cell.array
    cluster = _bare(parent, index, moved[index])
    if carving.terminate:
        edges = scene.bonds.edges
        uncut = members[edges.j] & np.all(fits(shift, edges) | periodic, axis=1)
        ends = caps(scene.bonds, parent.numbers, ~uncut)
        closed_up = cluster + Atoms("H" * len(ends.on), moved[ends.on] + ends.arm)
        if len(ends.on) and has_odd_electrons(closed_up):
            del closed_up[len(cluster) + ends.weakest()]
        cluster = closed_up
    if len(cluster) >= len(parent):
        return _complete(parent, wanted)
    cluster.set_cell(np.where(periodic[:, None], parent.cell.array, 0.0))
    cluster.set_pbc(periodic)
    if carving.vacuum is not None:
        cluster.center(vacuum=carving.vacuum, axis=tuple(np.flatnonzero(~periodic)))
    trusted = np.concatenate([wanted[index], np.zeros(len(cluster) - len(index), bool)])
    return Cluster(cluster, index, trusted)


def _complete(atoms: Atoms, wanted: Bools) -> Cluster:
    everything = np.arange(len(atoms))
    whole = _bare(atoms, everything, atoms.positions)
    whole.set_cell(atoms.cell)
    whole.set_pbc(atoms.pbc)
    return Cluster(whole, everything, wanted.copy(), complete=True)


def _bare(atoms: Atoms, index: Integers, positions: Floats) -> Atoms:
    """Some of the atoms: species, positions, and what a quantum engine asks of them besides."""
    part = Atoms(atoms.numbers[index], positions)
    for name in ("initial_charges", "initial_magmoms"):
        if atoms.has(name):
            part.set_array(name, atoms.arrays[name][index])
    return part
