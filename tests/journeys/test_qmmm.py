"""Adaptive QM/MM runs: cut anywhere and resumed they are never cut, and a failing engine spoils nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.constraints import FixAtoms
from qmmm_worlds import check_records, lennard_jones, world

from gapsample.database import Database
from gapsample.errors import InputError, SettingsError
from gapsample.journeys import qmmm_stepper
from gapsample.journeys.engines import mm_of
from gapsample.journeys.qmmm_config import load_qmmm_config
from gapsample.journeys.qmmm_problem import first_motion, stepper_of
from gapsample.journeys.qmmm_records import LAYERS, STEP, frames, read, step_row
from gapsample.journeys.qmmm_run import run_qmmm
from gapsample.journeys.qmmm_state import RunState, as_audits
from gapsample.learning import Generations, missed_fraction
from gapsample.learning.conformal import conformal_of
from gapsample.potential.files import load
from gapsample.qmmm import Engine, QuantumFailed, Region
from gapsample.qmmm.history import members
from gapsample.qmmm.trajectory import Regional, moved
from gapsample.rng import stream
from gapsample.sampling.loop import Reason

RUN = "import sys; from gapsample.cli import main; main(['-q', 'qmmm', *sys.argv[1:]])"


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory):
    """A run that nobody cut."""
    config = world(tmp_path_factory.mktemp("whole"), made)
    return config, run_qmmm(load_qmmm_config(config))


def check_same(one: Path, other: Path) -> None:
    """Two runs told the same story, wall times apart."""
    check_records(one / "out", other / "out")
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
    classical = gap.evaluate(last, error="forces").forces  # as the run asks: sums in another order
    outside = last.arrays["layer"] == 0
    np.testing.assert_array_equal(last.arrays["mixed_forces"][outside], classical[outside])
    quantum = lennard_jones().evaluate(last).forces
    inside = last.arrays["layer"] >= 2
    assert inside.any()
    error = np.linalg.norm(last.arrays["mixed_forces"] - quantum, axis=1)
    assert error[inside].max() < 0.05


def test_audits_hold_what_the_certificate_says(whole):
    folder, said = whole[0].parent / "out", whole[1].summary
    audits = read(folder, "audits")
    assert list(audits["step"]) == [step for step in range(3, 25, 3) for _ in range(4)]
    assert said.missed == missed_fraction(as_audits(audits))
    steps = read(folder, "steps")[2::3]
    np.testing.assert_array_equal(audits["threshold"], np.repeat(steps["threshold"], 4))
    np.testing.assert_allclose(audits["bound"], audits["predicted"] * np.repeat(steps["factor"], 4))
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


class Seeing:
    """A potential that remembers what it was asked."""

    def __init__(self, potential):
        self.potential, self.asked, self.errors = potential, [], []

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        self.asked.append(atoms.copy())
        self.errors.append(error)
        return self.potential.evaluate(atoms, forces=forces, virial=virial, error=error)


@contextmanager
def stepping(config, atoms, settings=(), **mixing):
    """A stepper, and its first state; `mixing` replaces what forces are mixed of."""
    loaded = load_qmmm_config(config, ["learn.absorb_every=99", *settings])
    with stepper_of(loaded, atoms) as stepper:
        stepper = replace(stepper, mixing=replace(stepper.mixing, **mixing))
        yield stepper, stepper.start(first_motion(loaded, stepper))


def test_an_audit_and_a_label_are_of_the_same_electronic_system_as_the_dynamics(made, tmp_path):
    config, engine = world(tmp_path, made), Seeing(lennard_jones())
    atoms = ase.io.read(tmp_path / "start.xyz")
    charges, spins = 0.01 * np.arange(1.0, 108.0), 1.0 + np.arange(107.0)
    atoms.set_initial_charges(charges)
    atoms.set_initial_magnetic_moments(spins)
    atoms.set_momenta(np.ones((107, 3)))
    settings = ["region.how=plain", "region.error.enter=9.0", "region.seeds=[0]", "audits.every=1"]
    with stepping(config, atoms, settings, qm=Engine((engine,))) as (stepper, state):
        before = len(engine.asked)
        _, story = stepper(state, stream(1))
        told = [each.atoms for each in stepper.teacher.learner.pending]
    assert story.audit.mixed is not None
    assert len(engine.asked) > before + len(story.mixed.labels)
    for each in engine.asked:
        which = np.rint(100.0 * each.get_initial_charges()).astype(int) - 1
        np.testing.assert_array_equal(each.get_initial_charges(), charges[which])
        np.testing.assert_array_equal(each.get_initial_magnetic_moments(), spins[which])
    assert told
    for each in told:
        np.testing.assert_array_equal(each.get_initial_charges(), charges)
        np.testing.assert_array_equal(each.get_initial_magnetic_moments(), spins)
        assert not each.has("momenta")


@pytest.mark.parametrize("share", ["core", "quantum", "all", "none"])
def test_the_momentum_of_the_error_budget_is_the_correction_that_atoms_got(share, made, tmp_path):
    config = world(tmp_path, made)
    atoms = ase.io.read(tmp_path / "start.xyz")
    settings = [f"region.momentum={share}", "region.seeds=[0]", "region.ramp=2.0"]
    with stepping(config, atoms, settings) as (stepper, state):
        _, story = stepper(state, stream(1))
        bare = replace(stepper.mixing, momentum=None)
        here = moved(atoms, story.positions)
        alone = bare.forces(here, story.mixed.region, story.mixed.mm).forces
        said = step_row(story, atoms.get_masses(), np.ones(107, bool))["momentum"]
    region = story.mixed.region
    carry = {"core": region.core, "quantum": region.quantum, "all": np.ones(107, bool)}
    if share == "none":
        assert said == 0.0
    else:
        got = (story.mixed.forces - alone)[carry[share]]
        assert said == pytest.approx(np.sqrt(np.mean(np.sum(got**2, axis=1))))
        assert said > 0.0


def test_fixed_atoms_carry_no_temperature(made, tmp_path):
    config = world(tmp_path, made)
    atoms = ase.io.read(tmp_path / "start.xyz")
    atoms.set_constraint(FixAtoms(range(0, 107, 2)))
    ase.io.write(tmp_path / "start.xyz", atoms)
    around = "region.around={kind='within',inner=2.8}"
    run_qmmm(load_qmmm_config(config, ["stop.steps=3", "output.frames_every=1", "region.seeds=[0]", around]))
    free, steps = np.arange(107) % 2 == 1, read(tmp_path / "out", "steps")
    for frame, row in zip(frames(tmp_path / "out", atoms), steps, strict=True):
        assert np.all(frame.get_velocities()[~free] == 0.0)
        layer = frame.arrays["layer"]
        for name, chosen in (
            ("temperature", free),
            ("temperature_quantum", free & (layer > 0)),
            ("temperature_classical", free & (layer == 0)),
        ):
            assert row[name] == pytest.approx(frame[chosen].get_temperature())
        assert row["moving_quantum"] == np.sum(free & (layer >= LAYERS.index("quantum"))) < row["quantum"]


def test_the_bound_is_calibrated_once_for_each_audit_however_many_steps_there_are(
    made, tmp_path, monkeypatch
):
    """So that a step costs no more for all the audits behind it."""
    counted = []

    def counting(*columns, **how):
        counted.append(len(columns[0]))
        return conformal_of(*columns, **how)

    monkeypatch.setattr(qmmm_stepper, "conformal_of", counting)
    run_qmmm(load_qmmm_config(world(tmp_path, made), ["stop.steps=13", "audits.every=5"]))
    assert counted == [4, 8]


CRITERION = """
import numpy as np

from gapsample.qmmm import Layer


def nobody():
    return lambda scene: Layer.of(np.zeros(len(scene.atoms), bool))
"""


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ("seeds=[0]", False),
        ("error={enter=0.04,leave=0.03}", "forces"),
        ("criterion={file='criterion.py',function='nobody'}", "forces"),
    ],
    ids=["seeds", "error", "criterion"],
)
def test_predicted_errors_are_asked_for_only_where_something_goes_by_them(wanted, error, made, tmp_path):
    config, gap = world(tmp_path, made), Seeing(load(made / "gap.npz"))
    (tmp_path / "criterion.py").write_text(CRITERION)
    atoms = ase.io.read(tmp_path / "start.xyz")
    settings = ["learn=none", "audits=none", f"region={{{wanted},terminate=false}}"]
    with stepping(config, atoms, settings, mm=gap) as (stepper, state):
        before = len(gap.asked)
        stepper(state, stream(1))
    assert len(gap.asked) > before
    for asked, how in zip(gap.asked[before:], gap.errors[before:], strict=True):
        assert how == (error if len(asked) == len(atoms) else False)


def test_after_learning_forces_are_those_of_the_new_model_and_nothing_is_solved_again(made, tmp_path):
    config, engine = world(tmp_path, made), Seeing(lennard_jones())
    atoms = ase.io.read(tmp_path / "start.xyz")
    settings = ["learn.absorb_every=3", "learn.every=1", "region.momentum=none", "region.seeds=[0]"]
    with stepping(config, atoms, settings, qm=Engine((engine,))) as (stepper, state):
        while state.generation < 2:
            state, story = stepper(state, stream(1, iteration=state.step))
        here = moved(atoms, story.positions)
        classical = stepper.model(state).evaluate(here).forces
    outside = ~state.dynamics.region.treated
    np.testing.assert_allclose(state.motion.forces[outside], classical[outside], atol=1e-12)
    assert np.abs(story.mixed.forces - state.motion.forces)[outside].max() > 1e-6
    asked = [each.positions.tobytes() for each in engine.asked]
    assert len(set(asked)) == len(asked)


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
    assert "not known" in (tmp_path / "out" / "report.html").read_text()


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
    with pytest.raises(InputError, match=r"dynamics\.temperature is 300\.0 in this run"):
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
