"""Nested sampling as a user types it: begin, kill, resume, analyze."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gapsample import nested
from gapsample.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "journeys"))
from nested_studies import BOX, CELL, written

COMMAND = [sys.executable, "-c", "from gapsample.cli import main; main()"]


def run(*arguments):
    answer = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    path = written(folder, CELL)
    output = run("nested", path)
    assert "pressure_0.2/run_1: the goal of the run is reached" in output
    assert f"next: gapsample thermo {folder / 'cell'}" in output
    return folder


@pytest.mark.parametrize(
    ("text", "walk", "names"),
    [
        (BOX, 400, ("run_0", "run_1")),
        (CELL.replace("seeds = 2", "exchange = true"), 50, ("pressure_0.05/run_0", "pressure_0.2/run_0")),
    ],
)
def test_a_study_killed_and_resumed_equals_one_never_cut(tmp_path, text, walk, names):
    slow = ["--set", f"sampling.walk_length={walk}", "--set", f"sampling.longest_walk={walk}"]
    slow += ["--set", "output.checkpoint_seconds=0.05", "--set", "stop.remaining=1e-6"]
    path = written(tmp_path, text)
    run("nested", path, *slow, "--folder", tmp_path / "whole")
    process = subprocess.Popen(
        [*COMMAND, "-q", "nested", str(path), *slow, "--folder", str(tmp_path / "cut")]
    )
    dead = tmp_path / "cut" / names[0] / "dead.records"
    while process.poll() is None and not (dead.exists() and dead.stat().st_size > 8000):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert "the goal of the run is reached" in run("resume", tmp_path / "cut")
    for name in names:
        one, other = (nested.read_points(tmp_path / which / name) for which in ("whole", "cut"))
        np.testing.assert_array_equal(one.value, other.value)
        np.testing.assert_array_equal(one.insertion, other.insertion)
        kept = [nested.read_kept(tmp_path / which / name) for which in ("whole", "cut")]
        np.testing.assert_array_equal(*kept)


def test_a_study_goes_on_to_a_lower_temperature_and_says_what_it_cannot_change(tmp_path):
    path = written(tmp_path, BOX)
    run("nested", path, "--set", "sampling.seeds=1")
    before = len(nested.read_points(tmp_path / "box" / "run_0"))
    run("resume", tmp_path / "box", "--set", "stop.lowest_temperature=0.15")
    assert len(nested.read_points(tmp_path / "box" / "run_0")) > before
    answer = CliRunner().invoke(main, ["resume", str(tmp_path / "box"), "--set", "sampling.n_live=50"])
    assert answer.exit_code == 1
    assert "sampling.n_live is 40 in this study and would be 50" in answer.stderr


def test_the_seed_decides_and_can_be_given(tmp_path):
    path = written(tmp_path, BOX)
    for seed, name in ((1, "a"), (1, "b"), (2, "c")):
        run("nested", path, "--seed", seed, "--folder", tmp_path / name, "--set", "stop.steps=3")
    a, b, c = (nested.read_points(tmp_path / name / "run_0").value for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_curves_and_figure_of_thermo_are_written(folder):
    output = run(
        "thermo",
        folder / "cell",
        "--temperatures",
        "0.6:2:40",
        "--csv",
        folder / "c.csv",
        "--figure",
        folder / "c.png",
    )
    assert "cell, P = 0.05: 2 runs merged" in output
    assert "rank correlation" in output
    assert "(smallest of 2 runs " in output
    assert "all runs together: insertion ranks: p = " in output
    table = np.genfromtxt(folder / "c_0.csv", delimiter=",", names=True, skip_header=1)
    assert len(table) == 40
    assert {"T", "log_Z", "heat_capacity_seeds_err", "volume", "expansion"} <= {
        name.split("_k")[0].removesuffix("_") for name in table.dtype.names
    } | set(table.dtype.names)
    assert (folder / "c.png").read_bytes().startswith(b"\x89PNG")


def test_reweighting_says_where_not_to_believe(folder):
    output = run(
        "thermo", folder / "cell" / "pressure_0.05", "--pressure", 500.0, "--temperatures", "0.6:2:5"
    )
    assert "do not believe" in output


def test_a_phase_diagram_is_written_as_table_json_and_picture(folder):
    output = run(
        "phases",
        folder / "cell",
        "--temperatures",
        "0.6:2:60",
        "--csv",
        folder / "p.csv",
        "--json",
        folder / "p.json",
        "--figure",
        folder / "p.png",
    )
    assert "4 runs at 2 pressures" in output
    assert json.loads((folder / "p.json").read_text())["n_runs"] == 4
    assert (folder / "p.csv").read_text().startswith("line")
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")


def test_check_says_what_would_be_sampled_and_writes_nothing(tmp_path):
    path = written(tmp_path, CELL)
    before = sorted(tmp_path.rglob("*"))
    output = run("check", path)
    for words in ("2 atoms, P = 0.05, 0.2", "pressure_0.2/run_1", "40 live points", "shear", "ready"):
        assert words in output
    assert sorted(tmp_path.rglob("*")) == before


def test_check_finds_what_would_stop_a_study(tmp_path):
    path = written(tmp_path, BOX)
    answer = CliRunner().invoke(main, ["check", str(path), "--set", "system.edge=2.0"])
    assert answer.exit_code == 1
    assert "shorter than twice the cutoff" in answer.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["nested", "nowhere.toml"], "config file nowhere.toml does not exist"),
        (["nested", "study.toml", "--set", "sampling.n_lives=3"], "did you mean 'n_live'"),
        (["nested", "study.toml", "--set", "system.edge=1.0"], "shorter than twice the cutoff"),
        (["nested", "study.toml", "--set", "sampling.n_cull=39"], "n_cull must lie between"),
        (["nested", "study.toml", "--set", "sampling.exchange=true"], "two or more in ensemble.pressure"),
        (["resume", "nowhere"], "holds no manifest.json"),
        (["thermo", "nowhere"], "holds no manifest.json"),
        (["thermo", "nowhere", "--temperatures", "5"], "first:last:how-many"),
        (["phases", "nowhere"], "holds no manifest.json"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, monkeypatch, command, message):
    written(tmp_path, BOX)
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(main, command)
    assert answer.exit_code == 1
    assert message in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]
