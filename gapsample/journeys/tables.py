"""The table of errors, its columns written down once, as text for a terminal and as HTML for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gapsample.potential.assessment import Row


@dataclass(frozen=True)
class Column:
    """One column of the table: a field of `Row`, its title, its unit and how its numbers are written."""

    field: str
    title: str
    unit: str
    form: str

    def text(self, row: Row) -> str:
        """The cell, ``-`` where there is nothing to say."""
        value = getattr(row, self.field)
        return "-" if value is None else format(value, self.form)


COLUMNS = (
    Column("config_type", "config_type", "", "s"),
    Column("n_configurations", "n", "", "d"),
    Column("energy_rmse", "E RMSE", "meV/atom", ".2f"),
    Column("energy_mae", "E MAE", "meV/atom", ".2f"),
    Column("force_rmse", "F RMSE", "eV/Å", ".4f"),
    Column("force_mae", "F MAE", "eV/Å", ".4f"),
    Column("virial_rmse", "V RMSE", "meV/atom", ".1f"),
    Column("virial_mae", "V MAE", "meV/atom", ".1f"),
    Column("energy_z", "E z", "", ".2f"),
    Column("force_z", "F z", "", ".2f"),
    Column("force_rank", "F rank", "", ".2f"),
)


def known_columns(rows: Sequence[Row]) -> list[Column]:
    """The columns that say something in at least one row."""
    return [column for column in COLUMNS if any(getattr(row, column.field) is not None for row in rows)]


def as_text(rows: Sequence[Row]) -> str:
    """The table in plain text, columns aligned, a rule above the last row."""
    columns = known_columns(rows)
    lines = [[c.title for c in columns], [c.unit for c in columns]]
    lines += [[c.text(row) for c in columns] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    written = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    written.insert(len(written) - 1, "-" * len(written[0]))
    return "\n".join(line.rstrip() for line in written)


def as_html(rows: Sequence[Row]) -> str:
    """The same table as an HTML ``<table>``."""
    columns = known_columns(rows)
    head = "".join(f"<th>{escape(c.title)}<small>{escape(c.unit)}</small></th>" for c in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(c.text(row))}</td>" for c in columns) + "</tr>" for row in rows
    )
    return f'<table class="errors"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
