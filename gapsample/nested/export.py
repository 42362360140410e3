"""Dead points as files that other programs read."""

from __future__ import annotations

import io
from pathlib import Path

from gapsample.files import write_text
from gapsample.nested.points import DeadPoints, live_numbers
from gapsample.nested.volumes import expected_log_volumes


def write_anesthetic(points: DeadPoints, path: str | Path) -> None:
    """Write a table that ``anesthetic.read_csv`` reads.

    The log-likelihood is minus the value; prior draws are born at ``-inf``. Points of equal value stay tied
    there, so the label is written beside. Observables of several numbers become columns ``name_0, …``.

    References
    ----------
    Handley, J. Open Source Softw. 4, 1414 (2019).
    """
    n_live = live_numbers(points)
    columns = {
        "logL": -points.value,
        "logL_birth": -points.birth,
        "nlive": n_live,
        "label": points.label,
        "log_X": expected_log_volumes(n_live),
    }
    for name, values in points.observables.items():
        flat = values.reshape(len(points), -1)
        names = [name] if values.ndim == 1 else [f"{name}_{i}" for i in range(flat.shape[1])]
        columns.update(zip(names, flat.T, strict=True))
    lines = io.StringIO()
    lines.write("," + ",".join(columns) + "\n" + ",".join(["labels", *columns]) + "\n")
    for number, row in enumerate(zip(*(c.tolist() for c in columns.values()), strict=True)):
        lines.write(f"{number}," + ",".join(repr(entry) for entry in row) + "\n")
    write_text(path, lines.getvalue())


