"""Orthogonal tight binding of silicon and hydrogen, with k-points and electrons at a temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.compiled.parallel import blas_pools, n_threads
from gapsample.errors import InputError, SettingsError
from gapsample.potential.protocol import ErrorRequest, Evaluation
from gapsample.reference.fermi import Electrons, occupy
from gapsample.reference.hamiltonian import Hamiltonian, Matrix, hamiltonian_of
from gapsample.reference.kpoints import KPoints, check_wanted, kpoints_of, own_mirror

Floats = NDArray[np.float64]

SECONDS = 2e-10  # per orbital cubed: all states of a real matrix on one core; four times that where complex
UNSEEN = 1e-18  # occupation below which a state adds nothing to a density matrix in double precision


@dataclass(frozen=True)
class TightBinding:
    """Quantum mechanics of silicon and hydrogen: s and p orbitals on silicon, s on hydrogen; a `Potential`.

    The energy is the free energy, band energy minus temperature times electronic entropy plus the repulsion
    of the cores; forces and virial are its exact derivatives. Charges are not made self-consistent. Spin is
    not resolved: an odd electron half fills its level. Hydrogen atoms do not see each other, so that
    molecular hydrogen is outside this model. Any cell or none; images in small cells are all summed.

    Attributes
    ----------
    kpoints : a mesh, (1, 1, 1) for the zone center alone; or the widest spacing of a mesh in 1/Å, 2 pi
        included. Along directions that are not periodic there is one point. A spacing chooses the mesh
        anew for every cell: where the cell moves (constant pressure, strains), give a mesh.
    electronic_temperature : K, above zero
    shifted : let meshes with an even number of points straddle the zone center (Monkhorst and Pack)
    memory : GiB an evaluation may take; larger systems are refused before they start

    Raises
    ------
    SettingsError
        A setting is out of its range.

    Notes
    -----
    Exact diagonalisation: time grows as the number of orbitals cubed (four a silicon, one a hydrogen atom),
    memory as its square times the number of k-points. The environment's GAPSAMPLE_THREADS sets the threads
    of the linear algebra, one by default.

    References
    ----------
    Bowler, Fearn, Goringe, Horsfield & Pettifor, J. Phys.: Condens. Matter 10, 3719 (1998).
    Mermin, Phys. Rev. 137, A1441 (1965), for the free energy.
    """

    kpoints: tuple[int, int, int] | float = (1, 1, 1)
    electronic_temperature: float = 300.0
    shifted: bool = False
    memory: float = 4.0

    def __post_init__(self) -> None:
        check_wanted(self.kpoints)
        for name in ("electronic_temperature", "memory"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise SettingsError(f"{name}: wanted a finite number above zero, got {value!r}")

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Free energy, forces and virial; the predicted error is not known (`Potential.evaluate`).

        Raises
        ------
        InputError
            Other elements than H and Si; no atoms, or atoms on the same point; more orbitals than `memory`
            holds (the message states what they would cost).
        FermiLevelNotFound
            The levels are not finite.
        """
        model, points = self._prepared(atoms)
        with blas_pools().limit(limits=n_threads(), user_api="blas"):
            if not (forces or virial):
                return Evaluation(
                    self._filled(_levels(model, points), model, points).free_energy + model.repulsion
                )
            states = [_solved(model, k) for k in points.points]
            electrons = self._filled(np.array([levels for levels, _ in states]), model, points)
            orders = sum(
                2.0 * weight * model.bond_orders(k, _density(vectors, occupied))
                for k, weight, (_, vectors), occupied in zip(
                    points.points, points.weights, states, electrons.occupations, strict=True
                )
            )
        force, tensor = model.forces(np.asarray(orders))
        return Evaluation(
            electrons.free_energy + model.repulsion, force if forces else None, tensor if virial else None
        )

    def electrons(self, atoms: Atoms) -> Electrons:
        """Levels, occupations, Fermi level, band energy and entropy; raises as `evaluate` does."""
        model, points = self._prepared(atoms)
        with blas_pools().limit(limits=n_threads(), user_api="blas"):
            return self._filled(_levels(model, points), model, points)

    def _prepared(self, atoms: Atoms) -> tuple[Hamiltonian, KPoints]:
        model = hamiltonian_of(atoms)
        points = kpoints_of(atoms, self.kpoints, shifted=self.shifted)
        self._check_cost(len(atoms), len(model.onsite), points)
        return model, points

    def _check_cost(self, n_atoms: int, n_orbitals: int, points: KPoints) -> None:
        """Refuse what would not fit: vectors of every k-point, and three more matrices to work with."""
        is_complex = not all(own_mirror(k) for k in points.points)
        needed = (16 if is_complex else 8) * n_orbitals**2 * (len(points) + 3) / 2**30
        if needed > self.memory:
            minutes = SECONDS * n_orbitals**3 * len(points) * (4 if is_complex else 1) / 60.0
            raise InputError(
                f"{n_atoms} atoms have {n_orbitals} orbitals; with {len(points)} k-points one evaluation "
                f"wants {needed:.1f} GiB and {minutes:.0f} minutes, memory={self.memory:g} GiB allowed; "
                "carve a cluster, take fewer k-points, or raise memory"
            )

    def _filled(self, levels: Floats, model: Hamiltonian, points: KPoints) -> Electrons:
        return occupy(levels, points.weights, model.electrons, self.electronic_temperature)


def _levels(model: Hamiltonian, points: KPoints) -> Floats:
    return np.array([np.linalg.eigvalsh(model.at(k)) for k in points.points])


def _solved(model: Hamiltonian, k: Floats) -> tuple[Floats, Matrix]:
    levels, vectors = np.linalg.eigh(model.at(k))
    return levels, vectors


def _density(vectors: Matrix, occupations: Floats) -> Matrix:
    """Sum of occupation |state><state|; states are ordered by level, the empty ones at the end left out."""
    n = int(np.count_nonzero(occupations > UNSEEN))
    scaled = vectors[:, :n] * np.sqrt(occupations[:n])
    return scaled @ (scaled.conj().T if np.iscomplexobj(scaled) else scaled.T)
