"""The report of a study while it runs: one HTML file with its pictures inside, readable with no network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from gapsample import nested
from gapsample.files import write_text
from gapsample.journeys import page
from gapsample.journeys.nested_atoms import n_atoms
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_pictures import (
    Drawn,
    temperature_label,
    thermodynamics,
    traces,
    uncertainty,
    walks,
)
from gapsample.journeys.nested_study import Leaf, Study
from gapsample.journeys.thermo import Group, default_temperatures, group_of
from gapsample.nested.diagnostics import smallest_of
from gapsample.sampling.loop import Reason

N_DRAWS = 24
N_TEMPERATURES = 80
REMEMBERS = 2.0  # times the memory aimed at, from where on walks are called too short
SMALLEST_P = 1e-3


def write_nested_report(study: Study, path: str | Path) -> None:
    """Write the page as things stand; it replaces an older one only when complete."""
    write_text(path, render(study))


def render(study: Study) -> str:
    """The page as HTML text, from what the last checkpoints left in the folder."""
    config, known = study.config, study.manifest
    told = {leaf: nested.read_progress(study.folder / leaf.name) for leaf in study.begun}
    told = {leaf: records for leaf, records in told.items() if len(records)}
    groups = list(_groups(study, tuple(told)))
    return page.whole(
        "nested_report.html",
        title=f"Nested sampling: {study.folder.name}",
        subtitle=_subtitle(config),
        cards=_cards(study, told),
        verdict=verdict(study, groups),
        runs=_runs(study),
        thermodynamics=_figures(thermodynamics(config, groups)),
        transitions=_transitions(config, groups),
        traces=_figures(traces(study, told)),
        walks=_figures(walks(study, told)),
        uncertainty=_figures(uncertainty(study, tuple(told))) or "<p>Not followed in this study.</p>",
        failures=_failures(study, told),
        settings=escape(json.dumps(known["settings"], indent=2, ensure_ascii=False)),
        provenance=page.definitions(
            {
                "seed": known["seed"],
                "model": known["model"]["fingerprint"],
                "files": known["model"]["files"],
                "database": known["database"],
                "begun": known["written"],
                **known["versions"],
            }
        ),
    )


def verdict(study: Study, groups: list[Group]) -> str:
    """What to think of the runs so far, in a sentence or two."""
    reasons = {leaf.name: study.status(leaf).get("reason") for leaf in study.leaves}
    open_ones = [name for name, reason in reasons.items() if reason is None]
    words = [f"{len(reasons) - len(open_ones)} of {len(reasons)} runs have ended."]
    for reason in Reason:
        names = [name for name, why in reasons.items() if why == reason.name]
        if names and reason is not Reason.CONVERGED:
            words.append(f"{', '.join(names)}: {reason.value}.")
    limit = REMEMBERS * study.config.sampling.memory
    for group in groups:
        if group.memory is not None and group.memory > limit:
            words.append(
                f"{group.title}: clones remember their ancestors (rank correlation {group.memory:.2f}); "
                "walk longer."
            )
    p_values = {group.title: smallest_of(group.insertion) for group in groups if group.insertion}
    if p_values and smallest_of(list(p_values.values())) < SMALLEST_P:
        worst = min(p_values, key=lambda title: p_values[title])
        words.append(
            f"{worst}: new points do not rank uniformly (p = {p_values[worst]:.1g}); do not trust it."
        )
    if study.config.sampling.seeds == 1:
        words.append("One seed only: basins that were never found are in no error bar.")
    return " ".join(words)


def _subtitle(config: NestedConfig) -> str:
    pressures = ", ".join(f"{p:g}" for p in config.ensemble.listed)
    where = f"P = {pressures} {config.pressure_unit}".rstrip() if pressures else "fixed cell"
    return f"{n_atoms(config)} atoms, {where}, {config.sampling.n_live} live points"


def _cards(study: Study, told: Mapping[Leaf, Any]) -> Iterator[tuple[str, str, str]]:
    statuses = [study.status(leaf) for leaf in study.leaves]
    ended = sum(status.get("reason") is not None for status in statuses)
    yield "Runs ended", f"{ended} of {len(statuses)}", f"{len(told)} begun"
    yield "Dead points", f"{sum(status.get('n_dead', 0) for status in statuses):,}", "all runs"
    cost = study.manifest["cost"]
    yield "Time", _duration(cost["seconds"]), f"{_duration(cost['cpu_seconds'])} of this process's CPU"
    yield "Failed evaluations", f"{_failed(told):,}", "moves refused for that"
    yield "Worker deaths", f"{study.manifest['worker_deaths']}", "tasks ran again"


def _runs(study: Study) -> str:
    titles = ("run", "steps", "dead", "log X", "ceiling", "evidence left", "state")
    rows = []
    for leaf in study.leaves:
        status = study.status(leaf)
        left = status.get("log_remaining")
        rows.append(
            (
                leaf.name,
                str(status.get("n_steps", "-")),
                str(status.get("n_dead", "-")),
                _number(status.get("log_X"), ".2f"),
                _number(status.get("ceiling"), ".6g"),
                "-" if left is None else f"{100.0 * np.exp(left):.3g} %",
                (status["reason"] or "running").lower() if status else "not begun",
            )
        )
    return page.table(titles, rows)


def _groups(study: Study, leaves: tuple[Leaf, ...]) -> Iterator[Group]:
    """Runs with anything dead, by pressure; those too young for an analysis are left out for now."""
    for pressure in dict.fromkeys(leaf.pressure for leaf in leaves):
        members = [leaf for leaf in leaves if leaf.pressure == pressure]
        grid = default_temperatures(study, members, N_TEMPERATURES)
        yield group_of(study, members, temperatures=grid, n_draws=N_DRAWS)


def _transitions(config: NestedConfig, groups: list[Group]) -> str:
    rows = [
        (
            group.title,
            f"{each.peak.temperature:.5g}",
            f"{each.peak.temperature_err:.2g}",
            _number(each.seeds_err, ".2g"),
            _number(each.model_err, ".2g"),
            f"{each.peak.height / n_atoms(config) / config.boltzmann:.4g}",
        )
        for group in groups
        for each in group.transitions
    ]
    if not rows:
        return "<p>No peak yet.</p>"
    return page.table(
        ("run", f"peak at {temperature_label(config)}", "± shrinkage", "± seeds", "± model", "C / (N k)"),
        rows,
    )


def _failures(study: Study, told: Mapping[Leaf, Any]) -> str:
    rows = [(leaf.name, str(int(t["failed"].sum()))) for leaf, t in told.items() if t["failed"].any()]
    deaths = study.manifest["worker_deaths"]
    lines = [f"<p>Worker processes that died: {deaths}; their tasks ran again.</p>"] if deaths else []
    if rows:
        lines.append(
            page.table(("run", "evaluations that raised or were not finite; the move was refused"), rows)
        )
    return "".join(lines) or "<p>None: no evaluation failed and no worker died.</p>"


def _failed(told: Mapping[Leaf, Any]) -> int:
    return int(sum(records["failed"].sum() for records in told.values()))


def _figures(drawn: Drawn) -> str:
    return "".join(page.figure(figure, caption) for figure, caption in drawn)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _duration(seconds: float) -> str:
    hours, rest = divmod(int(seconds), 3600)
    return (
        f"{hours} h {rest // 60} min"
        if hours
        else f"{rest // 60} min {rest % 60} s"
        if rest >= 60
        else f"{rest} s"
    )
