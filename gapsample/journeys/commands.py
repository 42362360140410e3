"""Which command a config is for, and which command began what lies in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gapsample.errors import FileFormatError
from gapsample.provenance import MANIFEST

Command = Literal["umbrella", "qmmm", "learn", "locality", "nested", "fit"]

TELLING: Mapping[Command, frozenset[str]] = {
    "umbrella": frozenset({"variables", "windows", "schedule"}),
    "learn": frozenset({"explore", "labeling"}),
    "locality": frozenset({"configurations", "cluster", "wanted"}),
    "qmmm": frozenset({"mm", "region", "dynamics"}),
    "nested": frozenset({"system", "ensemble", "sampling", "stop"}),
}
"""Tables of configs by which a command is known where no command before it is; all else is a fit."""


class Begun(NamedTuple):
    """What a folder's manifest says: the command, and all its settings as nested tables."""

    command: Command
    settings: Mapping[str, Any]


def command_of(settings: Mapping[str, Any]) -> Command:
    """The command that understands a config, by its tables."""
    return next((name for name, tables in TELLING.items() if not tables.isdisjoint(settings)), "fit")


def begun_in(folder: str | Path) -> Begun:
    """Read the manifest of what was begun in a folder.

    Raises
    ------
    FileFormatError
        There is none, or it is no manifest.
    """
    path = Path(folder) / MANIFEST
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
        return Begun(command_of(settings), settings)
    except FileNotFoundError as problem:
        raise FileFormatError(f"{folder} holds no {MANIFEST}; name the folder of a run") from problem
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise FileFormatError(f"{path} is no manifest of a run: {problem!r}") from problem
