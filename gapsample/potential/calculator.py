"""Between ASE's calculators and our Potentials, both ways."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator as AseCalculator
from ase.calculators.calculator import all_changes
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from gapsample.errors import InputError
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential

ERRORS = ("energy_std", "local_std", "novelty", "forces_std")


class Calculator(AseCalculator):
    """An ASE calculator around any Potential.

    `results` holds energy and free_energy (eV), energies (eV, per atom, where the potential has them),
    forces (eV/Å) and, for cells with a volume, stress (eV/Å^3, Voigt order). The predicted errors
    energy_std, local_std, novelty and forces_std are properties too: ask for one by
    ``calc.get_property("forces_std", atoms)``, or give `error` to have them with every evaluation.

    Parameters
    ----------
    potential : the Potential
    error : evaluate the predicted error along with everything else (see `Potential.evaluate`)
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress", *ERRORS]  # noqa: RUF012

    def __init__(self, potential: Potential, *, error: ErrorRequest = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.potential = potential
        self.error = error

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """ASE's entry point: fills `results`."""
        super().calculate(atoms, properties, system_changes)  # type: ignore[no-untyped-call]
        current: Atoms = self.atoms  # type: ignore[assignment]
        wanted = set(properties or ["energy"])
        has_volume = current.cell.rank == 3
        found = self.potential.evaluate(
            current, forces=True, virial=has_volume, error=self._error_for(wanted)
        )
        self.results = {"energy": found.energy, "free_energy": found.energy}
        named = {"energies": found.local_energies, "forces": found.forces}
        named.update({name: getattr(found, name) for name in ERRORS})
        self.results.update({name: value for name, value in named.items() if value is not None})
        if found.virial is not None and has_volume:
            stress = -found.virial / current.get_volume()
            self.results["stress"] = full_3x3_to_voigt_6_stress(stress)

    def _error_for(self, wanted: set[str]) -> ErrorRequest:
        if self.error is True or self.error == "forces" or "forces_std" in wanted:
            return "forces"
        return "local" if self.error or wanted & set(ERRORS) else False


@dataclass(frozen=True, eq=False)
class FromCalculator:
    """Any ASE calculator as a Potential; constraints of the atoms do not touch its forces.

    The calculator is reset before every evaluation, so that none starts from what was found before (a wave
    function, say) and the answer depends on the atoms alone. As a calculator holds one configuration and its
    results, threads that share it take turns; processes have one each.
    """

    calculator: AseCalculator
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __reduce__(self) -> tuple[type[FromCalculator], tuple[AseCalculator]]:
        return type(self), (self.calculator,)  # a lock is not copied

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy, forces and virial as the calculator gives them; it knows no predicted error.

        Raises
        ------
        InputError
            A virial is asked of a configuration without a three-dimensional cell.
        """
        copy = atoms.copy()
        copy.set_constraint()
        if virial and copy.cell.rank < 3:
            raise InputError("a virial needs a three-dimensional cell; evaluate with virial=False")
        with self._lock:
            return self._ask(copy, forces, virial)

    def _ask(self, atoms: Atoms, forces: bool, virial: bool) -> Evaluation:
        calculator = self.calculator
        if isinstance(calculator, AseCalculator):  # others of ASE's base class have nothing to reset
            calculator.reset()
        energy = float(calculator.get_property("energy", atoms))
        force = np.array(calculator.get_property("forces", atoms)) if forces else None
        tensor = None
        if virial:
            stress = np.asarray(calculator.get_property("stress", atoms))
            full = stress if stress.shape == (3, 3) else voigt_6_to_full_3x3_stress(stress)
            tensor = -full * atoms.get_volume()
        return Evaluation(energy, force, tensor)
