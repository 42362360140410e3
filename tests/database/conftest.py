"""Databases to test on: an SQLite file, and a PostgreSQL server of our own on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from gapsample.database import Database


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL, up to the database name, of a server started for these tests and thrown away after them."""
    psycopg2 = pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    pytest.importorskip("ase_db_backends", reason="ase-db-backends is not installed")
    found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
    if found is None:
        pytest.skip("no PostgreSQL server here: install Debian's package postgresql")
    programs = Path(found).parent
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    run_as: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        runuser = shutil.which("runuser", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if runuser is None:
            pytest.skip("root cannot start PostgreSQL without runuser")
        run_as = [runuser, "-u", "postgres", "--"]
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run([*run_as, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=60)

    data = str(folder / "data")
    control = (str(programs / "pg_ctl"), "-D", data, "-w")
    try:
        run(found, "-D", data, "-U", "tester", "-A", "trust", "--no-sync", "--locale=C.UTF-8")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"  # it is the writers that are killed
        run(*control, "-l", str(folder / "log"), "-o", options, "start")
        url = f"postgresql://tester@127.0.0.1:{port}/"
        psycopg2.connect(url + "postgres").close()
        yield url
        run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgres(postgres_server: str) -> Callable[[], str]:
    """Makes URLs of empty databases."""
    import psycopg2

    names = (f"labels_{number}" for number in count())

    def execute(name: str, *commands: str) -> None:
        with closing(psycopg2.connect(postgres_server + name)) as connection:
            connection.autocommit = True
            for command in commands:
                connection.cursor().execute(command)

    def make() -> str:
        name = next(names)
        try:
            execute(name, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")  # left by an earlier test
        except psycopg2.OperationalError:
            execute("postgres", f"CREATE DATABASE {name}")
        return postgres_server + name

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def new_address(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes addresses of databases that do not exist yet, on either backend."""
    if request.param == "postgresql":
        return request.getfixturevalue("new_postgres")
    return lambda: str(tmp_path / f"{time.monotonic_ns()}.db")


@pytest.fixture
def address(new_address: Callable[[], str]) -> str:
    """Address of one fresh database."""
    return new_address()


@pytest.fixture
def database(address: str) -> Database:
    """An empty database."""
    return Database(address)
