"""Where a result comes from: versions, file hashes, and the manifest written beside every run."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gapsample.errors import FileFormatError
from gapsample.files import write_text

PACKAGES = ("gapsample", "numpy", "scipy", "ase", "numba", "vesin", "emcee", "matscipy")
MANIFEST = "manifest.json"
MANIFEST_VERSION = 1


def versions() -> dict[str, str]:
    """Version of Python and of every package that can change a number; those absent are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, read in pieces."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def manifest(settings: Mapping[str, Any], **facts: Any) -> dict[str, Any]:
    """What one must know to run a thing again: resolved settings, versions, command, time and `facts`.

    Parameters
    ----------
    settings : JSON-able, as `gapsample.settings.dump` returns it
    facts : JSON-able, e.g. ``database={...}, model_sha256="..."``
    """
    return {
        "manifest_version": MANIFEST_VERSION,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "platform": platform.platform(),
        "versions": versions(),
        "settings": dict(settings),
        **facts,
    }


def write_json(path: str | Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON so that `path` is never seen half-written; NaN is refused, not written."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def spent(path: Path, what: str) -> float:
    """Seconds that earlier calls of a run took, from the ``cost`` of its manifest; 0 where there is none.

    Parameters
    ----------
    what : kind of run, for the message

    Raises
    ------
    FileFormatError
        The file is no manifest.
    """
    if not path.exists():
        return 0.0
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["cost"]["seconds"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise FileFormatError(f"{path} is no manifest of {what}: {problem!r}; move it away") from problem
