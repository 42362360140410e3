"""An adaptive run goes on wherever it lies, with the numbers that it was begun with, or says what changed."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import ase.io
import numpy as np
import pytest
from ase.constraints import FixAtoms
from click.testing import CliRunner
from qmmm_worlds import check_records, world

import gapsample
from gapsample.cli import main
from gapsample.errors import FitError, InputError, SettingsError
from gapsample.journeys.qmmm_config import load_qmmm_config
from gapsample.journeys.qmmm_problem import first_motion, stepper_of
from gapsample.journeys.qmmm_records import read
from gapsample.journeys.qmmm_run import resume, run_qmmm
from gapsample.journeys.sources import read_frame
from gapsample.qmmm import QuantumFailed
from gapsample.sampling.alone import alone_in
from gapsample.sampling.loop import Reason

PLAIN = ["audits=none", "learn=none"]
"""A run that takes few quantum calculations."""


def typed(*words):
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def begun(made, tmp_path_factory):
    """A run of four steps."""
    config = world(tmp_path_factory.mktemp("begun"), made)
    run_qmmm(load_qmmm_config(config, ["stop.steps=4"]))
    return config


def test_a_run_goes_on_exactly_wherever_it_lies_now(begun, tmp_path):
    stays, moved, linked = tmp_path / "stays", tmp_path / "moved", tmp_path / "linked"
    shutil.copytree(begun.parent, stays)
    shutil.copytree(begun.parent, moved)
    run_qmmm(load_qmmm_config(stays / "config.toml", ["stop.steps=8"]))
    linked.symlink_to(moved)
    run_qmmm(load_qmmm_config(linked / "config.toml", ["stop.steps=6"]))
    run_qmmm(load_qmmm_config(moved / "config.toml", ["stop.steps=8"]))
    check_records(stays / "out", moved / "out")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("seed=6", "seed is 3 in this run and would be 6, which changes its numbers; begin a new run in"),
        ("dynamics.temperature=400.0", "dynamics.temperature is 300.0 in this run and would be 400.0"),
        ("engine.every=2", "engine.every is 1 in this run and would be 2"),
        ("qm.0.settings.switch=elsewhere", r"qm\.0\.settings\.switch is"),
        ("start.file=other.xyz", "other.xyz is not what it was when the run began"),
        ("start.file=nowhere.xyz", "nowhere.xyz is not there; .* --set start.file=PATH"),
        (
            "learn.database=nowhere.db",
            "rows up to 6, but .*nowhere.db ends at 0; .*learn.database=PATH",
        ),
    ],
)
def test_what_a_run_cannot_go_on_with_is_said_by_name_also_beforehand(begun, change, words):
    other = ase.io.read(begun.parent / "start.xyz")
    other.rattle(0.01, seed=1)
    ase.io.write(begun.parent / "other.xyz", other)
    before = sorted((path, path.stat().st_mtime_ns) for path in (begun.parent / "out").rglob("*"))
    with pytest.raises(InputError, match=words):
        run_qmmm(load_qmmm_config(begun, [change]))
    answer = typed("check", begun, "--set", change)
    assert answer.exit_code == 1
    assert "ready" not in answer.output
    with pytest.raises(InputError, match=words):
        raise InputError(answer.stderr)
    assert sorted((path, path.stat().st_mtime_ns) for path in (begun.parent / "out").rglob("*")) == before


def test_a_run_goes_on_with_safer_engines_more_workers_and_a_better_budget(begun, tmp_path):
    folder = shutil.copytree(begun.parent, tmp_path / "here")
    text = (folder / "config.toml").read_text()
    safer = text[text.index("[[qm]]") : text.index("[region]")]
    (folder / "config.toml").write_text(text.replace("[region]", f"{safer}[region]"))
    free = ["engine.workers=2", "engine.timeout=60", "region.buffer_error=0.1", "output.frames_every=2"]
    run_qmmm(load_qmmm_config(folder / "config.toml", [*free, "stop.steps=6"]))
    assert read(folder / "out", "steps")["step"][-1] == 6


def test_where_the_first_calculation_failed_nothing_has_begun(made, tmp_path):
    config = world(tmp_path, made)
    (tmp_path / "failure").write_text("throws")
    with pytest.raises(QuantumFailed):
        run_qmmm(load_qmmm_config(config, [*PLAIN, "region.seeds=[0]"]))
    (tmp_path / "failure").unlink()
    run_qmmm(load_qmmm_config(config, [*PLAIN, "region.seeds=[1]", "stop.steps=1"]))


def test_where_a_learner_has_begun_its_model_stays(made, tmp_path):
    config = world(tmp_path, made)
    (tmp_path / "failure").write_text("throws")
    with pytest.raises(QuantumFailed):
        run_qmmm(load_qmmm_config(config, ["region.seeds=[0]"]))
    with pytest.raises(InputError, match=r"learn\.n_sparse is 5"):
        run_qmmm(load_qmmm_config(config, ["region.seeds=[0]", "learn.n_sparse=6"]))


def test_a_folder_has_one_run_at_a_time(begun):
    with alone_in(begun.parent / "out"), pytest.raises(InputError, match="another process is at work"):
        run_qmmm(load_qmmm_config(begun))


def test_a_moved_run_that_learns_asks_where_its_database_is(begun, tmp_path):
    folder = shutil.copytree(begun.parent, tmp_path / "here")
    manifest = json.loads((folder / "out" / "manifest.json").read_text())
    manifest["settings"]["learn"]["database"] = str(tmp_path / "gone.db")
    (folder / "out" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"--set learn\.database=PATH"):
        resume(folder / "out", ("stop.steps=5",))
    assert not (tmp_path / "gone.db").exists()
    resume(folder / "out", ("stop.steps=5", f"learn.database={folder / 'labels.db'}"))


def test_a_model_that_cannot_learn_is_found_beforehand(made, tmp_path):
    config = world(tmp_path, made)
    replace(gapsample.load(tmp_path / "gap.npz"), posterior=None).save(tmp_path / "gap.npz")
    with pytest.raises(FitError, match="cannot learn"):
        run_qmmm(load_qmmm_config(config))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("stop.steps=0", "one step or more"),
        ("output.frames_every=0", "frames_every"),
        ("learn.every=0", "learn: .*every >= 1"),
        ("learn.absorb_every=0", "absorb_every >= 1"),
        ("engine.enlargements=-1", "enlargements"),
        ("engine={ address = 'tcp://nowhere:1', timeout = 5.0 }", "leave out workers and timeout"),
        ("start.velocities=drown", "did you mean 'drawn'"),
    ],
)
def test_limits_that_make_no_run_are_refused(begun, setting, words):
    with pytest.raises(SettingsError, match=words):
        load_qmmm_config(begun, [setting])


def test_a_run_that_ends_before_its_first_step_says_so_and_goes_on(made, tmp_path):
    config = world(tmp_path, made)
    answer = typed("-q", "qmmm", config, "--set", "stop.wall_time=0.0")
    assert answer.exit_code == 0, answer.output
    assert "limit on wall time" in answer.output
    outcome = run_qmmm(load_qmmm_config(config, ["stop.wall_time=0.0"]))
    assert (outcome.reason, outcome.summary) == (Reason.TIME_LIMIT, None)
    assert run_qmmm(load_qmmm_config(config, ["stop.steps=1"])).summary.steps == 1


def test_a_check_wants_a_frame(begun):
    answer = typed("qmmm", begun, "--check", 0)
    assert answer.exit_code == 1
    assert "wanted one frame or more to check, got 0" in answer.output


def test_velocities_are_drawn_or_those_of_the_file(made, tmp_path):
    config = world(tmp_path, made)
    atoms = ase.io.read(tmp_path / "start.xyz")
    with pytest.raises(InputError, match="has no velocities"):
        run_qmmm(load_qmmm_config(config, [*PLAIN, "start.velocities=file"]))
    moving = np.random.default_rng(1).normal(0.0, 0.01, (len(atoms), 3))
    atoms.set_velocities(moving)
    atoms.set_constraint(FixAtoms([3]))
    ase.io.write(tmp_path / "start.xyz", atoms)
    found = {}
    for how in ("drawn", "file"):
        settings = load_qmmm_config(config, [*PLAIN, f"start.velocities={how}"])
        with stepper_of(settings, read_frame(settings.start.file)) as stepper:
            found[how] = first_motion(settings, stepper).velocities
    moving[3] = 0.0
    np.testing.assert_allclose(found["file"], moving, atol=1e-7)
    assert np.abs(found["drawn"] - moving).max() > 0.01
    assert not found["drawn"][3].any()


def test_a_cluster_gives_the_same_run(made, scheduler, tmp_path):
    alone, there = tmp_path / "alone", tmp_path / "there"
    for folder in (alone, there):
        folder.mkdir()
    config = world(alone, made)
    run_qmmm(load_qmmm_config(config, [*PLAIN, "stop.steps=2"]))
    address = f"engine.address={scheduler}"
    run_qmmm(load_qmmm_config(world(there, made), [*PLAIN, address, "stop.steps=2"]))
    check_records(alone / "out", there / "out")
