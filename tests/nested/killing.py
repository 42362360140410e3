"""Processes that sample into a folder, killed a few times on the way and started again until one ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

GROWTH = 4000  # bytes of dead points between two kills


def killed_and_restarted(script: str, folder: Path, wanted: int) -> int:
    """Run a script of this folder on one thread and two in turn; how often it was killed before it ended."""
    kills = 0
    for number in range(40):
        command = [sys.executable, str(Path(__file__).with_name(script)), str(folder), str(1 + number % 2)]
        process = subprocess.Popen(command)
        if kills < wanted:
            before = size(folder)
            while process.poll() is None and size(folder) < before + GROWTH:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
        if process.wait() == 0:
            break
        kills += 1
    return kills


def size(folder: Path) -> int:
    """Bytes of dead points on disk."""
    file = folder / "dead.records"
    return file.stat().st_size if file.exists() else 0
