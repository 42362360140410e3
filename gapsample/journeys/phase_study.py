"""A whole phase diagram in one go: runs at several pressures, begun or resumed, and what they say."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gapsample.files import write_text
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_run import begin, resume
from gapsample.journeys.phases import Phases, phases
from gapsample.journeys.phases_output import as_csv, write_figure
from gapsample.progress import Progress
from gapsample.provenance import MANIFEST, write_json


def run_phase_study(
    config: str | Path, overrides: Iterable[str] = (), *, progress: Progress | None = None
) -> tuple[Phases, Path]:
    """Sample what a config file says, or go on where it was cut, and write phases.csv, .json and .png.

    Parameters
    ----------
    overrides : as in `load_nested_config`

    Returns
    -------
    the phase diagram, and the folder its files are in

    Raises
    ------
    InputError
        The folder holds a study whose numbers would be others under these settings; says which.
    """
    study = load_nested_config(config, overrides)
    out = study.output.folder
    if (out / MANIFEST).exists():
        resume(out, config=study, progress=progress)
    else:
        begin(study, progress=progress)
    found = phases([out])
    write_text(out / "phases.csv", as_csv(found))
    write_json(out / "phases.json", found.as_dict())
    write_figure(found, out / "phases.png")
    return found, out
