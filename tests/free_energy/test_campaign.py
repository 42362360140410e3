"""Campaigns: killed and begun again equals never killed, in order, whoever does the work."""

import fcntl
import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones
from campaign_process import ENSEMBLE, SCHEDULE, WINDOWS, campaign
from wells import Pair, pair

from gapsample.errors import FileFormatError, InputError
from gapsample.free_energy.campaign import read_window, run_windows, write_window
from gapsample.free_energy.fingerprints import fingerprint
from gapsample.free_energy.samples import Samples, Window
from gapsample.sampling.executors import TaskFailed, local, threads

HERE = Path(__file__).parent


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def never_called(*args, **kwargs):
    raise AssertionError("a finished window was sampled again")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    with threads(1) as workers:
        return folder, campaign(folder, workers)


def test_results_come_in_the_order_of_the_windows(whole):
    _, runs = whole
    assert [run.samples.window for run in runs] == WINDOWS
    assert all(run.samples.s.shape == (100, 1) and len(run.visited.energies) == 4 for run in runs)


def test_killed_again_and_again_and_resumed_equals_never_killed(whole, tmp_path):
    folder, kills = tmp_path / "killed", 0
    for target in (2, 9):
        process = subprocess.Popen([sys.executable, str(HERE / "campaign_process.py"), str(folder)], cwd=HERE)
        while process.poll() is None and (not folder.exists() or len(list(folder.glob("w*"))) < target):
            time.sleep(0.002)
        before = contents(folder)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        finished = {name for name in before if name.startswith("window")}
        assert finished <= set(contents(folder))
    assert kills
    with threads(1) as workers:
        campaign(folder, workers)
    assert contents(folder) == contents(whole[0])


def test_other_processes_do_the_same_work(whole, tmp_path):
    with local(1) as workers:
        runs = campaign(tmp_path, workers, windows=WINDOWS[:2])
    for run, wanted in zip(runs, whole[1], strict=False):
        np.testing.assert_array_equal(run.samples.s, wanted.samples.s)
        np.testing.assert_array_equal(run.samples.gradients, wanted.samples.gradients)


def test_a_finished_campaign_samples_nothing_and_a_grown_one_only_what_is_new(whole, tmp_path, monkeypatch):
    for name, content in contents(whole[0]).items():
        (tmp_path / name).write_bytes(content)
    with threads(1) as workers:
        more = campaign(tmp_path, workers, windows=[Window((1.45,), (5.0,))], first=len(WINDOWS))
        assert len(more) == 1
        monkeypatch.setattr("gapsample.free_energy.campaign.sample_window", never_called)
        again = campaign(tmp_path, workers, windows=[*WINDOWS, Window((1.45,), (5.0,))])
    np.testing.assert_array_equal(again[-1].samples.s, more[0].samples.s)
    np.testing.assert_array_equal(again[3].samples.s, whole[1][3].samples.s)


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 4},
        {"model": "another"},
        {"starts": pair(2.1)},
        {"windows": [Window((1.4,), (6.0,))]},
        {"schedule": SCHEDULE.__class__(310.0)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_windows_of_another_campaign_are_refused(whole, changed):
    with threads(1) as workers, pytest.raises(InputError, match="another"):
        campaign(whole[0], workers, **changed)


def test_windows_of_another_potential_are_refused_whatever_it_is_called(whole):
    other = replace(ENSEMBLE, potential=Pair(k=2.001))
    with threads(1) as workers, pytest.raises(InputError, match="another potential"):
        run_windows(whole[0], other, WINDOWS, pair(), SCHEDULE, seed=3, executor=workers)


def test_a_fingerprint_is_the_same_for_the_same_thing_and_another_for_another():
    one = {"a": (1, 2.5), "b": [np.arange(3.0), LennardJones(epsilon=2.0)], "c": None}
    assert (
        fingerprint(one)
        == fingerprint(pickle.loads(pickle.dumps(one)))
        == fingerprint(dict(reversed(one.items())))
    )
    others = [
        {**one, "a": (1, 2.6)},
        {**one, "b": [np.arange(3.0), LennardJones(epsilon=2.1)]},
        {**one, "b": [np.arange(3), LennardJones(epsilon=2.0)]},
        {**one, "c": Pair()},
        {**one, "c": Pair(k=3.0)},
        {**one, "c": pair()},
        {**one, "c": pair(2.1)},
        {**one, "c": fingerprint},
    ]
    assert len({fingerprint(each) for each in (one, *others)}) == 1 + len(others)


def test_a_window_comes_back_from_its_file_to_the_last_bit(whole, tmp_path):
    run = whole[1][2]
    bare = run._replace(
        samples=Samples(Window((0.1, 0.2), (1.0, 2.0)), np.zeros((3, 2)), 77.0, (None, 2 * np.pi))
    )
    write_window(tmp_path / "one.npz", bare, "mark")
    back = read_window(tmp_path / "one.npz", "mark")
    assert (back.samples.window, back.samples.periods) == (bare.samples.window, bare.samples.periods)
    assert back.samples.gradients is None
    for part, wanted in zip(back.last, run.last, strict=True):
        np.testing.assert_array_equal(part, wanted)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 torn"])
def test_a_damaged_file_is_named(whole, tmp_path, content):
    path = tmp_path / "window-000000.npz"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="delete it"):
        read_window(path)


def test_a_file_cut_anywhere_is_no_window(whole, tmp_path):
    content = (whole[0] / "window-000000.npz").read_bytes()
    for length in range(0, len(content), max(1, len(content) // 40)):
        (tmp_path / "cut.npz").write_bytes(content[:length])
        with pytest.raises(FileFormatError):
            read_window(tmp_path / "cut.npz")


def test_two_campaigns_do_not_share_a_folder(whole):
    descriptor = os.open(whole[0], os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with threads(1) as workers, pytest.raises(InputError, match="another process"):
            campaign(whole[0], workers)
    finally:
        os.close(descriptor)


def test_a_window_that_fails_is_named_and_the_others_stand(tmp_path):
    starts = [pair(), Atoms("Ar2", np.zeros((2, 3))), pair()]
    with threads(1) as workers, pytest.raises(TaskFailed, match="window-000001"):
        run_windows(tmp_path, ENSEMBLE, WINDOWS[:3], starts, SCHEDULE, seed=1, executor=workers)
    assert (tmp_path / "window-000000.npz").exists()
    with threads(1) as workers, pytest.raises(InputError, match="starts"):
        run_windows(tmp_path, ENSEMBLE, WINDOWS, starts, SCHEDULE, seed=1, executor=workers)
