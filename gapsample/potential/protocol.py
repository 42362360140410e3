"""The one seam of the house: a Potential turns a configuration into an Evaluation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ErrorRequest = bool | Literal["local", "forces"]


@dataclass(frozen=True)
class Evaluation:
    """What a potential says about one configuration; None means *not asked* (or not known).

    Attributes
    ----------
    energy : eV
    forces : shape (n_atoms, 3), eV/Å
    virial : shape (3, 3), eV, equal to -volume * stress
    local_energies : shape (n_atoms,), eV; they sum to `energy`
    energy_std : eV, predicted error of the total energy
    local_std : shape (n_atoms,), eV, predicted error of each local energy
    forces_std : shape (n_atoms, 3), eV/Å, predicted error of each force component
    novelty : shape (n_atoms,), eV^2, distance of each environment from the sparse set
        (QUIP's ``local_gap_variance``)
    """

    energy: float
    forces: Floats | None = None
    virial: Floats | None = None
    local_energies: Floats | None = None
    energy_std: float | None = None
    local_std: Floats | None = None
    forces_std: Floats | None = None
    novelty: Floats | None = None

    def __add__(self, other: Evaluation) -> Evaluation:
        """Sum of two potentials: values add, errors add in quadrature, an absent error counts as exact."""
        return Evaluation(
            energy=self.energy + other.energy,
            forces=_both(self.forces, other.forces),
            virial=_both(self.virial, other.virial),
            local_energies=_both(self.local_energies, other.local_energies),
            energy_std=_quadrature(self.energy_std, other.energy_std),
            local_std=_quadrature(self.local_std, other.local_std),
            forces_std=_quadrature(self.forces_std, other.forces_std),
            novelty=_either(self.novelty, other.novelty),
        )

    def as_dict(self) -> dict[str, Any]:
        """The quantities that were asked, by name."""
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}


@runtime_checkable
class Potential(Protocol):
    """Anything that evaluates a configuration.

    Pure: the same atoms give the same answer, and the atoms are left untouched. `error` asks for the
    predicted error: ``"local"`` for the cheap local ones, ``"forces"`` or True for all of them; a
    potential that does not know its error answers None.
    """

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation: ...


@dataclass(frozen=True)
class Sum:
    """Two potentials added up."""

    left: Potential
    right: Potential

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        return self.left.evaluate(atoms, forces=forces, virial=virial, error=error) + self.right.evaluate(
            atoms, forces=forces, virial=virial, error=error
        )


def _both(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a + b


def _either(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _quadrature(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else np.hypot(a, b)
