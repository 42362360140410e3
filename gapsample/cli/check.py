"""``gapsample check``: what a fit or a study would do, without doing it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
def check(config: Path, overrides: tuple[str, ...]) -> None:
    """Say what `gapsample fit CONFIG` or `gapsample nested CONFIG` would do; never does it.

    Of a fit: data, sparse points, memory and time. Of nested sampling: runs, prior draws and the time of a
    walk.
    """
    from gapsample.journeys.nested_config import is_nested

    if is_nested(config):
        from gapsample.journeys.nested_check import check_nested
        from gapsample.journeys.nested_config import load_nested_config

        findings = check_nested(load_nested_config(config, overrides))
    else:
        from gapsample.journeys.check import check_config
        from gapsample.journeys.config import load_config

        findings = check_config(load_config(config, overrides))
    for line in findings.lines:
        click.echo(line)
    for problem in findings.problems:
        click.echo(f"PROBLEM  {problem}", err=True)
    if findings.problems:
        raise click.exceptions.Exit(1)
    click.echo("ready: no problems found")
