"""``gapsample qmmm`` as a user types it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from qmmm_worlds import crystal_gap, world

from gapsample.cli import main


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    made, folder = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("typed")
    crystal_gap(made)
    return world(folder, made)


def typed(*words, code=0):
    answer = CliRunner().invoke(main, ["qmmm", *map(str, words)])
    assert answer.exit_code == code, answer.output
    return answer.output


def test_it_runs_goes_on_and_checks_itself(config):
    output = typed(config, "--set", "stop.steps=4")
    assert "4 steps" in output
    assert "limit on steps" in output
    output = typed(config, "--set", "stop.steps=8")
    assert "8 steps" in output
    assert "missed fraction" in output
    for line in output.splitlines():
        if line.startswith("wrote "):
            assert (config.parent / "out" / line.rpartition("/")[2]).exists()
    output = typed(config, "--check", 2)
    assert output.startswith("2 frames: force error ")
    assert "quantum calls a step" in output


def test_it_names_the_near_miss_of_a_setting(config):
    assert "temperature" in typed(config, "--set", "dynamics.temprature=3", code=1)


def test_an_engine_that_fails_ends_with_one_line_that_says_so(config):
    failure = config.parent / "failure"
    failure.write_text("throws")
    words = ("--set", "stop.steps=4", "--folder", config.parent / "other", "--set", "region.seeds=[0]")
    output = typed(config, *words, code=1)
    failure.unlink()
    assert "the density did not converge" in output.splitlines()[-1]


def test_it_is_resumed_by_its_folder_wherever_that_lies_now(config, tmp_path):
    typed(config, "--set", "stop.steps=4", "--folder", tmp_path / "there")
    (tmp_path / "there").rename(tmp_path / "here")
    answer = CliRunner().invoke(main, ["resume", str(tmp_path / "here"), "--set", "stop.steps=8"])
    assert answer.exit_code == 0, answer.output
    assert "8 steps" in answer.output
    assert not (tmp_path / "there").exists()


def test_check_says_what_it_would_cost_and_leaves_no_trace(config):
    folder = config.parent / "never"
    answer = CliRunner().invoke(main, ["check", str(config), "--set", f"output.folder={folder}"])
    assert answer.exit_code == 0, answer.output
    assert "atoms with quantum forces at the start" in answer.output
    assert "quantum calls in 24 steps" in answer.output
    assert not folder.exists()
