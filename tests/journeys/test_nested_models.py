"""Studies of many-body models: embedded atoms, a calculator of ASE, a GAP that knows its error."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from nested_studies import written

import gapsample
from gapsample import Database, Distance, Label, Recipe, nested
from gapsample.errors import GapsampleError, InputError
from gapsample.journeys.nested_config import load_nested_config
from gapsample.journeys.nested_problem import problem
from gapsample.journeys.nested_run import begin
from gapsample.journeys.thermo import thermo
from gapsample.journeys.visited import SOURCE, UNCERTAIN
from gapsample.nested import gap_model
from gapsample.sampling.loop import Reason

COPPER = """
[system]
kind = "system"
symbols = "CuAu"
cell = [[4.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 4.0]]
core = 1.5

[potential]
kind = "eam"
file = "emt"

[moves]
atom = 1
galilean = 0
swap = 1

[sampling]
n_live = 20
n_cull = 2
walk_length = 2
shortest_walk = 2
longest_walk = 4

[stop]
lowest_temperature = 2000.0
steps = 40

[output]
folder = "copper"
keep_every = 5
database = "copper.db"
"""

ARGON = """
[system]
kind = "system"
symbols = "Ar2"
core = 2.4

[potential]
kind = "gap"
model = "argon.npz"

[ensemble]
pressure = 0.01
largest_volume = 120.0
smallest_volume = 20.0

[sampling]
n_live = 30
n_cull = 3
walk_length = 4
shortest_walk = 4
longest_walk = 8

[stop]
lowest_temperature = 300.0
predicted_error = 1.0
steps = 10

[output]
folder = "argon"
keep_above = 1e-6
database = "argon.db"
"""


pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def in_python(monkeypatch):
    """Walks of a GAP in Python: to compile them takes longer than all these tests."""

    def refused(gap):
        raise InputError("not compiled in this test")

    monkeypatch.setattr(gap_model, "GapModel", refused)


@pytest.fixture(scope="module")
def argon(tmp_path_factory):
    """A folder with a GAP of pairs, fitted to a few cells of argon."""
    folder = tmp_path_factory.mktemp("argon")
    database = Database(folder / "labels.db")
    for seed in range(12):
        atoms = bulk("Ar", cubic=True, a=4.9 + 0.05 * seed)
        atoms.rattle(0.2, seed=seed)
        probe = atoms.copy()
        probe.calc = LennardJones(sigma=3.0, epsilon=0.05, rc=4.5, smooth=True)
        label = Label("LJ", energy=probe.get_potential_energy(), forces=probe.get_forces())
        database.add(atoms, label)
    recipe = Recipe((Distance(cutoff=5.0, n_sparse=10, delta=0.1),), e0={"Ar": 0.0})
    gapsample.fit(recipe, database).gap.save(folder / "argon.npz")
    return folder


def test_an_alloy_of_embedded_atoms_has_the_energies_of_its_calculator(tmp_path):
    begin(load_nested_config(written(tmp_path, COPPER)))
    rows = list(Database(tmp_path / "copper.db").select(source=SOURCE))
    assert rows
    for row in rows:
        atoms = row.atoms.copy()
        atoms.calc = EMT()
        assert sorted(atoms.get_chemical_symbols()) == ["Au", "Cu"]
        assert row.label.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-5)


def test_a_calculator_of_ase_is_walked_as_its_compiled_twin(tmp_path):
    config = load_nested_config(written(tmp_path, COPPER))
    twin = load_nested_config(written(tmp_path, COPPER), ["potential={kind='calculator', name='emt'}"])
    points = problem(config, None).draw(np.arange(4, dtype=np.uint64))[0]
    values = [problem(each, None).values(points) for each in (config, twin)]
    np.testing.assert_allclose(*values, atol=1e-5)


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("potential={kind='calculator', name='emtt'}", "unknown calculator 'emtt'; did you mean 'emt'"),
        ("system.symbols=CuXx", "Xx"),
        ("output.predicted_error=true", "only a GAP predicts its error"),
        ("potential={kind='gap', model='nowhere.npz'}", "nowhere.npz"),
    ],
)
def test_models_that_cannot_be_had_are_named(tmp_path, assignment, words):
    config = load_nested_config(written(tmp_path, COPPER), [assignment])
    with pytest.raises((GapsampleError, OSError), match=words):
        problem(config, None)


def test_what_a_gap_is_unsure_of_is_marked_for_the_learner(argon, in_python):
    outcome = begin(load_nested_config(written(argon, ARGON)))
    assert set(outcome.reasons.values()) == {Reason.STEP_LIMIT}
    rows = list(Database(argon / "argon.db").select(source=SOURCE, config_type=UNCERTAIN))
    assert rows
    gap = gapsample.load(argon / "argon.npz")
    for row in rows[:10]:
        told = gap.evaluate(row.atoms, forces=False, error="local")
        assert row.atoms.info["energy_std"] == pytest.approx(told.energy_std, rel=1e-6)
        assert row.label.energy == pytest.approx(told.energy, abs=1e-6)
        assert row.label.level.startswith("argon@")


def test_a_limit_on_the_predicted_error_ends_a_run(argon, in_python):
    changes = ["stop.predicted_error=1e-9", "output.folder=unsure"]
    outcome = begin(load_nested_config(written(argon, ARGON), changes))
    assert set(outcome.reasons.values()) == {Reason.UNCERTAIN}


def test_thermodynamics_of_a_gap_stand_on_its_posterior(argon, in_python):
    changes = ["stop.predicted_error=none", "output.folder=curves"]
    begin(load_nested_config(written(argon, ARGON), changes))
    (group,) = thermo([argon / "curves"], temperatures=np.linspace(300.0, 1500.0, 40))
    assert np.isfinite(group.found.heat_capacity.value).all()
    points = nested.read_points(argon / "curves" / "pressure_0.01" / "run_0")
    assert points.observables["energy_draws"].shape == (len(points), 16)
