"""The report of a study opens anywhere, while it runs and after, and says what must be said."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from test_report import Balance

from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_report import render
from gapsample.journeys.nested_run import begin, resume
from gapsample.journeys.nested_study import open_study

sys.path.insert(0, str(Path(__file__).parents[1] / "journeys"))
from nested_studies import BOX, CELL, written


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reported")
    text = CELL.replace("[0.05, 0.2]", "0.2")
    begin(load_nested_config(written(folder, text), ["stop.steps=40"]))
    return folder / "cell"


def test_the_page_needs_nothing_but_itself(study):
    html = (study / "report.html").read_text()
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert all(address.startswith("data:image/png;base64,") for address in parser.addresses)
    assert len(parser.addresses) == parser.tags.count("img") >= 7
    assert "script" not in parser.tags
    assert "url(" not in html
    assert not re.search(r"https?://", html)


@pytest.mark.parametrize(
    "words",
    [
        "Heat capacity so far",
        "log X",
        "Energy, volume and temperature",
        "Acceptance of each kind of move".lower(),
        "Walk",
        "Rank correlation of clones with their ancestors",
        "Volumes of points that died",
        "Predicted error",
        "no evaluation failed and no worker died",
        "Worker deaths",
        "pressure_0.2/run_1",
        "evidence left",
        "the limit on steps is reached",
        "largest_volume",
        "PairCell",
    ],
)
def test_the_page_says(study, words):
    assert words in (study / "report.html").read_text()


def test_the_page_can_be_drawn_anew_from_the_folder(study):
    assert "2 of 2 runs have ended" in render(open_study(study))


def test_a_study_that_has_hardly_begun_has_a_page(tmp_path):
    begin(load_nested_config(written(tmp_path, BOX), ["stop.steps=0"]))
    page = (tmp_path / "box" / "report.html").read_text()
    assert "No peak yet" in page
    resume(tmp_path / "box", ("stop.steps=1",))
    assert len((tmp_path / "box" / "report.html").read_text()) > len(page)


def test_deaths_and_failures_are_counted_on_the_page(study):
    found = open_study(study)
    shaken = found.manifest | {"worker_deaths": 3}
    page = render(type(found)(found.config, found.folder, shaken))
    assert "Worker processes that died: 3" in page


def test_names_of_folders_cannot_break_the_page(tmp_path):
    begin(load_nested_config(written(tmp_path, BOX), ["stop.steps=1", "output.folder=<b>"]))
    assert "Nested sampling: &lt;b&gt;" in (tmp_path / "<b>" / "report.html").read_text()
