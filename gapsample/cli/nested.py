"""``gapsample nested``: from a TOML file to a folder of nested-sampling runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gapsample.journeys.nested_journey import StudyOutcome


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
@click.option("--seed", type=int, help="Of all randomness; in place of sampling.seed.")
@click.option("--folder", type=click.Path(path_type=Path), help="In place of output.folder.")
def nested(config: Path, overrides: tuple[str, ...], seed: int | None, folder: Path | None) -> None:
    """Nested sampling as CONFIG (a TOML file) says, with a report that grows in its folder.

    Ctrl-C ends it after the step in progress; `gapsample resume` goes on.
    """
    from gapsample.journeys.nested_config import load_nested_config
    from gapsample.journeys.nested_run import begin
    from gapsample.progress import showing_progress

    given = [] if seed is None else [f"sampling.seed={seed}"]
    given += [] if folder is None else [f"output.folder={folder.absolute()}"]
    study = load_nested_config(config, (*overrides, *given))
    click.echo(f"report: {study.output.folder / 'report.html'}")
    with showing_progress() as progress:
        outcome = begin(study, progress=progress)
    tell(outcome)


def tell(outcome: StudyOutcome) -> None:
    """Say why each run of a study ended, and what to do next."""
    for name, reason in outcome.reasons.items():
        click.echo(f"{name}: {'not begun' if reason is None else reason.value}")
    click.echo(f"wrote {outcome.folder}; next: gapsample thermo {outcome.folder}")
