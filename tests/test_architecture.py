"""The house stands: floors, rooms and the size of files."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gapsample"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400

HOMES = {
    "numba": ["compiled/"],
    "emcee": ["gp/", "sampling/"],
    "matplotlib": ["plots/"],
    "click": ["cli/"],
    "tqdm": ["progress.py"],
}


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def imported_packages(path: Path) -> set[str]:
    """Top-level names of everything a file imports, at its head or inside its functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_every_floor_imports_only_from_floors_below():
    pytest.importorskip("importlinter")
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command as c; c()",
        "--no-cache",
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_every_room_has_its_floor():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {room.strip() for floor in floors for room in floor.split("|")}
    rooms = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert {f"gapsample.{room}" for room in rooms - {"__init__", "__pycache__"}} == named


@pytest.mark.parametrize(("library", "homes"), HOMES.items(), ids=HOMES)
def test_a_library_is_imported_at_home_only(library, homes):
    users = [relative(path) for path in SOURCES if library in imported_packages(path)]
    assert users, f"nobody imports {library}: drop it from the dependencies and from this test"
    assert [user for user in users if not any(user.startswith(home) for home in homes)] == []


def public_definitions(path: Path) -> list[ast.FunctionDef | ast.ClassDef]:
    """Functions and classes at the head of a module that others may use, without typing's overloads."""
    return [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not any(isinstance(mark, ast.Name) and mark.id == "overload" for mark in node.decorator_list)
    ]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_everything_public_says_what_it_is(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "the module has no docstring"
    assert [node.name for node in public_definitions(path) if not ast.get_docstring(node)] == []


def test_files_are_short_enough_to_read():
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: n for name, n in lengths.items() if n > MOST_LINES} == {}


def test_no_file_is_a_drawer_for_everything():
    assert [relative(p) for p in SOURCES if p.stem in {"utils", "util", "helpers", "misc", "common"}] == []


def test_results_are_returned_not_printed():
    printing = [
        relative(path)
        for path in SOURCES
        for part in ast.parse(path.read_text(encoding="utf-8")).body
        if not isinstance(part, ast.If)  # a module run on its own may speak
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []
