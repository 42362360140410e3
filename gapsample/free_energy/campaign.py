"""Many windows through an executor, each finished one on disk: a killed campaign loses those in flight.

A window's randomness follows from the seed and its number alone, so a campaign cut anywhere and begun again
equals one never cut, bit for bit, however many workers there are.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from gapsample.errors import FileFormatError, InputError
from gapsample.files import replacing
from gapsample.free_energy.fingerprints import fingerprint
from gapsample.free_energy.samples import Samples, Visited, Window, WindowRun
from gapsample.free_energy.windows import Ensemble, Schedule, sample_window
from gapsample.rng import stream
from gapsample.sampling.alone import alone_in
from gapsample.sampling.dynamics import State
from gapsample.sampling.executors import run_all

SCHEMA = 1
FREE = np.nan  # period of a variable that has none, on disk


@dataclass(frozen=True, eq=False)
class Task:
    """One window of a campaign, complete: it can be sent anywhere that sees the folder."""

    path: Path
    number: int
    ensemble: Ensemble
    window: Window
    start: Atoms
    schedule: Schedule
    seed: int
    mark: str


def run_windows(
    folder: str | Path,
    ensemble: Ensemble,
    windows: Sequence[Window],
    starts: Atoms | Sequence[Atoms],
    schedule: Schedule,
    *,
    seed: int,
    executor: Executor,
    model: str = "",
    first: int = 0,
) -> list[WindowRun]:
    """Sample all windows that are not on disk yet; return all of them, in order.

    Parameters
    ----------
    folder : where every window becomes a file; one campaign in each folder. All workers must see it
    starts : where windows begin: one configuration for all, or one for each
    executor : of `gapsample.sampling.executors`; ensemble and starts must be picklable for other processes
    model : what the potential depends on and its own numbers do not say (see `Ensemble.fingerprint`)
    first : number of the first window, for campaigns that grow

    Raises
    ------
    InputError
        The folder holds windows of another potential, start, seed or schedule under these numbers, or another
        process is at work in it.
    TaskFailed
        A window failed; the others on disk stand.
    """
    folder = Path(folder)
    begins = [starts] * len(windows) if isinstance(starts, Atoms) else list(starts)
    if len(begins) != len(windows):
        raise InputError(f"{len(windows)} windows want as many starts, or one for all; got {len(begins)}")
    sampled = ensemble.fingerprint
    tasks = [
        Task(
            folder / f"window-{number:06d}.npz",
            number,
            ensemble,
            window,
            start,
            schedule,
            seed,
            fingerprint(model, sampled, seed, number, window, start, schedule),
        )
        for number, (window, start) in enumerate(zip(windows, begins, strict=True), start=first)
    ]
    with _swept(folder):
        done = {task.number: read_window(task.path, task.mark) for task in tasks if task.path.exists()}
        missing = [task for task in tasks if task.number not in done]
        run_all(executor, run_task, missing, name=lambda task: f"{task.path.stem} at {task.window.center}")
        for task in missing:
            done[task.number] = read_window(task.path, task.mark)
    return [done[task.number] for task in tasks]


def run_task(task: Task) -> None:
    """Sample one window and write its file; what a worker does."""
    rng = stream(task.seed, walker=task.number)
    run = sample_window(task.ensemble, task.window, task.start, task.schedule, rng)
    write_window(task.path, run, task.mark)


def write_window(path: str | Path, run: WindowRun, mark: str = "") -> None:
    """Write a window so that its file is never seen half-written; `mark` tells whose it is."""
    samples = run.samples
    arrays: dict[str, Any] = {
        "schema": SCHEMA,
        "fingerprint": mark,
        "center": samples.window.center,
        "kappa": samples.window.kappa,
        "s": samples.s,
        "temperature": samples.temperature,
        "periods": [FREE if period is None else period for period in samples.periods],
        **{f"visited_{name}": value for name, value in run.visited._asdict().items()},
        **{f"last_{name}": value for name, value in run.last._asdict().items()},
    }
    if samples.gradients is not None:
        arrays["gradients"] = samples.gradients
    with replacing(path) as stream_:
        np.savez(stream_, **arrays)


def read_window(path: str | Path, mark: str | None = None) -> WindowRun:
    """Read a window's file.

    Parameters
    ----------
    mark : what it must have been written with; None takes any

    Raises
    ------
    FileFormatError
        The file is damaged, or none of ours.
    InputError
        It belongs to another campaign.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {name: archive[name] for name in archive.files}
        schema, written_with, run = int(found["schema"]), str(found["fingerprint"]), _run_of(found)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise FileFormatError(
            f"{path} is no window of a campaign, or damaged ({problem}); delete it to sample it again"
        ) from problem
    if schema != SCHEMA:
        raise FileFormatError(f"{path} has schema {schema}, wanted {SCHEMA}; upgrade gapsample")
    if mark is not None and written_with != mark:
        raise InputError(
            f"{path} was sampled with another potential, seed, start, schedule or window; choose another "
            "folder, or delete it to sample it again"
        )
    return run


def _run_of(found: Mapping[str, Any]) -> WindowRun:
    samples = Samples(
        Window(tuple(found["center"].tolist()), tuple(found["kappa"].tolist())),
        found["s"],
        float(found["temperature"]),
        tuple(None if np.isnan(period) else float(period) for period in found["periods"]),
        found.get("gradients"),
    )
    visited = Visited(*(found[f"visited_{name}"] for name in Visited._fields))
    return WindowRun(samples, visited, State(*(found[f"last_{name}"] for name in State._fields)))


@contextmanager
def _swept(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes, and sweep out what killed ones left half-written."""
    with alone_in(folder):
        for stray in folder.glob(".window-*.npz.*.part"):
            stray.unlink(missing_ok=True)
        yield
