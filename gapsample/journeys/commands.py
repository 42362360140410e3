"""Which command a config is for, and which command began what lies in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from gapsample.provenance import MANIFEST, read_manifest

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
    return read_manifest(Path(folder) / MANIFEST, "a run", _begun)


def _begun(found: Mapping[str, Any]) -> Begun:
    return Begun(command_of(found["settings"]), found["settings"])
