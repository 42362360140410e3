"""The seam between the database and the server or file that keeps it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Protocol

CONTENT_INDEX = "gapsample_content"
UNIQUE_CONTENT = f"CREATE UNIQUE INDEX {CONTENT_INDEX} ON text_key_values(value) WHERE key='content'"
"""No row twice, whoever writes: kept by the database itself, in ase.db's own table."""

PATIENCE = 60.0
"""Seconds a writer waits for the others before it gives up."""


class Backend(Protocol):
    """Opens ase.db databases for one short piece of work at a time.

    Both contexts give an ``ase.db`` database whose ``connection`` is open and executes SQL with ``?``
    for parameters; nothing stays open between them, so a backend may be pickled, forked and shared.
    """

    @property
    def name(self) -> str:
        """How to call the database in messages; without passwords."""
        ...

    def reading(self) -> AbstractContextManager[Any]:
        """An open database that is only read, or None where there is none yet."""
        ...

    def writing(self) -> AbstractContextManager[Any]:
        """An open database, created if need be, whose only writer we are.

        Everything written is durable when the context ends, and nothing of it if it ends by an error.
        """
        ...


def rows(db: Any, sql: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows that a query gives on an open database."""
    cursor = db.connection.cursor()
    cursor.execute(sql, parameters)
    return list(cursor.fetchall())
