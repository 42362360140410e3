"""Runs at constant pressure, alone and as a family, for processes of their own and to be killed.

``python walking_cell.py KIND FOLDER`` runs uncut, then cut by SIGKILL several times and resumed, and prints
how often it was killed; KIND is ``run`` or ``family``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from gapsample import nested
from gapsample.nested.exchange_run import run_exchange
from gapsample.sampling import loop
from gapsample.sampling.executors import local, threads

LJ = nested.LennardJones(cutoff=2.0)
CELLS = [nested.PairCell(4, LJ, pressure, largest_volume=20.0) for pressure in (0.1, 0.2)]
CELL = CELLS[0]
SETTINGS = nested.Settings(n_live=40, n_cull=4, walk_length=20, shortest_walk=10, keep_every=7)
SEED, LOWEST_KT = 5, 1.0
OFTEN = loop.Every(steps=3)

Pool = Callable[[], AbstractContextManager]


def run(folder=None, executor=None, resume=False, until=None, problem=CELL):
    """One run, its clones shared among two workers; a list, as `family` gives."""
    result = nested.run(
        problem,
        SETTINGS,
        seed=SEED,
        lowest_kT=LOWEST_KT,
        folder=folder,
        resume=resume,
        until=until,
        executor=executor,
        n_workers=2,
        checkpoint_every=OFTEN,
    )
    return [result]


def family(folder=None, executor=None, resume=False, until=None):
    """Two runs that exchange points."""
    return run_exchange(
        CELLS,
        SETTINGS,
        seed=SEED,
        lowest_kT=LOWEST_KT,
        folder=folder,
        resume=resume,
        until=until,
        executor=executor,
        checkpoint_every=OFTEN,
    )


@dataclass(frozen=True)
class Deadly(nested.PairCell):
    """A cell whose first walk in another process than its maker's kills that process."""

    mark: str = ""
    maker: int = 0

    def walk(self, task):
        if os.getpid() != self.maker and not Path(self.mark).exists():
            Path(self.mark).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().walk(task)


def records(folder: Path) -> dict[str, bytes]:
    """All files of a run but its checkpoints, and but halves that a killed writer left."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and "checkpoints" not in p.parts and p.suffix != ".part"
    }


def n_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("dead.records"))


def killed(sample: Callable, folder: Path, pool: Pool, after: float) -> bool:
    """Resume in a fork, kill it some time after it has left new records; whether it came to that."""
    before = n_bytes(folder)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with pool() as executor:
                sample(folder, executor, resume=True, until=lambda state, n_steps: time.sleep(0.01))
            code = 0
        finally:
            os._exit(code)
    while n_bytes(folder) <= before + 2000:
        time.sleep(0.002)
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def main(kind: str, folder: Path) -> int:
    sample = {"run": run, "family": family}[kind]
    sample(folder / "uncut")
    cut = folder / "cut"
    pools: list[Pool] = [nullcontext, lambda: threads(2), nullcontext, lambda: local(2)]
    kills = sum(killed(sample, cut, pool, 0.007 * i) for i, pool in enumerate(pools))
    with threads(2) as executor:
        sample(cut, executor, resume=True)
    wanted, got = records(folder / "uncut"), records(cut)
    assert wanted.keys() == got.keys()
    assert wanted == got, [name for name in wanted if wanted[name] != got[name]]
    return kills


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2])))
