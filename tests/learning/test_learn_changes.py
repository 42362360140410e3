"""Learning goes on with the engine, the recipe and the labels that it was begun with, wherever it lies."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from learn_folders import NESTED, written

import gapsample
from gapsample.cli import main
from gapsample.database import Database
from gapsample.errors import FileFormatError, FitError, InputError, SettingsError
from gapsample.journeys import learn_problem, nested_journey
from gapsample.journeys.learn_config import NestedStudy, load_learn_config
from gapsample.journeys.learn_explore import ExploreByNestedSampling
from gapsample.journeys.learn_run import resume, run_learn
from gapsample.sampling.alone import alone_in

FIRST = "stop.rounds=0"  # the first model only


def held(folder):
    """Files and when they were written, but for what Python compiles."""
    files = (path for path in folder.rglob("*") if "__pycache__" not in str(path))
    return sorted((path, path.stat().st_mtime_ns) for path in files)


def check(config, *changes):
    settings = [word for change in changes for word in ("--set", change)]
    return CliRunner().invoke(main, ["check", str(config), *settings])


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """The config of learning that has a model."""
    config = written(tmp_path_factory.mktemp("begun"))
    run_learn(load_learn_config(config, [FIRST]))
    return config


@pytest.fixture
def copied(begun, tmp_path):
    """The same in another place."""
    return shutil.copytree(begun.parent, tmp_path / "copied") / "config.toml"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "qm.settings.epsilon=0.3",
            r"qm\.settings\.epsilon is 0.2 in this run and would be 0.3, which",
        ),
        ("recipe.sigmas.force=0.5", r"recipe\.sigmas\.force is 0.01 in this run and would be 0.5"),
        ("recipe.terms.1.n_sparse=30", r"recipe\.terms\.1\.n_sparse is 20"),
        ("learn.threshold=0.5", r"learn\.threshold is 0.2"),
        ("start.files=['other.xyz']", "other.xyz is not what it was when the run began"),
        ("start.files=['nowhere.xyz']", r"nowhere.xyz is not there; .* --set start\.files\.0=PATH"),
        (
            "database.path=nowhere.db",
            r"rows up to 3, but .*nowhere.db ends at 0; .*database\.path=PATH",
        ),
    ],
)
def test_what_learning_cannot_go_on_with_is_said_by_name_also_beforehand(begun, change, words):
    cell = (begun.parent / "cell.xyz").read_text()
    (begun.parent / "other.xyz").write_text(cell.replace("3.61", "3.65"))
    before = held(begun.parent)
    with pytest.raises(InputError, match=words):
        run_learn(load_learn_config(begun, [change]))
    answer = check(begun, change)
    assert answer.exit_code == 1
    with pytest.raises(InputError, match=words):
        raise InputError(answer.stderr)
    assert held(begun.parent) == before


def test_an_engine_whose_file_changed_is_another_one(copied):
    engine = copied.parent / "engine.py"
    engine.write_text(engine.read_text().replace("sigma=2.3", "sigma=2.4"))
    with pytest.raises(InputError, match=r"engine\.py is not what it was"):
        run_learn(load_learn_config(copied))


def test_it_may_explore_elsewhere_and_ask_for_more(copied):
    free = ["explore.temperatures=[500.0]", "batch.labels=3", "stop.force_error=0.03", "labeling.workers=2"]
    assert run_learn(load_learn_config(copied, [FIRST, *free])).learner.generation.number == 0


def test_a_folder_that_moved_goes_on_with_the_database_that_moved_along(begun, copied):
    config = json.loads((copied.parent / "out" / "manifest.json").read_text())
    for name in ("labels.db", "cell.xyz", "engine.py"):
        (begun.parent / name).rename(begun.parent / f"{name}.away")
    try:
        with pytest.raises(InputError, match=r"--set start\.files\.0=PATH"):
            resume(copied.parent / "out")
        place = copied.parent
        moved = (f"start.files=['{place / 'cell.xyz'}']", f"qm.file={place / 'engine.py'}")
        with pytest.raises(InputError, match=r"ends at 0; .* --set database\.path=PATH"):
            resume(place / "out", moved)
        assert not (begun.parent / "labels.db").exists()
        resume(place / "out", (*moved, f"database.path={place / 'labels.db'}"))
    finally:
        for name in ("labels.db", "cell.xyz", "engine.py"):
            (begun.parent / f"{name}.away").rename(begun.parent / name)
    again = json.loads((copied.parent / "out" / "manifest.json").read_text())
    assert again["model"] == {**config["model"], "files": again["model"]["files"]}
    assert sorted(again["model"]["files"].values()) == sorted(config["model"]["files"].values())


def test_a_round_of_nested_sampling_goes_on_wherever_it_lies_now(begun, tmp_path, monkeypatch):
    monkeypatch.setattr(nested_journey, "write_nested_report", lambda study, path: None)
    (tmp_path / "nested.toml").write_text(NESTED)
    how, gap = (
        NestedStudy(tmp_path / "nested.toml", keep_every=2),
        gapsample.load(begun.parent / "out/gap.npz"),
    )
    before = ExploreByNestedSampling(how, tmp_path / "here")(gap, 0)
    (tmp_path / "here").rename(tmp_path / "there")
    after = ExploreByNestedSampling(how, tmp_path / "there")(gap, 0)
    assert len(before) == len(after) > 0
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.atoms.positions, other.atoms.positions)


def test_a_folder_has_one_that_learns_at_a_time(begun):
    with alone_in(begun.parent / "out"), pytest.raises(InputError, match="another process is at work"):
        run_learn(load_learn_config(begun, [FIRST]))


def test_where_no_label_could_be_had_nothing_has_begun(tmp_path):
    config = written(tmp_path)
    with pytest.raises(FitError, match="no quantum calculation"):
        run_learn(load_learn_config(config, ["qm.function=absent"]))
    run_learn(load_learn_config(config, [FIRST]))


def test_labels_of_one_engine_are_not_learned_with_those_of_another(tmp_path, monkeypatch):
    """Cut after its first labels, before there is a model."""

    def cut(*arguments, **options):
        raise FitError("cut")

    config = written(tmp_path)
    monkeypatch.setattr(learn_problem, "fit", cut)
    with pytest.raises(FitError, match="cut"):
        run_learn(load_learn_config(config))
    assert len(Database(tmp_path / "labels.db")) == 3
    with pytest.raises(InputError, match=r"qm\.settings\.epsilon is 0.2"):
        run_learn(load_learn_config(config, ["qm.settings.epsilon=0.3"]))


def test_a_damaged_manifest_is_named(copied):
    (copied.parent / "out" / "manifest.json").write_text("{}")
    with pytest.raises(FileFormatError, match=r"manifest\.json is no manifest of learning: KeyError"):
        run_learn(load_learn_config(copied))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("learn.absorb_every=4", r"say how much with batch\.labels"),
        ("learn.absorb_every=0", "absorb_every >= 1"),
        ("learn.coverage=1.5", "0 < coverage < 1"),
        ("recipe.level=PBE", "give one of them"),
        ("labeling={ address = 'tcp://nowhere:1', timeout = 5.0 }", "leave out workers and timeout"),
    ],
)
def test_settings_that_say_nothing_are_refused(begun, setting, words):
    with pytest.raises(SettingsError, match=words):
        load_learn_config(begun, [setting])


def test_a_check_says_what_labels_would_cost_and_leaves_no_trace(tmp_path):
    config = written(tmp_path)
    before = held(tmp_path)
    answer = check(config)
    assert answer.exit_code == 0, answer.output
    for words in ("Cu8 (8 atoms)", "0 of LJ in", "3 first labels", "2 trajectories of 300 steps, 20 frames",
                  "at most 43 labels", "would write", "ready"):  # fmt: skip
        assert words in answer.output
    assert held(tmp_path) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("qm.function=absent", "no function 'absent'"),
        ("start.files=['nowhere.xyz']", "nowhere.xyz"),
        ("explore={ kind = 'nested', config = 'nowhere.toml' }", "nowhere.toml"),
        ("explore={ kind = 'umbrella', config = 'nowhere.toml' }", "nowhere.toml"),
        ("database.import=[{ file = 'nowhere.xyz' }]", "nowhere.xyz"),
    ],
)
def test_a_check_finds_what_is_not_there(tmp_path, change, words):
    answer = check(written(tmp_path), change)
    assert answer.exit_code == 1
    assert words in answer.stderr


def test_a_check_finds_a_model_that_has_learned_from_another_database(copied):
    text = copied.read_text()
    begin, end = text.index("[recipe]"), text.index("[qm]")
    model = copied.parent / "first.npz"
    shutil.copy(copied.parent / "out" / "gap.npz", model)
    copied.write_text(f'model = "first.npz"\n{text[:begin]}{text[end:]}')
    there = ["output.folder=new", "database.path=other.db"]
    answer = check(copied, *there)
    assert answer.exit_code == 1
    assert "has learned rows up to 3, but" in answer.stderr
    assert check(copied, there[0]).exit_code == 0
    gap = gapsample.load(model)
    assert gap.posterior is not None


def test_labels_from_a_cluster_are_the_same(begun, scheduler, tmp_path):
    config = written(tmp_path)
    run_learn(load_learn_config(config, [FIRST, f"labeling.address={scheduler}"]))
    mine, theirs = (list(Database(place / "labels.db").select()) for place in (tmp_path, begun.parent))
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(one.label.forces, other.label.forces)
