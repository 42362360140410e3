"""``gapsample umbrella``: from a TOML file to windows on disk and a free-energy surface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gapsample.journeys.umbrella_run import UmbrellaOutcome


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
@click.option("--folder", type=click.Path(path_type=Path), help="In place of output.folder.")
def umbrella(config: Path, overrides: tuple[str, ...], folder: Path | None) -> None:
    """Umbrella sampling as CONFIG (a TOML file) says, and the free-energy surface it gives.

    Every finished window is a file: killed, the same command or `gapsample resume FOLDER` goes on and loses
    only windows in flight. Ask more of the surface, fit it in other ways, with `gapsample surface FOLDER`.
    """
    from gapsample.journeys.umbrella_config import load_umbrella_config
    from gapsample.journeys.umbrella_run import run_umbrella
    from gapsample.progress import showing_progress

    given = [] if folder is None else [f"output.folder={folder.absolute()}"]
    campaign = load_umbrella_config(config, (*overrides, *given))
    with showing_progress() as progress:
        outcome = run_umbrella(campaign, progress=progress)
    tell(outcome)


def tell(outcome: UmbrellaOutcome) -> None:
    """Say what was found, and where it lies."""
    if outcome.ending:
        click.echo(outcome.ending)
    click.echo(outcome.mapped.summary)
    if outcome.database is not None:
        click.echo(f"{outcome.n_collected} configurations new in {outcome.database}")
    for path in outcome.mapped.written:
        click.echo(f"wrote {path}")
