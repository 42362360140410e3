"""``gapsample locality``: how large a cluster a force needs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
@click.option("--folder", type=click.Path(path_type=Path), help="In place of output.folder.")
def locality(config: Path, overrides: tuple[str, ...], folder: Path | None) -> None:
    """Find the error of forces in clusters against their radius, as CONFIG (a TOML file) says.

    Forces on chosen atoms, from the quantum engine in clusters around them, with and without the classical
    forces from outside, are compared with those of the same engine on the whole configuration.
    """
    from gapsample.journeys.locality import run_locality
    from gapsample.journeys.locality_config import load_locality_config
    from gapsample.journeys.locality_output import COLUMNS, reached, rows

    given = [] if folder is None else [f"output.folder={folder.absolute()}"]
    settings = load_locality_config(config, (*overrides, *given))
    outcome = run_locality(settings)
    for row in (COLUMNS, *rows(outcome.found)):
        click.echo("  ".join(f"{cell:>12}" for cell in row))
    for error, outside, species, radius in reached(outcome.found, settings.wanted):
        click.echo(
            f"{error:g} eV/Å on {species}, outside {outside}: radius {radius.value:g} Å "
            f"(5 % of the atoms from {radius.low:g} Å, 95 % from {radius.high:g} Å)"
        )
    for path in outcome.written:
        click.echo(f"wrote {path}")
