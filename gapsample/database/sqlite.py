"""ase.db in one SQLite file, safe for several writers that may be killed at any moment."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ase.db.sqlite import SQLite3Database

from gapsample.database.backend import CONTENT_INDEX, PATIENCE, UNIQUE_CONTENT, rows
from gapsample.database.filesystem import filesystem_of, is_network
from gapsample.errors import DatabaseError


class SqliteBackend:
    """One file; the write-ahead log on local disks, the rollback journal on network file systems.

    ASE's own lock file is not used: it goes stale when its holder is killed. SQLite's locks die with
    their process. On a network file system they hold between processes of one machine only.
    """

    def __init__(self, path: Path) -> None:
        if path.suffix != ".db":
            raise DatabaseError(f"a database file is called NAME.db, as `ase db` wants it; got {path.name!r}")
        self.path = path.expanduser().absolute()
        self._journal = "wal"
        filesystem = filesystem_of(self.path)
        if is_network(filesystem):
            self._journal = "delete"
            logging.getLogger(__name__).warning(
                "%s is on a network file system (%s): let one machine write at a time, or use PostgreSQL",
                self.path,
                filesystem,
            )

    @property
    def name(self) -> str:
        return self.path.name

    @contextmanager
    def reading(self) -> Iterator[SQLite3Database | None]:
        if not self.path.is_file():
            yield None
            return
        with self._connected(self._reading_mode()) as connection:
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name='systems'").fetchall()
            yield self._ase(connection) if tables else None

    @contextmanager
    def writing(self) -> Iterator[SQLite3Database]:
        if not self.path.parent.is_dir():
            raise DatabaseError(f"cannot create {self.path}: there is no folder {self.path.parent}")
        with self._connected("mode=rwc") as connection:
            _set_journal(connection, self._journal)
            connection.execute("BEGIN IMMEDIATE")
            db = self._ase(connection)
            if not connection.in_transaction:  # ASE commits after it created its tables
                connection.execute("BEGIN IMMEDIATE")
            if not rows(db, "SELECT 1 FROM sqlite_master WHERE name=?", (CONTENT_INDEX,)):
                connection.execute(UNIQUE_CONTENT)
            yield db
            connection.commit()

    def _ase(self, connection: sqlite3.Connection) -> SQLite3Database:
        db = SQLite3Database(str(self.path), use_lock_file=False, serial=True)
        db.connection, db.change_count = connection, 0
        _ = db.metadata  # reads the version, or creates the tables
        return db

    def _reading_mode(self) -> str:
        """Readers share memory through files of their own, unless they may not write any."""
        if _may_write(self.path) and _may_write(self.path.parent):
            return "mode=rw"
        return "mode=ro" if Path(f"{self.path}-wal").exists() else "immutable=1"

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        address = f"{self.path.as_uri()}?{mode}"
        try:
            # autocommit: transactions begin where we say; closing rolls back what was not committed
            connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
            with closing(connection):
                yield connection
        except sqlite3.Error as error:
            raise DatabaseError(f"database {self.path}: {error}{_advice(error)}") from error


def _may_write(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _set_journal(connection: sqlite3.Connection, wanted: str) -> None:
    """Switch the journal; SQLite does not wait for other processes here by itself."""
    deadline = time.monotonic() + PATIENCE
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != wanted:
        try:
            connection.execute(f"PRAGMA journal_mode={wanted}")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.01)


def _advice(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return f"; another process has been writing for {PATIENCE:.0f} s: find it, or try again later"
    if "readonly" in text or "unable to open" in text:
        return "; check the permissions of the file and of its folder"
    if "not a database" in text or "malformed" in text:
        return "; the file is not a SQLite database or is damaged: restore a copy"
    return ""
