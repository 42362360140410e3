"""Where a result comes from: versions, file hashes, and the manifest written beside every run."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

from gapsample.errors import FileFormatError, GapsampleError
from gapsample.files import write_text

PACKAGES = ("gapsample", "numpy", "scipy", "ase", "numba", "vesin", "emcee", "matscipy")
MANIFEST = "manifest.json"
MANIFEST_VERSION = 1

T = TypeVar("T")


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


def read_manifest(path: str | Path, what: str, take: Callable[[Mapping[str, Any]], T]) -> T:
    """What somebody wants to know of a manifest that `manifest` made.

    Parameters
    ----------
    what : kind of run, for messages, e.g. ``"a campaign"``
    take : from the whole of it to what is wanted; may raise what wrong settings raise

    Raises
    ------
    FileFormatError
        There is none, or it is no manifest of such a run.
    """
    path = Path(path)
    try:
        return take(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as problem:
        raise FileFormatError(f"{path.parent} holds no {path.name}; name the folder of {what}") from problem
    except (OSError, ValueError, KeyError, TypeError, GapsampleError) as problem:
        story = str(problem) if isinstance(problem, GapsampleError) else repr(problem)
        raise FileFormatError(f"{path} is no manifest of {what}: {story}; move it away") from problem


def spent(found: Mapping[str, Any]) -> float:
    """Seconds that earlier calls of a run took, as its manifest says."""
    return float(found["cost"]["seconds"])
