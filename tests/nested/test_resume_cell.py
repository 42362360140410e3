"""Runs at constant pressure, and families of them: cut anywhere and resumed they equal those never cut."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from walking_cell import CELL, CELLS, LJ, family, records, run

from gapsample import nested
from gapsample.errors import FileFormatError, InputError
from gapsample.nested.exchange_records import run_folder
from gapsample.sampling import loop

KINDS = {"run": run, "family": family}


@pytest.mark.parametrize("kind", KINDS)
def test_killed_with_any_executor_and_resumed_equals_never_cut(tmp_path, kind):
    script = Path(__file__).with_name("walking_cell.py")
    done = subprocess.run(
        [sys.executable, str(script), kind, str(tmp_path)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path, kind):
    sample = KINDS[kind]
    sample(tmp_path / "uncut", until=loop.steps(14))
    cut = tmp_path / "cut"
    sample(cut, until=loop.steps(8))
    newest = max(cut.rglob("*.checkpoint"))
    newest.write_bytes(newest.read_bytes()[:-20])
    with pytest.warns(RuntimeWarning, match="going on from"):
        sample(cut, resume=True, until=loop.steps(14))
    assert records(cut) == records(tmp_path / "uncut")


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_without_a_readable_checkpoint_says_so(tmp_path, kind):
    KINDS[kind](tmp_path, until=loop.steps(8))
    for file in tmp_path.rglob("*.checkpoint"):
        file.write_bytes(b"nothing")
    with pytest.raises(FileFormatError, match=r"no readable checkpoint.*start the run anew"):
        KINDS[kind](tmp_path, resume=True)


def test_a_family_is_not_resumed_as_a_run_nor_over_other_records(tmp_path):
    family(tmp_path, until=loop.steps(4))
    with pytest.raises(FileFormatError, match="kind"):
        run(tmp_path, resume=True)
    with pytest.raises(InputError, match="earlier run"):
        family(tmp_path, until=loop.steps(4))
    (run_folder(tmp_path, 1) / "dead.records").unlink()
    with pytest.raises(FileFormatError, match=r"01/dead\.records"):
        family(tmp_path, resume=True)


def test_points_of_a_folder_without_a_run_are_not_read(tmp_path):
    with pytest.raises(FileFormatError, match=r"live\.npz cannot be read"):
        nested.read_points(tmp_path)


def test_a_run_can_be_read_while_it_goes_on(tmp_path):
    family(tmp_path, until=loop.steps(6))
    for number, cell in enumerate(CELLS):
        points = nested.read_points(run_folder(tmp_path, number))
        kept = nested.read_kept(run_folder(tmp_path, number))
        assert len(nested.read_progress(run_folder(tmp_path, number))) == 6
        coordinates = np.ascontiguousarray(kept["coordinates"])
        assert points.value[kept["number"]] == pytest.approx(cell.values(coordinates), rel=0, abs=0)


def test_atoms_on_top_of_each_other_have_a_finite_enthalpy_and_walk_apart():
    points, _ = CELL.draw(np.arange(3, dtype=np.uint64))
    points[:, :12] = 0.25
    values = CELL.values(points)
    assert np.isfinite(values).all()
    assert (values > 1e3).all()
    ceiling = nested.Ceiling(float(values.max()), 1.0)
    steps = 0.1 * CELL.largest_steps
    walked = CELL.walk(nested.Walk(points, values, ceiling, steps, 20, np.arange(3, dtype=np.uint64)))
    assert (walked.values < values).all()


def test_a_cell_without_atoms_is_refused():
    with pytest.raises(InputError, match="at least one atom"):
        nested.PairCell(0, LJ, 0.1)
