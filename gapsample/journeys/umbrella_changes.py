"""What an umbrella campaign goes on with: the settings and files that its windows were sampled with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gapsample.journeys.changes import Inputs, changes, refuse, under
from gapsample.journeys.nested_potentials import GapModel
from gapsample.journeys.sources import Python
from gapsample.journeys.umbrella_config import (
    LinearOf,
    RmsdOf,
    UmbrellaConfig,
    VariableOf,
    umbrella_config,
)
from gapsample.journeys.umbrella_folder import FOLDER, WINDOWS
from gapsample.provenance import MANIFEST, read_manifest

FREE = ("windows", "sampling.executor", "sampling.workers", "sampling.address", "surface", "output")
"""Settings that no window depends on. There may be more windows, and each on disk knows its own place."""
NOT_FREE = ("windows.kind", "windows.kappa")


def input_files(config: UmbrellaConfig) -> tuple[Path, ...]:
    """Files that windows depend on."""
    model, files = config.potential, [config.start.file]
    if isinstance(model, GapModel):
        files.append(model.model)
    elif isinstance(model, Python):
        files.append(model.file)
    references = (path for variable in config.variables for path in _references(variable))
    return (*files, *references)


def check_campaign(config: UmbrellaConfig) -> Inputs:
    """Look at the files of a config, and at the windows in its folder; writes nothing.

    Raises
    ------
    InputError
        A file is not there; or the folder holds windows of other settings or files: names each, what it was,
        what it is, what to do.
    FileFormatError
        The folder holds a manifest that is none.
    """
    folder = config.output.folder
    found = Inputs.found(config.as_dict(), input_files(config))
    if any((folder / FOLDER).glob(WINDOWS)) and (folder / MANIFEST).exists():
        told = read_manifest(folder / MANIFEST, "an umbrella campaign", _told)
        different = changes(told or found, found, _is_free)
        refuse(change.refusal("campaign") for change in different)
    return found


def _is_free(name: str) -> bool:
    return under(name, FREE) and not under(name, NOT_FREE)


def _told(manifest: Mapping[str, Any]) -> Inputs | None:
    """Inputs with the defaults of now; None where the hashes of files were not kept yet."""
    settings = umbrella_config(manifest["settings"]).as_dict()
    return Inputs.told(settings, manifest["files"]) if "files" in manifest else None


def _references(variable: VariableOf) -> Iterator[Path]:
    if isinstance(variable, RmsdOf):
        yield variable.reference
    elif isinstance(variable, LinearOf):
        for part in variable.parts:
            yield from _references(part)
