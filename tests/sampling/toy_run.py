"""A toy engine with everything a real one has: arrays, numbers, random walks, records of changing length.

Usage: python toy_run.py FOLDER N_STEPS
begins the run in FOLDER or resumes it, and prints why it ended.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gapsample.rng import stream
from gapsample.sampling.checkpoints import Checkpoints, Codec, Packed
from gapsample.sampling.loop import Every, Finished, Until, run, steps
from gapsample.sampling.records import NOTHING, RecordFile, RecordSet

SEED = 20260
VISITED = np.dtype([("step", "i8"), ("walker", "i4"), ("position", "f8", (2,))])
ACCEPTED = np.dtype([("number", "i4")])


@dataclass(frozen=True)
class Toy:
    positions: np.ndarray  # shape (n_walkers, 2)
    step_size: float
    n_done: int


def begin() -> Toy:
    return Toy(np.zeros((4, 2)), 0.5, 0)


def step(state: Toy, rng: np.random.Generator) -> tuple[Toy, dict[str, np.ndarray]]:
    moves = np.array([stream(SEED, 0, w, state.n_done).normal(size=2) for w in range(len(state.positions))])
    trial = state.positions + state.step_size * moves
    taken = rng.random(len(trial)) < np.exp(0.5 * (np.sum(state.positions**2, 1) - np.sum(trial**2, 1)))
    step_size = state.step_size * np.exp(0.1 * (np.mean(taken) - 0.5))
    positions = np.where(taken[:, None], trial, state.positions)
    visited = np.zeros(np.count_nonzero(taken), VISITED)
    visited["step"], visited["walker"] = state.n_done, np.flatnonzero(taken)
    visited["position"] = positions[taken]
    info = {"visited": visited}
    if state.n_done % 3 == 0:
        info["accepted"] = np.array([(len(visited),)], ACCEPTED)
    return Toy(positions, float(step_size), state.n_done + 1), info


CODEC = Codec[Toy](
    "toy",
    1,
    lambda toy: Packed({"positions": toy.positions}, {"step_size": toy.step_size, "n_done": toy.n_done}),
    lambda packed: Toy(positions=packed.arrays["positions"], **packed.values),
)


def begin_or_resume(
    folder: Path, until: Until[Toy], every: Every = Every(steps=5), **kw: Any
) -> Finished[Toy]:
    checkpoints = Checkpoints(folder / "checkpoints", CODEC, model="toy")
    found = checkpoints.latest()
    marks = {"visited": NOTHING, "accepted": NOTHING} if found is None else found.marks
    with (
        RecordFile(folder / "visited.records", VISITED, keep=marks["visited"]) as visited,
        RecordFile(folder / "accepted.records", ACCEPTED, keep=marks["accepted"]) as accepted,
    ):
        return run(
            kw.pop("step", step),
            begin() if found is None else found.state,
            stream(SEED) if found is None else found.rng,
            n_steps=0 if found is None else found.n_steps,
            until=until,
            record=RecordSet({"visited": visited, "accepted": accepted}, rows=lambda info: info),
            checkpoints=checkpoints,
            checkpoint_every=every,
            **kw,
        )


def everything(folder: Path) -> dict[str, bytes]:
    """All bytes a run leaves behind."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


if __name__ == "__main__":
    print(begin_or_resume(Path(sys.argv[1]), steps(int(sys.argv[2]))).reason.name, flush=True)
