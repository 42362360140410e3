"""ase.db on a PostgreSQL server, through ase-db-backends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from gapsample.database.backend import CONTENT_INDEX, PATIENCE, UNIQUE_CONTENT, rows
from gapsample.errors import DatabaseError

_WRITER = 7_263_548_115_204_991
"""Key of the advisory lock that makes writers take turns.

Turns are needed, not only polite: ASE asks the sequence for the last id, which is another writer's
unless there is none; and ids committed in order are what makes a watermark mean "all up to here".
"""


class PostgresBackend:
    """A server; each piece of work is one connection and one transaction."""

    def __init__(self, url: str) -> None:
        try:
            import psycopg2  # noqa: F401
            from ase_db_backends.postgresql import PostgreSQLDatabase  # noqa: F401
        except ImportError as error:
            raise DatabaseError(
                f"PostgreSQL needs more packages ({error.name} is missing): pip install gapsample[postgres]"
            ) from error
        self.url = url

    @property
    def name(self) -> str:
        parts = urlsplit(self.url)
        return f"postgresql://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"

    @contextmanager
    def reading(self) -> Iterator[Any]:
        with self._connected() as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT to_regclass('systems') IS NOT NULL")
            yield self._ase(connection) if cursor.fetchone()[0] else None

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with self._connected() as connection:
            cursor = connection.cursor()
            cursor.execute(f"SET lock_timeout = '{PATIENCE:.0f}s'")
            cursor.execute("SELECT pg_advisory_xact_lock(?)", (_WRITER,))
            db = self._ase(connection)
            # again: ASE commits after it created its tables, and with that lets go of the lock
            cursor.execute("SELECT pg_advisory_xact_lock(?)", (_WRITER,))
            if not rows(db, "SELECT 1 FROM pg_indexes WHERE indexname=?", (CONTENT_INDEX,)):
                cursor.execute(UNIQUE_CONTENT)
            yield db
            connection.commit()

    def _ase(self, connection: Any) -> Any:
        from ase_db_backends.postgresql import PostgreSQLDatabase

        db = PostgreSQLDatabase(self.url, serial=True)
        db.connection, db.change_count = connection, 0
        _ = db.metadata  # reads the version, or creates the tables
        return db

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        import psycopg2
        from ase_db_backends.postgresql import Connection

        try:
            connection = Connection(psycopg2.connect(self.url))
            try:
                yield connection
            finally:
                connection.close()  # rolls back what was not committed
        except psycopg2.Error as error:
            reason = " ".join(str(error).split())
            raise DatabaseError(
                f"database {self.name}: {reason or type(error).__name__}; "
                "check that the server runs and lets this user in"
            ) from error
