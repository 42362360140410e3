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
    """Say what gapsample would do with CONFIG; never does it.

    Of a fit: data, sparse points, memory and time. Of nested sampling: runs, prior draws and the time of a
    walk. Of umbrella sampling: windows and their time. Of QM/MM: the first region and its clusters, solved
    once, and the quantum time of the run. Of learning: what is known, and the time of the labels. Of a
    locality scan: its clusters and their time. And whether what lies in the folder can go on with CONFIG.
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
    from gapsample.journeys.commands import command_of
    from gapsample.settings import load_toml

    command = command_of(load_toml(config))
    if command == "nested":
        from gapsample.journeys.nested_config import load_nested_config
        from gapsample.journeys.nested_preview import check_nested

        return check_nested(load_nested_config(config, overrides))
    if command == "umbrella":
        from gapsample.journeys.umbrella_changes import check_campaign
        from gapsample.journeys.umbrella_config import load_umbrella_config
        from gapsample.journeys.umbrella_preview import check_umbrella

        campaign = load_umbrella_config(config, overrides)
        return check_umbrella(campaign).also(lambda: check_campaign(campaign))
    if command == "qmmm":
        from gapsample.journeys.qmmm_changes import check_run
        from gapsample.journeys.qmmm_config import load_qmmm_config
        from gapsample.journeys.qmmm_preview import check_qmmm

        settings = load_qmmm_config(config, overrides)
        return check_qmmm(settings).also(lambda: check_run(settings))
    if command == "learn":
        from gapsample.journeys.learn_changes import check_learning
        from gapsample.journeys.learn_config import load_learn_config
        from gapsample.journeys.learn_preview import check_learn

        learning = load_learn_config(config, overrides)
        return check_learn(learning).also(lambda: check_learning(learning))
    if command == "locality":
        from gapsample.journeys.locality_config import load_locality_config
        from gapsample.journeys.locality_preview import check_locality

        return check_locality(load_locality_config(config, overrides))
    from gapsample.journeys.check import check_config
    from gapsample.journeys.config import load_config

    return check_config(load_config(config, overrides))
