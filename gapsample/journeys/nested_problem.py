"""From a study's config to the problem that each of its runs samples."""

from __future__ import annotations

import logging
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gapsample.errors import FileFormatError, InputError, SettingsError, UnknownName
from gapsample.journeys.nested_atoms import Held, cell_of, held_of, masses_of, periodic_axes, symbols_of
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_potentials import (
    DASH,
    EMT,
    CalculatorModel,
    Eam,
    GapModel,
    Morse,
    PairForm,
    PairMixture,
    Table,
    files_of,
)
from gapsample.journeys.nested_systems import AtomsSystem, Ensemble, PairBoxSystem, PairCellSystem
from gapsample.nested.models import AnyPotential, CompiledModel, Observer
from gapsample.nested.moves import Moves
from gapsample.nested.pair_box import PairBox, PairPotential
from gapsample.nested.pair_cell import PairCell
from gapsample.nested.pair_potential import Tabulated, morse
from gapsample.nested.problem import Floats, Problem
from gapsample.potential.files import load
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Potential
from gapsample.provenance import sha256

log = logging.getLogger(__name__)

ELSEWHERE = {"tblite": ("tblite.ase", "TBLite")}
"""Calculators that do not come with ASE: the module and the class of each."""


def problem(config: NestedConfig, pressure: float | None) -> Problem:
    """What is sampled at one of the pressures (as given in the config), or in a fixed cell.

    Raises
    ------
    GapsampleError
        A file cannot be read, the model does not know a species, or the numbers cannot be.
    """
    system = config.system
    if isinstance(system, AtomsSystem):
        return _atoms_problem(config, system, pressure)
    assert isinstance(config.potential, PairForm)
    pair = pair_potential(config.potential)
    if isinstance(system, PairBoxSystem):
        return PairBox(system.n_atoms, system.length, pair)
    assert isinstance(system, PairCellSystem)
    if pressure is None:
        raise SettingsError("a pair_cell needs ensemble.pressure")
    return PairCell(system.n_atoms, pair, config.energy_per_volume(pressure), **_given(config.ensemble))


def pair_potential(found: PairForm) -> PairPotential:
    """A pair potential as walks know it."""
    if isinstance(found, Morse):
        return morse(found.depth, found.stiffness, found.distance, found.cutoff)
    return _tabulated(found) if isinstance(found, Table) else found


def potential(config: NestedConfig) -> Potential | None:
    """The model as a Potential, None for those that exist in compiled walks only."""
    if isinstance(config.potential, GapModel):
        return _gap(config.potential.model, sha256(config.potential.model))
    if isinstance(config.potential, CalculatorModel):
        return from_calculator(config.potential)
    return None


def input_files(config: NestedConfig) -> tuple[Path, ...]:
    """Files that numbers depend on: those of the potential, and the configuration to start from."""
    start = config.system.start if isinstance(config.system, AtomsSystem) else None
    return (*files_of(config.potential), *(() if start is None else (start,)))


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
        ensemble = Fixed(cell_of(system), periodic_axes(system))
    else:
        given = config.ensemble
        if given.largest_volume is None or given.smallest_volume is None:
            raise SettingsError("ensemble needs largest_volume and smallest_volume (Å^3 per atom)")
        ensemble = Pressure(config.energy_per_volume(pressure), **_given(given))
    held = held_of(system)
    return System(
        symbols_of(system),
        _model(config, system),
        ensemble,
        moves=_moves(config, system, held),
        chemical_potentials=config.ensemble.chemical_potentials,
        frozen=None if held is None else held.flags,
        positions=None if held is None else held.positions,
        mutable=None if held is None else held.movable,
        masses=masses_of(system),
        largest_kinetic=system.largest_kinetic,
        core=system.core,
        observers=_observers(config),
    )


def _moves(config: NestedConfig, system: AtomsSystem, held: Held | None) -> Moves | None:
    """The moves of the config; where all atoms that move are alike, none that swaps them with frozen ones."""
    if config.moves is not None or held is None or config.ensemble.chemical_potentials:
        return config.moves
    moving = {symbol for symbol, free in zip(symbols_of(system), held.movable, strict=True) if free}
    return Moves() if len(moving) == 1 else None


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
            return AnyPotential(gap, pbc=periodic_axes(system), name=sha256(found.model))
    if isinstance(found, CalculatorModel):
        return AnyPotential(from_calculator(found), pbc=periodic_axes(system), name=repr(found))
    if isinstance(found, Eam):
        from gapsample.nested.eam import EmbeddedAtom

        if str(found.file) != EMT:
            return EmbeddedAtom.read(found.file)
        symbols = {*symbols_of(system), *config.ensemble.chemical_potentials}
        return EmbeddedAtom.emt(sorted(symbols))
    from gapsample.nested.pair_models import Mixture, PairModel

    if isinstance(found, PairMixture):
        return Mixture({_species(name): _maybe(pair) for name, pair in found.pairs.items()})
    return PairModel(pair_potential(found))


def _species(name: str) -> tuple[str, str]:
    first, second = name.split(DASH)
    return first.strip(), second.strip()


def _maybe(pair: PairForm | None) -> PairPotential | None:
    return None if pair is None else pair_potential(pair)


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
