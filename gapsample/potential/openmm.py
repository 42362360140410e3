"""An OpenMM System as a Potential (extra ``gapsample[openmm]``).

The platform is Reference unless another is asked for: double precision, one thread, the same answer every
time. Only the forces of the System are used; its integrators, thermostats and barostats never run.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.cell import Cell
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.potential.protocol import ErrorRequest, Evaluation

try:
    import openmm
except ImportError as problem:
    raise ImportError("an OpenMM potential wants openmm; pip install 'gapsample[openmm]'") from problem

Floats = NDArray[np.float64]

KJ_MOL = units.kJ / units.mol  # eV
NM = units.nm  # Å
FAR = 10.0  # nm


@dataclass(frozen=True, eq=False)
class OpenMM:
    """Energy and forces of an OpenMM System.

    Attributes
    ----------
    xml : the System as `openmm.XmlSerializer` writes it; see `of`
    numbers : shape (n_atoms,), atomic numbers in the System's order; other atoms are refused
    platform : ``"Reference"``, ``"CPU"``, ``"CUDA"``, ...; ``"CPU"`` is in single precision, and repeats
        itself exactly on one thread only; ``"CUDA"`` does not
    properties : of the platform, e.g. ``{"Threads": "1"}``

    Raises
    ------
    InputError
        The System has constraints or virtual sites, the platform is not there, or `numbers` are too few.
    """

    xml: str
    numbers: tuple[int, ...]
    platform: str = "Reference"
    properties: Mapping[str, str] = field(default_factory=dict)
    _context: Any = field(init=False, repr=False)
    _lock: threading.Lock = field(init=False, repr=False)
    _periodic: bool = field(init=False, repr=False)
    _species: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        system = openmm.XmlSerializer.deserialize(self.xml)
        _check(system, len(self.numbers))
        try:
            platform = openmm.Platform.getPlatformByName(self.platform)
            integrator = openmm.VerletIntegrator(0.001)
            context = openmm.Context(system, integrator, platform, dict(self.properties))
        except openmm.OpenMMException as problem:
            names = [
                openmm.Platform.getPlatform(i).getName() for i in range(openmm.Platform.getNumPlatforms())
            ]
            raise InputError(
                f"OpenMM cannot use platform {self.platform!r} ({problem}); there are {', '.join(names)}"
            ) from problem
        object.__setattr__(self, "_context", context)
        object.__setattr__(self, "_lock", threading.Lock())
        object.__setattr__(self, "_periodic", bool(system.usesPeriodicBoundaryConditions()))
        object.__setattr__(self, "_species", np.array(self.numbers, dtype=np.int64).tobytes())

    @classmethod
    def of(
        cls,
        system: Any,
        numbers: Sequence[int],
        *,
        platform: str = "Reference",
        properties: Mapping[str, str] | None = None,
    ) -> OpenMM:
        """From a live `openmm.System` and the atomic numbers of its particles."""
        xml = openmm.XmlSerializer.serialize(system)
        return cls(xml, tuple(int(z) for z in numbers), platform, properties or {})

    def __reduce__(self) -> tuple[type[OpenMM], tuple[Any, ...]]:
        return type(self), (self.xml, self.numbers, self.platform, dict(self.properties))

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy, forces and, for a System that is not periodic, the virial; no predicted error is known.

        Raises
        ------
        InputError
            Other species than the System's, a cell it cannot use, positions that are not finite, or a virial
            of a periodic System, which OpenMM does not compute.
        """
        self._check(atoms, virial)
        positions: Floats = atoms.arrays["positions"]
        with self._lock:  # one context, and threads may share it
            turn = self._put_cell(atoms.cell) if self._periodic else None
            turned = (positions if turn is None else positions @ turn) / NM
            try:
                if self._periodic and self.platform == "CPU":
                    self._forget(turned)
                self._context.setPositions(turned)
                state = self._context.getState(energy=True, forces=forces or virial)
            except openmm.OpenMMException as problem:
                raise InputError(f"OpenMM cannot evaluate {atoms.symbols}: {problem}") from problem
        energy = state.getPotentialEnergy()._value * KJ_MOL
        if not (math.isfinite(energy) and math.isfinite(positions.sum())):  # a cutoff hides NaN from OpenMM
            _refuse(positions, energy)
        if not (forces or virial):
            return Evaluation(energy)
        force = np.empty(positions.shape)
        state._getVectorAsNumpy(
            openmm.State.Forces, force
        )  # getForces costs as much as the forces themselves
        force *= KJ_MOL / NM
        if turn is not None:
            force = force @ turn.T
        return Evaluation(energy, force if forces else None, positions.T @ force if virial else None)

    def _forget(self, positions: Floats) -> None:
        """Show the atoms elsewhere, so that neighbors are found anew; old lists sum in another order."""
        self._context.setPositions(positions + FAR)
        self._context.getState(energy=True, groups=0)  # no force is asked for

    def _check(self, atoms: Atoms, virial: bool) -> None:
        if atoms.arrays["numbers"].tobytes() != self._species:
            raise InputError(
                f"this OpenMM System is made for {Atoms(self.numbers).symbols} in this order, got "
                f"{atoms.symbols}"
            )
        periodic = atoms.pbc.tobytes()
        if self._periodic and periodic != b"\1\1\1":
            raise InputError(f"this OpenMM System is periodic, the atoms are not (pbc {atoms.pbc.tolist()})")
        if not self._periodic and periodic != b"\0\0\0":
            raise InputError(
                f"the atoms are periodic (pbc {atoms.pbc.tolist()}), this OpenMM System is not; make it with "
                "nonbondedMethod=PME or CutoffPeriodic, or set pbc to False"
            )
        if virial and self._periodic:
            raise InputError("OpenMM computes no virial of a periodic System; evaluate with virial=False")

    def _put_cell(self, cell: Cell) -> Floats:
        """Give OpenMM the cell in its own standard form; the rotation R with x @ R in that form."""
        standard, turn = cell.standard_form()
        a, b, c = standard.array / NM
        b = b - a * np.rint(b[0] / a[0])
        c = c - b * np.rint(c[1] / b[1])
        c = c - a * np.rint(c[0] / a[0])
        try:
            self._context.setPeriodicBoxVectors(a, b, c)
        except (openmm.OpenMMException, ValueError) as problem:
            raise InputError(f"OpenMM cannot use the cell {cell.array.tolist()}: {problem}") from problem
        return np.asarray(turn).T


def _check(system: Any, n: int) -> None:
    if system.getNumParticles() != n:
        raise InputError(f"the System has {system.getNumParticles()} particles, but {n} numbers are given")
    if system.getNumConstraints():
        raise InputError(
            f"the System has {system.getNumConstraints()} constraints, whose forces are not in its energy; "
            "make it with constraints=None, rigidWater=False"
        )
    sites = sum(system.isVirtualSite(i) for i in range(n))
    if sites:
        raise InputError(f"the System has {sites} virtual sites, which are no atoms; choose another model")


def _refuse(positions: Floats, energy: float) -> None:
    broken = np.flatnonzero(~np.all(np.isfinite(positions), axis=1))
    why = (
        f"positions of atoms {broken[:5].tolist()} are not finite"
        if len(broken)
        else "atoms may lie on top of each other"
    )
    raise InputError(f"OpenMM gives an energy of {energy}: {why}; check the configuration")
