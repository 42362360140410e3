"""The commands of ``gapsample db``."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from specimens import assert_same, specimen
from test_extxyz import FRAME

from gapsample.cli.database import db
from gapsample.database import Database, read_extxyz, write_extxyz

GAP_FIT = ["--energy_parameter_name", "dft_energy", "--force-parameter-name=dft_force"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(db, list(arguments))


def test_import_reports_what_was_read_and_counts_new_rows() -> None:
    Path("a.xyz").write_text(FRAME + FRAME.replace("-1.25", "-1.5"))
    arguments = ("import", "x.db", "a.xyz", "--level", "PBE", *GAP_FIT, "--virial-key", "dft_virial")
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert "2 frames, 2 with energies, 2 with forces, 2 with virials" in result.output
    assert "2 new rows, 0 known already" in result.output
    assert "0 new rows, 2 known already" in run(*arguments).output
    assert [entry.label.energy for entry in Database("x.db").select()] == [-1.25, -1.5]


def test_import_writes_nothing_when_the_last_file_is_broken() -> None:
    Path("good.xyz").write_text(FRAME)
    Path("bad.xyz").write_text(FRAME[:-12])
    result = run("import", "x.db", "good.xyz", "bad.xyz", "--level", "PBE", *GAP_FIT)
    assert result.exit_code == 1
    assert len(result.output.strip().splitlines()) == 1
    assert "bad.xyz, frame 0 (line 1): atom 1 has 5 columns" in result.output
    assert not Path("x.db").exists()


def test_export_and_import_are_inverse() -> None:
    Database("x.db").add_many(specimen(seed) for seed in range(5))
    assert run("export", "x.db", "x.xyz").exit_code == 0
    assert run("import", "y.db", "x.xyz").exit_code == 0
    for seed, entry in enumerate(Database("y.db").select()):
        assert_same((entry.atoms, entry.label), specimen(seed))


def test_export_selects() -> None:
    Database("x.db").add_many(specimen(seed, level=level) for seed in range(30) for level in ("PBE", "RPA"))
    run("export", "x.db", "x.xyz", "--level", "RPA", "--config-type", "group 1", "--split", "train")
    labels = [label for _, label in read_extxyz("x.xyz").pairs]
    assert {(label.level, label.config_type) for label in labels} == {("RPA", "group 1")}
    assert "no rows with level='HF'" in run("export", "x.db", "x.xyz", "--level", "HF").output


def test_the_same_data_imported_with_other_keys_are_pointed_out() -> None:
    Path("a.xyz").write_text(FRAME)
    assert (
        "several labels"
        not in run("import", "x.db", "a.xyz", "--level", "PBE", "--energy-key=dft_energy").output
    )
    result = run("import", "x.db", "a.xyz", "--level", "PBE", *GAP_FIT)
    assert "note: 1 configurations have several labels at one level" in result.output
    assert "note: 1 configurations" in run("show", "x.db").output


def test_show_counts_groups() -> None:
    Database("x.db").add_many(specimen(seed) for seed in range(4))
    lines = run("show", "x.db").output.splitlines()
    assert lines[0].split()[:4] == ["level", "source", "config_type", "rows"]
    assert lines[1].startswith("PBE    test    group 0      2")
    assert lines[-1] == "4 rows, watermark 4"


def test_merge_counts_what_was_new() -> None:
    Database("x.db").add(*specimen(1))
    Database("y.db").add_many([specimen(1), specimen(2)])
    assert "y.db: 1 new of 2 rows" in run("merge", "x.db", "y.db").output


@pytest.mark.parametrize(
    "command", [("show", "no.db"), ("export", "no.db", "x.xyz"), ("merge", "x.db", "no.db")]
)
def test_a_database_that_is_not_there_is_not_made_up(command: tuple[str, ...]) -> None:
    result = run(*command)
    assert result.exit_code == 1
    assert "there is no database no.db" in result.output
    assert not Path("no.db").exists()


def test_wrong_files_are_named_in_one_line() -> None:
    write_extxyz("x.xyz", [specimen(1)])
    result = run("import", "x.db", "x.xyz", "--energy-key", "dft_energy")
    assert result.exit_code == 1
    assert "no frame of x.xyz has the key 'dft_energy'" in result.output
    assert len(result.output.strip().splitlines()) == 1
