"""``gapsample thermo``: heat capacities and transition temperatures of runs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--temperatures", metavar="FIRST:LAST:N", help="In K or reduced; found by itself if not given.")
@click.option("--pressure", type=float, help="Reweight to this pressure, in the unit of the config.")
@click.option("--csv", type=click.Path(path_type=Path), help="Write all curves.")
@click.option("--figure", type=click.Path(path_type=Path), help="Write the heat capacities as PNG.")
def thermo(
    runs: tuple[Path, ...],
    temperatures: str | None,
    pressure: float | None,
    csv: Path | None,
    figure: Path | None,
) -> None:
    """Peaks of the heat capacity of RUNS, with error bars.

    RUNS are folders: a study, one of its pressures, or single runs, ended or alive. Seeds of one pressure are
    merged, and their spread is said.
    """
    from gapsample.journeys import thermo as journey
    from gapsample.journeys import thermo_output as output

    grid = None if temperatures is None else journey.parse_temperatures(temperatures)
    groups = journey.thermo(runs, temperatures=grid, pressure=pressure)
    for group in groups:
        click.echo(output.as_text(group))
    if words := output.all_together(groups):
        click.echo(words)
    if csv is not None:
        for path in output.write_csv(groups, csv):
            click.echo(f"wrote {path}")
    if figure is not None:
        output.write_figure(groups, figure)
        click.echo(f"wrote {figure}")
