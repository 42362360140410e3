"""``gapsample validate``: a model against a database, as a table, a page and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click


@click.command()
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("database", metavar="DB")
@click.option("--level", help="Level of theory; the model's own if not given.")
@click.option(
    "--split",
    type=click.Choice(["train", "test", "all"]),
    default="test",
    show_default=True,
    help="Which part of the database.",
)
@click.option("--html", type=click.Path(path_type=Path), help="Write a self-contained page with pictures.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all numbers as JSON.")
@click.option("--no-error", is_flag=True, help="Leave predicted errors out (faster).")
def validate(
    model: Path,
    database: str,
    level: str | None,
    split: Literal["train", "test", "all"],
    html: Path | None,
    json_path: Path | None,
    no_error: bool,
) -> None:
    """Set MODEL beside the labels of DB (a file, or postgresql://...)."""
    from gapsample.journeys import validate as journey
    from gapsample.journeys.tables import as_text
    from gapsample.progress import showing_progress
    from gapsample.provenance import write_json

    with showing_progress() as progress:
        found = journey.validate(
            model, database, level=level, split=split, error=not no_error, progress=progress
        )
    click.echo(as_text(found.rows))
    if html is not None:
        from gapsample.journeys.report import write_report

        write_report(found, html)
        click.echo(f"wrote {html}")
    if json_path is not None:
        write_json(json_path, found.as_dict())
        click.echo(f"wrote {json_path}")
