"""The report is one file that opens anywhere, and says the same as the JSON."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest

from gapsample import plots
from gapsample.journeys.report import render, verdict, write_report
from gapsample.journeys.validate import Validation
from gapsample.potential.assessment import Row, assess, table

VOID = {"meta", "img", "br"}


class Balance(HTMLParser):
    """Collects addresses and checks that every tag that opens closes."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def validation(database, potential, *, error=True, scales=None):
    assessment = assess(potential, list(database.select()), error=error)
    source = {
        "model": "<gap>.npz",
        "model_sha256": "0" * 64,
        "database": "zero.db",
        "level": "PBE",
        "split": "all",
    }
    return Validation(assessment, tuple(table(assessment)), scales or {}, {"species": ["Si"]}, source)


@pytest.fixture(scope="module")
def page(database, stand_in):
    found = validation(database, stand_in(), scales={"energy": 2.0, "forces": 3.0})
    return found, render(found)


def test_the_page_needs_nothing_but_itself(page):
    parser = Balance()
    parser.feed(page[1])
    assert parser.open == []
    assert all(address.startswith("data:image/png;base64,") for address in parser.addresses)
    assert len(parser.addresses) == parser.tags.count("img") == 6
    assert "script" not in parser.tags
    assert "url(" not in page[1]


def test_names_of_files_cannot_break_the_page(page):
    assert "&lt;gap&gt;.npz on zero.db" in page[1]
    assert "<gap>" not in page[1]


def test_page_and_json_hold_the_same_numbers(page):
    found, html = page
    numbers = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    total = numbers["table"][-1]
    assert f"{total['force_rmse']:.4f}" in html
    assert f"{numbers['calibration']['forces']['z_before']:.2f}" in html
    assert [line["id"] for line in numbers["configurations"]] != sorted(found.assessment.ids)
    assert len(numbers["configurations"]) == len(found.assessment.ids)


def test_calibration_divides_what_it_multiplied(page):
    lines = page[0].calibration()
    assert lines["forces"]["z_before"] == pytest.approx(3.0 * lines["forces"]["z_after"])
    assert lines["energy"]["z_before"] == pytest.approx(2.0 * lines["energy"]["z_after"])


def test_without_predicted_errors_the_page_says_so(database, stand_in, tmp_path):
    write_report(validation(database, stand_in(), error=False), tmp_path / "out" / "report.html")
    html = (tmp_path / "out" / "report.html").read_text()
    assert "not known to this model" in html
    assert html.count("<img") == 3


@pytest.mark.parametrize(
    ("z", "words"),
    [(1.0, "as large as they should be"), (3.0, "3.0 times too small"), (0.5, "2.0 times too large")],
)
def test_the_verdict_is_in_plain_words(z, words):
    assert words in verdict(Row("all", 10, 80, force_z=z, force_rank=0.8))


def test_running_root_mean_squares_follow_the_truth():
    rng = np.random.default_rng(0)
    std = np.exp(rng.uniform(-3.0, 0.0, 5000))
    predicted, true = plots.running_rms(std, 2.0 * std * np.abs(rng.normal(size=5000)))
    np.testing.assert_allclose(true / predicted, 2.0, rtol=0.15)
    assert np.all(np.diff(predicted) > 0.0)


def test_drawing_leaves_the_user_s_style_alone(database, stand_in):
    import matplotlib

    before = dict(matplotlib.rcParams)
    render(validation(database, stand_in(), error=False))
    assert dict(matplotlib.rcParams) == before
