"""One process at a time: at a file, or in a folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gapsample.errors import InputError


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a folder, made if missing, against other processes until the block ends or this one dies.

    Raises
    ------
    InputError
        Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        hold(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def hold(descriptor: int, path: Path) -> None:
    """Hold an open file or folder until its descriptor is closed; InputError if another process does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        raise InputError(f"another process is at work in {path}; wait for it or stop it") from problem
