"""``gapsample balance``: the density of an adaptive QM/MM run, evened out for the next one."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
@click.option("--like", type=click.Path(path_type=Path), help="Folder of a run whose density is right.")
@click.option("--skip", type=float, default=1.0, show_default=True, help="ps at the beginning left out.")
def balance(config: Path, overrides: tuple[str, ...], like: Path | None, skip: float) -> None:
    """Say which density.heights keep the density of the run that CONFIG names.

    Where two models are mixed that have different pressures at one density, particles gather on one side.
    The frames of the run say how strong a force would keep them apart; put the heights into the config of the
    next run, and balance once more if they are large. With --like the right density is that of another run,
    as around a molecule, where it is not even.
    """
    from gapsample.journeys.qmmm_balance import balance as balanced
    from gapsample.journeys.qmmm_config import load_qmmm_config
    from gapsample.journeys.sources import read_frame

    settings = load_qmmm_config(config, overrides)
    atoms = read_frame(settings.start.file, settings.start.frame)
    found = balanced(settings, atoms, like=like, skip=skip)
    click.echo(f"{found.frames} frames; atoms in each spline, and how many there should be:")
    for seen, wanted in zip(found.seen, found.wanted, strict=True):
        click.echo(f"{seen:10.3f} {wanted:10.3f}")
    click.echo(f"heights = [{', '.join(f'{height:.4f}' for height in found.heights)}]")
