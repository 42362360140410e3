"""Pressure-temperature phase diagram of Lennard-Jonesium by nested sampling.

python runs/lj_phase_diagram/run.py                  # begins, or goes on where it was cut
python runs/lj_phase_diagram/run.py --set A.B=C      # begins with a setting changed
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from gapsample.journeys.phase_study import run_phase_study
from gapsample.journeys.phases_output import as_text
from gapsample.progress import showing_progress

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("gapsample").setLevel(logging.INFO)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="A.B=C")
    asked, config = parser.parse_args(), Path(__file__).with_name("config.toml")
    with showing_progress() as progress:
        found, out = run_phase_study(config, asked.overrides, progress=progress)
    print(f"{as_text(found)}\nwrote {out}/phases.csv, phases.json, phases.png")
