"""``gapsample check``: what a command would do, without doing it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gapsample.journeys.check import Findings


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
def check(config: Path, overrides: tuple[str, ...]) -> None:
    """Say what `gapsample fit`, `nested`, `umbrella` or `qmmm` would do with CONFIG; never does it.

    Of a fit: data, sparse points, memory and time. Of nested sampling: runs, prior draws and the time of a
    walk. Of umbrella sampling: windows and their time. Of QM/MM: the first region and its clusters, solved
    once, and the quantum time of the run.
    """
    findings = _findings(config, overrides)
    for line in findings.lines:
        click.echo(line)
    for problem in findings.problems:
        click.echo(f"PROBLEM  {problem}", err=True)
    if findings.problems:
        raise click.exceptions.Exit(1)
    click.echo("ready: no problems found")


def _findings(config: Path, overrides: tuple[str, ...]) -> Findings:
    from gapsample.errors import SettingsError
    from gapsample.journeys.commands import command_of
    from gapsample.settings import load_toml

    command = command_of(load_toml(config))
    if command == "nested":
        from gapsample.journeys.nested_config import load_nested_config
        from gapsample.journeys.nested_preview import check_nested

        return check_nested(load_nested_config(config, overrides))
    if command == "umbrella":
        from gapsample.journeys.umbrella_config import load_umbrella_config
        from gapsample.journeys.umbrella_preview import check_umbrella

        return check_umbrella(load_umbrella_config(config, overrides))
    if command == "qmmm":
        from gapsample.journeys.qmmm_config import load_qmmm_config
        from gapsample.journeys.qmmm_preview import check_qmmm

        return check_qmmm(load_qmmm_config(config, overrides))
    if command == "fit":
        from gapsample.journeys.check import check_config
        from gapsample.journeys.config import load_config

        return check_config(load_config(config, overrides))
    raise SettingsError(f"{config} is for gapsample {command}, which has nothing to check beforehand")
