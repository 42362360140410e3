"""Four writers, killed at any moment: what was acknowledged stays, and nobody is blocked."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from specimens import assert_same, specimen
from writing_process import SHARED

from gapsample.database import Database

WRITERS = 4
ROUNDS = 2


def acknowledged(output: Path) -> list[tuple[int, int]]:
    """Seeds and row ids of the lines that were written to their end."""
    complete = output.read_text().rpartition("\n")[0]
    return [(int(seed), int(row)) for seed, row in (line.split() for line in complete.splitlines())]


def write_and_kill(address: str, folder: Path, turn: int) -> list[tuple[int, int]]:
    """Start the writers, kill each with SIGKILL at a random moment, and return what they acknowledged."""
    script = Path(__file__).with_name("writing_process.py")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    outputs = [folder / f"acknowledged-{turn}-{worker}" for worker in range(WRITERS)]
    writers = []
    for worker, output in enumerate(outputs):
        command = [sys.executable, str(script), address, str(worker), str(turn * 100_000)]
        with output.open("w") as stream:
            writers.append(subprocess.Popen(command, stdout=stream, env=environment))
    try:
        deadline = time.monotonic() + 60
        while min(len(acknowledged(output)) for output in outputs) < 5:
            assert time.monotonic() < deadline, "the writers are blocked"
            assert all(writer.poll() is None for writer in writers), "a writer failed"
            time.sleep(0.02)
        dice = random.Random(turn)
        for writer in writers:
            time.sleep(dice.uniform(0.0, 0.3))
            assert writer.poll() is None, "a writer failed"
            writer.send_signal(signal.SIGKILL)
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()
    return [line for output in outputs for line in acknowledged(output)]


def test_killed_writers_lose_no_acknowledged_row_and_block_nobody(address: str, tmp_path: Path) -> None:
    promised: dict[int, int] = {}
    for turn in range(ROUNDS):
        for seed, row in write_and_kill(address, tmp_path, turn):
            assert promised.setdefault(seed, row) == row  # those that all writers add are one row
        database, started = Database(address), time.monotonic()
        database.add(*specimen(20_000_000 + turn))
        assert time.monotonic() - started < 5.0
    entries = {entry.id: entry for entry in database.select()}
    assert len(entries) == len(database)
    for seed, row in promised.items():
        assert_same((entries[row].atoms, entries[row].label), specimen(seed))
    seeds = [entry.atoms.info["seed"] for entry in entries.values()]
    assert len(set(seeds)) == len(seeds)  # no row twice, also none of those nobody acknowledged
    assert any(seed >= SHARED for seed in promised)
    if "://" not in address:
        with closing(sqlite3.connect(address)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
