"""The command line: thin, and nothing heavy imported before a command runs."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from gapsample.errors import GapsampleError

COMMANDS: Mapping[str, str] = {
    "balance": "gapsample.cli.balance:balance",
    "check": "gapsample.cli.check:check",
    "convert": "gapsample.cli.convert:convert",
    "db": "gapsample.cli.database:db",
    "evaluate": "gapsample.cli.evaluate:evaluate",
    "fit": "gapsample.cli.fit:fit",
    "learn": "gapsample.cli.learn:learn",
    "locality": "gapsample.cli.locality:locality",
    "nested": "gapsample.cli.nested:nested",
    "phases": "gapsample.cli.phases:phases",
    "qmmm": "gapsample.cli.qmmm:qmmm",
    "resume": "gapsample.cli.resume:resume",
    "surface": "gapsample.cli.surface:surface",
    "thermo": "gapsample.cli.thermo:thermo",
    "umbrella": "gapsample.cli.umbrella:umbrella",
    "validate": "gapsample.cli.validate:validate",
}
"""Where each command lives; its module is imported when it is asked for, and imports engines when it runs."""


class CommandLine(click.Group):
    """A group that finds its commands by name and answers errors of the package in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error of the package becomes one line, unless ``--debug`` is given."""
        try:
            return super().invoke(ctx)
        except (GapsampleError, OSError) as error:
            if ctx.params["debug"]:
                raise
            raise click.ClickException(" ".join(str(error).split())) from error


def _show_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"gapsample {version('gapsample')}")
        ctx.exit()


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but results and warnings.")
def main(debug: bool, quiet: bool) -> None:
    """Fit, check and use a GAP that knows its own error.

    A potential is fitted from a configuration database as a TOML file describes it, saved as one .npz file,
    and used from here, from Python, or through ASE.
    """
    level = logging.DEBUG if debug else logging.WARNING if quiet else logging.INFO
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S"
    )
    logging.getLogger("gapsample").setLevel(level)
