"""What a QM/MM run goes on with: the settings and files that it was begun with, and all that may change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gapsample.journeys.changes import Inputs, changes, refuse, under
from gapsample.journeys.engines import mm_of
from gapsample.journeys.learnable import learnable
from gapsample.journeys.nested_potentials import GapModel
from gapsample.journeys.qmmm_config import QmmmConfig, qmmm_config
from gapsample.journeys.qmmm_problem import input_files
from gapsample.journeys.qmmm_teacher import LINE
from gapsample.provenance import MANIFEST, read_manifest, spent
from gapsample.sampling.checkpoints import SUFFIX

CHECKPOINTS = "checkpoints"
FREE = (
    "stop",
    "output",
    "engine.timeout",
    "engine.workers",
    "engine.address",
    "engine.enlargements",
    "region.buffer_error",
    "learn.database",
)
"""Settings that no number depends on. More time or larger buffers after a failure of the engine are no other
run; the database is read at the beginning alone, and the run has its own copy."""


class Checked(NamedTuple):
    """A config that the run in its folder goes on with, if there is one.

    Attributes
    ----------
    inputs : of the config
    seconds : that earlier calls took
    """

    inputs: Inputs
    seconds: float

    @property
    def fingerprint(self) -> str:
        """Hash of all that the numbers of a run depend on, wherever it lies."""
        return self.inputs.fingerprint(is_free)


def is_free(name: str) -> bool:
    """Whether a run goes on with another value of a setting; safer engines than the first are free too."""
    return under(name, FREE) or (under(name, ("qm",)) and not under(name, ("qm.0",)))


def check_run(config: QmmmConfig) -> Checked:
    """Look at the files of a config, and at what lies in its folder; writes nothing.

    Raises
    ------
    InputError
        A file is not there; the classical potential has learned what the database does not hold; or the
        folder holds a run with other settings or files: names each, what it was, what it is, what to do.
    FitError
        The classical potential is to learn and cannot.
    FileFormatError
        The folder holds a manifest that is none.
    """
    folder = config.output.folder
    inputs, before = Inputs.found(config.as_dict(), input_files(config)), 0.0
    if (folder / MANIFEST).exists():
        told, before = read_manifest(folder / MANIFEST, "a QM/MM run", _told)
        if _has_begun(folder):
            refuse(change.refusal("run") for change in changes(told, inputs, is_free))
    _check_learning(config)
    return Checked(inputs, before)


def _told(found: Mapping[str, Any]) -> tuple[Inputs, float]:
    """Inputs with the defaults of now, and seconds spent."""
    settings = qmmm_config(found["settings"]).as_dict()
    return Inputs.told(settings, found["model"]["files"]), spent(found)


def _has_begun(folder: Path) -> bool:
    """Whether there is anything that goes on; where the first quantum calculation failed there is not."""
    places = (folder / CHECKPOINTS).glob(f"*{SUFFIX}"), (folder / LINE).glob("*.json")
    return any(True for place in places for _ in place)


def _check_learning(config: QmmmConfig) -> None:
    """Refuse what the learner would, before anything is written."""
    how = config.learn
    if how is None or not isinstance(config.mm, GapModel):
        return
    learnable(config.mm.model, how.database, "learn.database")
    if how.fallback is not None:
        mm_of(how.fallback)
