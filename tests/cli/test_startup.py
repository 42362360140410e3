"""The command line answers at once, and in one line when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pytest
from click.testing import CliRunner

from gapsample.cli import COMMANDS, main

HEAVY = ("numpy", "scipy", "ase", "numba", "matplotlib", "emcee", "tqdm")


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(main, [str(argument) for argument in arguments])


def fresh(program):
    """What a Python process that has imported nothing else prints."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_help_imports_nothing_heavy():
    program = f"""
import sys
from click.testing import CliRunner
from gapsample.cli import COMMANDS, main
for arguments in [["--help"]] + [[name, "--help"] for name in COMMANDS]:
    assert CliRunner().invoke(main, arguments).exit_code == 0, arguments
print([name for name in {HEAVY} if name in sys.modules])
"""
    assert fresh(program).strip() == "[]"


def test_help_is_there_before_one_notices():
    program = "from gapsample.cli import main; main(['--help'])"
    seconds = []
    for _ in range(3):
        before = os.times()
        assert "validate" in fresh(program)
        after = os.times()
        seconds.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    assert min(seconds) < 0.3


def test_importing_the_package_imports_nothing_heavy():
    assert fresh(f"import sys, gapsample; print([m for m in {HEAVY} if m in sys.modules])").strip() == "[]"


def test_every_name_at_the_front_door_opens():
    import gapsample

    for name in gapsample.__all__:
        assert callable(getattr(gapsample, name)), name
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        gapsample.fitt  # noqa: B018


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(run, command):
    answer = run(command, "--help")
    assert answer.exit_code == 0
    assert len(answer.output.splitlines()) > 4


def test_the_version_is_the_package_s(run):
    try:
        installed = version("gapsample")
    except PackageNotFoundError:
        pytest.skip("gapsample runs from its checkout and is not installed")
    assert run("--version").output.strip() == f"gapsample {installed}"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "nowhere.toml"], "config file nowhere.toml does not exist"),
        (["check", "nowhere.toml"], "config file nowhere.toml does not exist"),
        (["evaluate", "nowhere.npz", "nowhere.xyz"], "nowhere.npz"),
        (["validate", "nowhere.npz", "nowhere.db"], "nowhere.npz"),
    ],
    ids=["fit", "check", "evaluate", "validate"],
)
def test_a_missing_file_is_named_in_one_line(run, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = run(*arguments)
    assert answer.exit_code == 1
    assert message in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_debug_shows_where_an_error_comes_from(run):
    from gapsample.errors import SettingsError

    assert isinstance(run("--debug", "check", "nowhere.toml").exception, SettingsError)
