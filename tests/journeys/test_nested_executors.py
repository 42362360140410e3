"""The numbers of a study do not depend on who does the work."""

from __future__ import annotations

import numpy as np
import pytest
from nested_studies import BOX, CELL, written

from gapsample import nested
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_run import begin

TEXTS = {
    "clones": BOX.replace("seeds = 2", "seeds = 1"),
    "pressures": CELL.replace("seeds = 2", "exchange = true"),
}
FEW = ["stop.steps=4", "output.folder=study", "output.database=study.db"]


pytestmark = pytest.mark.usefixtures("no_pictures")


def numbers(folder, text, *changes):
    """Everything that died in all runs, and the ranks it was born with."""
    folder.mkdir()
    begin(load_nested_config(written(folder, text), [*FEW, *changes]))
    found = sorted((folder / "study").rglob("live.npz"))
    points = [nested.read_points(each.parent) for each in found]
    return np.concatenate([np.stack((p.value, p.label, p.insertion, p.ancestor)) for p in points], axis=1)


@pytest.mark.parametrize("shared", list(TEXTS))
def test_threads_processes_and_a_cluster_find_the_same_points(tmp_path, scheduler, shared):
    alone = numbers(tmp_path / "alone", TEXTS[shared])
    for changes in (
        ["sampling.executor=threads", "sampling.workers=2"],
        ["sampling.executor=processes", "sampling.workers=2"],
        ["sampling.executor=cluster", "sampling.workers=2", f"sampling.address={scheduler}"],
    ):
        together = numbers(tmp_path / changes[0].split("=")[1], TEXTS[shared], *changes)
        np.testing.assert_array_equal(together, alone)
