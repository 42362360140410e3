"""A study leaves a folder from which everything can be read, gone on with, and learned."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from nested_studies import BOX, CELL, written

from gapsample import nested
from gapsample.database import Database
from gapsample.errors import FileFormatError, InputError
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_problem import problem
from gapsample.journeys.nested_run import begin, resume
from gapsample.journeys.nested_study import open_study, runs_in
from gapsample.journeys.phases import phases
from gapsample.journeys.thermo import parse_temperatures, thermo
from gapsample.journeys.visited import SOURCE
from gapsample.sampling.loop import Reason

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def cell(tmp_path_factory, no_pictures):
    folder = tmp_path_factory.mktemp("study")
    outcome = begin(load_nested_config(written(folder, CELL)))
    assert set(outcome.reasons.values()) == {Reason.CONVERGED}
    return folder


def test_the_manifest_says_how_the_study_was_made(cell):
    manifest = json.loads((cell / "cell" / "manifest.json").read_text())
    assert manifest["seed"] == 0
    assert manifest["settings"]["sampling"]["memory"] == nested.Settings.memory
    assert {status["reason"] for status in manifest["runs"].values()} == {"CONVERGED"}
    assert manifest["cost"]["seconds"] > 0.0
    assert manifest["database"]["watermark"] == len(Database(cell / "cell.db"))
    assert "PairCell" in manifest["model"]["fingerprint"]


def test_a_run_of_a_study_is_the_run_of_the_engine(cell):
    config = load_nested_config(cell / "study.toml")
    for leaf in open_study(cell / "cell").leaves[:2]:
        alone = nested.run(
            problem(config, leaf.pressure),
            config.settings,
            seed=0,
            number=leaf.number,
            lowest_kT=0.6,
            remaining=0.01,
        )
        there = nested.read_points(cell / "cell" / leaf.name)
        np.testing.assert_array_equal(there.value, alone.points.value)


def test_what_was_visited_is_in_the_database_with_energies_and_weights(cell):
    config = load_nested_config(cell / "study.toml")
    rows = list(Database(cell / "cell.db").select(source=SOURCE))
    names = {row.atoms.info["nested_run"] for row in rows}
    assert names == {f"cell/{leaf.name}" for leaf in open_study(cell / "cell").leaves}
    for row in rows[::10]:
        pressure = float(row.atoms.info["nested_run"].split("_")[1].split("/")[0])
        p_v = config.energy_per_volume(pressure) * row.atoms.get_volume()
        assert row.label.level == "lennard_jones"
        assert row.label.energy == pytest.approx(row.atoms.info["nested_value"] - p_v, abs=1e-9)
    for name in names:
        mass = sum(
            np.exp(r.atoms.info["nested_log_mass"]) for r in rows if r.atoms.info["nested_run"] == name
        )
        assert 10 * mass == pytest.approx(1.0, rel=0.5)


def test_a_study_may_be_moved_and_resumed_and_gains_nothing(cell, tmp_path):
    shutil.copytree(cell / "cell", tmp_path / "elsewhere")
    before = nested.read_points(tmp_path / "elsewhere" / "pressure_0.05" / "run_1").value
    n_rows = len(Database(cell / "cell.db"))
    outcome = resume(tmp_path / "elsewhere")
    assert set(outcome.reasons.values()) == {Reason.CONVERGED}
    after = nested.read_points(tmp_path / "elsewhere" / "pressure_0.05" / "run_1").value
    np.testing.assert_array_equal(before, after)
    assert len(Database(cell / "cell.db")) == n_rows


def test_limits_may_be_changed_on_resuming_and_more_seeds_added(tmp_path):
    config = load_nested_config(written(tmp_path, BOX), ["stop.steps=5", "sampling.seeds=1"])
    assert begin(config).reasons == {"run_0": Reason.STEP_LIMIT}
    outcome = resume(tmp_path / "box", ("stop.steps=none", "sampling.seeds=2", "sampling.workers=2"))
    assert outcome.reasons == {"run_0": Reason.CONVERGED, "run_1": Reason.CONVERGED}
    whole = nested.run(problem(config, None), config.settings, seed=0, lowest_kT=0.3, remaining=0.01).points
    np.testing.assert_array_equal(nested.read_points(tmp_path / "box" / "run_0").value, whole.value)


def test_settings_that_numbers_depend_on_may_not_be_changed(tmp_path):
    begin(load_nested_config(written(tmp_path, BOX), ["stop.steps=2"]))
    with pytest.raises(InputError, match="n_live is 40 in this study and would be 44"):
        resume(tmp_path / "box", ("sampling.n_live=44",))


def test_a_study_is_never_written_over(tmp_path):
    config = load_nested_config(written(tmp_path, BOX), ["stop.steps=1"])
    begin(config)
    with pytest.raises(InputError, match="gapsample resume"):
        begin(config)


def test_time_that_is_up_ends_all_runs(tmp_path):
    outcome = begin(load_nested_config(written(tmp_path, BOX), ["stop.wall_time=0"]))
    assert outcome.reasons == {"run_0": Reason.TIME_LIMIT, "run_1": None}


def test_seeds_are_merged_and_their_spread_is_said(cell):
    groups = thermo([cell / "cell"], temperatures=np.linspace(0.6, 2.0, 30))
    assert [group.pressure for group in groups] == [0.05, 0.2]
    assert all(len(group.runs) == 2 and (group.spread > 0.0).all() for group in groups)
    own = [nested.read_points(cell / "cell" / "pressure_0.05" / f"run_{k}") for k in range(2)]
    alone = nested.thermodynamics(
        nested.merge(own), np.linspace(0.6, 2.0, 30), rng=np.random.default_rng(0), degrees_of_freedom=6
    )
    np.testing.assert_allclose(groups[0].found.heat_capacity.value, alone.heat_capacity.value)
    np.testing.assert_allclose(groups[0].found.heat_capacity.err, alone.heat_capacity.err)


def test_runs_may_be_named_one_by_one_and_count_once(cell):
    folder = cell / "cell" / "pressure_0.05"
    (group,) = thermo([folder / "run_0", folder / "run_1", folder], temperatures=np.linspace(0.6, 2.0, 5))
    assert group.runs == ("pressure_0.05/run_0", "pressure_0.05/run_1")


def test_reweighting_to_the_pressure_of_a_run_is_that_run(cell):
    grid = np.linspace(0.8, 1.6, 5)
    (other,) = thermo([cell / "cell" / "pressure_0.05"], temperatures=grid, pressure=0.2)
    (own,) = thermo([cell / "cell" / "pressure_0.2"], temperatures=grid)
    difference = other.found.energy.value - own.found.energy.value
    assert (abs(difference) < 4.0 * np.hypot(other.found.energy.err, own.found.energy.err) + 0.05).all()
    assert other.reweighted == 0.2
    assert other.found.effective_size.max() < own.found.effective_size.max()


def test_a_flat_prior_is_weighed_to_the_physical_one(cell, tmp_path):
    config = load_nested_config(
        written(tmp_path, CELL), ["ensemble.prior=flat", "ensemble.pressure=0.2", "sampling.n_live=100"]
    )
    begin(config)
    grid = np.linspace(0.8, 1.6, 5)
    (flat,) = thermo([tmp_path / "cell"], temperatures=grid)
    (own,) = thermo([cell / "cell" / "pressure_0.2"], temperatures=grid)
    volumes = [group.found.means["volume"] for group in (flat, own)]
    difference = abs(volumes[0].value - volumes[1].value)
    assert (difference < 5.0 * np.hypot(volumes[0].err, volumes[1].err)).all()
    with pytest.raises(InputError, match=r"needs the V\^N prior"):
        phases([tmp_path / "cell"])


def test_the_phase_diagram_knows_every_pressure_and_run(cell):
    found = phases([cell / "cell"], temperatures=np.linspace(0.6, 2.0, 60), n_draws=40)
    assert found.n_runs == 4
    np.testing.assert_array_equal(found.diagram.pressures, [0.05, 0.2])
    json.dumps(found.as_dict(), allow_nan=False)


def test_what_is_no_study_is_said_to_be_none(tmp_path):
    with pytest.raises(FileFormatError, match=r"holds no manifest\.json"):
        thermo([tmp_path])
    (tmp_path / "manifest.json").write_text('{"settings": {"recipe": 1}}')
    with pytest.raises(FileFormatError, match="no manifest of a nested-sampling study"):
        runs_in(tmp_path)


def test_temperatures_are_read_or_refused():
    np.testing.assert_allclose(parse_temperatures("0.1:0.5:3"), [0.1, 0.3, 0.5])
    for wrong in ("1:2", "2:1:5", "a:b:c", "0:1:5", "1:2:1"):
        with pytest.raises(Exception, match="temperatures"):
            parse_temperatures(wrong)
