"""``gapsample qmmm``: dynamics with a quantum region that follows what needs it, from a TOML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gapsample.journeys.qmmm_config import QmmmConfig
    from gapsample.journeys.qmmm_run import QmmmOutcome


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
@click.option("--folder", type=click.Path(path_type=Path), help="In place of output.folder.")
@click.option("--check", "n_check", type=int, metavar="N", help="Only compare N frames with the engine.")
def qmmm(config: Path, overrides: tuple[str, ...], folder: Path | None, n_check: int | None) -> None:
    """Run adaptive QM/MM dynamics as CONFIG (a TOML file) says.

    Killed at any moment, or with a larger stop.steps, the same command, or `gapsample resume FOLDER`, goes on
    exactly where it was. Where the quantum engine fails for good it stops, and the same command tries that
    step again. With --check nothing runs: frames of the run are compared with the engine on the whole
    configuration.
    """
    from gapsample.journeys.qmmm_config import load_qmmm_config

    given = [] if folder is None else [f"output.folder={folder.absolute()}"]
    settings = load_qmmm_config(config, (*overrides, *given))
    if n_check is None:
        _run(settings)
    else:
        _check(settings, n_check)


def _run(settings: QmmmConfig) -> None:
    from gapsample.journeys.qmmm_run import run_qmmm
    from gapsample.progress import showing_progress

    click.echo(f"report: {settings.output.folder / 'report.html'}")
    with showing_progress() as progress:
        outcome = run_qmmm(settings, progress=progress)
    tell(outcome)


def tell(outcome: QmmmOutcome) -> None:
    """Say why a run ended and what it says so far."""
    said = outcome.summary
    click.echo(outcome.reason.value)
    if said is not None:
        click.echo(f"{said.steps} steps, {said.picoseconds:g} ps, {said.calls} quantum calls")
        click.echo(
            f"atoms with quantum forces, for each step: {said.asked_first:.3g}, then {said.asked_last:.3g}"
        )
        click.echo(f"atoms entered the quantum region {said.entered} times and left it {said.left} times")
        if said.missed.n_audits:
            click.echo(f"missed fraction {said.missed}; threshold {said.threshold:.3g} eV/Å now")
    for path in outcome.written:
        click.echo(f"wrote {path}")


def _check(settings: QmmmConfig, n: int) -> None:
    from gapsample.journeys.qmmm_check import check_frames
    from gapsample.journeys.qmmm_summary import summarize
    from gapsample.journeys.sources import read_frame
    from gapsample.progress import showing_progress

    atoms = read_frame(settings.start.file, settings.start.frame)
    with showing_progress() as progress:
        found = check_frames(settings, atoms, n, progress=progress)
    said = summarize(settings, atoms)
    click.echo(f"{found.frames} frames: force error {found.flagged:.3f} eV/Å on flagged atoms, ", nl=False)
    click.echo(f"{found.unflagged:.3f} on the others, {found.largest:.3f} at most")
    click.echo(f"{said.calls / said.steps:.3g} quantum calls a step; ", nl=False)
    click.echo(f"{found.share(said):.3g} of the wall time of the whole configuration at every step")
