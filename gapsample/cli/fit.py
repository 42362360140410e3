"""``gapsample fit``: from a TOML file to a model file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="A.B=C", help="Replace one setting; may be repeated."
)
@click.option(
    "--optimize", is_flag=True, help="First find the noise and the delta of every term by their evidence."
)
def fit(config: Path, overrides: tuple[str, ...], optimize: bool) -> None:
    """Fit a GAP as CONFIG (a TOML file) says, and save it."""
    from gapsample.journeys.config import load_config
    from gapsample.journeys.fit import run_fit
    from gapsample.journeys.tables import as_text
    from gapsample.progress import showing_progress

    with showing_progress() as progress:
        outcome = run_fit(load_config(config, overrides), optimized=optimize, progress=progress)
    for split, rows in outcome.errors.items():
        click.echo(f"\nErrors on {split} data\n{as_text(rows)}")
    click.echo(f"\nlog evidence {outcome.log_evidence:.1f}")
    for path in outcome.written:
        click.echo(f"wrote {path}")
