"""A study goes on as it was, goes on to lower temperatures exactly, and says what it cannot go on with."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from nested_studies import BOX, CELL, written

from gapsample import nested
from gapsample.errors import InputError
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_run import begin, resume
from gapsample.sampling.loop import Reason

COLUMNS = ("value", "label", "birth", "birth_label", "insertion", "ancestor")


pytestmark = pytest.mark.usefixtures("no_pictures")


def same_points(one, other):
    a, b = nested.read_points(one), nested.read_points(other)
    for column in COLUMNS:
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column))


@pytest.mark.parametrize("text", [BOX, CELL.replace("seeds = 2", "exchange = true")])
def test_a_study_extended_to_a_lower_temperature_is_one_told_from_the_start(tmp_path, text):
    path = written(tmp_path, text)
    low = ["stop.lowest_temperature=0.15", "stop.remaining=0.001"]
    name = "box" if text is BOX else "cell"
    whole = load_nested_config(path, [*low, "output.folder=whole", "output.database=whole.db"])
    begin(whole)
    begin(load_nested_config(path))
    early = nested.read_points(next((tmp_path / name).rglob("live.npz")).parent)
    outcome = resume(tmp_path / name, tuple(low))
    assert set(outcome.reasons.values()) == {Reason.CONVERGED}
    assert len(nested.read_points(next((tmp_path / name).rglob("live.npz")).parent)) > len(early)
    leaves = [live.parent.relative_to(tmp_path / "whole") for live in (tmp_path / "whole").rglob("live.npz")]
    assert leaves
    for leaf in leaves:
        same_points(tmp_path / "whole" / leaf, tmp_path / name / leaf)


def test_an_extension_may_be_cut_like_anything_else(tmp_path):
    path = written(tmp_path, BOX)
    begin(load_nested_config(path, ["stop.lowest_temperature=0.15", "output.folder=whole"]))
    begin(load_nested_config(path))
    resume(tmp_path / "box", ("stop.lowest_temperature=0.2", "stop.steps=60"))
    resume(tmp_path / "box", ("stop.lowest_temperature=0.15", "stop.steps=none"))
    same_points(tmp_path / "whole" / "run_1", tmp_path / "box" / "run_1")


@pytest.fixture(scope="module")
def begun(tmp_path_factory, no_pictures):
    folder = tmp_path_factory.mktemp("begun")
    begin(load_nested_config(written(folder, CELL), ["stop.steps=2"]))
    return folder / "cell"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("sampling.n_live=44", "sampling.n_live is 40 in this study and would be 44"),
        ("sampling.seed=2", "sampling.seed is 0 .* would be 2, which changes its numbers; begin a new study"),
        ("potential.cutoff=2.5", "potential.cutoff is 2.0"),
        ("output.keep_every=7", "output.keep_every is 10"),
        ("stop.lowest_temperature=0.7", "may be lowered, not raised to 0.7"),
        ("stop.remaining=0.1", "stop.remaining is 0.01 in this study and may be lowered"),
        ("ensemble.pressure=[0.1, 0.05, 0.2]", "further ones may be put behind these"),
        ("ensemble.pressure=[0.05]", "further ones may be put behind these"),
    ],
)
def test_a_change_of_numbers_is_refused_by_name(begun, change, words):
    before = (begun / "manifest.json").read_text()
    with pytest.raises(InputError, match=words):
        resume(begun, (change,))
    assert (begun / "manifest.json").read_text() == before


def test_every_setting_that_differs_is_named(begun):
    with pytest.raises(InputError, match=r"ensemble\.height.*sampling\.n_live"):
        resume(begun, ("sampling.n_live=44", "ensemble.height=0.5"))


def test_a_config_changed_on_disk_is_compared_with_that_of_the_study(begun):
    changed = load_nested_config(written(begun.parent, CELL), ["stop.steps=3", "sampling.walk_length=11"])
    with pytest.raises(InputError, match=r"sampling\.walk_length is 10"):
        resume(begun, config=changed)


def test_pressures_behind_those_there_are_become_further_runs(begun, tmp_path):
    shutil.copytree(begun, tmp_path / "cell")
    outcome = resume(tmp_path / "cell", ("ensemble.pressure=[0.05, 0.2, 0.1]",))
    assert "pressure_0.1/run_1" in outcome.reasons


def test_a_file_may_be_moved_but_not_changed(tmp_path):
    r = np.linspace(0.8, 2.5, 400)
    np.savetxt(tmp_path / "pair.txt", np.transpose([r, 4.0 * (r**-12.0 - r**-6.0)]))
    text = BOX.replace('kind = "lennard_jones"', 'kind = "tabulated"\nfile = "pair.txt"\nscale = 1.0')
    begin(load_nested_config(written(tmp_path, text), ["stop.steps=2"]))
    (tmp_path / "pair.txt").rename(tmp_path / "moved.txt")
    with pytest.raises(InputError, match="is not there; put it back, or say where it is now"):
        resume(tmp_path / "box")
    resume(tmp_path / "box", (f"potential.file={tmp_path / 'moved.txt'}", "stop.steps=3"))
    np.savetxt(tmp_path / "moved.txt", np.transpose([r, 5.0 * (r**-12.0 - r**-6.0)]))
    with pytest.raises(InputError, match=r"moved\.txt is not what it was when the study began"):
        resume(tmp_path / "box")
