"""`gapsample check` says what a fit would do, and what would stop it, and touches nothing."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from click.testing import CliRunner

from gapsample.cli import main
from gapsample.database import Database, Label, read_extxyz, write_extxyz
from gapsample.journeys.check import count, sparse_points
from gapsample.journeys.config import load_config
from gapsample.potential.recipe import Angle, Distance, Recipe, Soap

CONFIG = """
[database]
path = "silicon.db"
import = [{file = "cells.xyz", level = "PBE"}]

[recipe.sigmas]
energy = 0.001
virial = "none"

[[recipe.terms]]
kind = "soap"
cutoff = 5.0
n_sparse = 50

[[recipe.terms]]
kind = "distance_2b"
cutoff = 6.0

[output]
model = "models/si.npz"
"""


def labeled(n, level="PBE"):
    pairs = []
    for seed in range(n):
        atoms = bulk("Si", cubic=True)
        atoms.rattle(0.1, seed=seed)
        label = Label(
            level, energy=-40.0 - seed, forces=np.zeros((8, 3)), virial=np.eye(3), config_type="bulk"
        )
        pairs.append((atoms, label))
    return pairs


@pytest.fixture
def folder(tmp_path):
    write_extxyz(tmp_path / "cells.xyz", labeled(30))
    (tmp_path / "fit.toml").write_text(CONFIG)
    return tmp_path


def check(folder, *options):
    return CliRunner().invoke(main, ["check", str(folder / "fit.toml"), *options])


def test_what_would_run_is_said_and_nothing_is_written(folder):
    before = sorted(folder.rglob("*"))
    answer = check(folder)
    assert answer.exit_code == 0, answer.stderr
    for words in ("30  bulk (PBE)", "Si (", "50 sparse points", "20 sparse points", "MB", "si.npz", "ready"):
        assert words in answer.output
    assert sorted(folder.rglob("*")) == before


def test_what_is_in_the_database_and_in_the_file_counts_once(folder):
    Database(folder / "silicon.db").add_many(read_extxyz(folder / "cells.xyz", level="PBE").pairs)
    assert "30  bulk (PBE)" in check(folder).output


def test_train_and_test_are_told_apart_as_the_database_does(folder):
    pairs = read_extxyz(folder / "cells.xyz", level="PBE").pairs
    database = Database(folder / "silicon.db")
    database.add_many(pairs)
    census = count(pairs, load_config(folder / "fit.toml").recipe, "PBE")
    assert census.n_train == len(list(database.select(split="train")))
    assert census.n_test == len(list(database.select(split="test")))
    assert census.rows == census.n_train * (1 + 3 * 8)


def test_a_missing_file_is_a_problem(folder):
    (folder / "cells.xyz").unlink()
    answer = check(folder)
    assert answer.exit_code == 1
    assert "cells.xyz" in answer.stderr
    assert "nothing to fit" in answer.stderr


def test_several_levels_of_theory_are_a_problem(folder):
    Database(folder / "silicon.db").add_many(labeled(2, level="SCAN"))
    answer = check(folder)
    assert answer.exit_code == 1
    assert "several levels of theory (PBE, SCAN): choose one with recipe.level" in answer.stderr
    assert check(folder, "--set", "recipe.level=SCAN").exit_code == 0


def test_sigmas_for_a_config_type_that_is_not_there_are_a_problem(folder):
    answer = check(folder, "--set", "recipe.config_type_sigmas={bluk={energy=0.1}}")
    assert answer.exit_code == 1
    assert "bluk matches no configuration; present: bulk" in answer.stderr


def test_a_misspelled_key_is_answered_with_the_right_one(folder):
    answer = check(folder, "--set", "recipe.terms.0.n_spars=7")
    assert answer.exit_code == 1
    assert "unknown key in [recipe.terms[0]] 'n_spars'; did you mean 'n_sparse'" in answer.stderr


def test_names_of_gap_fit_are_understood(folder):
    text = CONFIG.replace("level = ", 'energy_parameter_name = "energy", level = ')
    (folder / "fit.toml").write_text(text.replace("file =", "at_file ="))
    assert check(folder).exit_code == 0


def test_paths_start_from_the_folder_of_the_config(folder, monkeypatch):
    monkeypatch.chdir("/")
    config = load_config(folder / "fit.toml")
    assert config.output.model == folder / "models" / "si.npz"
    assert config.output.manifest == folder / "models" / "si.manifest.json"
    assert config.database.imports[0].file == folder / "cells.xyz"


def test_a_server_s_address_is_left_as_it_is(folder):
    address = "postgresql://me@host/name"
    assert load_config(folder / "fit.toml", [f"database.path={address}"]).database.path == address


def test_sparse_points_are_counted_by_species():
    atoms = {"Si": 40, "O": 1000}
    assert sparse_points(Soap(5.0, n_sparse=100), atoms) == 140
    assert sparse_points(Soap(5.0, n_sparse=100, centers=("O",)), atoms) == 100
    assert sparse_points(Distance(5.0, n_sparse=10), atoms) == 30
    assert sparse_points(Angle(3.0, n_sparse=10), atoms) == 60
    assert sparse_points(Distance(5.0, n_sparse=10, pairs=(("Si", "O"),)), atoms) == 10


def test_a_recipe_that_uses_everything_holds_nothing_back():
    recipe = Recipe((Soap(5.0),), split="all")
    assert count(labeled(30), recipe, None).n_test == 0
