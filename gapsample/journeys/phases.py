"""From studies at several pressures to a phase diagram, with all its error bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample import nested
from gapsample.errors import InputError
from gapsample.journeys.nested_atoms import degrees_of_freedom, n_atoms
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_study import Leaf, Study, runs_in
from gapsample.journeys.phase_structure import Member, Phase, between, keeps_enough, measures_of, phases_at
from gapsample.journeys.thermo import default_temperatures, of_draws
from gapsample.nested.phase_diagram import PhaseDiagram, phase_diagram
from gapsample.nested.points import DeadPoints

Floats = NDArray[np.float64]

N_TEMPERATURES = 400
N_DRAWS = 100


@dataclass(frozen=True)
class Phases:
    """A phase diagram with the config its runs have in common.

    Attributes
    ----------
    diagram : in the units of the engine: pressures are energies per volume
    n_runs : merged in it
    structures : by pressure, phases from cold to hot, one more than transitions; empty where runs keep no
        configurations
    """

    config: NestedConfig
    diagram: PhaseDiagram
    n_runs: int
    structures: Mapping[float, Sequence[Phase]] = field(default_factory=dict)

    @property
    def pressure_scale(self) -> float:
        """Energy per volume of one unit of pressure."""
        return self.config.energy_per_volume(1.0)

    def sides(self, pressure: float, temperature: float) -> tuple[Phase, Phase] | None:
        """The phases below and above a transition; None where they are not known."""
        if pressure not in self.structures:
            return None
        place = transitions_at(self.diagram, pressure).index(temperature)
        below, above = self.structures[pressure][place : place + 2]
        return below, above

    def rows(self) -> list[dict[str, Any]]:
        """The table, pressures in the unit of the config; None where nothing is known."""
        return [self._row(row) for row in self.diagram.rows()]

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        scale = self.pressure_scale
        sides = self.sides(row["pressure"], row["temperature"])
        seen = {} if sides is None else _columns("below", sides[0]) | _columns("above", sides[1])
        scaled = {"pressure": row["pressure"] / scale, "slope": row["slope"] * scale}
        return {name: _known(value) for name, value in {**row, **scaled, **seen}.items()}

    def as_dict(self) -> dict[str, Any]:
        """Everything, JSON-able."""
        return {
            "units": {"pressure": self.config.pressure_unit, "temperature": self.config.temperature_unit},
            "n_atoms": n_atoms(self.config),
            "n_runs": self.n_runs,
            "transitions": self.rows(),
        }


def transitions_at(diagram: PhaseDiagram, pressure: float) -> list[float]:
    """Temperatures of the transitions at a pressure, rising."""
    every = (t for line in diagram.lines for t in line.transitions)
    return sorted(t.temperature for t in every if t.pressure == pressure)


def phases(
    folders: Sequence[str | Path], *, temperatures: Floats | None = None, n_draws: int = N_DRAWS
) -> Phases:
    """Transitions at each pressure among the runs, linked to lines.

    Parameters
    ----------
    folders : of studies, of pressures, or of runs; all of one system and potential
    temperatures : increasing; None: from the highest of the lowest temperatures of interest up

    Raises
    ------
    InputError
        Runs have no pressure, or are of different systems; or the volume prior is flat.
    """
    found = _members(folders)
    config = found[0][0].config
    values: dict[float, list[DeadPoints]] = {}
    for study, leaf in found:
        points = nested.read_points(study.folder / leaf.name)
        values.setdefault(_engine_pressure((study, leaf)), []).append(points)
    grid = _grid(found) if temperatures is None else temperatures
    diagram = phase_diagram(
        values,
        grid,
        rng=np.random.default_rng(config.sampling.seed),
        boltzmann=config.boltzmann,
        degrees_of_freedom=degrees_of_freedom(config),
        n_draws=n_draws,
    )
    errors = {}
    for pressure, runs in values.items():
        own = pressure / config.energy_per_volume(1.0)
        drawn = of_draws(config, nested.merge(runs), grid, own, None)
        here = any(t.pressure == pressure for line in diagram.lines for t in line.transitions)
        if drawn is not None and here:
            errors[pressure] = [(t.peak.temperature, t.model_err) for t in drawn.transitions]
    return Phases(config, diagram.with_model_errors(errors), len(found), _structures(found, diagram))


def _structures(found: Sequence[Member], diagram: PhaseDiagram) -> dict[float, list[Phase]]:
    """What the phases at each pressure with a transition look like, if the runs keep configurations."""
    if not all(keeps_enough(study.config) for study, _ in found) or not diagram.lines:
        return {}
    measures = measures_of(found)
    seen = {}
    for pressure in diagram.pressures.tolist():
        here = [each for each in found if _engine_pressure(each) == pressure]
        changes = transitions_at(diagram, pressure)
        places = between(changes, diagram.temperatures[0], diagram.temperatures[-1])
        if changes:
            seen[pressure] = phases_at(here, places, measures, seed=found[0][0].config.sampling.seed)
    return seen


def _engine_pressure(member: Member) -> float:
    study, leaf = member
    assert leaf.pressure is not None
    return study.config.energy_per_volume(leaf.pressure)


def _columns(side: str, phase: Phase) -> dict[str, Any]:
    """A phase as columns of the table."""
    columns: dict[str, Any] = {f"{side}_temperature": phase.temperature}
    for name, each in phase.seen.items():
        key = f"{side}_{name.replace(' ', '_')}"
        columns |= {key: each.value, f"{key}_err": each.err, f"{key}_err_seeds": each.seeds_err}
    return columns


def _members(folders: Sequence[str | Path]) -> list[Member]:
    """Runs in the folders, each once, checked to belong together."""
    members: dict[Path, tuple[Study, Leaf]] = {}
    for folder in folders:
        study, leaves = runs_in(folder)
        members |= {study.folder / leaf.name: (study, leaf) for leaf in leaves}
    found = list(members.values())
    kinds = {_of_one_kind(study.config): study for study, _ in found}
    if len(kinds) > 1:
        names = ", ".join(str(study.folder) for study in kinds.values())
        raise InputError(f"these are of different systems, potentials or priors, not of one diagram: {names}")
    config = found[0][0].config
    if not config.ensemble.listed:
        raise InputError("a phase diagram needs runs at constant pressure, got a fixed cell; try thermo")
    if config.ensemble.prior == "flat":
        raise InputError("a phase diagram needs the V^N prior, got the flat one; try thermo")
    return found


def _known(value: float | int | str) -> float | int | str | None:
    return None if isinstance(value, float) and np.isnan(value) else value


def _of_one_kind(config: NestedConfig) -> str:
    """Text that is equal for configs that differ in pressures, sampling, and where things go only."""
    ensemble = replace(config.ensemble, pressure=None)
    return repr((config.system, config.potential, ensemble, config.moves))


def _grid(found: Sequence[Member]) -> Floats:
    grids = [default_temperatures(study, [leaf], N_TEMPERATURES) for study, leaf in found]
    return np.geomspace(max(grid[0] for grid in grids), max(grid[-1] for grid in grids), N_TEMPERATURES)
