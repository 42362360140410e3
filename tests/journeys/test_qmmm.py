"""Adaptive QM/MM runs: cut anywhere and resumed they are never cut, and a failing engine spoils nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from qmmm_worlds import crystal_gap, lennard_jones, world

from gapsample.database import Database
from gapsample.errors import InputError, SettingsError
from gapsample.journeys.engines import mm_of
from gapsample.journeys.qmmm_config import load_qmmm_config
from gapsample.journeys.qmmm_problem import stepper_of
from gapsample.journeys.qmmm_records import NAMES, STEP, frames, read
from gapsample.journeys.qmmm_run import run_qmmm
from gapsample.journeys.qmmm_state import RunState, as_audits
from gapsample.learning import Generations, missed_fraction
from gapsample.qmmm import QuantumFailed, Region
from gapsample.qmmm.history import members
from gapsample.qmmm.trajectory import Regional
from gapsample.sampling.loop import Reason

RUN = "import sys; from gapsample.cli import main; main(['-q', 'qmmm', *sys.argv[1:]])"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    crystal_gap(folder)
    return folder


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory):
    """A run that nobody cut."""
    config = world(tmp_path_factory.mktemp("whole"), made)
    return config, run_qmmm(load_qmmm_config(config))


def check_same(one: Path, other: Path) -> None:
    """Two runs told the same story, wall times apart."""
    for name in NAMES:
        mine, theirs = read(one / "out", name), read(other / "out", name)
        assert len(mine) == len(theirs), name
        for column in mine.dtype.names:
            if column != "quantum_seconds":
                np.testing.assert_array_equal(mine[column], theirs[column], err_msg=f"{name}.{column}")
    lines = [Generations(folder / "out" / "generations") for folder in (one, other)]
    models = [[line.load(each).alpha for each in line.all()] for line in lines]
    for mine, theirs in zip(*models, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    rows = [list(Database(folder / "out" / "labels.db").select()) for folder in (one, other)]
    assert [each.fingerprint for each in rows[0]] == [each.fingerprint for each in rows[1]]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_killed_at_any_moment_goes_on_as_if_it_had_not_been(workers, whole, made, tmp_path):
    """However many quantum calculations run at once."""
    config = world(tmp_path, made)
    often = ("--set", "output.checkpoint_seconds=0.4", "--set", f"engine.workers={workers}")
    for rows in (9, 16):
        command = [sys.executable, "-c", RUN, str(config), *often]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        database = Database(tmp_path / "out" / "labels.db")
        while process.poll() is None and len(database) < rows:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert run_qmmm(load_qmmm_config(config, [f"engine.workers={workers}"])).reason is Reason.STEP_LIMIT
    check_same(tmp_path, whole[0].parent)


def test_a_longer_run_begins_with_the_shorter_one(whole, made, tmp_path):
    config = world(tmp_path, made)
    run_qmmm(load_qmmm_config(config, ["stop.steps=11"]))
    run_qmmm(load_qmmm_config(config))
    check_same(tmp_path, whole[0].parent)


@pytest.mark.parametrize("how", ["throws", "nan", "hangs"])
def test_an_engine_that_fails_stops_the_run_and_spoils_nothing(how, whole, made, tmp_path):
    config = world(tmp_path, made)
    run_qmmm(load_qmmm_config(config, ["stop.steps=9"]))
    (tmp_path / "failure").write_text(how)
    with pytest.raises(QuantumFailed):
        run_qmmm(load_qmmm_config(config, ["engine.enlargements=0", "engine.timeout=2.0"]))
    stopped = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert stopped["reason"].startswith("FAILED")
    assert stopped["steps"] == read(tmp_path / "out", "steps")["step"][-1]
    (tmp_path / "failure").unlink()
    run_qmmm(load_qmmm_config(config))
    check_same(tmp_path, whole[0].parent)


STRAIGHT: list[str] = []
PAIRS = '[{ kind = "distance_2b", cutoff = 4.0, n_sparse = 8 }]'
DELTA_GAP = [f"engine.carry={{ sigmas = {{ force = 0.02 }}, terms = {PAIRS} }}", "engine.memory=3"]


@pytest.mark.parametrize("carried", [STRAIGHT, DELTA_GAP], ids=["straight", "delta_gap"])
def test_blocks_between_quantum_calls_are_resumed_exactly_too(carried, made, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, limits in ((one, (24,)), (other, (6, 12, 24))):
        folder.mkdir()
        config = world(folder, made)
        for limit in limits:
            run_qmmm(load_qmmm_config(config, ["engine.every=3", *carried, f"stop.steps={limit}"]))
    check_same(one, other)
    assert np.all(np.diff(read(one / "out", "steps")["step"]) == 3)


FALLBACK = "learn.fallback={ kind = 'calculator', name = 'lj', settings = { sigma = 2.3, epsilon = 0.1 } }"


def test_outside_of_its_domain_the_model_gives_way_to_the_fallback(made, tmp_path):
    config = load_qmmm_config(world(tmp_path, made), [FALLBACK])
    atoms = ase.io.read(tmp_path / "start.xyz")
    collision = atoms.copy()
    collision.positions[0] += 0.5 * atoms.get_distance(0, 1, mic=True, vector=True)
    with stepper_of(config, atoms) as stepper:
        model = stepper.model(RunState(Regional(None, Region.of(np.zeros(len(atoms), bool)))))
        fallback = mm_of(config.learn.fallback).evaluate(collision)
        seen = model.evaluate(collision, error="forces")
    outside = seen.novelty > model.limit
    assert outside[0]
    assert not np.all(outside)
    np.testing.assert_array_equal(seen.forces[outside], fallback.forces[outside])
    assert np.all(np.linalg.norm(seen.forces_std[outside], axis=1) > config.region.error.enter)


def test_a_run_with_a_fallback_is_resumed_exactly_too(made, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, limits in ((one, (24,)), (other, (9, 24))):
        folder.mkdir()
        config = world(folder, made)
        for limit in limits:
            run_qmmm(load_qmmm_config(config, [FALLBACK, f"stop.steps={limit}"]))
    check_same(one, other)


def test_the_region_can_be_replayed_from_its_events(whole):
    folder = whole[0].parent / "out"
    history = read(folder, "region")
    for frame in frames(folder, ase.io.read(whole[0].parent / "start.xyz")):
        step = frame.info["step"]
        if step in read(folder, "steps")["step"][np.diff(read(folder, "steps")["generation"], append=9) == 0]:
            inside = members(history, len(frame), "quantum", step)
            np.testing.assert_array_equal(inside, frame.arrays["layer"] >= 2)


def test_frames_move_as_the_steps_say(whole):
    folder = whole[0].parent
    temperature = {row["step"]: row["temperature"] for row in read(folder / "out", "steps")}
    for frame in frames(folder / "out", ase.io.read(folder / "start.xyz")):
        assert frame.get_temperature() == pytest.approx(temperature[frame.info["step"]])
    written = ase.io.read(folder / "out" / "trajectory.xyz", index=-1)
    np.testing.assert_allclose(written.get_velocities(), frame.get_velocities(), atol=1e-7)


def test_quantum_atoms_have_forces_of_the_engine_and_the_others_of_the_model(whole):
    folder = whole[0].parent
    models = Generations(folder / "out" / "generations")
    last = list(frames(folder / "out", ase.io.read(folder / "start.xyz")))[-1]
    gap = models.load(models.all()[last.info["generation"]])
    classical = gap.evaluate(last).forces
    outside = last.arrays["layer"] == 0
    np.testing.assert_allclose(last.arrays["mixed_forces"][outside], classical[outside], atol=1e-12)
    quantum = lennard_jones().evaluate(last).forces
    inside = last.arrays["layer"] >= 2
    assert inside.any()
    error = np.linalg.norm(last.arrays["mixed_forces"] - quantum, axis=1)
    assert error[inside].max() < 0.05


def test_audits_hold_what_the_certificate_says(whole):
    folder, said = whole[0].parent / "out", whole[1].summary
    audits = read(folder, "audits")
    assert list(audits["step"]) == [step for step in range(3, 25, 3) for _ in range(4)]
    assert said.missed == missed_fraction(as_audits(audits), said.threshold)
    factor = np.repeat(read(folder, "steps")["factor"][2::3], 4)
    np.testing.assert_allclose(audits["bound"], audits["predicted"] * factor)
    kept = [each.label.extra["audit"] for each in Database(folder / "labels.db").select(config_type="audit")]
    assert np.isin(np.concatenate([each["true"] for each in kept]), audits["true"]).all()


def test_labels_trust_quantum_atoms_only_and_come_home(whole):
    folder = whole[0].parent
    told = [each for each in Database(folder / "labels.db").select() if each.label.source == "qmmm"]
    assert len(told) == read(folder / "out", "steps")["labels"].sum()
    engine = lennard_jones()
    for each in told:
        whole_cell = len(each.atoms) == 107
        assert (each.label.energy is not None) == whole_cell == (each.label.trusted is None)
        assert whole_cell or 0 < each.label.trusted.sum() < len(each.atoms)
        np.testing.assert_allclose(each.label.forces, engine.evaluate(each.atoms).forces, atol=1e-9)


def test_mixed_plainly_labels_are_of_the_whole_configuration(made, tmp_path):
    config = world(tmp_path, made)
    run_qmmm(load_qmmm_config(config, ["region.how=plain", "region.seeds=[0,1]", "stop.steps=4"]))
    told = [each for each in Database(tmp_path / "labels.db").select() if each.label.source == "qmmm"]
    engine = lennard_jones()
    for each in told:
        assert len(each.atoms) == 107
        truth, trusted = engine.evaluate(each.atoms).forces, each.label.trusted
        assert np.abs(each.label.forces - truth)[trusted].max() < 0.02
    (seeded,) = [each for each in told if each.label.config_type == "default"]
    assert seeded.label.trusted[:2].all()


def test_a_region_of_everything_is_the_engine_and_conserves_its_energy(made, tmp_path):
    config = world(tmp_path, made)
    text = config.read_text()
    begin, end = text.index("[audits]"), text.index("[stop]")
    config.write_text(text[:begin] + text[end:])
    settings = ["region.seeds=[0]", "region.around={kind='within',inner=20.0}", "region.error=none"]
    settings += ["dynamics={kind='verlet',temperature=300.0,time_step=1.0}", "stop.steps=30"]
    outcome = run_qmmm(load_qmmm_config(config, settings))
    steps = read(tmp_path / "out", "steps")
    assert np.all(steps["quantum"] == 107)
    kinetic = 1.5 * 107 * 8.617333e-5 * steps["temperature"]
    total = steps["energy"] + kinetic
    assert np.ptp(total) < 0.03 * np.ptp(kinetic)
    assert np.isnan(outcome.summary.missed.value)


def test_a_report_and_a_trajectory_are_there_for_people_and_other_programs(whole):
    folder = whole[0].parent / "out"
    page = (folder / "report.html").read_text()
    assert "Error budget" in page
    assert "http" not in page.replace("http-equiv", "")
    found = ase.io.read(folder / "trajectory.xyz", ":")
    assert [each.info["step"] for each in found] == [4, 8, 12, 16, 20, 24]
    assert found[0].arrays["mixed_forces"].shape == (107, 3)
    said = json.loads((folder / "summary.json").read_text())
    assert said["calls"] == read(folder, "steps")["calls"].sum()
    assert set(said["budget"]["heat"]) == {"quantum", "classical"}


def test_a_run_with_other_settings_is_refused(whole):
    with pytest.raises(InputError, match="written with model"):
        run_qmmm(load_qmmm_config(whole[0], ["dynamics.temperature=400.0"]))


def test_settings_that_do_not_match_are_refused(whole):
    for setting, story in (
        ("region.error=none", "wants error"),
        ("region={seeds=[0]}", "predicted error"),
        ("audits=none", "without audits"),
        ("engine.every=0", "every"),
        ("region.buffr=3", "buffer"),
        ("mm={kind='calculator',name='emt'}", "GAP"),
    ):
        with pytest.raises(SettingsError, match=story):
            load_qmmm_config(whole[0], [setting])


def test_every_column_of_a_step_is_finite_but_those_that_may_not_be(whole):
    steps = read(whole[0].parent / "out", "steps")
    may = {"energy", "temperature_quantum", "temperature_classical"}
    assert all(np.isfinite(steps[name]).all() for name in STEP.names if name not in may)
