"""Pressure-temperature phase diagram of a GAP by nested sampling, with the error of the GAP on it.

python runs/gap_phase_diagram/run.py                  # begins, or goes on where it was cut
python runs/gap_phase_diagram/run.py --set A.B=C      # begins with a setting changed
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from gapsample.files import write_text
from gapsample.journeys import phases as journey
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_run import begin, resume
from gapsample.journeys.nested_study import MANIFEST
from gapsample.progress import showing_progress
from gapsample.provenance import write_json

HERE = Path(__file__).parent


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="A.B=C")
    config = load_nested_config(HERE / "config.toml", parser.parse_args().overrides)
    out = config.output.folder
    with showing_progress() as progress:
        if (out / MANIFEST).exists():
            resume(out, progress=progress)
        else:
            begin(config, progress=progress)
    found = journey.phases([out])
    write_text(out / "phases.csv", journey.as_csv(found))
    write_json(out / "phases.json", found.as_dict())
    journey.write_figure(found, out / "phases.png")
    print(f"{journey.as_text(found)}\nwrote {out}/phases.csv, phases.json, phases.png")


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("gapsample").setLevel(logging.INFO)
    main()
