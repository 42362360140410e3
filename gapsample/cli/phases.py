"""``gapsample phases``: a phase diagram from runs at several pressures."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--temperatures", metavar="FIRST:LAST:N", help="In K or reduced; found by itself if not given.")
@click.option("--csv", type=click.Path(path_type=Path), help="Write the table of transitions.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the same as JSON.")
@click.option("--figure", type=click.Path(path_type=Path), help="Write the diagram as PNG.")
def phases(
    runs: tuple[Path, ...],
    temperatures: str | None,
    csv: Path | None,
    json_path: Path | None,
    figure: Path | None,
) -> None:
    """Transitions of RUNS at all their pressures, linked to lines, with error bars.

    RUNS are folders of studies of one system: all their pressures and seeds are taken. Errors come from
    simulated shrinkage, from the spread of seeds, and, of a GAP whose error was followed, from its posterior.
    Where runs kept configurations, the phases below and above each transition are described: Q4, Q6,
    coordination, volume, and how much they are like the references named in [phases].
    """
    from gapsample.files import write_text
    from gapsample.journeys import phases_output as output
    from gapsample.journeys.phases import phases as diagram_of
    from gapsample.journeys.thermo import parse_temperatures
    from gapsample.provenance import write_json

    grid = None if temperatures is None else parse_temperatures(temperatures)
    found = diagram_of(runs, temperatures=grid)
    click.echo(output.as_text(found))
    if csv is not None:
        write_text(csv, output.as_csv(found))
        click.echo(f"wrote {csv}")
    if json_path is not None:
        write_json(json_path, found.as_dict())
        click.echo(f"wrote {json_path}")
    if figure is not None:
        output.write_figure(found, figure)
        click.echo(f"wrote {figure}")
