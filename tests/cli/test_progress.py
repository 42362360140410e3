"""Progress is a bar for people and a line now and then for files."""

from __future__ import annotations

import io
import logging
import sys

from gapsample.progress import Bars, LogLines, showing_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_the_end_of_every_stage_is_logged_and_little_else(caplog):
    caplog.set_level(logging.INFO, "gapsample")
    progress = LogLines(interval=3600.0)
    for stage in ("reading", "fitting"):
        for done in range(1, 101):
            progress(stage, done, 100)
    assert [record.message for record in caplog.records] == ["reading: 100 of 100", "fitting: 100 of 100"]


def test_a_slow_stage_is_heard_of_before_it_ends(caplog):
    caplog.set_level(logging.INFO, "gapsample")
    progress = LogLines(interval=0.0)
    progress("fitting", 1, 10)
    assert caplog.records[0].message == "fitting: 1 of 10"


def test_bars_are_for_terminals_only(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with showing_progress() as progress:
        assert isinstance(progress, LogLines)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with showing_progress() as progress:
        assert isinstance(progress, Bars)
        progress("fitting", 1, 2)
        progress("fitting", 2, 2)
        progress("assessing", 1, 1)
    assert "fitting" in sys.stderr.getvalue()
    assert "assessing" in sys.stderr.getvalue()
