"""From a campaign's config to what is sampled: atoms, potential, variables, fields, windows."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError, SettingsError
from gapsample.free_energy.adaptive import Plan
from gapsample.free_energy.collective_force import AngleField, DistanceField, Field, TorsionField
from gapsample.free_energy.placement import Difference, Goal, SurfaceBelow
from gapsample.free_energy.samples import Window
from gapsample.free_energy.variables import (
    RMSD,
    Angle,
    Coordination,
    Distance,
    Linear,
    Periods,
    Torsion,
    Variable,
    evaluate_all,
    periods_of,
)
from gapsample.free_energy.windows import Ensemble
from gapsample.journeys.engines import mm_of
from gapsample.journeys.nested_potentials import CalculatorModel, GapModel
from gapsample.journeys.sources import Python, Start, called, read_frame
from gapsample.journeys.umbrella_config import (
    PERIOD,
    AdaptiveWindows,
    AngleOf,
    CoordinationOf,
    DistanceOf,
    GridOfWindows,
    LinearOf,
    ListOfWindows,
    RmsdOf,
    UmbrellaConfig,
    VariableOf,
)
from gapsample.provenance import sha256

Floats = NDArray[np.float64]

DIGITS = 6  # of the place where an exploration begins


class Placement(NamedTuple):
    """What an exploration is asked, and how it goes."""

    goal: Goal
    plan: Plan


class Problem(NamedTuple):
    """What a campaign samples.

    Attributes
    ----------
    windows : as listed, or how they are to be placed
    level : name of the potential, for labels and to tell one from another: its hash is in it
    """

    ensemble: Ensemble
    windows: list[Window] | Placement
    start: Atoms
    level: str


def umbrella_problem(config: UmbrellaConfig) -> Problem:
    """Read the files of a config and make of them what is sampled.

    Raises
    ------
    GapsampleError
        A file cannot be read, a function of yours returns something else, or settings do not match.
    """
    atoms = _start(config.start)
    variables = tuple(_variable(spec, atoms) for spec in config.variables)
    ensemble = Ensemble(mm_of(config.potential), variables, _fields(config, variables, atoms))
    if isinstance(config.windows, AdaptiveWindows):
        windows: list[Window] | Placement = _placement(
            config.windows, config.sampling.seed, evaluate_all(variables, atoms)[0]
        )
    else:
        windows = _windows(config.windows, periods_of(variables))
    return Problem(ensemble, windows, atoms, _level(config.potential))


def _start(start: Start | Python) -> Atoms:
    made = called(start) if isinstance(start, Python) else read_frame(start.file, start.frame)
    if not isinstance(made, Atoms):
        raise SettingsError(f"start.function must return ase.Atoms, got {type(made).__name__}")
    return made


def _level(model: GapModel | CalculatorModel | Python) -> str:
    if isinstance(model, GapModel):
        return f"{model.model.stem}@{sha256(model.model)[:12]}"
    settings = "".join(f",{key}={value}" for key, value in sorted(model.settings.items()))
    if isinstance(model, CalculatorModel):
        return f"{model.name}{settings}"
    return f"{model.file.stem}.{model.function}@{sha256(model.file)[:12]}{settings}"


def _variable(spec: VariableOf, atoms: Atoms) -> Variable:
    if isinstance(spec, DistanceOf):
        return Distance(*spec.atoms)
    if isinstance(spec, AngleOf):
        return Angle(*spec.atoms)
    if isinstance(spec, CoordinationOf):
        return Coordination(spec.first, spec.second, spec.r0, spec.d0, spec.n, spec.m)
    if isinstance(spec, RmsdOf):
        indices = list(spec.atoms)
        if max(indices, default=0) >= len(atoms):
            raise InputError(f"an RMSD of atoms {indices[:5]}... wants more than {len(atoms)} atoms")
        reference = read_frame(spec.reference).positions[indices]
        return RMSD(spec.atoms, reference, atoms.get_masses()[indices] if spec.masses else None)
    if isinstance(spec, LinearOf):
        parts = tuple(_variable(part, atoms) for part in spec.parts)
        return Linear(parts, spec.coefficients, spec.offset, spec.period)
    return Torsion(*spec.atoms)


def _fields(
    config: UmbrellaConfig, variables: tuple[Variable, ...], atoms: Atoms
) -> tuple[Field, ...] | None:
    """One field for each variable, or None where one has no fragment."""
    fields: list[Field] = []
    for spec, variable in zip(config.variables, variables, strict=True):
        fragment = getattr(spec, "fragment", None)
        if fragment is None:
            return None
        if isinstance(variable, Torsion):
            bonded = fragment == "bonded"
            fields.append(TorsionField.of(variable, atoms) if bonded else TorsionField(variable, fragment))
        elif isinstance(variable, Angle):
            fields.append(AngleField(variable, fragment))
        elif isinstance(variable, Distance):
            fields.append(DistanceField(variable, fragment))
    return tuple(fields)


def _windows(windows: GridOfWindows | ListOfWindows, periods: Periods) -> list[Window]:
    d = len(periods)
    kappa = _each(windows.kappa, d)
    if isinstance(windows, ListOfWindows):
        return [Window(center, kappa) for center in windows.centers]
    ranges = windows.ranges or (PERIOD,) * d
    lines = [_line(*along) for along in zip(windows.n, ranges, periods, strict=True)]
    return [Window(center, kappa) for center in itertools.product(*lines)]


def _placement(windows: AdaptiveWindows, seed: int, start: Floats) -> Placement:
    d = len(start)
    goal: Goal = SurfaceBelow(windows.below)
    if windows.difference is not None:
        goal = Difference(*windows.difference, windows.below)
    plan = Plan(
        tuple(round(float(x), DIGITS) for x in start),
        _each(windows.kappa, d),
        windows.steps,
        windows.error,
        windows.batch,
        windows.most,
        tuple(r if isinstance(r, tuple) else None for r in windows.ranges or (PERIOD,) * d),
        seed,
    )
    return Placement(goal, plan)


def _each(kappa: float | tuple[float, ...], d: int) -> tuple[float, ...]:
    return kappa if isinstance(kappa, tuple) else (kappa,) * d


def _line(n: int, limits: str | tuple[float, float], period: float | None) -> list[float]:
    if isinstance(limits, tuple):
        return [float(x) for x in np.linspace(*limits, n)]
    if period is None:
        raise SettingsError('windows.ranges: a variable without a period wants [first, last], got "period"')
    return [float(x) for x in period * ((np.arange(n) + 0.5) / n - 0.5)]
