"""The report of an adaptive QM/MM run while it goes on: one page, and its numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample import plots
from gapsample.files import write_text
from gapsample.journeys import page
from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_records import read
from gapsample.journeys.qmmm_state import Records
from gapsample.journeys.qmmm_summary import Summary, asked_atoms, summarize
from gapsample.journeys.qmmm_teacher import LINE
from gapsample.learning import Generations
from gapsample.plots.nested_progress import Line, nested_traces
from gapsample.plots.qmmm import region_over_time
from gapsample.provenance import write_json
from gapsample.qmmm.history import LAYERS, sizes

Floats = NDArray[np.float64]
SUMMARY, REPORT = "summary.json", "report.html"
AVERAGED = 50  # rows that a temperature in the figure is averaged over


def write_qmmm_report(config: QmmmConfig, atoms: Atoms, reason: str) -> tuple[Path, ...]:
    """Write page and numbers as things stand; each replaces an older one only when complete."""
    folder, summary = config.output.folder, summarize(config, atoms)
    write_json(folder / SUMMARY, summary.as_dict())
    write_text(folder / REPORT, render(config, atoms, summary, reason))
    return folder / SUMMARY, folder / REPORT


def render(config: QmmmConfig, atoms: Atoms, summary: Summary, reason: str) -> str:
    """The page as HTML text."""
    steps = read(config.output.folder, "steps")
    kind = type(config.dynamics).__name__
    return page.whole(
        "qmmm_report.html",
        title=f"Adaptive QM/MM: {config.output.folder.name}",
        subtitle=(
            f"{len(atoms)} atoms, {kind} at {config.dynamics.temperature:g} K, "
            f"{config.dynamics.time_step:g} fs a step"
        ),
        cards=_cards(summary, steps),
        verdict=_verdict(summary, reason),
        figures="".join(page.figure(drawn, caption) for drawn, caption in figures(config)),
        budget=_budget(summary),
        generations=_generations(config.output.folder / LINE),
        settings=escape(json.dumps(config.as_dict(), indent=2, ensure_ascii=False)),
    )


def figures(config: QmmmConfig) -> Iterator[tuple[plots.Figure, str]]:
    """Region and quantum calls, audits, asked atoms, temperatures; each with what it shows."""
    folder = config.output.folder
    steps, audits, history = (read(folder, name) for name in ("steps", "audits", "region"))
    step = steps["step"].astype(float)
    changes = {name: sizes(history, name).astype(float) for name in LAYERS}
    layers = {name: (change[:, 0], change[:, 1]) for name, change in changes.items() if len(change)}
    calls = np.repeat(step, steps["calls"])
    yield region_over_time(layers, end=step[-1], calls=calls), "Atoms in the region, and quantum calls so far"
    if len(audits):
        drawn = plots.error_against_predicted(
            np.array(audits["true"]), np.array(audits["predicted"]), title="Audits", unit="eV/Å", rank=None
        )
        yield drawn, "Atoms drawn at random: true force error against the model's prediction of it"
    asked = Line("asked", step, _averaged(asked_atoms(steps)))
    yield (
        nested_traces([asked], title="Atoms with quantum forces", x="step", y="atoms a step"),
        f"Averaged over {AVERAGED} steps, audits among them",
    )
    yield _temperatures(step, steps, config), "Temperatures, averaged likewise; dashed: what was asked"


def _temperatures(step: Floats, steps: Records, config: QmmmConfig) -> plots.Figure:
    lines = []
    for name in ("quantum", "classical"):
        column = steps[f"temperature_{name}"]
        known = np.isfinite(column)
        if known.any():
            lines.append(Line(name, step[known], _averaged(column[known])))
    title = "Temperature of each region"
    return nested_traces(lines, title=title, x="step", y="K", level=config.dynamics.temperature)


def _averaged(values: Floats) -> Floats:
    """Mean of each value and those before it, `AVERAGED` in all where there are so many."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - AVERAGED, 0)
    return np.asarray((total[last] - total[first]) / (last - first))


def _cards(summary: Summary, steps: Records) -> Iterator[tuple[str, str, str]]:
    now = steps[-1]
    yield "Steps", f"{summary.steps:,}", f"{summary.picoseconds:.3g} ps"
    yield "Quantum atoms", f"{now['quantum'] + now['transition']}", "now"
    yield (
        "Exchanges",
        f"{summary.entered + summary.left:,}",
        f"{summary.entered:,} atoms in, {summary.left:,} out",
    )
    yield "Quantum calls", f"{summary.calls:,}", f"{int(steps['audit_calls'].sum())} of them audits"
    yield (
        "Asked atoms",
        f"{summary.asked_last:.3g}",
        f"a step, the last tenth; {summary.asked_first:.3g} at first",
    )
    missed = summary.missed
    interval = f"{missed.low:.3f} to {missed.high:.3f}; threshold {summary.threshold:.3g} eV/Å now"
    yield "Missed fraction", f"{missed.value:.3f}" if missed.n_audits else "-", interval
    yield "Bound", f"{now['factor']:.3g}", "times the predicted error"


def _verdict(summary: Summary, reason: str) -> str:
    words = [f"{reason.capitalize().replace('_', ' ')}." if reason.isupper() else f"{reason}."]
    if summary.missed.n_audits:
        words.append(f"Of the atoms that nobody flagged, missed: {summary.missed}.")
        words.append(f"Error of the classical forces that were trusted: {summary.audited}.")
    return " ".join(words)


def _budget(summary: Summary) -> str:
    budget = summary.budget
    forces = [
        ("buffer of quantum forces (a locality scan says)", budget.buffer),
        ("classical forces that were trusted (audits)", budget.surrogate),
        ("correction of momentum", budget.momentum),
        ("together", budget.force),
    ]
    rows = [(name, f"{value:.3g} eV/Å" if np.isfinite(value) else "not known") for name, value in forces]
    rows += [
        (f"heat removed from the {name} region", f"{value:.3g} eV/ps an atom")
        for name, value in budget.heat.items()
    ]
    return page.table(("from", "error"), rows)


def _generations(folder: Path) -> str:
    found = Generations(folder).all()
    if not found:
        return "<p>The model does not learn in this run.</p>"
    rows = [
        (
            str(each.number),
            each.how,
            str(each.n_labels),
            str(each.n_sparse),
            "-" if each.residual.force is None else f"{each.residual.force:.3g}",
            f"{each.seconds:.1f}",
        )
        for each in found
    ]
    return page.table(("generation", "how", "labels", "sparse points", "residual (eV/Å)", "seconds"), rows)
