"""The configurations a run kept, and which of its dead points they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, InputError
from gapsample.nested.points import DeadPoints, merge
from gapsample.nested.records import LIVE, read_kept, read_points
from gapsample.nested.run import Result

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PLACE = "place before merging"  # an observable that lives during `join` only


@dataclass(frozen=True)
class Kept:
    """Coordinates of some dead points.

    Attributes
    ----------
    rows : shape (m,), increasing; which of the dead points
    coordinates : shape (m, n_coordinates)
    """

    rows: Integers
    coordinates: Floats

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.coordinates) or not (np.diff(self.rows) > 0).all():
            raise InputError(
                f"kept configurations need increasing rows, one for each; got {len(self.rows)} rows for "
                f"{len(self.coordinates)} configurations"
            )

    def __len__(self) -> int:
        return len(self.rows)


def kept_of(result: Result) -> Kept:
    """What a run kept, its last live points included, as rows of ``result.points``."""
    live = result.finished.state.live
    return _with_live(result.kept, live.value, live.label, live.coordinates, result.finished.state.n_dead)


def read_configurations(folder: str | Path) -> tuple[DeadPoints, Kept]:
    """Points of a run in a folder, ended or alive, and the configurations it kept of them."""
    path = Path(folder) / LIVE
    points = read_points(folder)
    try:
        with np.load(path, allow_pickle=False) as stored:
            live, coordinates, n_dead = stored["live"], stored["coordinates"], int(stored["n_dead"])
    except (OSError, ValueError, KeyError) as problem:
        raise FileFormatError(f"{path} cannot be read as live points of a run: {problem}") from problem
    return points, _with_live(read_kept(folder), live["value"], live["label"], coordinates, n_dead)


def join(runs: Sequence[tuple[DeadPoints, Kept]]) -> tuple[DeadPoints, Kept]:
    """Several runs merged as by `merge`, and all they kept, as rows of the merged points."""
    starts = np.concatenate(([0], np.cumsum([len(points) for points, _ in runs])))
    merged = merge([_placed(points, start) for (points, _), start in zip(runs, starts, strict=False)])
    row_of = np.argsort(merged.observables[PLACE].astype(np.int64))
    rows = np.concatenate([row_of[start + kept.rows] for (_, kept), start in zip(runs, starts, strict=False)])
    order = np.argsort(rows)
    coordinates = np.concatenate([kept.coordinates for _, kept in runs])
    observables = {name: values for name, values in merged.observables.items() if name != PLACE}
    return replace(merged, observables=observables), Kept(rows[order], coordinates[order])


def _with_live(
    records: NDArray[np.void], value: Floats, label: Floats, coordinates: Floats, n_dead: int
) -> Kept:
    """Kept dead points, then the live ones in the order in which they would die."""
    order = np.lexsort((label, value))[::-1]
    live = n_dead + np.arange(len(value))
    if records.dtype.names is None:  # a run in memory that ended before its first step
        return Kept(live, coordinates[order])
    dead = records[records["number"] < n_dead]
    return Kept(
        np.concatenate((dead["number"], live)), np.concatenate((dead["coordinates"], coordinates[order]))
    )


def _placed(points: DeadPoints, start: int) -> DeadPoints:
    place = start + np.arange(len(points), dtype=float)
    return replace(points, observables=dict(points.observables) | {PLACE: place})
