"""A phase diagram for a terminal, as a table and as a picture."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np

from gapsample.files import replacing
from gapsample.journeys.nested_atoms import n_atoms
from gapsample.journeys.phase_structure import LIKE, Estimate, Phase
from gapsample.journeys.phases import Phases
from gapsample.nested.phase_diagram import PhaseDiagram

SHOWN = ("temperature", "temperature_err_statistical", "temperature_err_seeds", "temperature_err_model")
SIDES = ("below", "above")
TOLD = ("volume", "Q4", "Q6", "coordination")


def as_text(found: Phases) -> str:
    """The lines for a terminal, every transition with its errors."""
    titles = (f"P {found.config.pressure_unit}".strip(), f"T {found.config.temperature_unit}".strip())
    head = f"{'line':<14} {titles[0]:>12} {titles[1]:>10} {'± shrinkage':>12} {'± seeds':>10} {'± model':>10}"
    head += "  seeds  order"
    lines = [f"{found.n_runs} runs at {len(found.diagram.pressures)} pressures", head]
    transitions = [t for line in found.diagram.lines for t in line.transitions]
    for row, transition in zip(found.rows(), transitions, strict=True):
        first, *errors = (row[name] for name in SHOWN)
        cells = [f"{row['line']:<14} {row['pressure']:>12.6g} {first:>10.5g}"]
        shown = ["-" if err is None else f"{err:.2g}" for err in errors]
        cells += [f"{err:>{width}}" for err, width in zip(shown, (12, 10, 10), strict=True)]
        lines.append(" ".join([*cells, f" {row['seeds_seen']}/{row['seeds']}    {row['order']}"]))
        sides = found.sides(transition.pressure, transition.temperature) or ()
        lines += [f"    {side}: {in_words(phase)}" for side, phase in zip(SIDES, sides, strict=False)]
    if not found.structures and found.diagram.lines:
        lines.append("set output.keep_every to see what the phases on either side look like")
    if not found.diagram.lines:
        lines.append("no peak of the heat capacity stands out")
    return "\n".join(lines)


def in_words(phase: Phase) -> str:
    """A phase on one line, means with their errors: what tells phases apart at a glance."""
    names = [name for name in phase.seen if name in TOLD or name.startswith(LIKE)]
    known = [f"{name} {_with_errors(phase.seen[name])}" for name in names]
    like = "" if phase.resembles is None else f"most like {phase.resembles}; "
    return f"{like}{', '.join(known)} at T = {phase.temperature:.4g}"


def _with_errors(each: Estimate) -> str:
    seeds = "" if np.isnan(each.seeds_err) else f" (seeds ± {each.seeds_err:.1g})"
    return f"{each.value:.3g} ± {each.err:.1g}{seeds}"


def as_csv(found: Phases) -> str:
    """The transitions as comma-separated values, pressures in the unit of the config; unknown ones empty."""
    rows = found.rows()
    text = io.StringIO()
    titles = list(dict.fromkeys(name for row in rows for name in row)) or ["line"]
    writer = csv.DictWriter(text, titles, lineterminator="\n")
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
