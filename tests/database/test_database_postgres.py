"""What is said when PostgreSQL cannot be reached."""

from __future__ import annotations

import sys

import pytest

from gapsample.database import Database
from gapsample.errors import DatabaseError


def test_a_missing_backend_names_the_packages_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    with pytest.raises(DatabaseError, match=r"pip install gapsample\[postgres\]"):
        Database("postgresql://someone@localhost/labels")


def test_an_unreachable_server_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    database = Database("postgresql://someone:secret@127.0.0.1:1/labels")
    with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:1/labels.*check that the server runs") as caught:
        len(database)
    assert "secret" not in str(caught.value) + repr(database)
