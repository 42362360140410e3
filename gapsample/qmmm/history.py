"""The history of a region as its events: which atom entered or left which layer, at which step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.qmmm.region import Region

Bools = NDArray[np.bool_]
Records = NDArray[np.void]

LAYERS = ("core", "quantum", "transition")
EVENT = np.dtype([("step", "<i8"), ("atom", "<i4"), ("layer", "u1"), ("entered", "?")])
"""One event, as a `gapsample.sampling.records.RecordFile` keeps it; `layer` counts in `LAYERS`."""


def events(step: int, before: Region | None, after: Region) -> Records:
    """What changed between two regions (None: the empty one), shape (n_events,) of `EVENT`."""
    parts = []
    for number, name in enumerate(LAYERS):
        now: Bools = getattr(after, name)
        then = np.zeros_like(now) if before is None else getattr(before, name)
        changed = np.flatnonzero(now != then)
        part = np.empty(len(changed), EVENT)
        part["step"], part["atom"], part["layer"], part["entered"] = step, changed, number, now[changed]
        parts.append(part)
    return np.concatenate(parts)


def members(history: Records, n_atoms: int, layer: str, until: int) -> Bools:
    """Atoms in a layer after step `until`, replayed from the events, shape (n_atoms,)."""
    inside = np.zeros(n_atoms, bool)
    chosen = history[(history["layer"] == LAYERS.index(layer)) & (history["step"] <= until)]
    inside[chosen["atom"]] = chosen["entered"]  # in order: the last event of an atom counts
    return inside


def sizes(history: Records, layer: str) -> NDArray[np.int64]:
    """Number of atoms in a layer after each step at which it changed, shape (n_changes, 2): step, atoms."""
    chosen = history[history["layer"] == LAYERS.index(layer)]
    steps = np.unique(chosen["step"])
    total = np.cumsum(np.where(chosen["entered"], 1, -1))
    last = np.searchsorted(chosen["step"], steps, side="right") - 1
    return np.stack([steps, total[last]], axis=1)


def crossings(history: Records, layer: str, after: int) -> tuple[int, int]:
    """How often atoms entered a layer, and left it, later than at step `after`."""
    chosen = history[(history["layer"] == LAYERS.index(layer)) & (history["step"] > after)]
    entered = int(np.count_nonzero(chosen["entered"]))
    return entered, len(chosen) - entered
