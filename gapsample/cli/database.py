"""``gapsample db``: configurations into the database, out of it, and what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gapsample.errors import GapsampleError, InputError

if TYPE_CHECKING:
    from gapsample.database import Database, Group

_FILE = click.Path(path_type=Path)


class _Group(click.Group):
    """Turns the package's errors into one line and exit code 1, where no group above does."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GapsampleError as error:
            if ctx.parent is not None:
                raise
            raise click.ClickException(" ".join(str(error).split())) from error


def _dashes(option: str) -> str:
    return option.replace("_", "-")


@click.group(name="db", cls=_Group, context_settings={"token_normalize_func": _dashes})
def db() -> None:
    """The configuration database: import, export, show, merge.

    DATABASE is NAME.db (SQLite, created when needed) or postgresql://user@host/name.
    """


@db.command(name="import")
@click.argument("database")
@click.argument("files", nargs=-1, required=True, type=_FILE)
@click.option("--level", help="Level of theory, e.g. PBE. Default: each frame's own `level` key.")
@click.option("--source", help="Who made the labels. Default: each frame's `source` key, or `import`.")
@click.option("--energy-key", "--energy-parameter-name", "energy_key", help="Default: energy.")
@click.option("--force-key", "--force-parameter-name", "force_key", help="Default: forces or force.")
@click.option("--virial-key", "--virial-parameter-name", "virial_key", help="Default: virial.")
@click.option(
    "--stress-key", "--stress-parameter-name", "stress_key", help="Read virial = -volume * stress instead."
)
@click.option(
    "--config-type-key",
    "--config-type-parameter-name",
    "config_type_key",
    default="config_type",
    show_default=True,
)
@click.option("--energy-sigma-key", default="energy_sigma", show_default=True)
@click.option("--force-sigma-key", default="force_sigma", show_default=True)
@click.option("--virial-sigma-key", default="virial_sigma", show_default=True)
@click.option("--force-atom-sigma-key", default="force_atom_sigma", show_default=True)
@click.option("--trusted-key", default="trusted", show_default=True)
def import_(database: str, files: tuple[Path, ...], **keys: str | None) -> None:
    """Read extended XYZ FILES into DATABASE; all are checked before the first row is written."""
    from gapsample.database import Database, read_extxyz

    into = Database(database)
    imported = [read_extxyz(path, **keys) for path in files]  # type: ignore[arg-type]
    for report, pairs in imported:
        mark = into.watermark
        new = len({row for row in into.add_many(pairs) if row > mark})
        click.echo(str(report))
        click.echo(f"  {new} new rows, {len(pairs) - new} known already")
    click.echo(f"{database}: {len(into)} rows, watermark {into.watermark}")
    _note_relabeled(into)


@db.command()
@click.argument("database")
@click.argument("out", type=_FILE)
@click.option("--level", help="Only this level of theory.")
@click.option("--source", help="Only this source.")
@click.option("--config-type", help="Only this config_type.")
@click.option("--split", type=click.Choice(["train", "test"]), help="Only this side. Default: both.")
def export(database: str, out: Path, **selection: Any) -> None:
    """Write rows of DATABASE to the extended XYZ file OUT, with exact numbers."""
    from gapsample.database import write_extxyz

    entries = _existing(database).require(**selection)
    count = write_extxyz(out, ((entry.atoms, entry.label) for entry in entries))
    click.echo(f"{out}: {count} frames; energies under `energy`, forces `forces`, virials `virial`")


@db.command()
@click.argument("database")
def show(database: str) -> None:
    """Count what DATABASE holds, by level of theory, source and config_type."""
    held = _existing(database)
    groups = held.overview()
    heads = "level", "source", "config_type", "rows", "train", "test", "atoms", "E", "F", "V", "species"
    for line in _table([heads, *map(_cells, groups)]):
        click.echo(line)
    click.echo(f"{sum(map(len, groups))} rows, watermark {held.watermark}")
    _note_relabeled(held)


@db.command()
@click.argument("into")
@click.argument("others", nargs=-1, required=True, metavar="FROM...")
def merge(into: str, others: tuple[str, ...]) -> None:
    """Take the rows of the databases FROM... over INTO another; rows known already stay one."""
    from gapsample.database import Database

    target = Database(into)
    for name in others:
        other = _existing(name)
        click.echo(f"{name}: {target.merge(other)} new of {len(other)} rows")
    click.echo(f"{into}: {len(target)} rows, watermark {target.watermark}")


def _existing(database: str) -> Database:
    from gapsample.database import Database

    if "://" not in database and not Path(database).expanduser().is_file():
        raise InputError(f"there is no database {database}; make one with `gapsample db import`")
    return Database(database)


def _note_relabeled(database: Database) -> None:
    count = database.relabeled()
    if count:
        click.echo(
            f"note: {count} configurations have several labels at one level of theory, and a fit learns "
            "each of them; if that was not meant, import into a new database"
        )


def _cells(group: Group) -> tuple[str, ...]:
    counts = (len(group), *group.sides.values(), group.atoms, *group.holds.values())
    return (group.level, group.source, group.config_type, *map(str, counts), " ".join(group.species))


def _table(lines: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
