"""Quantum engines and classical potentials as config files name them, and what they become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from gapsample.errors import SettingsError
from gapsample.journeys.nested_potentials import CalculatorModel, GapModel
from gapsample.journeys.nested_problem import from_calculator
from gapsample.journeys.sources import Python, called
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.files import load
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.reference import TightBinding


@dataclass(frozen=True)
class Tip3p:
    """Flexible TIP3P water, see `gapsample.potential.tip3p`.

    Attributes
    ----------
    cutoff, platform, charge : as `FlexibleTIP3P`
    """

    cutoff: float = 9.0
    platform: str = "Reference"
    charge: float = 0.417


QuantumModel = CalculatorModel | Python | TightBinding
ClassicalModel = GapModel | CalculatorModel | Python | TightBinding | Tip3p
M = TypeVar("M", bound=ClassicalModel)

ENGINE_KINDS: Mapping[str, type] = {
    "calculator": CalculatorModel,
    "gap": GapModel,
    "python": Python,
    "tight_binding": TightBinding,
    "tip3p": Tip3p,
}
"""What quantum engines and classical potentials are called in config files."""


@dataclass(frozen=True)
class Named:
    """A potential by its place in a config, made in each process that uses it; a `Potential`."""

    model: ClassicalModel

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """As the potential's own."""
        return self._made.evaluate(atoms, forces=forces, virial=virial, error=error)

    @cached_property
    def _made(self) -> Potential:
        return mm_of(self.model)

    def __reduce__(self) -> tuple[type[Named], tuple[ClassicalModel]]:
        return type(self), (self.model,)


def engine_of(model: QuantumModel) -> Potential:
    """A quantum engine, made anew in each process that it is sent to."""
    return Named(model)


def mm_of(model: ClassicalModel) -> Potential:
    """A potential, made here and now.

    Raises
    ------
    SettingsError
        It cannot be made: a calculator that is not installed, or a function that returns something else.
    FileFormatError
        A file of a GAP that cannot be read.
    """
    if isinstance(model, TightBinding):
        return model
    if isinstance(model, GapModel):
        return load(model.model)
    if isinstance(model, CalculatorModel):
        return from_calculator(model)
    if isinstance(model, Tip3p):
        return _tip3p(model)
    made = called(model)
    if isinstance(made, BaseCalculator):
        return FromCalculator(made)  # type: ignore[arg-type]
    if not isinstance(made, Potential):
        raise SettingsError(
            f"{model.function} of {model.file.name} must return a Potential or an ASE calculator, got "
            f"{type(made).__name__}"
        )
    return made


def anchored_model(model: M, folder: Path) -> M:
    """A model with its relative paths starting from a folder."""
    if isinstance(model, GapModel):
        return replace(model, model=folder / model.model)
    if isinstance(model, Python):
        return replace(model, file=folder / model.file)
    return model


def _tip3p(model: Tip3p) -> Potential:
    try:
        from gapsample.potential.tip3p import FlexibleTIP3P
    except ImportError as problem:
        raise SettingsError(f"tip3p wants openmm ({problem}); pip install 'gapsample[openmm]'") from problem
    return FlexibleTIP3P(model.cutoff, model.platform, model.charge)
