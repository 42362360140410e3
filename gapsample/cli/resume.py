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
    help="Change a setting that no number so far depends on, such as stop.wall_time; may be repeated.",
)
def resume(folder: Path, overrides: tuple[str, ...]) -> None:
    """Go on with the study or the umbrella campaign in FOLDER, exactly as if it had never been cut."""
    from gapsample.cli import nested, umbrella
    from gapsample.journeys import nested_run, umbrella_run
    from gapsample.journeys.umbrella_folder import is_campaign
    from gapsample.progress import showing_progress

    with showing_progress() as progress:
        if is_campaign(folder):
            umbrella.tell(umbrella_run.resume(folder, overrides, progress=progress))
        else:
            nested.tell(nested_run.resume(folder, overrides, progress=progress))
