"""A campaign on disk: its windows, and the manifest that says what they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from gapsample.journeys.umbrella_config import UmbrellaConfig, umbrella_config
from gapsample.provenance import MANIFEST, read_manifest

FOLDER, WINDOWS = "windows", "window-*.npz"
FREE = {"seconds": 0.0, "cpu_seconds": 0.0}


class OnDisk(NamedTuple):
    """What a campaign's manifest says: its config, with the folder it now lies in, and its cost so far."""

    config: UmbrellaConfig
    cost: Mapping[str, float]


def open_campaign(folder: str | Path, overrides: tuple[str, ...] = ()) -> OnDisk:
    """Read a campaign's manifest back; its folder may have been moved since.

    Raises
    ------
    FileFormatError
        There is no manifest, or one that this version does not understand.
    SettingsError
        An override is wrong.
    """
    folder = Path(folder).absolute()
    settings, cost = read_manifest(folder / MANIFEST, "an umbrella campaign", _understood)
    config = umbrella_config(settings, overrides)
    return OnDisk(replace(config, output=replace(config.output, folder=folder)), cost)


def _understood(found: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, float]]:
    """Settings that make a config, and the cost."""
    umbrella_config(found["settings"])
    return found["settings"], {name: float(found["cost"][name]) for name in FREE}
