"""A force that keeps the density: from TOML, in a run, and balanced from its frames."""

from __future__ import annotations

import ase.io
import numpy as np
import pytest
from click.testing import CliRunner
from qmmm_worlds import lennard_jones, world

from gapsample.cli import main
from gapsample.errors import InputError, SettingsError
from gapsample.journeys.qmmm_balance import balance
from gapsample.journeys.qmmm_check import check_frames
from gapsample.journeys.qmmm_config import load_qmmm_config
from gapsample.journeys.qmmm_records import frames, read
from gapsample.journeys.qmmm_run import run_qmmm
from gapsample.potential.files import load

POINT = "density={ middle = [5.4, 5.4, 5.4], inner = 1.0, outer = 5.0, heights = [0.1, 0.0, -0.1] }"
ATOM = "density={ middle = 7, inner = 1.0, outer = 5.0, heights = [0.0, 0.0, 0.0] }"
NO_REGION = ("region.error={ enter = 100.0, leave = 99.0 }", "audits.every=1000", "output.frames_every=1")


@pytest.fixture(scope="module")
def point(made, tmp_path_factory):
    """A run without quantum atoms, with a force around a point; and its atoms."""
    config = load_qmmm_config(world(tmp_path_factory.mktemp("point"), made), [POINT, *NO_REGION])
    run_qmmm(config)
    return config, ase.io.read(config.start.file)


def test_it_is_added_to_what_the_models_say(point):
    config, atoms = point
    gap, force = load(config.mm.model), config.density.force(atoms)
    for frame in list(frames(config.output.folder, atoms))[::8]:
        own = force.evaluate(frame).forces
        assert np.abs(own).max() > 1e-3
        np.testing.assert_allclose(frame.arrays["mixed_forces"], gap.evaluate(frame).forces + own, atol=1e-7)


def test_frames_are_compared_with_the_engine_without_it(point):
    config, atoms = point
    gap, engine_error = load(config.mm.model), []
    kept = list(frames(config.output.folder, atoms))
    for frame in kept:
        difference = gap.evaluate(frame).forces - lennard_jones().evaluate(frame).forces
        engine_error.append(np.linalg.norm(difference, axis=1))
    found = check_frames(config, atoms, len(kept))
    assert found.unflagged == pytest.approx(np.sqrt(np.mean(np.square(engine_error))), rel=1e-6)


def test_a_run_with_it_is_resumed_exactly(point, made, tmp_path):
    path = world(tmp_path, made)
    for limit in (9, 24):
        run_qmmm(load_qmmm_config(path, [POINT, *NO_REGION, f"stop.steps={limit}"]))
    mine, theirs = (read(folder, "frames") for folder in (tmp_path / "out", point[0].output.folder))
    for name in mine.dtype.names:
        np.testing.assert_array_equal(mine[name], theirs[name])


def test_what_is_as_it_should_be_stays_as_it_is(point):
    config, atoms = point
    found = balance(config, atoms, like=config.output.folder, skip=0.01)
    np.testing.assert_allclose(found.heights, config.density.heights, atol=1e-12)
    assert 0 < found.frames < 24


def test_around_a_point_atoms_should_be_spread_evenly(point):
    config, atoms = point
    wanted = balance(config, atoms).wanted
    np.testing.assert_allclose(wanted, config.density.force(atoms).spread(len(atoms) / atoms.get_volume()))


def test_around_an_atom_a_run_has_to_say_what_is_right(point, made):
    config, atoms = point
    around = load_qmmm_config(config.start.file.parent / "config.toml", [ATOM])
    with pytest.raises(InputError, match="one potential"):
        balance(around, atoms)
    assert balance(around, atoms, like=config.output.folder).frames == 24


def test_the_command_says_heights_for_the_next_run(point):
    config, _ = point
    command = ["balance", str(config.start.file.parent / "config.toml"), "--set", POINT, "--skip", "0"]
    told = CliRunner().invoke(main, command)
    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[-1].startswith("heights = [")


@pytest.mark.parametrize(
    ("setting", "story"),
    [
        ("density={ middle = 200, inner = 1.0, outer = 5.0 }", "one of 107 atoms"),
        ("density={ middle = 7, inner = 1.0, outer = 5.0, species = 'Au' }", "one that is there"),
        ("density={ middle = 7, inner = 6.0, outer = 5.0 }", "inner < outer"),
    ],
)
def test_settings_that_do_not_match_are_refused(setting, story, point):
    config, atoms = point
    wrong = load_qmmm_config(config.start.file.parent / "config.toml", [setting])
    with pytest.raises((InputError, SettingsError), match=story):
        wrong.density.force(atoms)


def test_without_the_settings_there_is_nothing_to_balance(point):
    config, atoms = point
    with pytest.raises(SettingsError, match="give \\[density\\]"):
        balance(load_qmmm_config(config.start.file.parent / "config.toml"), atoms)
