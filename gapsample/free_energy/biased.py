"""A potential with an energy of its collective variables added: a restraint, or a flat bias."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.variables import Variable, along, evaluate_all
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Biased:
    """The sum of both; a `Potential`.

    Attributes
    ----------
    bias : energy (eV) and its derivative by s, at one s of shape (d,)
    """

    potential: Potential
    variables: tuple[Variable, ...]
    bias: Callable[[Floats], tuple[float, Floats]]

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy and forces of both; a virial is refused, the predicted error is the potential's."""
        if virial:
            raise InputError("a biased potential gives no virial; evaluate with virial=False")
        bare = self.potential.evaluate(atoms, forces=forces, error=error)
        s, gradients = evaluate_all(self.variables, atoms)
        energy, slope = self.bias(s)
        return Evaluation(
            bare.energy + energy,
            None if bare.forces is None else bare.forces - along(slope, gradients),
            energy_std=bare.energy_std,
            local_std=bare.local_std,
            forces_std=bare.forces_std,
            novelty=bare.novelty,
        )
