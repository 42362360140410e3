"""``gapsample learn``: from a TOML file to a model that is as good as asked, and says so itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gapsample.journeys.learn_run import LearnOutcome


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
@click.option("--folder", type=click.Path(path_type=Path), help="In place of output.folder.")
def learn(config: Path, overrides: tuple[str, ...], folder: Path | None) -> None:
    """Label, fit, explore, label what the model does not know, and again, as CONFIG (a TOML file) says.

    Ends when random audits find the error of forces below what is asked. Killed, or with wider limits, the
    same command, or `gapsample resume FOLDER`, goes on where it was.
    """
    from gapsample.journeys.learn_config import load_learn_config
    from gapsample.journeys.learn_run import run_learn
    from gapsample.progress import showing_progress

    given = [] if folder is None else [f"output.folder={folder.absolute()}"]
    settings = load_learn_config(config, (*overrides, *given))
    click.echo(f"report: {settings.output.folder / 'report.html'}")
    with showing_progress() as progress:
        outcome = run_learn(settings, progress=progress)
    tell(outcome)


def tell(outcome: LearnOutcome) -> None:
    """Say why learning ended and how good the model is."""
    ended = outcome.learned
    click.echo(f"{ended.reason.value}")
    click.echo(f"audited force error {ended.error}, {ended.n_labels} labels, {ended.failures} failed")
    missed = outcome.learner.missed()
    if missed.n_audits:
        click.echo(f"missed fraction {missed}")
    for path in outcome.written:
        click.echo(f"wrote {path}")
