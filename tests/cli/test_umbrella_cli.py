"""Umbrella sampling and surfaces as a user types them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gapsample.cli import main

sys.path.insert(0, str(Path(__file__).parents[1] / "journeys"))
from umbrella_campaigns import GROWN, written

COMMAND = [sys.executable, "-c", "from gapsample.cli import main; main()"]


def run(*arguments, code=0):
    answer = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert answer.exit_code == code, answer.output
    return answer.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    assert "minima (r)" in run("umbrella", written(folder))
    return folder


def test_a_campaign_killed_and_run_again_equals_one_never_cut(folder):
    command = [*COMMAND, "-q", "umbrella", str(folder / "config.toml"), "--folder", str(folder / "cut")]
    process = subprocess.Popen(command)
    first = folder / "cut" / "windows" / "window-000000.npz"
    while process.poll() is None and not first.exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run("umbrella", folder / "config.toml", "--folder", folder / "cut")
    for window in sorted((folder / "out" / "windows").iterdir()):
        assert (folder / "cut" / "windows" / window.name).read_bytes() == window.read_bytes()
    with np.load(folder / "out" / "surface.npz") as whole, np.load(folder / "cut" / "surface.npz") as cut:
        np.testing.assert_array_equal(whole["free_energy"], cut["free_energy"])


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_an_exploration_killed_again_and_again_and_resumed_equals_one_never_cut(tmp_path):
    config = written(tmp_path, GROWN)
    assert "the limit on windows is reached" in run("umbrella", config)
    cut, kills = tmp_path / "cut", 0
    begin = [*COMMAND, "-q", "umbrella", str(config), "--folder", str(cut)]
    for command, target in ((begin, 3), ([*COMMAND, "-q", "resume", str(cut)], 11)):
        process = subprocess.Popen(command)
        while process.poll() is None and len(list((cut / "windows").glob("window-*.npz"))) < target:
            time.sleep(0.002)
        process.kill()
        kills += process.wait() == -signal.SIGKILL
    assert kills
    run("resume", cut)
    assert contents(cut / "windows") == contents(tmp_path / "grown" / "windows")
    with np.load(tmp_path / "grown" / "surface.npz") as whole, np.load(cut / "surface.npz") as resumed:
        np.testing.assert_array_equal(whole["free_energy"], resumed["free_energy"])


def test_a_campaign_is_resumed_wherever_it_was_moved_but_not_as_another(folder, tmp_path):
    shutil.copytree(folder / "out", tmp_path / "moved")
    (tmp_path / "moved" / "windows" / "window-000003.npz").unlink()
    assert "minima (r)" in run("resume", tmp_path / "moved", "--set", "sampling.workers=2")
    assert contents(tmp_path / "moved" / "windows") == contents(folder / "out" / "windows")
    refused = run("resume", tmp_path / "moved", "--set", "sampling.seed=5", code=1)
    assert "sampling.seed is 0 in this campaign and would be 5" in refused


def test_other_methods_are_set_beside_a_surface_in_one_call(folder, tmp_path):
    output = run("surface", folder / "out", "-o", tmp_path, "--compare")
    for method in ("wham", "umbrella integration"):
        line = next(line for line in output.splitlines() if line.startswith(f"  {method}: "))
        away, claimed = (float(line.split(word)[1].split()[0].strip(";,")) for word in (": ", "claims "))
        assert away < 3.0 * max(claimed, 0.05)
    assert (tmp_path / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "comparison.tsv").read_text().startswith("s0\tgapsample\tgapsample std\t")


def test_a_surface_answers_differences_and_paths(folder, tmp_path):
    output = run(
        *("surface", folder / "out", "-o", tmp_path, "--difference", "2.7", "3.3"),
        *("--minimum-free-energy-path", "2.7", "3.3", "--kernel", "matern52"),
    )
    assert "F(3.3) - F(2.7) = " in output
    assert "barrier" in output
    with np.load(tmp_path / "path.npz") as path:
        assert path["points"][0, 0] == pytest.approx(2.7)


def colvars(folder, unit=""):
    """Windows in the plane F = x^2 - cos(y) (kT = 1 kJ/mol), as PLUMED writes them."""
    rng = np.random.default_rng(3)
    kappa, files = 20.0, []
    for number, (x, y) in enumerate(
        (x, y) for x in (-0.5, 0.0, 0.5) for y in (-2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    ):
        place = folder / f"window-{number}"
        place.mkdir()
        stiff = kappa + np.array([2.0, np.cos(y)])
        mean = np.array([x, y]) - np.array([2.0 * x, np.sin(y)]) / stiff
        s = mean + rng.normal(size=(400, 2)) / np.sqrt(stiff)
        s[:, 1] -= 2.0 * np.pi * np.rint(s[:, 1] / (2.0 * np.pi))
        head = "#! FIELDS time x y\n#! SET min_y -pi\n#! SET max_y pi\n"
        rows = "\n".join(f"{t} {a:.6f} {b:.6f}" for t, (a, b) in enumerate(s))
        (place / "COLVAR").write_text(head + rows + "\n")
        (place / "plumed.dat").write_text(f"RESTRAINT ARG=x,y AT={x},{y} KAPPA={kappa},{kappa}\n")
        files.append((place / "COLVAR", x, y, kappa))
    return files


def test_colvar_files_with_their_inputs_and_a_list_of_them_give_one_surface(tmp_path):
    files = colvars(tmp_path)
    temperature = 1.0 / 0.0083144626  # kT is 1 kJ/mol
    common = ["--temperature", temperature, "--difference", "0,0", "0,2.0", "--grid", "21"]
    typed = run("surface", *[file for file, *_ in files], "-o", tmp_path / "a", *common, "--compare")
    assert "wham: 0." in typed
    assert (tmp_path / "a" / "comparison.png").exists()
    table = tmp_path / "windows.txt"
    table.write_text("\n".join(f"{file} {x} {y} {kappa} {kappa}" for file, x, y, kappa in files))
    listed = run("surface", table, "-o", tmp_path / "b", *common, "--variables", "x,y")
    line = next(line for line in typed.splitlines() if line.startswith("F(0, 2)"))
    assert line in listed
    value, std = (float(line.split("(")[-1].split()[i]) for i in (0, 2))
    assert abs(value - (1.0 - np.cos(2.0))) < 4.0 * std
    assert std < 0.3


def test_a_table_of_mean_gradients_gives_a_surface(tmp_path):
    x = np.linspace(-1.0, 1.0, 15)
    np.savez(
        tmp_path / "mean.npz",
        points=x[:, None],
        gradient=2.0 * x[:, None],
        std=np.full((15, 1), 0.01),
        periods=[np.nan],
    )
    output = run("surface", tmp_path / "mean.npz", "-o", tmp_path / "out", "--difference", "0", "0.5")
    line = next(line for line in output.splitlines() if line.startswith("F(0.5)"))
    assert float(line.split("=")[1].split()[0]) == pytest.approx(0.25, abs=0.02)


def test_what_is_missing_is_said(tmp_path):
    files = [file for file, *_ in colvars(tmp_path)]
    assert "--temperature" in run("surface", *files, code=1)
    (files[0].parent / "plumed.dat").write_text("PRINT ARG=x\n")
    assert "RESTRAINT" in run("surface", files[0], "--temperature", "300", code=1)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no windows" in run("surface", empty, code=1)


def test_check_says_what_a_campaign_would_cost_and_leaves_no_trace(tmp_path):
    config = written(tmp_path)
    before = contents(tmp_path)
    output = run("check", config)
    assert "ms a step" in output
    assert "windows" in output
    assert contents(tmp_path) == before
