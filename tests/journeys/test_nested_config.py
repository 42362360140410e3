"""A study's config is understood as it is written, and refused in plain words where it makes no sense."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase import units
from nested_studies import BOX, CELL, written

from gapsample.errors import GapsampleError, SettingsError
from gapsample.journeys.nested_atoms import n_atoms
from gapsample.journeys.nested_config import load_nested_config, nested_config
from gapsample.journeys.nested_problem import problem
from gapsample.journeys.nested_study import Study
from gapsample.nested import LennardJones, PairBox, PairCell


def load(tmp_path, text, *overrides):
    return load_nested_config(written(tmp_path, text), overrides)


def test_what_is_written_down_is_the_config_again(tmp_path):
    for text in (BOX, CELL):
        config = load(tmp_path, text)
        assert nested_config(json.loads(json.dumps(config.as_dict()))) == config


def test_problems_are_those_of_the_engine(tmp_path):
    assert problem(load(tmp_path, BOX), None) == PairBox(3, 6.0, LennardJones())
    cell = problem(load(tmp_path, CELL), 0.05)
    assert cell == PairCell(2, LennardJones(cutoff=2.0), 0.05, 40.0, 0.8)


def test_a_cube_may_be_given_by_its_volume(tmp_path):
    config = load(tmp_path, BOX.replace("edge = 6.0", "volume_per_atom = 72.0"))
    assert config.system.length == pytest.approx(6.0)
    assert n_atoms(config) == 3


def test_paths_start_from_the_folder_of_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    config = load(tmp_path, BOX)
    assert config.output.folder == tmp_path / "box"
    assert config.output.database == str(tmp_path / "box.db")
    assert load(tmp_path, BOX, "output.database=postgresql://me@host/x").output.database.startswith(
        "postgres"
    )


def test_pressures_are_in_gigapascal_unless_units_are_reduced(tmp_path):
    real = CELL.replace("n_atoms = 2", 'n_atoms = 2\nunits = "eV"')
    assert load(tmp_path, real).energy_per_volume(2.0) == pytest.approx(2.0 * units.GPa)
    assert load(tmp_path, real).boltzmann == units.kB
    assert load(tmp_path, CELL).energy_per_volume(2.0) == 2.0
    assert load(tmp_path, CELL).boltzmann == 1.0


def test_every_run_has_a_folder_and_random_numbers_of_its_own(tmp_path):
    config = load(tmp_path, CELL, "sampling.seeds=3")
    leaves = Study(config, tmp_path).leaves
    assert len({leaf.name for leaf in leaves}) == len({leaf.number for leaf in leaves}) == 6
    more = Study(load(tmp_path, CELL, "sampling.seeds=4"), tmp_path).leaves
    assert set(leaves) < set(more)


def test_a_table_of_a_pair_potential_is_that_potential(tmp_path):
    r = np.linspace(0.8, 2.5, 400)
    np.savetxt(tmp_path / "pair.txt", np.transpose([r, 4.0 * (r**-12.0 - r**-6.0)]))
    text = BOX.replace('kind = "lennard_jones"', 'kind = "tabulated"\nfile = "pair.txt"\nscale = 1.0')
    table, closed = problem(load(tmp_path, text), None), PairBox(3, 6.0, LennardJones(cutoff=2.5))
    points = closed.draw(np.arange(200, dtype=np.uint64))[0]
    expected = closed.energies(points)
    calm = expected < 1.0
    np.testing.assert_allclose(table.energies(points)[calm], expected[calm], atol=1e-4)


@pytest.mark.parametrize(
    ("text", "assignment", "words"),
    [
        (BOX, "sampling.n_lives=3", "unknown key in [sampling] 'n_lives'; did you mean 'n_live'"),
        (BOX, "system.kind=pair_bx", "unknown system.kind 'pair_bx'; did you mean 'pair_box'"),
        (BOX, "potential.kind=gapp", "did you mean 'gap'"),
        (BOX, "sampling.n_cull=30", "n_cull must lie between 1 and n_live/2 = 20, got 30"),
        (BOX, "stop.lowest_temperature=0", "lowest_temperature must be positive"),
        (BOX, "stop.remaining=2", "remaining must lie between 0 and 1"),
        (BOX, "ensemble.pressure=0.1", "a pair_box has no pressure"),
        (BOX, "system.volume_per_atom=3", "either edge or volume_per_atom"),
        (BOX, "output.predicted_error=true", "only a GAP predicts its error"),
        (BOX, "moves={galilean=1}", "chooses its moves itself"),
        (BOX, "sampling.executor=cluster", "needs the address of its scheduler"),
        (BOX, "potential={kind='gap', model='x.npz'}", "needs a pair potential"),
        (CELL, "ensemble.pressure=none", "a pair_cell needs ensemble.pressure"),
        (CELL, "ensemble.pressure_unit=GPa", "do not match"),
        (CELL, "ensemble.pressure=[0.1, 0.1]", "each pressure once"),
        (CELL, "ensemble.pressure=[]", "a pair_cell needs ensemble.pressure"),
    ],
)
def test_what_makes_no_sense_is_said_to_make_none(tmp_path, text, assignment, words):
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text, assignment)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "assignment", "words"),
    [
        (BOX, "system.edge=3.0", "shorter than twice the cutoff"),
        (CELL, "ensemble.pressure=-1.0", "positive"),
        (CELL, "ensemble.smallest_volume=50.0", "0 < smallest < largest"),
        (BOX, "potential={kind='tabulated', file='no.txt', scale=1.0}", "cannot be read as two columns"),
    ],
)
def test_impossible_problems_say_why(tmp_path, text, assignment, words):
    config = load(tmp_path, text, assignment)
    with pytest.raises(GapsampleError, match=words):
        problem(config, config.ensemble.listed[0] if config.ensemble.listed else None)
