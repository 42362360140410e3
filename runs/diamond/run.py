"""The main job: quantum labels of diamond -> database -> GAP -> its properties beside the engine's own.

python runs/diamond/run.py                # fit on the labels that lie here and compare: two minutes
python runs/diamond/run.py --regenerate   # first make the labels and the quantum values anew
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from analytic import NAME as ANALYTIC
from analytic import tersoff
from figure import draw
from properties import measure
from reference import load_reference
from table import as_json, as_markdown

import gapsample
from gapsample.files import replacing, write_text
from gapsample.journeys.config import load_config
from gapsample.journeys.fit import run_fit
from gapsample.journeys.tables import as_text
from gapsample.plots import png
from gapsample.progress import showing_progress
from gapsample.provenance import write_json

HERE = Path(__file__).parent
OUT = HERE / "out"
QM = "GFN1-xTB"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Fit a GAP for diamond, compare it with its quantum engine.")
    parser.add_argument("--regenerate", action="store_true", help="make labels and quantum values first")
    parser.add_argument("--workers", type=int, default=2, help="processes for --regenerate")
    arguments = parser.parse_args()
    if arguments.regenerate:
        regenerate(arguments.workers)
    compare()


def regenerate(workers: int) -> None:
    """Run the quantum engine: 300 labels, then its own properties."""
    from make_labels import make_labels
    from reference import make_reference

    make_labels(OUT / "labels", workers)
    make_reference()


def compare() -> None:
    """Import the labels into a fresh database, fit, measure, and write table and figure into `OUT`."""
    started = time.perf_counter()
    for stale in OUT.glob("*.db*"):
        stale.unlink()
    with showing_progress() as progress:
        outcome = run_fit(load_config(HERE / "config.toml"), progress=progress)
    for split, rows in outcome.errors.items():
        print(f"\nErrors on {split} data\n{as_text(rows)}")
    gap = gapsample.load(outcome.written[0])
    fitted = time.perf_counter()
    columns = {
        QM: load_reference(),
        "GAP": measure(gapsample.Calculator(gap)),
        ANALYTIC: measure(tersoff()),
    }
    table = as_markdown(columns, QM)
    seconds = {"fit": round(fitted - started, 1), "properties": round(time.perf_counter() - fitted, 1)}
    write_text(OUT / "table.md", table)
    write_json(OUT / "table.json", {**as_json(columns, QM), "seconds": seconds})
    with replacing(OUT / "diamond.png") as stream:
        stream.write(png(draw(columns)))
    print(f"\n{table}\nfit {seconds['fit']} s, properties {seconds['properties']} s; wrote {OUT}/")


if __name__ == "__main__":
    main()
