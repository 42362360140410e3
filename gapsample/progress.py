"""How a long task says how far it is: a bar on a terminal, a log line now and then anywhere else."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

log = logging.getLogger("gapsample")


Progress = Callable[[str, int, int], None]
"""Told by a task after every piece of work: the name of the stage, pieces done, pieces in all."""


class LogLines:
    """Progress through `logging`: the end of every stage, and a line every `interval` seconds before it."""

    def __init__(self, interval: float = 10.0) -> None:
        self.interval = interval
        self._next = time.monotonic() + interval

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done >= total or now >= self._next:
            self._next = now + self.interval
            log.info("%s: %d of %d", what, done, total)


class Bars:
    """Progress as one tqdm bar for each stage, on standard error."""

    def __init__(self) -> None:
        self._what: str | None = None
        self._bar: Any = None

    def __call__(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if what != self._what:
            self.close()
            self._what, self._bar = what, tqdm(desc=what, total=total, file=sys.stderr, leave=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Clear the bar that is on the screen, if any."""
        if self._bar is not None:
            self._bar.close()
        self._what, self._bar = None, None


@contextmanager
def showing_progress() -> Iterator[Progress]:
    """Bars if standard error is a terminal, log lines otherwise."""
    if not sys.stderr.isatty():
        yield LogLines()
        return
    bars = Bars()
    try:
        yield bars
    finally:
        bars.close()
