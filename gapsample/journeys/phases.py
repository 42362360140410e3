"""From studies at several pressures to a phase diagram, with all its error bars."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample import nested
from gapsample.errors import InputError
from gapsample.files import replacing
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_problem import degrees_of_freedom, n_atoms
from gapsample.journeys.nested_study import Leaf, Study, runs_in
from gapsample.journeys.thermo import default_temperatures, of_draws
from gapsample.nested.phase_diagram import PhaseDiagram, phase_diagram
from gapsample.nested.points import DeadPoints

Floats = NDArray[np.float64]

N_TEMPERATURES = 400
N_DRAWS = 100
SHOWN = ("temperature", "temperature_err_statistical", "temperature_err_seeds", "temperature_err_model")


@dataclass(frozen=True)
class Phases:
    """A phase diagram with the config its runs have in common.

    Attributes
    ----------
    diagram : in the units of the engine: pressures are energies per volume
    n_runs : merged in it
    """

    config: NestedConfig
    diagram: PhaseDiagram
    n_runs: int

    @property
    def pressure_scale(self) -> float:
        """Energy per volume of one unit of pressure."""
        return self.config.energy_per_volume(1.0)

    def rows(self) -> list[dict[str, Any]]:
        """The table, pressures in the unit of the config; None where nothing is known."""
        scale = self.pressure_scale
        scaled = [
            row | {"pressure": float(row["pressure"]) / scale, "slope": float(row["slope"]) * scale}
            for row in self.diagram.rows()
        ]
        return [{name: _known(value) for name, value in row.items()} for row in scaled]

    def as_dict(self) -> dict[str, Any]:
        """Everything, JSON-able."""
        return {
            "units": {"pressure": self.config.pressure_unit, "temperature": self.config.temperature_unit},
            "n_atoms": n_atoms(self.config),
            "n_runs": self.n_runs,
            "transitions": self.rows(),
        }


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
        assert leaf.pressure is not None
        points = nested.read_points(study.folder / leaf.name)
        values.setdefault(study.config.energy_per_volume(leaf.pressure), []).append(points)
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
    return Phases(config, diagram.with_model_errors(errors), len(found))


def as_text(found: Phases) -> str:
    """The lines for a terminal, every transition with its errors."""
    titles = (f"P {found.config.pressure_unit}".strip(), f"T {found.config.temperature_unit}".strip())
    head = f"{'line':<14} {titles[0]:>12} {titles[1]:>10} {'± shrinkage':>12} {'± seeds':>10} {'± model':>10}"
    head += "  seeds  order"
    lines = [f"{found.n_runs} runs at {len(found.diagram.pressures)} pressures", head]
    for row in found.rows():
        first, *errors = (row[name] for name in SHOWN)
        cells = [f"{row['line']:<14} {row['pressure']:>12.6g} {first:>10.5g}"]
        shown = ["-" if err is None else f"{err:.2g}" for err in errors]
        cells += [f"{err:>{width}}" for err, width in zip(shown, (12, 10, 10), strict=True)]
        lines.append(" ".join([*cells, f" {row['seeds_seen']}/{row['seeds']}    {row['order']}"]))
    if not found.diagram.lines:
        lines.append("no peak of the heat capacity stands out")
    return "\n".join(lines)


def as_csv(found: Phases) -> str:
    """The transitions as comma-separated values, pressures in the unit of the config; unknown ones empty."""
    rows = found.rows()
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["line"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_figure(found: Phases, path: Path) -> None:
    """The diagram with its error bars, as PNG."""
    from gapsample import plots
    from gapsample.plots.phases import phase_diagram as draw

    drawn = draw(
        _in_units_of_the_config(found),
        title=f"{n_atoms(found.config)} atoms",
        temperature_unit=found.config.temperature_unit,
        pressure_unit=found.config.pressure_unit,
    )
    with replacing(path) as stream:
        stream.write(plots.png(drawn))


def _in_units_of_the_config(found: Phases) -> PhaseDiagram:
    scale, diagram = found.pressure_scale, found.diagram
    lines = tuple(
        replace(line, transitions=tuple(replace(t, pressure=t.pressure / scale) for t in line.transitions))
        for line in diagram.lines
    )
    return replace(diagram, pressures=diagram.pressures / scale, lines=lines)


def _members(folders: Sequence[str | Path]) -> list[tuple[Study, Leaf]]:
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


def _grid(found: Sequence[tuple[Study, Leaf]]) -> Floats:
    grids = [default_temperatures(study, [leaf], N_TEMPERATURES) for study, leaf in found]
    return np.geomspace(max(grid[0] for grid in grids), max(grid[-1] for grid in grids), N_TEMPERATURES)
