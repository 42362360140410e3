"""From a config file to a model, a report and predictions, as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.io import read, write
from click.testing import CliRunner

import gapsample
from gapsample.cli import main
from gapsample.database import Database, Label, write_extxyz

CONFIG = """
[database]
path = "argon.db"
import = [{file = "argon.xyz", level = "LJ"}]

[recipe.sigmas]
energy = 1e-4
force = 1e-3
virial = 1e-3

[[recipe.terms]]
kind = "distance_2b"
cutoff = 5.0
delta = 0.1
n_sparse = 12

[[recipe.terms]]
kind = "soap"
cutoff = 4.5
n_max = 4
l_max = 2
delta = 0.05
n_sparse = 20

[output]
model = "argon.npz"
"""


def labeled(n):
    for seed in range(n):
        atoms = bulk("Ar", cubic=True, a=4.9 + 0.02 * (seed % 10))
        atoms.rattle(0.15, seed=seed)
        probe = atoms.copy()
        probe.calc = LennardJones(sigma=3.0, epsilon=0.05, rc=4.5, smooth=True)
        virial = -atoms.get_volume() * probe.get_stress(voigt=False)
        config_type = "dense" if seed % 10 < 5 else "dilute"
        yield (
            atoms,
            Label(
                "LJ",
                energy=probe.get_potential_energy(),
                forces=probe.get_forces(),
                virial=virial,
                config_type=config_type,
            ),
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("argon")
    write_extxyz(folder / "argon.xyz", labeled(60))
    (folder / "argon.toml").write_text(CONFIG)
    answer = CliRunner().invoke(main, ["fit", str(folder / "argon.toml")])
    assert answer.exit_code == 0, answer.output
    assert "Errors on test data" in answer.output
    return folder


def run(*arguments):
    answer = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_a_fit_leaves_a_model_and_its_manifest(folder):
    manifest = json.loads((folder / "argon.manifest.json").read_text())
    assert manifest["settings"]["recipe"]["terms"][1]["n_max"] == 4
    assert manifest["settings"]["recipe"]["seed"] == 0
    assert manifest["database"]["rows"] == 60
    assert np.isfinite(manifest["log_evidence"])
    assert gapsample.load(folder / "argon.npz").species == ("Ar",)


def test_fitting_again_imports_nothing_twice_and_gives_the_same_model(folder):
    run("fit", folder / "argon.toml", "--set", "output.model=again.npz")
    assert len(Database(folder / "argon.db")) == 60
    atoms = next(labeled(1))[0]
    first, again = (gapsample.load(folder / name).evaluate(atoms) for name in ("argon.npz", "again.npz"))
    assert first.energy == again.energy
    np.testing.assert_array_equal(first.forces, again.forces)


def test_the_folder_of_a_new_database_is_made(folder):
    run("fit", folder / "argon.toml", "--set", "database.path=new/a.db", "--set", "output.model=new/a.npz")
    assert len(Database(folder / "new" / "a.db")) == 60


def test_an_override_reaches_the_fit(folder):
    run("fit", folder / "argon.toml", "--set", "output.model=small.npz", "--set", "recipe.terms.0.n_sparse=5")
    terms = gapsample.load(folder / "small.npz").terms
    assert sorted(term.n_sparse for term in terms) == [5, 20]


def test_table_page_and_json_of_a_validation_agree(folder):
    html, numbers = folder / "page.html", folder / "numbers.json"
    output = run(
        "validate",
        folder / "argon.npz",
        folder / "argon.db",
        "--split",
        "all",
        "--html",
        html,
        "--json",
        numbers,
    )
    total = json.loads(numbers.read_text())["table"][-1]
    assert total["n_configurations"] == 60
    for place in (output, html.read_text()):
        assert f"{total['force_rmse']:.4f}" in place
        assert f"{total['energy_rmse']:.2f}" in place
    assert total["force_rmse"] < 0.05


def test_a_validation_sees_only_what_the_fit_has_not_seen(folder):
    numbers = folder / "test.json"
    run("validate", folder / "argon.npz", folder / "argon.db", "--json", numbers)
    held_out = {entry.id for entry in Database(folder / "argon.db").select(split="test")}
    assert {line["id"] for line in json.loads(numbers.read_text())["configurations"]} == held_out


def test_evaluating_a_file_gives_what_the_model_says_in_python(folder):
    atoms = next(labeled(1))[0]
    write(folder / "one.xyz", atoms)
    output = run("evaluate", folder / "argon.npz", folder / "one.xyz", "-o", folder / "out.xyz", "--error")
    found, truth = read(folder / "out.xyz"), gapsample.load(folder / "argon.npz").evaluate(atoms, error=True)
    assert found.get_potential_energy() == pytest.approx(truth.energy, abs=1e-6)
    np.testing.assert_allclose(found.get_forces(), truth.forces, atol=1e-6)
    np.testing.assert_allclose(found.arrays["forces_std"], truth.forces_std, atol=1e-6)
    assert f"{truth.energy:.4f}"[:-1] in output


def test_a_species_the_model_never_saw_is_an_error_in_one_line(folder):
    write(folder / "neon.xyz", bulk("Ne"))
    answer = CliRunner().invoke(main, ["evaluate", str(folder / "argon.npz"), str(folder / "neon.xyz")])
    assert answer.exit_code == 1
    assert "the model knows Ar but the configuration holds Ne" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
