"""Relaxations that either converge or say that they did not."""

from __future__ import annotations

from typing import Protocol

from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.optimize import BFGS

from gapsample.errors import GapsampleError


class NotConverged(GapsampleError):
    """A relaxation or path ran out of steps.

    Parameters
    ----------
    what : what was being relaxed
    force_tolerance : eV/Å, what was wanted
    max_steps : the steps it was given
    """

    def __init__(self, what: str, force_tolerance: float, max_steps: int) -> None:
        self.force_tolerance, self.max_steps = force_tolerance, max_steps
        super().__init__(
            f"{what} did not bring the forces below {force_tolerance:g} eV/Å within {max_steps} steps; "
            "raise max_steps, or look whether the potential is smooth here"
        )


class Runs(Protocol):
    """An ASE optimizer: answers whether the largest force fell below `fmax`."""

    def run(self, fmax: float, steps: int) -> bool: ...


def converge(optimizer: Runs, what: str, force_tolerance: float, max_steps: int) -> None:
    """Run an ASE optimizer; raise NotConverged unless every force falls below `force_tolerance` (eV/Å)."""
    if not optimizer.run(fmax=force_tolerance, steps=max_steps):
        raise NotConverged(what, force_tolerance, max_steps)


def relaxed(atoms: Atoms, calculator: Calculator, force_tolerance: float, max_steps: int) -> Atoms:
    """A copy of `atoms` at fixed cell with forces below `force_tolerance` (eV/Å); `calculator` attached."""
    copy = with_calculator(atoms, calculator)
    converge(BFGS(copy, logfile=None), "relaxation at fixed cell", force_tolerance, max_steps)
    return copy


def with_calculator(atoms: Atoms, calculator: Calculator | None) -> Atoms:
    """A copy of `atoms` that carries `calculator` (or none)."""
    copy = atoms.copy()
    copy.calc = calculator
    return copy
