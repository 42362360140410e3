"""From a study's config to the problem that each of its runs samples."""

from __future__ import annotations

import logging
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from ase.formula import Formula

from gapsample.errors import FileFormatError, InputError, SettingsError, UnknownName
from gapsample.journeys.nested_config import (
    EMT,
    AtomsSystem,
    CalculatorModel,
    Eam,
    Ensemble,
    GapModel,
    Morse,
    NestedConfig,
    PairBoxSystem,
    PairCellSystem,
    Table,
)
from gapsample.nested.models import AnyPotential, CompiledModel, Observer
from gapsample.nested.pair_box import PairBox, PairPotential
from gapsample.nested.pair_cell import PairCell
from gapsample.nested.pair_potential import LennardJones, Tabulated, morse
from gapsample.nested.problem import Floats, Problem
from gapsample.potential.files import load
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Potential
from gapsample.provenance import sha256

log = logging.getLogger(__name__)

ELSEWHERE = {"tblite": ("tblite.ase", "TBLite")}
"""Calculators that do not come with ASE: the module and the class of each."""


def n_atoms(config: NestedConfig) -> int:
    """Atoms of one configuration."""
    system = config.system
    return len(Formula(system.symbols)) if isinstance(system, AtomsSystem) else system.n_atoms


def degrees_of_freedom(config: NestedConfig) -> int:
    """Momenta whose share is added to energies and heat capacities: those that were not sampled."""
    hmc = config.moves is not None and config.moves.hmc > 0
    return 0 if hmc else 3 * n_atoms(config)


def problem(config: NestedConfig, pressure: float | None) -> Problem:
    """What is sampled at one of the pressures (as given in the config), or in a fixed cell.

    Raises
    ------
    GapsampleError
        A file cannot be read, the model does not know a species, or the numbers cannot be.
    """
    system = config.system
    if isinstance(system, PairBoxSystem):
        return PairBox(system.n_atoms, system.length, pair_potential(config))
    if pressure is None and isinstance(system, PairCellSystem):
        raise SettingsError("a pair_cell needs ensemble.pressure")
    if isinstance(system, PairCellSystem):
        assert pressure is not None
        return PairCell(
            system.n_atoms,
            pair_potential(config),
            config.energy_per_volume(pressure),
            **_given(config.ensemble),
        )
    return _atoms_problem(config, system, pressure)


def pair_potential(config: NestedConfig) -> PairPotential:
    """The potential of a pair_box or pair_cell."""
    found = config.potential
    if isinstance(found, LennardJones):
        return found
    if isinstance(found, Morse):
        return morse(found.depth, found.stiffness, found.distance, found.cutoff)
    if isinstance(found, Table):
        return _tabulated(found)
    raise SettingsError(f"a {type(found).__name__} is no pair potential")


def potential(config: NestedConfig) -> Potential | None:
    """The model as a Potential, None for those that exist in compiled walks only."""
    if isinstance(config.potential, GapModel):
        return _gap(config.potential.model, sha256(config.potential.model))
    if isinstance(config.potential, CalculatorModel):
        return from_calculator(config.potential)
    return None


def model_files(config: NestedConfig) -> tuple[Path, ...]:
    """Files that the model is read from."""
    found = config.potential
    if isinstance(found, GapModel):
        return (found.model,)
    if isinstance(found, Table | Eam) and str(found.file) != EMT:
        return (found.file,)
    return ()


@lru_cache(maxsize=1)
def _gap(path: Path, digest: str) -> GAP:
    """A model, read once for all the problems of a study."""
    return load(path)


def _given(ensemble: Ensemble) -> dict[str, Any]:
    """What the ensemble says about the cell; what it leaves open stays the problem's default."""
    numbers = {
        "largest_volume": ensemble.largest_volume,
        "smallest_volume": ensemble.smallest_volume,
        "height": ensemble.height,
    }
    given = {name: value for name, value in numbers.items() if value is not None}
    return {"prior": ensemble.prior, "cubic": ensemble.cubic, **given}


def _tabulated(table: Table) -> Tabulated:
    from scipy.interpolate import CubicSpline

    try:
        r, energy = np.loadtxt(table.file, ndmin=2).T
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{table.file} cannot be read as two columns, distance and energy: {error}"
        ) from error
    if len(r) < 4 or not (np.diff(r) > 0.0).all() or not r[0] > 0.0:
        raise FileFormatError(f"{table.file} needs four or more increasing positive distances, got {len(r)}")
    spline = CubicSpline(r, energy - energy[-1])

    def function(x: Floats) -> tuple[Floats, Floats]:
        return np.asarray(spline(x)), np.asarray(spline(x, 1))

    return Tabulated.of(function, float(r[0]), float(r[-1]), table.scale)


def from_calculator(model: CalculatorModel) -> Potential:
    """A calculator of ASE by its name, as a Potential."""
    import ase.calculators.calculator as ase_calculators

    from gapsample.potential.calculator import FromCalculator

    known = {*ase_calculators.names, *ELSEWHERE}  # type: ignore[attr-defined]
    if model.name not in known:
        raise UnknownName("calculator", model.name, known)
    try:
        if model.name in ELSEWHERE:
            module, name = ELSEWHERE[model.name]
            made = getattr(import_module(module), name)(**model.settings)
        else:
            made = ase_calculators.get_calculator_class(model.name)(**model.settings)
        return FromCalculator(made)
    except (ImportError, TypeError, ValueError) as error:
        raise SettingsError(f"the calculator {model.name!r} cannot be made: {error}") from error


def _atoms_problem(config: NestedConfig, system: AtomsSystem, pressure: float | None) -> Problem:
    from gapsample.nested.ensembles import Fixed, Pressure
    from gapsample.nested.system import System

    ensemble: Fixed | Pressure
    if pressure is None:
        ensemble = Fixed(np.array(system.cell), system.pbc)
    else:
        given = config.ensemble
        if given.largest_volume is None or given.smallest_volume is None:
            raise SettingsError("ensemble needs largest_volume and smallest_volume (Å^3 per atom)")
        ensemble = Pressure(config.energy_per_volume(pressure), **_given(given))
    return System(
        system.symbols,
        _model(config, system),
        ensemble,
        moves=config.moves,
        chemical_potentials=config.ensemble.chemical_potentials,
        largest_kinetic=system.largest_kinetic,
        core=system.core,
        observers=_observers(config),
    )


def _model(config: NestedConfig, system: AtomsSystem) -> CompiledModel:
    """The model of a system: compiled where it can be, else walked in Python."""
    found = config.potential
    if isinstance(found, GapModel):
        from gapsample.nested import gap_model

        gap = potential(config)
        assert isinstance(gap, GAP)
        try:
            return gap_model.GapModel(gap)
        except InputError as problem:
            log.warning("the walks will not be compiled, and slow: %s", problem)
            return AnyPotential(gap, name=sha256(found.model))
    if isinstance(found, CalculatorModel):
        return AnyPotential(from_calculator(found), pbc=system.pbc, name=repr(found))
    if isinstance(found, Eam):
        from gapsample.nested.eam import EmbeddedAtom

        if str(found.file) != EMT:
            return EmbeddedAtom.read(found.file)
        symbols = {*Formula(system.symbols).count(), *config.ensemble.chemical_potentials}
        return EmbeddedAtom.emt(sorted(symbols))
    from gapsample.nested.pair_models import PairModel

    return PairModel(pair_potential(config))


def _observers(config: NestedConfig) -> tuple[Observer, ...]:
    """What follows the predicted error, if anything is to."""
    if not config.watches_error:
        return ()
    known = potential(config)
    if not isinstance(known, GAP):
        raise SettingsError("only a GAP predicts its error; leave out predicted_error and keep_above")
    from gapsample.nested.predicted_error import PredictedError

    assert isinstance(config.system, AtomsSystem)
    return (PredictedError(known, n_draws=config.output.error_draws, core=config.system.core),)
