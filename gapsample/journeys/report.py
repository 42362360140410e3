"""The validation report: one HTML file with its pictures inside, readable with no network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from gapsample import plots
from gapsample.files import write_text
from gapsample.journeys import page, tables
from gapsample.journeys.validate import Validation
from gapsample.potential.assessment import Compared, Row, negligible, z_scores
from gapsample.provenance import versions

N_WORST = 10


def write_report(validation: Validation, path: str | Path) -> None:
    """Write the page; it replaces an older one only when complete."""
    write_text(path, render(validation))


def render(validation: Validation) -> str:
    """The page as HTML text: verdict, table, pictures, calibration, worst cases, recipe, provenance."""
    source = validation.source
    return page.whole(
        "report.html",
        title=f"{Path(str(source['model'])).name} on {Path(str(source['database'])).name}",
        subtitle=(
            f"{validation.rows[-1].n_configurations} configurations, split {source['split']}, "
            f"level {source['level']}"
        ),
        cards=_headline(validation.rows[-1]),
        verdict=verdict(validation.rows[-1]),
        table=tables.as_html(validation.rows),
        figures="".join(page.figure(figure, caption) for figure, caption in _figures(validation)),
        calibration=_calibration(validation),
        worst=_worst(validation),
        recipe=escape(json.dumps(validation.facts, indent=2, ensure_ascii=False)),
        provenance=page.definitions({**source, **versions(), "written": f"{datetime.now():%Y-%m-%d %H:%M}"}),
    )


def verdict(row: Row) -> str:
    """What the predicted errors are worth, in a sentence."""
    if row.force_z is None:
        return "Predicted errors were not asked for or are not known to this model."
    if 0.8 <= row.force_z <= 1.25:
        words = "are as large as they should be"
    elif row.force_z > 1.25:
        words = f"are {row.force_z:.1f} times too small: the model is too sure of itself here"
    else:
        words = f"are {1.0 / row.force_z:.1f} times too large: the model is better than it believes"
    rank = (
        "" if row.force_rank is None else f" They rank the true errors with correlation {row.force_rank:.2f}."
    )
    return f"Predicted force errors {words}.{rank}"


def _headline(row: Row) -> Iterator[tuple[str, str, str]]:
    wanted = {"energy_rmse": "Energy", "force_rmse": "Force", "virial_rmse": "Virial"}
    for column in tables.known_columns([row]):
        if column.field in wanted:
            yield f"{wanted[column.field]} RMSE", column.text(row), column.unit
    if row.force_z is not None:
        yield "Error / predicted, forces", f"{row.force_z:.2f}", "1 is calibrated"
    if row.force_rank is not None:
        yield "Rank correlation", f"{row.force_rank:.2f}", "predicted and true force error"


def _figures(validation: Validation) -> Iterator[tuple[plots.Figure, str]]:
    a, row = validation.assessment, validation.rows[-1]
    for title, compared, unit, rmse in (
        ("Energy", a.energy, "eV/atom", f"{row.energy_rmse or 0:.2f} meV/atom"),
        ("Forces", a.forces, "eV/Å", f"{row.force_rmse or 0:.3f} eV/Å"),
        ("Virial", a.virial, "eV/atom", f"{row.virial_rmse or 0:.1f} meV/atom"),
    ):
        if len(compared):
            groups = [a.config_types[i] for i in compared.entry]
            figure = plots.parity(
                compared.reference, compared.predicted, groups, title=title, unit=unit, rmse=rmse
            )
            yield figure, f"{title}: predicted against label; below, the difference on its own scale."
    if a.forces.std is not None and len(a.forces):
        yield (
            plots.error_against_predicted(
                *_norms(a.forces), title="Force error by atom", unit="eV/Å", rank=row.force_rank
            ),
            "Each point is an atom: the norm of its true force error against the norm the model predicted.",
        )
    for title, name, compared in (("Forces", "forces", a.forces), ("Energies", "energy", a.energy)):
        scores, scale = z_scores(compared), validation.scales.get(name)
        if scores is not None and scores.size:
            shown = {"calibrated": scores} if scale is not None else {"predicted": scores}
            if scale is not None:
                shown["before calibration"] = scores * scale
            yield (
                plots.z_histogram(shown, title=f"{title}: z-scores"),
                ("Error divided by predicted error. A calibrated model follows the normal curve."),
            )


def _norms(compared: Compared) -> tuple[Any, Any]:
    """Norms of true and of predicted error by atom, without atoms held in place by symmetry."""
    std = compared.std if compared.std is not None else np.zeros_like(compared.error)
    size = np.linalg.norm(std, axis=1)
    shown = size > negligible(compared)
    return np.linalg.norm(compared.error, axis=1)[shown], size[shown]


def _calibration(validation: Validation) -> str:
    lines = validation.calibration()
    if not lines:
        return "<p>No predicted errors.</p>"
    body = "".join(
        f"<tr><td>{escape(name)}</td><td>{line['scale']:.3f}</td><td>{line['z_before']:.2f}</td>"
        f"<td>{line['z_after']:.2f}</td></tr>"
        for name, line in lines.items()
    )
    return (
        "<table><thead><tr><th>quantity</th><th>scale</th><th>z before</th><th>z after</th></tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def _worst(validation: Validation) -> str:
    titles = ("id", "config_type", "atoms", "energy error (meV/atom)", "force RMSE (eV/Å)", "largest (eV/Å)")
    head = "".join(f"<th>{title}</th>" for title in titles)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(value)}</td>" for value in line.values()) + "</tr>"
        for line in validation.configurations()[:N_WORST]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else escape(str(value))
