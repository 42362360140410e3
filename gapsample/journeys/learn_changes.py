"""What learning goes on with: the settings and files that it was begun with, and all that may change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gapsample.database import Database
from gapsample.errors import InputError
from gapsample.journeys.changes import Inputs, changes, refuse, under
from gapsample.journeys.learn_config import Dynamics, LearnConfig, learn_config
from gapsample.journeys.sources import Python
from gapsample.provenance import MANIFEST, read_manifest, spent

GENERATIONS = "generations"
FREE = (
    "stop",
    "batch",
    "explore",
    "labeling.workers",
    "labeling.timeout",
    "labeling.address",
    "output",
    "database.path",
)
"""Settings that no label and no model so far depends on. The next round may explore elsewhere and ask for
more; the database may be moved, and is asked whether it holds what was learned."""


class Checked(NamedTuple):
    """A config that the learning in its folder goes on with, if there is one.

    Attributes
    ----------
    inputs : of the config
    watermark : last row of the database when it began; None: it has not
    seconds : that earlier calls took
    """

    inputs: Inputs
    watermark: int | None = None
    seconds: float = 0.0


class _Told(NamedTuple):
    """What the manifest says; `learned` is the last row that was there when it was written."""

    inputs: Inputs
    watermark: int
    learned: int
    seconds: float


def input_files(config: LearnConfig) -> tuple[Path, ...]:
    """Files that labels and models depend on."""
    qm, explore = config.qm, config.explore
    return (
        *config.start.files,
        *(each.file for each in config.database.imports),
        *((qm.file,) if isinstance(qm, Python) else ()),
        *(() if config.model is None else (config.model,)),
        *(() if isinstance(explore, Dynamics) else (explore.config,)),
    )


def check_learning(config: LearnConfig) -> Checked:
    """Look at the files of a config, and at what lies in its folder; writes nothing.

    Raises
    ------
    InputError
        A file is not there; or the folder holds learning with other settings, files or labels: names each,
        what it was, what it is, what to do.
    FileFormatError
        The folder holds a manifest that is none.
    """
    folder, address = config.output.folder, config.database.path
    inputs = Inputs.found(config.as_dict(), input_files(config))
    there = Database(address).watermark
    if not (folder / MANIFEST).exists():
        return Checked(inputs)
    told = read_manifest(folder / MANIFEST, "learning", _told)
    if there < told.learned:
        raise InputError(
            f"the learning in {folder} has seen rows up to {told.learned}, but {address} ends at {there}; "
            "put its database back, or say where it is now, as in --set database.path=PATH"
        )
    if there == told.watermark and not any((folder / GENERATIONS).glob("*.json")):
        return Checked(inputs, seconds=told.seconds)
    different = changes(told.inputs, inputs, lambda name: under(name, FREE))
    refuse(change.refusal("run") for change in different)
    return Checked(inputs, told.watermark, told.seconds)


def _told(found: Mapping[str, Any]) -> _Told:
    """Of a manifest; settings with the defaults of now."""
    settings, database = learn_config(found["settings"]).as_dict(), found["database"]
    inputs = Inputs.told(settings, found["model"]["files"])
    return _Told(inputs, int(database["begun"]), int(database["watermark"]), spent(found))
