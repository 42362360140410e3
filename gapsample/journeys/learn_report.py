"""What a line of models has learned so far: a table, a figure and a page, new after every generation."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gapsample import plots
from gapsample.files import replacing, write_text
from gapsample.journeys import page
from gapsample.learning import Learned, Learner, Stop
from gapsample.learning.campaign import n_told
from gapsample.plots.nested_progress import Line, nested_traces

TABLE, FIGURE, REPORT = "generations.csv", "errors.png", "report.html"
TITLES = (
    "generation", "how", "labels", "sparse_points", "audited_error", "audited_below", "audits",
    "missed", "missed_low", "missed_high", "error_before", "error_after", "force_residual", "seconds",
)  # fmt: skip


def write_learn_report(
    folder: Path, learner: Learner, stop: Stop, learned: Learned | None = None
) -> tuple[Path, ...]:
    """Write table, figure and page as things stand; each replaces an older one only when complete."""
    rows = list(_rows(learner))
    text = io.StringIO()
    csv.writer(text).writerows([TITLES, *rows])
    write_text(folder / TABLE, text.getvalue())
    drawn = error_figure(learner, stop)
    with replacing(folder / FIGURE) as stream:
        stream.write(plots.png(drawn))
    write_text(folder / REPORT, _render(folder, learner, stop, learned, rows, drawn))
    return folder / TABLE, folder / FIGURE, folder / REPORT


def error_figure(learner: Learner, stop: Stop) -> plots.Figure:
    """Audited error of every generation and the residual it leaves, against the labels learned."""
    n = np.array([each.n_labels for each in learner.history], dtype=float)
    errors = [learner.audited(each.number) for each in learner.history]
    value = np.array([each.value for each in errors])
    known = np.isfinite(value)
    left = np.array([np.sqrt(3.0) * (each.residual.force or np.nan) for each in learner.history])
    fitted = np.isfinite(left)
    upper = np.array([each.upper for each in errors])
    lines = [
        Line("audited error", n[known], value[known]),
        Line("its confidence bound", n[np.isfinite(upper)], upper[np.isfinite(upper)]),
        Line("residual on learned labels", n[fitted], left[fitted]),
    ]
    shown = [line for line in lines if len(line.x)]
    return nested_traces(
        shown, title="Force error", x="labels learned", y="eV/Å", log=bool(shown), level=stop.force_error
    )


def _rows(learner: Learner) -> Iterator[tuple[str, ...]]:
    for each in learner.history:
        error, missed = learner.audited(each.number), learner.missed(each.number)
        numbers = (
            error.value, error.upper, error.n_audits, missed.value, missed.low, missed.high,
            each.error_before, each.error_after, each.residual.force, each.seconds,
        )  # fmt: skip
        yield (
            str(each.number), each.how, str(each.n_labels), str(each.n_sparse),
            *("" if x is None or not np.isfinite(x) else f"{x:.6g}" for x in numbers),
        )  # fmt: skip


def _render(
    folder: Path,
    learner: Learner,
    stop: Stop,
    learned: Learned | None,
    rows: list[tuple[str, ...]],
    drawn: plots.Figure,
) -> str:
    policy, bound = learner.policy, learner.conformal
    audited = next((row for row in reversed(rows) if row[4]), None)
    cards = (
        ("Labels", f"{n_told(learner):,}", f"of {stop.labels:,} at most"),
        ("Generations", str(len(rows)), f"the newest {rows[-1][1]}"),
        (
            "Audited error",
            "-" if audited is None else f"{float(audited[4]):.3g}",
            f"eV/Å; asked: {stop.force_error:g}",
        ),
        (
            "Missed",
            f"{learner.missed()}".split(" ")[0],
            f"of unflagged atoms; threshold {learner.threshold:.3g} eV/Å now",
        ),
        ("Bound", f"{bound.factor:.3g}", f"times the predicted error, coverage {bound.coverage:g}"),
    )
    return page.whole(
        "learn_report.html",
        title=f"Learning: {folder.name}",
        subtitle=f"labels of {policy.level}, threshold {policy.threshold:g} eV/Å",
        cards=cards,
        verdict="Running." if learned is None else f"{learned.reason.value}.".capitalize(),
        figures=page.figure(drawn, "Force errors, root mean square of their norms; dashed: what was asked"),
        generations=page.table(tuple(title.replace("_", " ") for title in TITLES), rows),
    )
