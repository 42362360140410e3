"""Engines that fail in every way an engine can; at the head of a module, so that any process finds them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms
from scenes import lennard_jones

from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential


@dataclass
class Counting:
    """A potential that remembers which configurations it was asked for."""

    potential: Potential = field(default_factory=lennard_jones)
    asked: list[int] = field(default_factory=list)

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        self.asked.append(len(atoms))
        return self.potential.evaluate(atoms, forces=forces, virial=virial)


@dataclass(frozen=True)
class Failing:
    """A potential that fails by throwing, hanging, dying, or saying nothing of use.

    Attributes
    ----------
    manner : ``"throws"``, ``"exits"``, ``"hangs"``, ``"dies"``, ``"nan"``, ``"none"``, ``"short"``
    up_to : configurations of more atoms are evaluated as they should be
    """

    manner: str
    up_to: int = 10_000
    potential: Potential = field(default_factory=lennard_jones)

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        found = self.potential.evaluate(atoms, forces=True)
        if len(atoms) > self.up_to:
            return found
        if self.manner == "throws":
            raise RuntimeError("the density did not converge")
        if self.manner == "exits":
            raise SystemExit(1)
        if self.manner == "hangs":
            time.sleep(600.0)
        if self.manner == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        assert found.forces is not None
        spoiled = {"nan": found.forces * np.nan, "none": None, "short": found.forces[:-1]}
        return replace(found, forces=spoiled[self.manner])
