"""``gapsample resume``: go on where something was cut."""

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
    """Go on with what was begun in FOLDER, exactly as if it had never been cut.

    A study of nested sampling, an umbrella campaign, a QM/MM run, or learning.
    """
    from gapsample.errors import InputError
    from gapsample.journeys.commands import begun_in
    from gapsample.progress import showing_progress

    command = begun_in(folder).command
    with showing_progress() as progress:
        if command == "nested":
            from gapsample.cli import nested
            from gapsample.journeys import nested_run

            nested.tell(nested_run.resume(folder, overrides, progress=progress))
        elif command == "umbrella":
            from gapsample.cli import umbrella
            from gapsample.journeys import umbrella_run

            umbrella.tell(umbrella_run.resume(folder, overrides, progress=progress))
        elif command == "qmmm":
            from gapsample.cli import qmmm
            from gapsample.journeys import qmmm_run

            qmmm.tell(qmmm_run.resume(folder, overrides, progress=progress))
        elif command == "learn":
            from gapsample.cli import learn
            from gapsample.journeys import learn_run

            learn.tell(learn_run.resume(folder, overrides, progress=progress))
        else:
            raise InputError(
                f"{folder} was made by gapsample {command}, which is not resumed; run it again instead"
            )
