"""The configuration database: labels in, labels out, nothing lost, nothing twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ase import Atoms

from gapsample.database.backend import Backend, rows
from gapsample.database.fingerprint import fingerprint
from gapsample.database.label import Label
from gapsample.database.names import original, searchable
from gapsample.database.overview import Group, groups_of, relabeled
from gapsample.database.postgres import PostgresBackend
from gapsample.database.record import Record, from_data, to_record
from gapsample.database.split import Side, split_of
from gapsample.database.sqlite import SqliteBackend
from gapsample.errors import DatabaseError, InputError

ROWS_PER_TRANSACTION = 100
"""Bounds how long one writer keeps the others waiting, and what a killed one loses."""

Item = TypeVar("Item")

_OURS = "id IN (SELECT id FROM keys WHERE key='content')"


@dataclass(frozen=True)
class Entry:
    """One row of the database.

    Attributes
    ----------
    id : row id, growing in the order of writing
    atoms : the configuration as it was added, without a calculator
    label : its label
    fingerprint : hash of the configuration alone, see `gapsample.database.fingerprint`
    split : ``"train"`` or ``"test"``, decided by the fingerprint
    """

    id: int
    atoms: Atoms
    label: Label
    fingerprint: str
    split: Side


class Database:
    """Labeled configurations in an SQLite file or on a PostgreSQL server, under the schema of ase.db.

    Any number of processes may write at once, and any of them may be killed: a row whose id was
    returned is on disk, a row that was not is absent as a whole, and nobody is blocked. The file or
    the tables are created by the first write; until then reading finds an empty database.

    Parameters
    ----------
    path_or_url : ``NAME.db``, or ``postgresql://user:password@host:port/name``

    Raises
    ------
    DatabaseError
        From the constructor: the name does not end in ``.db``, or PostgreSQL's packages are absent.
        From any method: the database cannot be reached, read or written.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from ase.build import bulk
    >>> from gapsample.database import Database, Label
    >>> database = Database(mkdtemp() + "/silicon.db")
    >>> first = database.add(bulk("Si"), Label("PBE", energy=-10.8))
    >>> first == database.add(bulk("Si"), Label("PBE", energy=-10.8))
    True
    """

    def __init__(self, path_or_url: str | Path) -> None:
        address = str(path_or_url)
        remote = address.startswith(("postgresql://", "postgres://"))
        self._backend: Backend = PostgresBackend(address) if remote else SqliteBackend(Path(address))

    def __repr__(self) -> str:
        return f"Database({self._backend.name!r})"

    def __len__(self) -> int:
        return int(self._read(f"SELECT COUNT(*) FROM systems WHERE {_OURS}", empty=0)[0][0])

    @property
    def watermark(self) -> int:
        """Largest row id so far, 0 when empty: `select(since=watermark)` gives what came later."""
        return int(self._read(f"SELECT MAX(id) FROM systems WHERE {_OURS}", empty=0)[0][0] or 0)

    def add(self, atoms: Atoms, label: Label) -> int:
        """Keep a labeled configuration and return its row id, on disk when this returns.

        The configuration is kept exactly: arrays, info, masses, momenta, constraints; `atoms.calc` is
        not looked at. The same numbers, positions, cell and pbc with the same label are the same row:
        adding them again returns its id and leaves it as it is, whatever info or arrays came along.

        Raises
        ------
        InputError
            The label does not fit the configuration, or a number is NaN or infinite.
        """
        return self.add_many([(atoms, label)])[0]

    def add_many(self, pairs: Iterable[tuple[Atoms, Label]]) -> list[int]:
        """Keep many labeled configurations; all are checked before the first is written.

        Raises
        ------
        InputError
            Names the first pair that cannot be kept; none has been written then.
        """
        return [row for row, _ in self._insert(pairs)]

    def merge(self, other: Database) -> int:
        """Take over every row of another database; returns how many were not here yet."""
        taken = 0
        for batch in _batches(list(other._ids()), ROWS_PER_TRANSACTION):
            pairs = [(entry.atoms, entry.label) for entry in other._entries(batch)]
            taken += sum(new for _, new in self._insert(pairs))
        return taken

    def select(
        self,
        *,
        level: str | None = None,
        source: str | None = None,
        config_type: str | None = None,
        since: int = 0,
        split: Side | None = None,
    ) -> Iterator[Entry]:
        """The rows that match every condition given, in the order of their ids.

        Parameters
        ----------
        level, source, config_type : equal to the label's
        since : only rows with a larger id, see `watermark`
        split : ``"train"`` or ``"test"``; None gives both

        Notes
        -----
        Which rows match is decided when the iteration starts; what is added meanwhile is not seen.
        An empty selection is empty; use `require` where it would be a mistake.
        """
        if split not in (None, "train", "test"):
            raise InputError(f"split must be 'train', 'test' or None; got {split!r}")
        conditions = {"level": level, "source": source, "config_type": config_type, "split": split}
        wanted = {key: searchable(name) for key, name in conditions.items() if name is not None}
        for batch in _batches(list(self._ids(since, wanted)), ROWS_PER_TRANSACTION):
            yield from self._entries(batch)

    def require(
        self,
        *,
        level: str | None = None,
        source: str | None = None,
        config_type: str | None = None,
        since: int = 0,
        split: Side | None = None,
    ) -> list[Entry]:
        """The rows of `select` as a list that is never empty.

        Raises
        ------
        DatabaseError
            Nothing matches; the message says what there is.
        """
        found = list(
            self.select(level=level, source=source, config_type=config_type, since=since, split=split)
        )
        if found:
            return found
        asked = {"level": level, "source": source, "config_type": config_type, "split": split}
        wanted = ", ".join(f"{key}={value!r}" for key, value in asked.items() if value is not None)
        wanted += f" after row {since}" if since else ""
        held = ", ".join(f"{name!r} ({count} rows)" for name, count in self.levels().items())
        raise DatabaseError(
            f"database {self._backend.name} holds no rows with {wanted or 'a label'}; "
            + (f"its levels of theory: {held}" if held else "it is empty: fill it with `gapsample db import`")
        )

    def levels(self) -> dict[str, int]:
        """Number of rows of each level of theory, sorted by name."""
        sql = "SELECT value, COUNT(*) FROM text_key_values WHERE key='level' GROUP BY value"
        return dict(sorted((original(name), int(count)) for name, count in self._read(sql)))

    def overview(self) -> list[Group]:
        """Counts for each level, source and config_type, without reading the configurations."""
        with self._backend.reading() as db:
            return groups_of(db) if db is not None else []

    def relabeled(self) -> int:
        """Number of configurations with several labels at one level; a fit learns each of those labels."""
        with self._backend.reading() as db:
            return relabeled(db) if db is not None else 0

    def _read(self, sql: str, parameters: tuple[Any, ...] = (), empty: Any = None) -> list[tuple[Any, ...]]:
        with self._backend.reading() as db:
            if db is not None:
                return rows(db, sql, parameters)
        return [] if empty is None else [(empty,)]

    def _ids(self, since: int = 0, wanted: dict[str, str] | None = None) -> Iterator[int]:
        conditions = [_OURS, "id > ?"]
        parameters: list[int | str] = [since]
        for key, name in (wanted or {}).items():
            conditions.append("id IN (SELECT id FROM text_key_values WHERE key=? AND value=?)")
            parameters += [key, name]
        sql = f"SELECT id FROM systems WHERE {' AND '.join(conditions)} ORDER BY id"
        return (int(row) for (row,) in self._read(sql, tuple(parameters)))

    def _entries(self, ids: list[int]) -> Iterator[Entry]:
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT id, data FROM systems WHERE id IN ({marks}) ORDER BY id"
        with self._backend.reading() as db:
            found = [(row, db.decode(data)) for row, data in rows(db, sql, tuple(ids))]
        for row, data in found:
            atoms, label = from_data(data)
            configuration = fingerprint(atoms)
            yield Entry(int(row), atoms, label, configuration, split_of(configuration, len(atoms)))

    def _insert(self, pairs: Iterable[tuple[Atoms, Label]]) -> list[tuple[int, bool]]:
        records = [_checked(number, atoms, label) for number, (atoms, label) in enumerate(pairs)]
        inserted: list[tuple[int, bool]] = []
        for batch in _batches(records, ROWS_PER_TRANSACTION):
            with self._backend.writing() as db:
                inserted += [_insert_one(db, record) for record in batch]
        return inserted


def _checked(number: int, atoms: Atoms, label: Label) -> Record:
    try:
        return to_record(atoms, label)
    except InputError as error:
        raise InputError(f"configuration {number} ({atoms.symbols}): {error}") from error


def _insert_one(db: Any, record: Record) -> tuple[int, bool]:
    known = rows(db, "SELECT id FROM text_key_values WHERE key='content' AND value=?", (record.content,))
    if known:
        return int(known[0][0]), False
    return int(db.write(record.view, key_value_pairs=record.keys, data=record.data)), True


def _batches(items: list[Item], size: int) -> Iterator[list[Item]]:
    for first in range(0, len(items), size):
        yield items[first : first + size]
