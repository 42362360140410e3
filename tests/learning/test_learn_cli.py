"""``gapsample learn`` as a user types it: from a crystal and an engine to a model as good as asked."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from click.testing import CliRunner
from learn_folders import NESTED, written

import gapsample
from gapsample.cli.learn import learn
from gapsample.cli.resume import resume
from gapsample.database import Database
from gapsample.errors import SettingsError
from gapsample.journeys.learn_config import load_learn_config


def run(*arguments, code=0):
    answer = CliRunner().invoke(learn, [str(argument) for argument in arguments])
    assert answer.exit_code == code, answer.output + str(answer.exception)
    return answer.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    assert "below what was asked" in run(written(folder))
    return folder


def test_it_leaves_a_model_a_table_a_figure_and_a_report(folder):
    out = folder / "out"
    with (out / "generations.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["generation"]) for row in rows] == list(range(len(rows)))
    assert float(rows[-1]["audited_below"]) <= 0.04
    gap = gapsample.load(out / "gap.npz")
    assert gap.origin["generation"] == len(rows) - 1
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["reason"] == "CONVERGED"
    assert manifest["settings"]["learn"]["coverage"] == 0.95
    page = (out / "report.html").read_text()
    assert "audited error is below" in page
    assert "http" not in page.replace("http-equiv", "")
    assert (out / "errors.png").read_bytes().startswith(b"\x89PNG")


def test_once_content_it_asks_for_nothing_more(folder):
    before = len(Database(folder / "labels.db"))
    run(folder / "config.toml")
    assert len(Database(folder / "labels.db")) == before
    answer = CliRunner().invoke(resume, [str(folder / "out")])
    assert answer.exit_code == 0, answer.output + str(answer.exception)
    assert "below what was asked" in answer.output
    assert len(Database(folder / "labels.db")) == before


def test_killed_and_run_again_it_ends_with_the_same_model(folder, tmp_path):
    config = written(tmp_path)
    command = "from gapsample.cli.learn import learn; learn()"
    wanted = len(Database(folder / "labels.db"))
    for rows in (2, wanted - 1):
        process = subprocess.Popen([sys.executable, "-c", command, str(config)], stdout=subprocess.DEVNULL)
        while process.poll() is None and len(Database(tmp_path / "labels.db")) < rows:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    run(config)
    one, other = (gapsample.load(place / "out" / "gap.npz") for place in (folder, tmp_path))
    np.testing.assert_array_equal(one.alpha, other.alpha)


def test_calculations_in_processes_with_a_time_limit_give_the_same_labels(folder, tmp_path):
    settings = ("labeling.timeout=60", "labeling.workers=2", "stop.rounds=0")
    output = run(written(tmp_path), *(word for setting in settings for word in ("--set", setting)))
    assert "limit on rounds" in output
    mine, wanted = (list(Database(place / "labels.db").select()) for place in (tmp_path, folder))
    for one, other in zip(mine, wanted, strict=False):
        np.testing.assert_array_equal(one.label.forces, other.label.forces)


def test_settings_that_do_not_match_are_refused(tmp_path):
    config = written(tmp_path)
    with pytest.raises(SettingsError, match="either"):
        load_learn_config(config, ["model=gap.npz"])
    with pytest.raises(SettingsError, match="every"):
        load_learn_config(config, ["explore.every=1000"])
    with pytest.raises(SettingsError, match="treshold"):
        load_learn_config(config, ["learn.treshold=1.0"])


UMBRELLA = """
[start]
kind = "file"
file = "dimer.xyz"

[potential]
kind = "calculator"
name = "lj"

[[variables]]
kind = "distance"
name = "r"
atoms = [0, 1]

[windows]
kind = "grid"
n = [3]
ranges = [[2.4, 3.2]]
kappa = 4.0

[schedule]
temperature = 300.0
n_steering = 50
n_equilibration = 10
n_steps = 60
every = 5
keep_every = 3

[output]
folder = "campaign"
"""


def exploring_by(kind: str, folder: Path) -> Path:
    config = written(folder)
    text = config.read_text()
    begin, end = text.index("[explore]"), text.index("[learn]")
    config.write_text(f'{text[:begin]}[explore]\nkind = "{kind}"\nconfig = "{kind}.toml"\n\n{text[end:]}')
    return config


def test_umbrella_sampling_explores_as_well(tmp_path):
    config = exploring_by("umbrella", tmp_path)
    (tmp_path / "umbrella.toml").write_text(UMBRELLA)
    ase.io.write(tmp_path / "dimer.xyz", Atoms("Cu2", [[0.0, 0.0, 0.0], [2.6, 0.0, 0.0]]))
    output = run(config, "--set", "stop.labels=7", "--set", "stop.force_error=1e-9")
    assert "limit on labels" in output
    entries = list(Database(tmp_path / "labels.db").select())
    assert sum(len(entry.atoms) == 2 for entry in entries) == 7


def test_nested_sampling_explores_as_well(tmp_path):
    config = exploring_by("nested", tmp_path)
    (tmp_path / "nested.toml").write_text(NESTED)
    output = run(config, "--set", "stop.labels=7", "--set", "stop.force_error=1e-9")
    assert "limit on labels" in output
    entries = list(Database(tmp_path / "labels.db").select())
    assert sum(len(entry.atoms) == 4 for entry in entries) == 7
