"""Dead points as files that other programs read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsample.files import write_text
from gapsample.nested.points import DeadPoints, live_numbers
from gapsample.nested.volumes import expected_log_volumes

Floats = NDArray[np.float64]

SMALLEST_GAP = 1e-12  # of the spread of values; wide enough to survive text and its readers


def write_anesthetic(points: DeadPoints, path: str | Path) -> None:
    """Write a table that ``anesthetic.read_csv`` reads; the log-likelihood is minus the value.

    Anesthetic orders contours by value alone, so that points of equal value, which here are ordered by their
    labels, are moved apart by `SMALLEST_GAP`; `value` holds what was. Prior draws are born at ``-inf``.
    Observables of several numbers become columns ``name_0, …``.

    References
    ----------
    Handley, J. Open Source Softw. 4, 1414 (2019).
    """
    n_live = live_numbers(points)
    likelihood, birth = separate_contours(points)
    columns = {
        "logL": likelihood,
        "logL_birth": birth,
        "nlive": n_live,
        "value": points.value,
        "log_X": expected_log_volumes(n_live),
    }
    for name, values in points.observables.items():
        flat = values.reshape(len(points), -1)
        names = [name] if values.ndim == 1 else [f"{name}_{i}" for i in range(flat.shape[1])]
        columns.update(zip(names, flat.T, strict=True))
    table = io.StringIO()
    table.write("," + ",".join(columns) + "\n")
    for number, row in enumerate(zip(*(c.tolist() for c in columns.values()), strict=True)):
        table.write(f"{number}," + ",".join(repr(entry) for entry in row) + "\n")
    write_text(path, table.getvalue())


def separate_contours(points: DeadPoints) -> tuple[Floats, Floats]:
    """Log-likelihoods and birth contours in the order of (value, label), none equal; shape (n,)."""
    n = len(points)
    born = np.flatnonzero(np.isfinite(points.birth))
    value = np.concatenate((points.value, points.birth[born]))
    label = np.concatenate((points.label, points.birth_label[born]))
    order = np.lexsort((label, value))[::-1]
    rising, ties = -value[order], label[order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (np.diff(rising) != 0.0) | (np.diff(ties) != 0.0)
    spread = float(np.median(np.abs(points.value - np.median(points.value)))) or 1.0
    offset = np.cumsum(is_new) * (SMALLEST_GAP * spread)
    separate = np.empty(len(order))
    separate[order] = np.maximum.accumulate(rising - offset) + offset
    birth = np.full(n, -np.inf)
    birth[born] = separate[n:]
    return separate[:n], birth
