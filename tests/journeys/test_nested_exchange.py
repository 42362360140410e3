"""Studies whose pressures exchange points: the same folders, the same readers, the same laws."""

from __future__ import annotations

import json

import numpy as np
import pytest
from nested_studies import CELL, written

from gapsample import nested
from gapsample.database import Database
from gapsample.errors import InputError, SettingsError
from gapsample.journeys.check import Findings
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_preview import check_nested
from gapsample.journeys.nested_problem import problem
from gapsample.journeys.nested_report import render
from gapsample.journeys.nested_run import begin, resume
from gapsample.journeys.nested_study import open_study
from gapsample.journeys.phases import phases
from gapsample.journeys.thermo import thermo
from gapsample.journeys.visited import SOURCE
from gapsample.nested.exchange_records import read_exchanges
from gapsample.sampling.loop import Reason

EXCHANGE = CELL.replace("seeds = 2", "seeds = 2\nexchange = true")
NAMES = ("pressure_0.05/run_0", "pressure_0.2/run_0", "pressure_0.05/run_1", "pressure_0.2/run_1")


pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, no_pictures):
    folder = tmp_path_factory.mktemp("exchange")
    outcome = begin(load_nested_config(written(folder, EXCHANGE)))
    assert set(outcome.reasons.values()) == {Reason.CONVERGED}
    return folder


def load(tmp_path, *overrides, text=EXCHANGE):
    return load_nested_config(written(tmp_path, text), overrides)


def test_the_runs_are_those_of_the_engine_by_rising_pressure(folder, tmp_path):
    config = load(tmp_path, "ensemble.pressure=[0.2, 0.05]", "output.folder=turned")
    begin(config)
    for seed in range(2):
        results = nested.run_exchange(
            [problem(config, pressure) for pressure in (0.05, 0.2)],
            config.settings,
            seed=0,
            number=seed,
            lowest_kT=0.6,
            remaining=0.01,
        )
        for pressure, result in zip((0.05, 0.2), results, strict=True):
            for study in (folder / "cell", tmp_path / "turned"):
                there = nested.read_points(study / f"pressure_{pressure}" / f"run_{seed}")
                np.testing.assert_array_equal(there.value, result.points.value)
                np.testing.assert_array_equal(there.birth, result.points.birth)


def test_points_do_change_places(folder):
    told = read_exchanges(open_study(folder / "cell").exchange_folder(1))
    assert (told["tried"] == 40).all()
    assert told["accepted"].sum() > 0.1 * told["tried"].sum()


def test_all_readers_find_the_runs(folder):
    study = open_study(folder / "cell")
    assert {leaf.name for leaf in study.begun} == set(NAMES)
    manifest = json.loads((folder / "cell" / "manifest.json").read_text())
    assert {status["reason"] for status in manifest["runs"].values()} == {"CONVERGED"}
    rows = Database(folder / "cell.db").select(source=SOURCE)
    assert {row.atoms.info["nested_run"] for row in rows} == {f"cell/{name}" for name in NAMES}
    groups = thermo([folder / "cell"], temperatures=np.linspace(0.6, 2.0, 20))
    assert [len(group.runs) for group in groups] == [2, 2]
    assert phases([folder / "cell"], temperatures=np.linspace(0.6, 2.0, 30), n_draws=20).n_runs == 4
    page = render(study)
    assert "Of the attempts between two neighboring pressures" in page
    assert all(name in page for name in NAMES)


def test_a_study_that_is_resumed_after_every_few_steps_is_one_never_cut(folder, tmp_path):
    begin(load(tmp_path, "stop.steps=7"))
    for steps in (20, 21, 60, "none"):
        outcome = resume(tmp_path / "cell", (f"stop.steps={steps}",))
    assert set(outcome.reasons.values()) == {Reason.CONVERGED}
    for name in NAMES:
        one, other = (nested.read_points(root / "cell" / name) for root in (folder, tmp_path))
        np.testing.assert_array_equal(one.value, other.value)
        np.testing.assert_array_equal(one.insertion, other.insertion)


def test_time_that_is_up_ends_all_families(tmp_path):
    reasons = begin(load(tmp_path, "stop.wall_time=0")).reasons
    assert [reasons[name] for name in NAMES] == [Reason.TIME_LIMIT, Reason.TIME_LIMIT, None, None]


def test_more_seeds_become_further_families_but_pressures_stay(folder, tmp_path):
    begin(load(tmp_path, "stop.steps=3", "sampling.seeds=1"))
    outcome = resume(tmp_path / "cell", ("sampling.seeds=2",))
    assert set(outcome.reasons) == set(NAMES)
    for change in ("ensemble.pressure=[0.05, 0.2, 0.4]", "sampling.exchange=false"):
        with pytest.raises(InputError, match=change.split("=")[0]):
            resume(tmp_path / "cell", (change,))


@pytest.mark.parametrize("pressure", ["0.2", "[0.2]", "[]"])
def test_there_is_nothing_to_exchange_at_one_pressure(tmp_path, pressure):
    with pytest.raises(SettingsError, match=r"two or more in ensemble\.pressure|needs ensemble\.pressure"):
        load(tmp_path, f"ensemble.pressure={pressure}")


def test_check_tells_of_the_exchange_and_of_idle_workers(tmp_path):
    findings: Findings = check_nested(load(tmp_path, "sampling.workers=3"))
    assert any("2 pressures of each seed go in lockstep" in line for line in findings.lines)
    assert any("3 workers share 2 pressures" in words for words in findings.problems)
    assert check_nested(load(tmp_path, "sampling.workers=2")).problems == ()
