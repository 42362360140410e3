"""Extended XYZ in and out: exact, explicit, and loud about what is wrong."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import assert_same, same_value, specimen

from gapsample.database import Database, Label, read_extxyz, write_extxyz
from gapsample.database.xyz_comment import format_pair, parse_comment, parse_value, plain_text
from gapsample.errors import FileFormatError, GapsampleError, InputError

FRAME = """2
Lattice="4.0 0.0 0.0 0.0 4.0 0.0 0.0 0.0 4.0" Properties=species:S:1:pos:R:3:dft_force:R:3 \
dft_energy=-1.25 dft_virial="1 2 3 2 5 6 3 6 9" config_type=slab pbc="T T F" remark="two atoms"
Si 0.1 0.2 0.3 0.01 0.02 0.03
C 1.1 1.2 1.3 -0.01 -0.02 -0.03
"""
KEYS = {"level": "PBE", "energy_key": "dft_energy", "force_key": "dft_force", "virial_key": "dft_virial"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "frames.xyz"


def read_text(path: Path, text: str, **keys: str):
    path.write_text(text)
    return read_extxyz(path, **(keys or KEYS))


def test_a_frame_is_read_as_printed(path: Path) -> None:
    report, [(atoms, label)] = read_text(path, FRAME)
    assert atoms.get_chemical_symbols() == ["Si", "C"]
    assert atoms.positions.tolist() == [[0.1, 0.2, 0.3], [1.1, 1.2, 1.3]]
    assert atoms.pbc.tolist() == [True, True, False]
    assert label.energy == -1.25
    assert label.forces.tolist() == [[0.01, 0.02, 0.03], [-0.01, -0.02, -0.03]]
    assert label.virial.tolist() == [[1, 2, 3], [2, 5, 6], [3, 6, 9]]
    assert (label.level, label.source, label.config_type) == ("PBE", "import", "slab")
    assert atoms.info == {"remark": "two atoms"}
    assert (report.frames, report.energies, report.forces, report.virials) == (1, 1, 1, 1)
    assert report.config_types == {"slab": 1}
    assert report.unused == {"remark": 1}


def test_plain_names_are_the_default(path: Path) -> None:
    for force in ("force", "forces"):
        text = FRAME.replace("dft_force", force).replace("dft_", "")
        _, [(atoms, label)] = read_text(path, text, level="PBE")
        assert (label.energy, label.forces[0, 0], label.virial[0, 1]) == (-1.25, 0.01, 2.0)
        assert atoms.calc is None


def test_the_virial_is_minus_volume_times_stress(path: Path) -> None:
    atoms = bulk("Cu", cubic=True).repeat((1, 1, 2))
    atoms.info["stress"] = np.arange(9.0).reshape(3, 3) + np.arange(9.0).reshape(3, 3).T
    ase.io.write(path, atoms)
    _, [(_, label)] = read_extxyz(path, level="PBE", stress_key="stress")
    assert np.allclose(label.virial, -atoms.get_volume() * atoms.info["stress"], rtol=1e-15)


def test_files_written_by_ase_are_read(path: Path) -> None:
    from ase.calculators.emt import EMT

    atoms = molecule("H2O")
    atoms.calc = EMT()
    atoms.get_forces()
    ase.io.write(path, atoms)
    _, [(read, label)] = read_extxyz(path, level="EMT")
    assert label.energy == atoms.get_potential_energy()
    assert np.allclose(label.forces, atoms.get_forces(), atol=1e-8)
    assert not read.pbc.any()


def test_sigmas_of_frames_and_atoms_are_read(path: Path) -> None:
    text = FRAME.replace("remark=", "energy_sigma=0.5 force_sigma=0.25 virial_sigma=2 remark=")
    text = text.replace("dft_force:R:3", "dft_force:R:3:force_atom_sigma:R:1:trusted:L:1")
    text = text.replace("0.03\n", "0.03 0.125 T\n")
    _, [(_, label)] = read_text(path, text)
    assert (label.energy_sigma, label.force_sigma, label.virial_sigma) == (0.5, 0.25, 2.0)
    assert label.force_atom_sigma.tolist() == [0.125, 0.125]
    assert label.trusted.tolist() == [True, True]


def test_isolated_atoms_keep_their_name(path: Path) -> None:
    text = '1\nProperties=species:S:1:pos:R:3 dft_energy=-3 config_type=isolated_atom pbc="F F F"\nC 0 0 0\n'
    report, [(_, label)] = read_text(path, text, level="PBE", energy_key="dft_energy")
    assert label.config_type == "isolated_atom"
    assert (report.energies, report.forces) == (1, 0)


def test_names_that_look_like_numbers_stay_names(path: Path) -> None:
    _, [(_, label)] = read_text(path, FRAME.replace("slab", "111"))
    assert label.config_type == "111"


def test_the_report_points_at_keys_that_sound_like_labels(path: Path) -> None:
    report, _ = read_text(path, FRAME, level="PBE", energy_key="dft_energy")
    assert report.suspects == ["dft_force", "dft_virial"]
    assert "1 with energies, 0 with forces, 0 with virials" in str(report)


BROKEN = {
    "truncated between atoms": (
        FRAME + FRAME[:-32],
        r"frame 1 \(line 5\).*2 atoms are promised.*ends after 1",
    ),
    "truncated within a line": (FRAME + FRAME[:-12], r"frame 1 .*atom 1 has 5 columns"),
    "truncated within a number": (FRAME + FRAME[:-3], r"frame 1 .*its last number may be cut"),
    "truncated comment": (
        FRAME[:300].partition('"two')[0] + '"two\nSi 0 0 0 0 0 0\nC 1 1 1 0 0 0\n',
        "never closed",
    ),
    "NaN force": (
        FRAME + FRAME.replace("0.01 0.02", "nan 0.02"),
        "frame 1 .*forces holds 1 numbers that are NaN",
    ),
    "infinite energy": (FRAME.replace("-1.25", "inf"), "frame 0 .*energy must be finite"),
    "NaN position": (FRAME.replace("0.1 0.2 0.3", "0.1 NaN 0.3"), "positions hold NaN"),
    "text for a number": (FRAME.replace("0.1 0.2 0.3", "0.1 **** 0.3"), r"atom 0: '\*\*\*\*' in column pos"),
    "scalar forces": (FRAME.replace("dft_force:R:3", "dft_force:R:1:b:R:2"), r"forces must have shape"),
    "six virials": (FRAME.replace("1 2 3 2 5 6 3 6 9", "1 2 3 4 5 6"), "must be 9 numbers .* got 6"),
    "two energies": (FRAME.replace("-1.25", '"1 2"'), "must be one number; got 2"),
    "bad lattice": (FRAME.replace("4.0 0.0 0.0 0.0 4.0", "4.0"), "Lattice must be 9 numbers"),
    "singular cell": (
        FRAME.replace("4.0 0.0 0.0 0.0 4.0", "4.0 0.0 0.0 0.0 0.0"),
        "cell vectors .1. are zero",
    ),
    "unknown element": (FRAME.replace("Si ", "Xx "), "'Xx' is no chemical element"),
    "key twice": (FRAME.replace("remark=", "dft_energy=3 remark="), "occurs twice"),
    "no number of atoms": ("Si 0 0 0\n", "starts with its number of atoms"),
    "frame without labels": (
        FRAME + "1\nProperties=species:S:1:pos:R:3 x=1\nC 0 0 0\n",
        "frame 1 .*has none of",
    ),
    "atoms on one point": (FRAME.replace("1.1 1.2 1.3", "0.1 0.2 0.3"), "sit on the same point"),
    "empty": ("", "holds no frames"),
    "misspelled key": (FRAME.replace("dft_energy", "dft_enregy"), "no frame of .* did you mean 'dft_enregy'"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_refused_naming_the_frame(path: Path, name: str) -> None:
    text, message = BROKEN[name]
    with pytest.raises(GapsampleError, match=message):
        read_text(path, text)


def test_reading_nothing_is_refused_and_names_the_near_miss(path: Path) -> None:
    with pytest.raises(
        FileFormatError, match=r"nothing to read.*energy or forces.*did you mean.*'dft_energy'"
    ):
        read_text(path, FRAME, level="PBE")


def test_a_level_of_theory_is_asked_for(path: Path) -> None:
    with pytest.raises(InputError, match="no level of theory"):
        read_text(path, FRAME, energy_key="dft_energy")


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"cannot read .*frames\.xyz"):
        read_extxyz(path, level="PBE")


def test_whatever_is_exported_is_imported_to_the_bit(path: Path) -> None:
    wanted = [specimen(seed, level=level) for seed in range(8) for level in ("PBE", "111")]
    wanted.append((Atoms("H"), Label("PBE", "a source", "isolated_atom", energy=-13.6)))
    write_extxyz(path, wanted)
    _, pairs = read_extxyz(path)
    for got, pair in zip(pairs, wanted, strict=True):
        assert_same(got, pair)


def test_names_that_clash_with_labels_survive_an_export(path: Path) -> None:
    atoms = bulk("Si")
    atoms.info = {
        "energy": 7.0,
        "level": "mine",
        "a key": "T",
        "pbc": "yes",
        "word": "12",
        "line": "a\nb",
        "gapsample": 1,
    }
    atoms.new_array("forces", np.ones((2, 3)))
    atoms.new_array("odd name", np.ones(2))
    pair = atoms, Label("PBE", energy=-1.0)
    write_extxyz(path, [pair])
    assert_same(read_extxyz(path).pairs[0], pair)


def test_exported_files_are_understood_by_ase(path: Path) -> None:
    atoms, label = specimen(1)
    write_extxyz(path, [(atoms, label)])
    read = ase.io.read(path)
    assert read.get_potential_energy() == label.energy
    assert np.array_equal(read.get_forces(apply_constraint=False), label.forces)
    assert np.array_equal(read.info["virial"], label.virial)
    assert read.info["config_type"] == label.config_type


def test_an_export_that_fails_leaves_the_old_file(path: Path) -> None:
    path.write_text("old")

    def pairs():
        yield specimen(1)
        raise InputError("stop")

    with pytest.raises(InputError):
        write_extxyz(path, pairs())
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True), st.text(max_size=20), max_size=4
    )
)
@settings(max_examples=200, deadline=None)
def test_comment_lines_give_back_their_texts(pairs: dict[str, str]) -> None:
    assert parse_comment(" ".join(format_pair(key, text) for key, text in pairs.items())) == pairs


@given(st.floats(allow_nan=False) | st.integers() | st.booleans() | st.text(max_size=10))
@settings(max_examples=300, deadline=None)
def test_values_are_written_plainly_only_if_they_read_back(value: object) -> None:
    text = plain_text("key", value)
    if text is not None:
        same_value(parse_value(text), value, "value")


def test_comment_lines_of_other_programs_are_understood() -> None:
    line = 'a={1 2} b=[[1, 2], [3, 4]] c=\'x y\' it\'s d="say \\"hi\\"" e=1=2 \t f'
    wanted = {
        "a": "1 2",
        "b": "[1, 2], [3, 4]",
        "c": "x y",
        "it's": "T",
        "d": 'say "hi"',
        "e": "1=2",
        "f": "T",
    }
    assert parse_comment(line) == wanted


@pytest.mark.parametrize(("name", "count"), [("Si_train", 214), ("Li_test", 29)])
def test_published_data_go_through_database_and_file_unchanged(tmp_path: Path, name: str, count: int) -> None:
    source = Path(__file__).parents[3] / "shared" / "data" / "mlearn" / f"{name}.xyz"
    if not source.is_file():
        pytest.skip("the mlearn data are not here")
    virial = {"virial_key": "dft_virial"} if name.startswith("Si") else {}
    report, pairs = read_extxyz(source, level="PBE", energy_key="dft_energy", force_key="dft_force", **virial)
    assert report.frames == report.energies == report.forces == count
    database = Database(tmp_path / "x.db")
    database.add_many(pairs)
    write_extxyz(tmp_path / "x.xyz", ((entry.atoms, entry.label) for entry in database.select()))
    for got, wanted in zip(read_extxyz(tmp_path / "x.xyz").pairs, pairs, strict=True):
        assert_same(got, wanted)


def test_a_matrix_written_by_ase_is_read_like_nine_numbers(tmp_path):
    virial = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])
    atoms = bulk("Si")
    atoms.info.update(qm_energy=-3.5, qm_virial=virial)
    ase.io.write(tmp_path / "ase.xyz", atoms, format="extxyz")
    assert "_JSON" in (tmp_path / "ase.xyz").read_text()
    imported = read_extxyz(tmp_path / "ase.xyz", energy_key="qm_energy", virial_key="qm_virial", level="PBE")
    [(_, label)] = imported.pairs
    np.testing.assert_array_equal(label.virial, virial)
