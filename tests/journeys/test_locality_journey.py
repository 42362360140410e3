"""``gapsample locality`` as a user types it, and how it chooses atoms."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from click.testing import CliRunner

from gapsample.cli.check import check
from gapsample.cli.locality import locality
from gapsample.errors import FileFormatError, InputError, SettingsError
from gapsample.journeys.locality import chosen, configurations, run_locality
from gapsample.journeys.locality_config import Chosen, load_locality_config

CONFIG = """
wanted = [1e-9]
[[configurations]]
kind = "file"
file = "copper.xyz"
[[configurations]]
kind = "python"
file = "more.py"
function = "cells"
[atoms]
per_species = 3
[qm]
kind = "python"
file = "more.py"
function = "engine"
settings = { cutoff = 5.0 }
[mm]
kind = "python"
file = "more.py"
function = "engine"
settings = { cutoff = 4.0 }
[cluster]
radii = [3.0, 4.0, 5.0]
terminate = false
[output]
folder = "out"
"""
MORE = """
from ase.build import bulk
from ase.calculators.lj import LennardJones

def cells():
    atoms = bulk("Au", cubic=True, a=3.7).repeat(4)
    atoms.rattle(0.05, seed=2)
    return [atoms]

def engine(cutoff):
    return LennardJones(sigma=2.3, epsilon=0.2, rc=cutoff, ro=0.8 * cutoff, smooth=True)
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    atoms = bulk("Cu", cubic=True).repeat(4)
    atoms.rattle(0.05, seed=1)
    ase.io.write(tmp_path / "copper.xyz", atoms)
    (tmp_path / "more.py").write_text(MORE, encoding="utf-8")
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_command_line_writes_table_figure_and_the_radius_that_an_error_takes(config: Path) -> None:
    result = CliRunner().invoke(locality, [str(config)])
    assert result.exit_code == 0, result.output
    out = config.parent / "out"
    rows = table(out / "locality.csv")
    assert len(rows) == 2 * 3 * 3  # outsides, species and all together, radii
    exact = [float(row["rms"]) for row in rows if row["radius"] == "5"]
    assert max(exact) < 1e-9
    assert "1e-09 eV/Å on Cu, outside nothing: radius 5 Å" in result.output
    assert len(table(out / "atoms.csv")) == 2 * 3 * 6
    assert (out / "locality.png").read_bytes().startswith(b"\x89PNG")
    radii = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["radii"]
    assert {(each["species"], each["outside"]) for each in radii} == {
        (species, outside) for species in ("Cu", "Au", "all") for outside in ("nothing", "classical")
    }


@pytest.mark.slow
def test_workers_change_nothing(config: Path) -> None:
    one = run_locality(load_locality_config(config, ["cluster.radii=[3.0]", "atoms.per_species=1"]))
    two = run_locality(
        load_locality_config(config, ["cluster.radii=[3.0]", "atoms.per_species=1", "workers=2"])
    )
    np.testing.assert_array_equal(one.found.errors["classical"], two.found.errors["classical"])


def test_so_many_atoms_of_each_species_are_drawn_and_the_same_ones_again() -> None:
    frames = [Atoms("Cu5H2"), Atoms("H3"), Atoms("Cu")]
    picked = chosen(frames, Chosen(per_species=4, seed=3))
    numbers = np.concatenate([atoms.numbers[part] for atoms, part in zip(frames, picked, strict=True)])
    assert sorted(numbers) == [1] * 4 + [29] * 4
    for again, first in zip(chosen(frames, Chosen(per_species=4, seed=3)), picked, strict=True):
        np.testing.assert_array_equal(again, first)
    only = chosen(frames, Chosen(per_species=99, species=("H",)))
    assert [part.tolist() for part in only] == [[5, 6], [0, 1, 2], []]


def test_given_atoms_are_looked_at_in_every_configuration() -> None:
    picked = chosen([Atoms("Cu5"), Atoms("Cu3")], Chosen(indices=(2, 0)))
    assert [part.tolist() for part in picked] == [[2, 0], [2, 0]]
    with pytest.raises(InputError, match="0 to 2"):
        chosen([Atoms("Cu5"), Atoms("Cu3")], Chosen(indices=(3,)))
    with pytest.raises(InputError, match="among Cu"):
        chosen([Atoms("Cu5")], Chosen(species=("Si",)))


def test_a_config_that_cannot_be_is_refused(config: Path) -> None:
    with pytest.raises(SettingsError, match="at least one configuration"):
        load_locality_config(config, ["configurations=[]"])
    with pytest.raises(SettingsError, match="per_species"):
        load_locality_config(config, ["atoms.per_species=0"])
    with pytest.raises(FileFormatError, match=r"no\.xyz"):
        configurations(load_locality_config(config, ["configurations.0.file=no.xyz"]))


def test_a_check_tells_clusters_and_their_time_and_leaves_no_trace(config: Path) -> None:
    before = sorted(config.parent.rglob("*"))
    answer = CliRunner().invoke(check, [str(config)])
    assert answer.exit_code == 0, answer.output
    for words in (
        "systems      256 atoms, 256 atoms",
        "clusters     radius 3 Å: 6 of 13 to 13 atoms, 0 would be the whole configuration",
        "cost         20 quantum calculations; 13 atoms take",
        "ready",
    ):
        assert words in answer.output
    assert sorted(path for path in config.parent.rglob("*") if "__pycache__" not in path.parts) == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("configurations.0.file=nowhere.xyz", "nowhere.xyz"),
        ("qm.function=absent", "no function 'absent'"),
        ("mm.function=absent", "no function 'absent'"),
        ("atoms.indices=[256]", "atoms.indices want 0 to 255"),
    ],
)
def test_a_check_finds_what_would_stop_a_scan(config: Path, change: str, words: str) -> None:
    answer = CliRunner().invoke(check, [str(config), "--set", change])
    assert answer.exit_code == 1
    assert words in answer.stderr


def test_a_cluster_changes_nothing(config: Path, scheduler: str) -> None:
    small = ["cluster.radii=[3.0]", "atoms.per_species=1"]
    one = run_locality(load_locality_config(config, small))
    two = run_locality(load_locality_config(config, [*small, f"address={scheduler}"]))
    np.testing.assert_array_equal(one.found.errors["classical"], two.found.errors["classical"])
