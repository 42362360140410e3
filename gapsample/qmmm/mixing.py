"""Force mixing: quantum forces where the region says so, a classical potential's elsewhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.qmmm.bonds import Bonding
from gapsample.qmmm.clusters import Carving, Cluster, carve
from gapsample.qmmm.engine import Answer, Engine
from gapsample.qmmm.layers import Scene
from gapsample.qmmm.momentum import Share, carriers, restoring
from gapsample.qmmm.region import Region
from gapsample.qmmm.selection import Selector
from gapsample.qmmm.solving import solve

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Mixing = Literal["subtractive", "plain"]


@dataclass(frozen=True, eq=False)
class ClusterLabel:
    """A quantum calculation that was paid for, fit to teach a potential.

    Attributes
    ----------
    cluster : the atoms, and which of their forces are trusted
    forces : shape (n_atoms, 3), eV/Å, on all atoms of the cluster
    energy : eV; None where it means nothing (a cluster carved out)
    settings : how many of the engine's settings had failed before
    enlarged : how many times its buffer was enlarged
    seconds : wall-clock time of the engine
    """

    cluster: Cluster
    forces: Floats
    energy: float | None
    settings: int
    enlarged: int
    seconds: float

    @property
    def atoms(self) -> Atoms:
        return self.cluster.atoms

    @property
    def trusted(self) -> Bools:
        return self.cluster.trusted


@dataclass(frozen=True, eq=False)
class Mixed:
    """Mixed forces of one configuration, and all that went into them.

    Attributes
    ----------
    forces : shape (n_atoms, 3), eV/Å
    region : whose forces are quantum
    mm : the classical potential's evaluation of the whole configuration
    labels : the quantum calculations
    net_force : shape (3,), eV/Å, what mixing had added to the sum of forces before it was taken away
    correction : shape (n_atoms, 3), eV/Å, part of `forces` that took it away; 0 on atoms that do not carry it
    energy : eV where these forces have one: no atom quantum, or all of them and the engine saw the
        configuration whole. Else NaN: mixed forces are not the gradient of anything
    """

    forces: Floats
    region: Region
    mm: Evaluation
    labels: list[ClusterLabel]
    net_force: Floats
    correction: Floats
    energy: float


@dataclass(frozen=True, eq=False)
class ForceMixing:
    """Buffered force mixing: ``F_i = F_i^MM + w_i (F_i^QM[K] - F_i^MM[K])``, K the cluster around atom i.

    Attributes
    ----------
    mm : the classical potential
    qm : the quantum engine
    selector : which atoms are quantum, e.g. a `Selection`
    carving : how clusters are cut out
    how : ``"subtractive"`` as above: what reaches farther than the buffer is classical, not missing.
        ``"plain"`` takes F_i^MM of the whole configuration in place of F_i^MM[K], for a classical potential
        that cannot say anything about K (hydrogens that close bonds of silicon, say)
    momentum : who carries the correction that keeps the sum of forces, by mass; None: no correction
    bonding : what counts as a bond
    mm_of : the classical potential of a cluster where `mm` itself is tied to the whole configuration (an
        OpenMM System)
    error : which predicted error is asked of `mm` at each step
    executor : where clusters are solved at once; None: here, one after the other
    enlargements : how often the buffer of a cluster grows after all settings of the engine failed on it;
        one that is the whole configuration cannot

    References
    ----------
    Csányi, Albaret, Payne & De Vita, Phys. Rev. Lett. 93, 175503 (2004); Bernstein, Kermode & Csányi, Rep.
    Prog. Phys. 72, 026501 (2009); Bernstein et al., Phys. Chem. Chem. Phys. 14, 646 (2012).
    """

    mm: Potential
    qm: Engine
    selector: Selector
    carving: Carving = field(default_factory=Carving)
    how: Mixing = "subtractive"
    momentum: Share | None = "quantum"
    bonding: Bonding = field(default_factory=Bonding)
    mm_of: Callable[[Cluster], Potential] | None = None
    error: ErrorRequest = "forces"
    executor: Executor | None = None
    enlargements: int = 1

    def __post_init__(self) -> None:
        if self.how not in get_args(Mixing):
            raise InputError(f"forces are mixed 'subtractive' or 'plain', got {self.how!r}")
        if self.momentum is not None and self.momentum not in get_args(Share):
            raise InputError(f"momentum is carried by {get_args(Share)} or None, got {self.momentum!r}")

    def step(self, atoms: Atoms, previous: Region | None = None, seen: Evaluation | None = None) -> Mixed:
        """Select the region, given the one before, and mix forces.

        Parameters
        ----------
        seen : the classical evaluation of `atoms`, if it is known already (or was corrected, such as its
            predicted error by a calibration)

        Raises
        ------
        QuantumFailed
            The engine failed on a cluster with all its settings and every buffer.
        InputError
            A configuration, or a species, that a potential or the selector cannot deal with.
        """
        scene = self.scene(atoms, seen)
        return self._mixed(scene, self.selector(scene, previous))

    def forces(
        self,
        atoms: Atoms,
        region: Region,
        seen: Evaluation | None = None,
        labels: list[ClusterLabel] | None = None,
    ) -> Mixed:
        """Mix forces with a region that is given; for the rest as `step`.

        Parameters
        ----------
        labels : the quantum calculations for this region at these positions, if they are known already
        """
        if region.n_atoms != len(atoms):
            raise InputError(f"the region is of {region.n_atoms} atoms, the configuration of {len(atoms)}")
        return self._mixed(self.scene(atoms, seen), region, labels)

    def scene(self, atoms: Atoms, seen: Evaluation | None = None) -> Scene:
        """The configuration with its bonds and classical evaluation, as the selector sees it."""
        if seen is None:
            seen = self.mm.evaluate(atoms, forces=True, error=self.error)
        return Scene(atoms, self.bonding.find(atoms), seen)

    def _mixed(self, scene: Scene, region: Region, labels: list[ClusterLabel] | None = None) -> Mixed:
        mm = scene.seen
        if mm is None or mm.forces is None:
            raise InputError("force mixing wants forces of the classical potential, which gave none")
        if labels is None:
            labels = self._labels(scene, region.treated)
        change = np.zeros_like(mm.forces)
        for label in labels:
            wanted = label.cluster.wanted
            difference = label.forces[label.cluster.trusted] - self._classical(label.cluster, mm.forces)
            change[wanted] = region.weight[wanted, None] * difference
        net, correction = change.sum(axis=0), np.zeros_like(change)
        if self.momentum is not None and labels:
            correction = restoring(net, scene.atoms.get_masses(), carriers(region, self.momentum))
        forces = mm.forces + (change + correction)
        return Mixed(forces, region, mm, labels, net, correction, _energy(mm, labels, region))

    def _classical(self, cluster: Cluster, forces: Floats) -> Floats:
        """Classical forces that the quantum ones replace, shape (n_wanted, 3)."""
        if self.how == "plain" or cluster.complete:
            return forces[cluster.wanted]
        potential = self.mm if self.mm_of is None else self.mm_of(cluster)
        try:
            found = potential.evaluate(cluster.atoms, forces=True).forces
        except InputError as problem:
            problem.add_note(
                "subtractive mixing evaluates the classical potential on clusters, closed by hydrogens where "
                "bonds are cut; for a potential that cannot, mix how='plain'"
            )
            raise
        if found is None:
            raise InputError("subtractive mixing wants classical forces of clusters, and there are none")
        return found[cluster.trusted]

    def _labels(self, scene: Scene, wanted: Bools) -> list[ClusterLabel]:
        """Quantum forces for the wanted atoms, with larger buffers around clusters that failed."""
        solved: list[ClusterLabel] = []
        carving, clusters = self.carving, carve(scene, wanted, self.carving)
        for enlarged in range(self.enlargements + 1):
            answers = solve(self.qm, [cluster.atoms for cluster in clusters], self.executor)
            unsolved = []
            for cluster, answer in zip(clusters, answers, strict=True):
                if isinstance(answer, Answer):
                    solved.append(_label(cluster, answer, enlarged))
                elif cluster.complete or enlarged == self.enlargements:
                    raise answer
                else:
                    unsolved.append(cluster)
            carving = carving.larger()
            clusters = [again for old in unsolved for again in carve(scene, _wanted(old, scene), carving)]
        return solved


def _wanted(cluster: Cluster, scene: Scene) -> Bools:
    """The atoms of the whole configuration whose forces this cluster was to give."""
    mask = np.zeros(len(scene.atoms), bool)
    mask[cluster.wanted] = True
    return mask


def _label(cluster: Cluster, answer: Answer, enlarged: int) -> ClusterLabel:
    found = answer.evaluation
    assert found.forces is not None  # an Engine answers with forces
    energy = found.energy if cluster.complete else None
    return ClusterLabel(cluster, found.forces, energy, answer.settings, enlarged, answer.seconds)


def _energy(mm: Evaluation, labels: list[ClusterLabel], region: Region) -> float:
    if not labels:
        return mm.energy
    if len(labels) == 1 and labels[0].energy is not None and bool(region.quantum.all()):
        return labels[0].energy
    return math.nan
