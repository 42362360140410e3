"""Campaigns from a config: what is sampled, written, and collected; and surfaces from files."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from ase import Atoms, units
from click.testing import CliRunner

from gapsample.cli.check import check
from gapsample.database import Database
from gapsample.errors import InputError, SettingsError, UnknownName
from gapsample.free_energy import AngleField, DistanceField, TorsionField, read_plumed
from gapsample.journeys.surface import map_surface, point_of
from gapsample.journeys.surface_data import Reading, read_evidence
from gapsample.journeys.umbrella_config import load_umbrella_config
from gapsample.journeys.umbrella_problem import umbrella_problem
from gapsample.journeys.umbrella_run import run_umbrella

sys.path.insert(0, str(Path(__file__).parent))
from umbrella_campaigns import CONFIG, MADE, K, written

KT = units.kB * 300.0


def loaded(folder, *overrides):
    return load_umbrella_config(written(folder), overrides)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    return run_umbrella(loaded(tmp_path_factory.mktemp("campaign")))


def test_a_campaign_finds_the_free_energy_of_a_spring_in_space(outcome):
    a, b = 2.7, 3.3

    def exact(r):
        return 0.5 * K * (r - 3.0) ** 2 - 2.0 * KT * np.log(r)

    value, std = outcome.mapped.surface.difference(np.array([a]), np.array([b]))
    assert std < 0.01
    assert abs(value - (exact(b) - exact(a))) < 4.0 * std + 1e-4


def test_what_is_written_for_other_programs_is_the_surface(outcome):
    grid, names = read_plumed(outcome.folder / "surface.grid", scales=(units.nm,))
    assert names == ("r",)
    np.testing.assert_allclose(grid.coordinates[0], outcome.mapped.grid.coordinates[0], atol=1e-7)
    assert "SET min_r 0.2" in (outcome.folder / "surface.grid").read_text()  # PLUMED's lengths are in nm
    np.testing.assert_allclose(grid.free_energy, outcome.mapped.grid.free_energy, atol=1e-7)
    with np.load(outcome.folder / "surface.npz") as archive:
        assert archive["dims"].tolist() == ["r"]
    assert (outcome.folder / "surface.png").read_bytes().startswith(b"\x89PNG")
    assert "kJ/mol" in (outcome.folder / "surface.txt").read_text()


def test_visited_configurations_are_in_the_database_with_their_variable(outcome):
    entries = Database(str(outcome.folder.parent / "visited.db")).require(source="umbrella")
    assert len(entries) == outcome.n_collected == 5 * 4
    for entry in entries:
        r = entry.atoms.get_distance(0, 1)
        assert entry.atoms.info["r"] == pytest.approx(r)
        assert entry.label.energy == pytest.approx(0.5 * K * (r - 3.0) ** 2)


def test_a_complete_campaign_run_again_samples_nothing_and_collects_nothing(outcome):
    files = sorted((outcome.folder / "windows").iterdir())
    before = [file.stat().st_mtime_ns for file in files]
    again = run_umbrella(loaded(outcome.folder.parent))
    assert [file.stat().st_mtime_ns for file in files] == before
    assert again.n_collected == 0
    assert again.mapped.summary == outcome.mapped.summary


def test_a_lost_window_is_sampled_again_to_the_same_bits(outcome):
    path = outcome.folder / "windows" / "window-000002.npz"
    before = path.read_bytes()
    path.unlink()
    run_umbrella(loaded(outcome.folder.parent))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("potential.settings.k=3.0", r"potential\.settings\.k is 2.0 in this campaign and would be 3.0"),
        ("sampling.seed=4", r"sampling\.seed is 0 in this campaign and would be 4"),
        ("schedule.n_steps=800", r"schedule\.n_steps is 1600"),
        ("windows.kappa=3.0", r"windows\.kappa is 2.0"),
        ("potential.file=nowhere.py", r"nowhere\.py is not there; .* --set potential\.file=PATH"),
    ],
)
def test_windows_of_other_settings_are_refused_by_name_and_left_as_they_are(outcome, change, words):
    before = (outcome.folder / "manifest.json").read_bytes()
    with pytest.raises(InputError, match=words):
        run_umbrella(loaded(outcome.folder.parent, change))
    answer = CliRunner().invoke(check, [str(outcome.folder.parent / "config.toml"), "--set", change])
    assert answer.exit_code == 1
    with pytest.raises(InputError, match=words):
        raise InputError(answer.stderr)
    assert (outcome.folder / "manifest.json").read_bytes() == before


def test_windows_elsewhere_are_refused_by_their_files(outcome):
    """What is not in the settings of the campaign: the place of a window."""
    with pytest.raises(InputError, match="another potential, seed, start, schedule or window"):
        run_umbrella(loaded(outcome.folder.parent, "windows.ranges=[[2.5, 3.4]]"))


def test_a_campaign_goes_on_wherever_it_lies_now(outcome, tmp_path):
    (tmp_path / MADE.name).write_bytes(MADE.read_bytes())
    copytree(outcome.folder, tmp_path / "out")
    (tmp_path / "out" / "windows" / "window-000002.npz").unlink()
    moved = [f"potential.file={tmp_path / MADE.name}", f"start.file={tmp_path / MADE.name}"]
    assert len(run_umbrella(loaded(tmp_path, *moved)).runs) == 5
    with np.load(outcome.folder / "surface.npz") as one, np.load(tmp_path / "out" / "surface.npz") as other:
        np.testing.assert_array_equal(one["free_energy"], other["free_energy"])


def test_a_folder_of_windows_gives_the_same_surface(outcome, tmp_path):
    evidence = read_evidence([outcome.folder], Reading())
    assert evidence.names == ("r",)
    assert evidence.temperature == 300.0
    assert evidence.lengths == ("r",)
    again = map_surface(evidence, tmp_path)
    np.testing.assert_array_equal(again.grid.free_energy, outcome.mapped.grid.free_energy)


def test_every_kind_of_variable_comes_from_a_config(tmp_path):
    text = CONFIG[CONFIG.index("[windows]") :].replace("n = [5]", "n = [1, 1, 1, 1, 1, 1]")
    ranges = '[[1.0, 1.0], [1.5, 1.5], "period", [1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]'
    text = text.replace("ranges = [[2.6, 3.4]]", f"ranges = {ranges}")
    atoms = Atoms("H2O2", [(0.9, 0.8, 0.5), (0.9, -0.8, -0.5), (0.0, 0.7, 0.0), (0.0, -0.7, 0.0)])
    atoms.write(tmp_path / "start.xyz")
    head = """
[start]
kind = "file"
file = "start.xyz"
[potential]
kind = "calculator"
name = "lj"
[[variables]]
kind = "distance"
name = "d"
atoms = [2, 3]
fragment = [3, 1]
[[variables]]
kind = "angle"
name = "a"
atoms = [0, 2, 3]
fragment = [0]
[[variables]]
kind = "torsion"
name = "t"
atoms = [0, 2, 3, 1]
fragment = "bonded"
[[variables]]
kind = "coordination"
name = "c"
first = [0, 1]
second = [2, 3]
r0 = 1.2
[[variables]]
kind = "rmsd"
name = "away"
atoms = [0, 1, 2]
reference = "start.xyz"
masses = true
[[variables]]
kind = "linear"
name = "l"
coefficients = [1.0, -1.0]
parts = [{ kind = "distance", atoms = [0, 2] }, { kind = "distance", atoms = [1, 3] }]
"""
    problem = umbrella_problem(load_umbrella_config(written(tmp_path, head + text)))
    assert [v.period is None for v in problem.ensemble.variables] == [True, True, False, True, True, True]
    assert problem.ensemble.fields is None  # coordination has none
    assert problem.windows[0].center[2] == 0.0
    only = head[: head.index('[[variables]]\nkind = "coord')]
    text = text.replace("[1, 1, 1, 1, 1, 1]", "[1, 1, 1]").replace(
        ranges, '[[1.0, 1.0], [1.5, 1.5], "period"]'
    )
    fields = umbrella_problem(load_umbrella_config(written(tmp_path, only + text))).ensemble.fields
    assert [type(field) for field in fields] == [DistanceField, AngleField, TorsionField]


def test_a_wrong_config_is_refused_with_the_near_miss(tmp_path):
    with pytest.raises(UnknownName, match="temperature"):
        loaded(tmp_path, "schedule.temprature=3")
    with pytest.raises(SettingsError, match="want 1 numbers"):
        loaded(tmp_path, "windows.n=[3,3]")
    with pytest.raises(SettingsError, match="must return a Potential"):
        umbrella_problem(loaded(tmp_path, "potential.function=nothing", "potential.settings={}"))
    with pytest.raises(SettingsError, match="no function"):
        umbrella_problem(loaded(tmp_path, "potential.function=sprung"))
    with pytest.raises(SettingsError, match="without a period"):
        umbrella_problem(loaded(tmp_path, 'windows.ranges=["period"]'))


def test_points_are_read_in_radians_and_degrees():
    np.testing.assert_allclose(point_of("-90deg, pi/2", 2), [-np.pi / 2, np.pi / 2])
    with pytest.raises(InputError, match="wants 2 numbers"):
        point_of("1.0", 2)
