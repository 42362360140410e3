"""How far forces reach: errors of forces from clusters, against the radius of the cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.potential.protocol import Potential
from gapsample.qmmm.bonds import Bonding
from gapsample.qmmm.clusters import Carving, Cluster, carve
from gapsample.qmmm.engine import Answer, Engine, QuantumFailed
from gapsample.qmmm.layers import Scene, Within
from gapsample.qmmm.solving import solve

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Outside = Literal["nothing", "classical"]

LEVELS = (0.05, 0.95)  # quantiles of the radii that single atoms want


class Radius(NamedTuple):
    """The radius that a wanted error takes, Å; infinite where the largest one tried is too small.

    Attributes
    ----------
    value : from there on the root mean square over the atoms is at or below what is wanted
    low, high : from there on 5 % and 95 % of the atoms are, each on its own
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Locality:
    """Errors of forces on chosen atoms, from clusters around each, against the radius.

    Attributes
    ----------
    radii : shape (n_radii,), Å, ascending
    frame, index, numbers : shape (n_atoms,); configuration, index there, and atomic number of each atom
    forces : shape (n_atoms, 3), eV/Å, of the engine on the whole configuration
    errors : by what is outside the cluster, shape (n_radii, n_atoms, 3), eV/Å; ``"nothing"``: the
        quantum force in the cluster less the true one; ``"classical"``: the same with the classical force
        of all atoms less that in the cluster added, as force mixing does. NaN where a cluster would have
        been the whole configuration, or the engine failed on it
    sizes : shape (n_radii, n_atoms), atoms in each cluster, hydrogens that close bonds among them
    whole, failed : shape (n_radii, n_atoms); why an error is NaN
    """

    radii: Floats
    frame: Integers
    index: Integers
    numbers: Integers
    forces: Floats
    errors: dict[Outside, Floats]
    sizes: Integers
    whole: NDArray[np.bool_]
    failed: NDArray[np.bool_]

    def norms(self, outside: Outside, number: int | None = None) -> Floats:
        """Norms of the errors, of one species if its atomic number is given; shape (n_radii, n), eV/Å."""
        chosen = slice(None) if number is None else self.numbers == number
        return np.asarray(np.linalg.norm(self.errors[outside], axis=2)[:, chosen])

    def rms(self, outside: Outside, number: int | None = None) -> Floats:
        """Root mean square over atoms of the norms, shape (n_radii,), eV/Å; NaN where none is known."""
        return _over_atoms(np.mean, self.norms(outside, number) ** 2) ** 0.5

    def largest(self, outside: Outside, number: int | None = None) -> Floats:
        """The largest norm, shape (n_radii,), eV/Å; NaN where none is known."""
        return _over_atoms(np.max, self.norms(outside, number))

    def radius_for(self, error: float, outside: Outside, number: int | None = None) -> Radius:
        """The smallest radius tried that reaches an error (eV/Å) and keeps it at every larger one."""
        value = self._reached(self.rms(outside, number)[:, None], error)[0]
        alone = self._reached(self.norms(outside, number), error)
        low, high = np.quantile(alone, LEVELS, method="inverted_cdf")
        return Radius(float(value), float(low), float(high))

    def _reached(self, errors: Floats, wanted: float) -> Floats:
        """For each column the radius from which all known errors are small enough, inf if there is none."""
        known = np.isfinite(errors)
        good = np.logical_and.accumulate((~known | (errors <= wanted))[::-1])[::-1] & known
        first = np.argmax(good, axis=0)
        return np.where(good.any(axis=0), self.radii[first], np.inf)


@dataclass(frozen=True)
class Scan:
    """How the reach of forces is found out.

    Attributes
    ----------
    radii : Å, of the clusters around each atom; the carving may add atoms
    carving : how clusters are cut out; its buffer does not count
    mm : the classical potential of what is outside; None: clusters alone
    """

    qm: Engine
    radii: tuple[float, ...]
    mm: Potential | None = None
    carving: Carving = field(default_factory=Carving)
    bonding: Bonding = field(default_factory=Bonding)

    def __post_init__(self) -> None:
        if not self.radii or min(self.radii) <= 0.0 or sorted(set(self.radii)) != list(self.radii):
            raise InputError(f"a scan wants radii > 0 Å in ascending order, got {list(self.radii)}")

    def run(
        self, frames: Sequence[Atoms], chosen: Sequence[Integers], executor: Executor | None = None
    ) -> Locality:
        """Compare forces in clusters with those of the same engine on whole configurations.

        Parameters
        ----------
        chosen : for each configuration the indices of the atoms
        executor : where the engine runs; None: here, one evaluation after the other

        Raises
        ------
        QuantumFailed
            The engine fails on a whole configuration, with which all is compared.
        InputError
            A potential refuses a configuration or a cluster.
        """
        atoms = [(n, int(i)) for n, indices in zip(range(len(frames)), chosen, strict=True) for i in indices]
        if not atoms:
            raise InputError("a scan wants at least one atom to look at, got none")
        frame, index = np.array(atoms).T
        scenes = [Scene(each, self.bonding.find(each)) for each in frames]
        clusters = [self._cluster(scenes[n], i, radius) for radius in self.radii for n, i in atoms]
        truths, forces = self._quantum(frames, clusters, executor)
        truth = np.array([truths[n][i] for n, i in atoms])
        shape = len(self.radii), len(atoms)
        alone = forces.reshape(*shape, 3) - truth
        errors: dict[Outside, Floats] = {"nothing": alone}
        if self.mm is not None:
            everything = [_forces(self.mm, each) for each in frames]
            inside = np.array([_classical(self.mm, each) for each in clusters]).reshape(*shape, 3)
            errors["classical"] = alone + np.array([everything[n][i] for n, i in atoms]) - inside
        sizes = np.array([len(each.atoms) for each in clusters]).reshape(shape)
        whole = np.array([each.complete for each in clusters]).reshape(shape)
        failed = np.isnan(alone[:, :, 0]) & ~whole
        numbers = np.array([frames[n].numbers[i] for n, i in atoms])
        return Locality(np.array(self.radii), frame, index, numbers, truth, errors, sizes, whole, failed)

    def _quantum(
        self, frames: Sequence[Atoms], clusters: Sequence[Cluster], executor: Executor | None
    ) -> tuple[list[Floats], Floats]:
        """Forces on all atoms of each configuration, and on the atom in the middle of each cluster."""
        pieces = [each.atoms for each in clusters if not each.complete]
        answers = solve(self.qm, [*frames, *pieces], executor)
        truths = [_forces_of(answer) for answer in answers[: len(frames)]]
        found = iter(answers[len(frames) :])
        forces = np.full((len(clusters), 3), np.nan)
        for number, each in enumerate(clusters):
            if not each.complete and isinstance(answer := next(found), Answer):
                forces[number] = _forces_of(answer)[each.trusted][0]
        return truths, forces

    def _cluster(self, scene: Scene, index: int, radius: float) -> Cluster:
        wanted = np.zeros(len(scene.atoms), bool)
        wanted[index] = True
        (cluster,) = carve(scene, wanted, replace(self.carving, buffer=Within(radius)))
        return cluster


def _forces_of(answer: Answer | QuantumFailed) -> Floats:
    if isinstance(answer, QuantumFailed):
        raise answer
    assert answer.evaluation.forces is not None  # an Engine answers with forces
    return answer.evaluation.forces


def _forces(mm: Potential, atoms: Atoms) -> Floats:
    found = mm.evaluate(atoms, forces=True).forces
    if found is None:
        raise InputError("what is outside wants forces of the classical potential, which gave none")
    return found


def _classical(mm: Potential, cluster: Cluster) -> Floats:
    """The classical force on the atom in the middle, NaN where the quantum one is not compared."""
    return np.full(3, np.nan) if cluster.complete else _forces(mm, cluster.atoms)[cluster.trusted][0]


def _over_atoms(measure: Callable[[Floats], float], values: Floats) -> Floats:
    """A measure of the known values of each row, NaN for rows without any."""
    rows = [row[np.isfinite(row)] for row in values]
    return np.array([measure(row) if len(row) else np.nan for row in rows])
