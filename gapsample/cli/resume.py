"""``gapsample resume``: go on where a study was cut."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="A.B=C",
    help="Change a setting that no number depends on, such as stop.wall_time; may be repeated.",
)
def resume(folder: Path, overrides: tuple[str, ...]) -> None:
    """Go on with the study in FOLDER, exactly as if it had never been cut."""
    from gapsample.cli.nested import tell
    from gapsample.journeys import nested_run
    from gapsample.progress import showing_progress

    with showing_progress() as progress:
        outcome = nested_run.resume(folder, overrides, progress=progress)
    tell(outcome)
