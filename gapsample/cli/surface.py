"""``gapsample surface``: a free-energy surface from data that are there."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

_FILE = click.Path(path_type=Path)


@click.command()
@click.argument("data", nargs=-1, required=True, type=_FILE)
@click.option("-o", "--output", type=_FILE, default=Path("surface"), show_default=True, help="Folder.")
@click.option("--variables", metavar="A,B", default="", help="Their names, columns of COLVAR files.")
@click.option("--lengths", metavar="A,B", default="", help="Those of the variables that are lengths.")
@click.option("--plumed", multiple=True, type=_FILE, help="PLUMED input with RESTRAINT; one, or one each.")
@click.option("--temperature", type=float, help="K; PLUMED's files do not say it.")
@click.option("--skip", type=click.IntRange(min=0), default=0, help="Samples of each file to leave out.")
@click.option("--kernel", type=click.Choice(["se", "matern52"]), default="se", show_default=True)
@click.option("--hyper", type=click.Choice(["maximize", "sample"]), default="maximize", show_default=True)
@click.option("--free-noise", is_flag=True, help="Find a common factor on all noise as well.")
@click.option("--grid", type=click.IntRange(min=2), help="Points along each variable of what is written.")
@click.option("--difference", nargs=2, multiple=True, metavar="A B", help="F(B) - F(A); may be repeated.")
@click.option("--minimum-free-energy-path", "path", nargs=2, metavar="A B", help="From A to B, with barrier.")
@click.option("--compare", is_flag=True, help="MBAR (pymbar), WHAM and umbrella integration beside it.")
def surface(
    data: tuple[Path, ...],
    output: Path,
    variables: str,
    lengths: str,
    plumed: tuple[Path, ...],
    temperature: float | None,
    skip: int,
    kernel: Literal["se", "matern52"],
    hyper: Literal["maximize", "sample"],
    free_noise: bool,
    grid: int | None,
    difference: tuple[tuple[str, str], ...],
    path: tuple[str, str] | None,
    compare: bool,
) -> None:
    """Learn F from DATA: grids, figure, and a summary with error bars.

    DATA are folders of `gapsample umbrella`, its windows (.npz), or a table of mean gradients (.npz); or
    PLUMED's COLVAR files with a plumed.dat beside each (or --plumed), or one list of windows with lines
    `FILE CENTER... KAPPA...`.

    Points are numbers with commas between: -1.36,1.0 or -pi/2,0 or -78deg,57deg.
    """
    from gapsample.free_energy.fitting import Options
    from gapsample.journeys.surface import Questions, map_surface, point_of
    from gapsample.journeys.surface_data import Reading, read_evidence

    how = Reading(_names(variables), _names(lengths), plumed, temperature, skip)
    evidence = read_evidence(data, how)
    d = len(evidence.names)
    ask = Questions(
        tuple((point_of(a, d), point_of(b, d)) for a, b in difference),
        None if path is None else (point_of(path[0], d), point_of(path[1], d)),
        compare,
    )
    options = Options(kernel=kernel, hyper=hyper, free_noise=free_noise)
    outcome = map_surface(evidence, output, options, grid=grid, ask=ask)
    click.echo(outcome.summary)
    for written in outcome.written:
        click.echo(f"wrote {written}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
