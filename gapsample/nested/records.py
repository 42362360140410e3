"""The files of a run: dead points, kept configurations, progress, live points; and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gapsample.errors import FileFormatError
from gapsample.files import replacing
from gapsample.nested.live import Live
from gapsample.nested.points import DeadPoints, in_order
from gapsample.nested.problem import Ceiling, Problem
from gapsample.nested.state import (
    COLUMNS,
    Records,
    State,
    Story,
    dead_dtype,
    kept_dtype,
    progress_dtype,
)
from gapsample.sampling.checkpoints import Codec, Packed
from gapsample.sampling.records import Mark, RecordFile, RecordSet, read_records

DEAD, KEPT, PROGRESS, LIVE = "dead", "kept", "progress", "live.npz"
SUFFIX = ".records"


def open_records(
    problem: Problem, state: State, folder: Path, marks: Mapping[str, Mark] | None
) -> RecordSet[Story]:
    """Files that take the story of a run, cut back to what a checkpoint vouches for."""
    folder.mkdir(parents=True, exist_ok=True)
    dtypes = {
        DEAD: dead_dtype(problem, state.live.coordinates),
        KEPT: kept_dtype(problem.n_coordinates),
        PROGRESS: progress_dtype(len(state.steps)),
    }
    files = {
        name: RecordFile(folder / f"{name}{SUFFIX}", dtype, keep=None if marks is None else marks[name])
        for name, dtype in dtypes.items()
    }
    return RecordSet(files, rows)


def rows(story: Story) -> dict[str, Records]:
    """Blocks of records by the name of their file."""
    return {DEAD: story.dead, KEPT: story.kept, PROGRESS: story.progress}


def live_records(problem: Problem, live: Live) -> Records:
    """Live points as records of points that die last, in any order."""
    records = np.empty(len(live.value), dead_dtype(problem, live.coordinates))
    for name in COLUMNS:
        records[name] = getattr(live, name)
    for name, values in problem.observe(live.coordinates).items():
        records[name] = values
    return records


def write_live(problem: Problem, state: State, folder: Path) -> None:
    """Write the live points, so that the run can be analyzed at any time."""
    with replacing(folder / LIVE) as stream:
        np.savez(
            stream,
            n_dead=state.n_dead,
            live=live_records(problem, state.live),
            coordinates=state.live.coordinates,
        )


def points_of(dead: Records, live: Records) -> DeadPoints:
    """Dead points of a run, its last live points taken as dead in their turn."""
    records = np.concatenate((dead, live))
    names = [name for name in records.dtype.names or () if name not in COLUMNS]
    columns = {name: np.ascontiguousarray(records[name]) for name in COLUMNS}
    observables = {name: np.ascontiguousarray(records[name]) for name in names}
    return in_order(DeadPoints(**columns, observables=observables))


def read_points(folder: str | Path) -> DeadPoints:
    """Dead and live points of a run, ended or alive, as of its last checkpoint."""
    folder = Path(folder)
    try:
        with np.load(folder / LIVE, allow_pickle=False) as stored:
            n_dead, live = int(stored["n_dead"]), stored["live"]
    except (OSError, ValueError, KeyError) as problem:
        raise FileFormatError(
            f"{folder / LIVE} cannot be read as live points of a run: {problem}"
        ) from problem
    return points_of(read_records(folder / f"{DEAD}{SUFFIX}")[:n_dead], live)


def read_progress(folder: str | Path) -> Records:
    """One record per step, with the fields of `state.progress_dtype`."""
    return read_records(Path(folder) / f"{PROGRESS}{SUFFIX}")


def read_kept(folder: str | Path) -> Records:
    """Numbers of the dead points whose coordinates were kept (counted in the order of dying), and these."""
    return read_records(Path(folder) / f"{KEPT}{SUFFIX}")


def _pack(state: State) -> Packed:
    arrays = {f"live_{name}": column for name, column in state.live._asdict().items()}
    arrays |= {"steps": state.steps, "ranks": state.ranks}
    names = ("n_dead", "log_X", "slope", "log_Z_dead", "walk_length")
    values = {name: getattr(state, name) for name in names}
    return Packed(arrays, values | {"ceiling": list(state.ceiling)})


def _unpack(packed: Packed) -> State:
    live = Live(**{name: packed.arrays[f"live_{name}"] for name in Live._fields})
    values = dict(packed.values)
    ceiling = Ceiling(*values.pop("ceiling"))
    return State(
        live=live, ceiling=ceiling, steps=packed.arrays["steps"], ranks=packed.arrays["ranks"], **values
    )


CODEC = Codec("nested", 1, _pack, _unpack)
