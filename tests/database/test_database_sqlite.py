"""The SQLite file: ASE's tools understand it, and what is wrong with it is said."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import ase.io
import numpy as np
import pytest
from specimens import specimen

from gapsample.database import Database, sqlite
from gapsample.database.filesystem import filesystem_of, is_network
from gapsample.errors import DatabaseError

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "labels.db"


def journal(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def test_the_ase_command_lists_and_searches_it(path: Path) -> None:
    Database(path).add_many([specimen(1), specimen(2, level="RPA")])
    command = [sys.executable, "-m", "ase", "db", str(path)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Rows: 2" in listed
    found = subprocess.run([*command, "level=RPA"], capture_output=True, text=True, check=True).stdout
    assert "Rows: 1" in found


def test_ase_reads_atoms_energies_forces_and_stresses_from_it(path: Path) -> None:
    atoms, label = specimen(1)
    Database(path).add(atoms, label)
    read = ase.io.read(path)  # what `ase gui` does
    assert np.array_equal(read.positions, atoms.positions)
    assert read.get_potential_energy() == label.energy
    assert np.array_equal(read.get_forces(apply_constraint=False), label.forces)
    assert np.allclose(-read.get_volume() * read.get_stress(voigt=False), label.virial, rtol=1e-12)


def test_the_log_is_written_ahead_on_local_disks_and_left_complete(path: Path) -> None:
    Database(path).add(*specimen(1))
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert journal(path) == "wal"


def test_network_file_systems_get_the_rollback_journal_and_a_warning(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Database(path).add(*specimen(1))
    monkeypatch.setattr(sqlite, "filesystem_of", lambda _: "nfs4")
    Database(path).add(*specimen(2))
    assert journal(path) == "delete"
    assert "network file system (nfs4)" in caplog.text
    assert len(Database(path)) == 2


def test_the_file_system_is_that_of_the_closest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    shared, ours = f"server:/home {tmp_path}/my\\040home nfs4 rw 0 0", f"tmpfs {tmp_path}/my tmpfs rw 0 0"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\n{shared}\n{ours}\n")
    assert is_network(filesystem_of(tmp_path / "my home" / "x.db", mounts))
    assert filesystem_of(tmp_path / "my" / "x.db", mounts) == "tmpfs"
    assert filesystem_of(tmp_path / "x.db", mounts) == "ext4"
    assert filesystem_of(tmp_path, tmp_path / "nothing") == ""


def test_what_may_not_be_written_can_still_be_read(path: Path) -> None:
    Database(path).add(*specimen(1))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    try:
        with unprivileged(path):
            assert len(list(Database(path).select())) == 1
            with pytest.raises(DatabaseError, match="check the permissions"):
                Database(path).add(*specimen(2))
    finally:
        path.parent.chmod(0o755)


@contextmanager
def unprivileged(path: Path) -> Iterator[None]:
    """Whoever runs the tests, root included, may not write everywhere inside this block."""
    if os.geteuid() != 0:
        yield
        return
    for place in (path, path.parent):
        os.chown(place, NOBODY, NOBODY)
    for folder in path.parents[1:3]:
        folder.chmod(folder.stat().st_mode | 0o055)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_names_with_odd_characters_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "my labels? 100%#1.db"
    Database(path).add(*specimen(1))
    assert len(Database(path)) == 1
    assert path.exists()


def test_reading_does_not_create_a_file(path: Path) -> None:
    assert len(Database(path)) == 0
    assert not path.exists()


def test_rows_of_others_are_left_alone(path: Path) -> None:
    import ase.db
    from ase.build import bulk

    ase.db.connect(path).write(bulk("Si"), note="not ours")
    database = Database(path)
    assert len(database) == 0
    row = database.add(*specimen(1))
    assert [entry.id for entry in database.select()] == [row] == [2]


def test_rows_of_a_newer_version_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gapsample.database.record.SCHEMA", 2)
    Database(path).add(*specimen(1))
    monkeypatch.undo()
    with pytest.raises(DatabaseError, match="schema 2, this version reads up to 1"):
        list(Database(path).select())


def test_a_writer_gives_up_on_a_lock_that_is_held_too_long(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.1)
    database = Database(path)
    database.add(*specimen(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert len(database) == 1  # readers do not wait for writers
    with pytest.raises(DatabaseError, match="another process has been writing"):
        database.add(*specimen(2))
    other.rollback()
    database.add(*specimen(2))


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"called NAME\.db"):
        Database(tmp_path / "labels.xyz")
    with pytest.raises(DatabaseError, match="there is no folder"):
        Database(tmp_path / "nowhere" / "labels.db").add(*specimen(1))
    (tmp_path / "text.db").write_text("this is not a database, only a long enough text\n" * 20)
    with pytest.raises(DatabaseError, match="not a SQLite database or is damaged"):
        len(Database(tmp_path / "text.db"))


def test_an_empty_file_is_an_empty_database(path: Path) -> None:
    path.touch()
    assert len(Database(path)) == 0
    Database(path).add(*specimen(1))
    assert len(Database(path)) == 1
