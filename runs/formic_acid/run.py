"""A free-energy surface on a GAP beside that on the quantum engine it learned from.

    python runs/formic_acid/run.py

Hot GFN2-xTB configurations -> GAP -> the same umbrella windows on both -> one figure, and how far apart the
two profiles are in kJ/mol and in standard deviations. Killed, the same command goes on.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from system import make_labels

from gapsample.database import Database
from gapsample.files import replacing
from gapsample.free_energy import Surface
from gapsample.free_energy.export import KJ_PER_MOL
from gapsample.journeys.config import load_config
from gapsample.journeys.fit import run_fit
from gapsample.journeys.tables import as_text
from gapsample.journeys.umbrella_config import load_umbrella_config
from gapsample.journeys.umbrella_run import run_umbrella
from gapsample.plots import COLORS, GUIDE, Figure, png, style
from gapsample.progress import showing_progress
from gapsample.provenance import write_json

Floats = NDArray[np.float64]

HERE = Path(__file__).parent
OUT = HERE / "out"
NAMES = {"gap": "GAP", "tblite": "GFN2-xTB"}
TAU = np.linspace(-np.pi, np.pi, 48, endpoint=False)[:, None]
Z, BARRIER, E = (np.radians([degrees]) for degrees in (0.0, 100.0, 180.0))


def main() -> None:
    """The command."""
    config = load_config(HERE / "fit.toml")
    if not config.output.model.exists():
        OUT.mkdir(exist_ok=True)
        make_labels(OUT / "hot", Database(config.database.path))
        with showing_progress() as progress:
            errors = run_fit(config, progress=progress).errors
        print("\n".join(f"Errors on {split} data\n{as_text(rows)}" for split, rows in errors.items()))
    surfaces = {name: sampled(name) for name in NAMES}
    report = beside(*surfaces.values())
    write_json(OUT / "formic_acid.json", report)
    with style(), replacing(OUT / "formic_acid.png") as stream:
        stream.write(png(drawn(*surfaces.values())))
    print(json.dumps(report, indent=2))


def sampled(name: str) -> Surface:
    """The surface of the windows that ``NAME.toml`` asks for."""
    with showing_progress() as progress:
        found = run_umbrella(load_umbrella_config(HERE / f"{name}.toml"), progress=progress)
    print(f"{NAMES[name]}: {found.mapped.summary}\n")
    return found.mapped.surface


def beside(gap: Surface, engine: Surface) -> dict[str, object]:
    """Differences of the two, kJ/mol: of profiles up to a constant, and of two heights above Z."""
    away, noise = gap.mean(TAU) - engine.mean(TAU), centered(gap) + centered(engine)
    away -= away.mean()
    heights = {
        name: {
            NAMES[who]: [x / KJ_PER_MOL for x in surface.difference(Z, point)]
            for who, surface in (("gap", gap), ("tblite", engine))
        }
        for name, point in (("E - Z", E), ("100 degrees - Z", BARRIER))
    }
    return {
        "rms_kJ_mol": float(np.std(away)) / KJ_PER_MOL,
        "claimed_rms_kJ_mol": float(np.sqrt(np.mean(np.diag(noise)))) / KJ_PER_MOL,
        "largest_kJ_mol": float(np.max(np.abs(away))) / KJ_PER_MOL,
        "z_rms": float(np.sqrt(np.mean(away**2 / np.diag(noise)))),
        "odd_part_kJ_mol": {NAMES["gap"]: odd_part(gap), NAMES["tblite"]: odd_part(engine)},
        "heights_kJ_mol": heights,
    }


def odd_part(surface: Surface) -> float:
    """RMS of (F(tau) - F(-tau)) / 2, which the mirror image of the molecule says is zero, kJ/mol."""
    return float(np.std(surface.mean(TAU) - surface.mean(-TAU))) / 2.0 / KJ_PER_MOL


def centered(surface: Surface) -> Floats:
    """Covariance of F at `TAU` less its mean over them, eV^2."""
    project = np.eye(len(TAU)) - 1.0 / len(TAU)
    return np.asarray(project @ surface.covariance(TAU) @ project)


def drawn(gap: Surface, engine: Surface) -> Figure:
    """Both profiles above Z, and under them what is between them with two standard deviations of both."""
    figure = Figure(figsize=(5.4, 4.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    tau = np.degrees(TAU[:, 0])
    for surface, name, line in ((gap, "GAP", "-"), (engine, "GFN2-xTB", ":")):
        above.plot(tau, surface.mean(TAU, Z) / KJ_PER_MOL, line, lw=2.0, label=name)
    away = (gap.mean(TAU) - engine.mean(TAU)) / KJ_PER_MOL
    away -= away.mean()
    band = 2.0 * np.sqrt(np.diag(centered(gap) + centered(engine))) / KJ_PER_MOL
    below.fill_between(tau, -band, band, color=GUIDE, alpha=0.25, lw=0)
    below.plot(tau, away, color=COLORS[0])
    above.set(title="Formic acid about its C-O bond, 300 K", ylabel="F (kJ/mol)")
    above.legend()
    below.set(xlabel="O=C-O-H (degrees)", ylabel="GAP less xTB")
    return figure


if __name__ == "__main__":
    main()
