"""Models of gap_fit are read as they were meant, or refused with a word about why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from potential.examples import oxide_cell
from potential.quip_examples import combined, model_of, pair_text, soap_of, write

from gapsample.errors import FileFormatError
from gapsample.potential.files import load
from gapsample.potential.quip.descriptor import parse_descriptor
from gapsample.potential.quip.read import read_quip
from gapsample.potential.quip.write import write_quip

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
with_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="models of gap_fit are not beside this repository"
)


@with_reference
def test_a_silicon_model_of_gap_fit_gives_the_numbers_of_quip() -> None:
    known = np.load(REFERENCE / "silicon64" / "reference.npz", allow_pickle=False)
    gap = read_quip(REFERENCE / "silicon64" / "gap.xml")
    atoms = Atoms("Si64", known["positions"], cell=known["cell"], pbc=True)
    found = gap.evaluate(atoms, virial=True)
    assert gap.species == ("Si",)
    assert found.energy == pytest.approx(float(known["energy"]), abs=64e-8)
    np.testing.assert_allclose(found.forces, known["forces"], atol=1e-8)
    np.testing.assert_allclose(found.virial, known["virial"], atol=1e-7)
    np.testing.assert_allclose(found.local_energies, known["local_energy"], atol=1e-8)


@with_reference
def test_a_model_read_from_quip_still_knows_what_is_new_to_it() -> None:
    known = np.load(REFERENCE / "silicon64" / "reference.npz", allow_pickle=False)
    gap = read_quip(REFERENCE / "silicon64" / "gap.xml")
    atoms = Atoms("Si64", known["positions"], cell=known["cell"], pbc=True)
    found = gap.evaluate(atoms, error="local")
    np.testing.assert_allclose(found.novelty, known["atoms_gap_var"], atol=1e-7)
    assert found.local_std is None


@with_reference
def test_a_model_of_two_kinds_of_terms_gives_the_energies_it_was_fitted_to() -> None:
    gap = read_quip(REFERENCE / "tiny_fit" / "gap.xml")
    for atoms in ase.io.read(REFERENCE / "tiny_fit" / "train.xyz", ":"):
        expected = atoms.info.get("dft_energy")
        assert gap.evaluate(atoms).energy == pytest.approx(expected, abs=0.02 * len(atoms))


def test_numbers_as_fortran_writes_them_are_numbers(tmp_path: Path) -> None:
    gap = read_quip(write(tmp_path, pair_text()))
    assert gap.e0 == {14: -0.79}
    np.testing.assert_array_equal(gap.alpha, [0.7, -0.4])
    assert gap.posterior is None
    assert gap.origin["quip"]["gap_version"] == 1769700636


def test_species_are_those_of_the_descriptors_when_every_element_has_an_e0(tmp_path: Path) -> None:
    every = "".join(f'<e0 Z="{z}" value="-1.0"/>' for z in range(1, 119))
    assert read_quip(write(tmp_path, pair_text(e0=every))).species == ("Si",)
    anything = pair_text(e0=every, descriptor="distance_2b cutoff=4.0")
    assert len(read_quip(write(tmp_path, anything)).species) == 118
    few = '<e0 Z="14" value="-1.0"/><e0 Z="8" value="-2.0"/>'
    assert read_quip(write(tmp_path, pair_text(e0=few))).species == ("O", "Si")
    assert read_quip(write(tmp_path, pair_text(e0=""))).e0 == {14: 0.0}


def test_descriptor_text_is_split_as_quip_splits_it() -> None:
    found = parse_descriptor(' soap  n_max=8 species_Z={8 14 }\n average Z_map="a b" config={}')
    assert found.name == "soap"
    assert found.options == {
        "n_max": "8",
        "species_Z": "8 14",
        "average": "T",
        "Z_map": "a b",
        "config": "",
    }


SOAP_TEXT = "soap cutoff=3.6 n_max=6 l_max=3 atom_sigma=0.45 Z=14 n_species=1 species_Z=14"
REFUSED = [
    ({"descriptor": "coordination cutoff=4.0"}, "'coordination' is not supported"),
    ({"descriptor": "soap_turbo l_max=8"}, "'soap_turbo' is not supported"),
    ({"descriptor": "distance_2b cutoff=4.0 Z1=14 Z2=14 only_intra=T"}, "only_intra=T is not supported"),
    ({"descriptor": "distance_2b cutoff=4.0 n_exponents=2 exponents={-3 -6}"}, "n_exponents=2"),
    ({"descriptor": "distance_2b cutoff=4.0 Z1=14 Z3=14"}, "'Z3'"),
    ({"descriptor": "distance_2b Z1=14"}, "lacks cutoff"),
    ({"descriptor": "distance_2b cutoff=4.0 Z1=200"}, "200"),
    ({"descriptor": "distance_2b cutoff=4.0 cutoff=5.0"}, "twice"),
    ({"descriptor": "distance_2b cutoff={4.0"}, "cannot be understood"),
    ({"descriptor": "distance_2b cutoff=-4.0"}, "between 0 and"),
    ({"descriptor": "distance_2b cutoff=4.0 cutoff_transition_width=0"}, "transition width"),
    ({"descriptor": " "}, "without a name"),
    ({"descriptor": "distance_Nb order=3 cutoff=4.0 Z={14 14 14}"}, "order=3"),
    ({"descriptor": "distance_Nb order=2 cutoff=4.0 Z={14}"}, "two atomic numbers"),
    ({"descriptor": "angle_3b cutoff=4.0"}, "3 dimensions"),
    ({"descriptor": SOAP_TEXT}, "dot-product"),
    ({"covariance": "2"}, "squared-exponential"),
    ({"covariance": "4"}, "covariance_type=4"),
    ({"data": 'do_core="T"'}, "core potential"),
    ({"e0": "<water_monomer_params/>"}, "other potentials: water_monomer_params"),
    ({"e0": "<local_e0/>"}, "local_e0"),
    ({"e0": '<e0 Z="14" value="nan"/>'}, "value of e0 must be a finite number"),
    ({"e0": '<e0 Z="0" value="1"/>'}, "atomic number 0"),
    ({"init": "Sum init_args_pot1={IP GAP} init_args_pot2={IP SW}"}, "init_args"),
    ({"extra": "<Glue_params/>"}, "Glue_params"),
    ({"extra": "<GAP_params/>"}, "one <GAP_params>"),
    ({"fitted": "F"}, "never fitted"),
    ({"attributes": 'sparsified="F"'}, "no sparse points"),
    ({"alpha": "NaN"}, "alpha must be a finite number"),
    ({"alpha": "1e999"}, "alpha must be a finite number"),
    ({"point": "inf"}, "a sparse point must be a finite number"),
    ({"point": "2.0 3.0"}, "1 numbers, got 2"),
    ({"theta": "1.0 2.0"}, "length scales"),
    ({"theta": "0"}, "theta"),
    ({"version": "old"}, "gap_version must be an integer"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_is_not_supported_is_refused_by_name(
    changes: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FileFormatError, match=r"gap\.xml") as caught:
        read_quip(write(tmp_path, pair_text(**changes)))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("EQUISPACED_GAUSS", "POLY", "radial_basis=POLY"),
        ("radial_basis=EQUISPACED_GAUSS", "radial_basis=GTO", "radial_basis=GTO"),
        ("n_Z=1", "n_Z=1 normalise=F", "normalise=F is not supported"),
        ("n_Z=1", "n_Z=1 diagonal_radial=T", "diagonal_radial=T"),
        ("n_Z=1", "n_Z=1 diagonal_radial", "diagonal_radial=T"),
        ("n_Z=1", "n_Z=1 covariance_sigma0=0.1", "covariance_sigma0=0.1"),
        ("n_Z=1", "n_Z=1 average=T", "average=T"),
        ("n_Z=1", "n_Z=1 R_mix=T", "R_mix=T"),
        ("n_Z=1", "n_Z=1 central_reference_all_species=T", "central_reference_all_species=T"),
        ("n_Z=1", "n_Z=2", "2 different atomic numbers in Z"),
        ("species_Z={8 14}", "species_Z={8 8}", "2 different atomic numbers in species_Z"),
        ("species_Z={8 14}", "species_Z={0 14}", "any species (0)"),
        ("n_max=6", "n_max=5", "dimensions"),
        ("atom_sigma=0.45", "atom_sigma=1e-9", "at least 0.01"),
        ("n_max=6", "n_max=6000000", "n_max"),
        ('gap_version="1596837814"', 'gap_version="1423143768"', "1/sqrt(2l+1)"),
        ('gap_version="1596837814"', 'gap_version="1426512067"', "central_reference_all_species"),
        (' gap_version="1596837814"', "", "1/sqrt(2l+1)"),
        ('zeta="4.0"', 'zeta="-1"', "zeta"),
        ('zeta="4.0"', "", "zeta"),
        ('n_sparseX="12"', 'n_sparseX="13"', "numbered from 1 to 13"),
        ('n_sparseX="12"', 'n_sparseX="9999999999"', "numbered from 1"),
        ('i="2"', 'i="3"', "numbered from 1 to 12"),
        ('permutation i="1">1<', 'permutation i="1">2 1<', "permutations"),
        ('n_coordinate="1"', 'n_coordinate="2"', "announces 2"),
        ("<descriptor>", "<descriptor>soap</descriptor><descriptor>", "one <descriptor>"),
    ],
)
def test_a_soap_of_other_conventions_is_refused_by_name(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    write_quip(model_of(soap_of("Si", "O Si")), tmp_path / "gap.xml")
    text = (tmp_path / "gap.xml").read_text()
    assert old in text
    xml = write(tmp_path, text.replace(old, new))
    with pytest.raises(FileFormatError) as caught:
        read_quip(xml)
    assert message in str(caught.value)


def test_an_old_soap_keeps_its_exponent_in_theta(tmp_path: Path) -> None:
    write_quip(model_of(soap_of("Si", "O Si", 3.0)), tmp_path / "gap.xml")
    text = (tmp_path / "gap.xml").read_text()
    old = text.replace('zeta="3.0"', "").replace("<descriptor>", "<theta> 3.0 </theta><descriptor>")
    before, after = (read_quip(write(tmp_path, each)).evaluate(oxide_cell()) for each in (text, old))
    assert after.energy == before.energy


ENTITIES = {
    "bomb": '<!DOCTYPE g [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
    "file": '<!DOCTYPE g [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
    "type": '<!DOCTYPE g SYSTEM "http://localhost/g.dtd">',
}


@pytest.mark.parametrize("kind", ENTITIES)
def test_entities_and_document_types_are_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="entities"):
        read_quip(write(tmp_path, ENTITIES[kind] + pair_text()))


def test_deeply_nested_xml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError):
        read_quip(write(tmp_path, "<a>" * 100_000 + "</a>" * 100_000))


@pytest.fixture
def with_side_file(tmp_path: Path) -> tuple[Path, Path]:
    """An XML and its only side file."""
    home = tmp_path / "home"
    home.mkdir()
    side, xml = write_quip(model_of(soap_of("Si", "Si")), home / "gap.xml")
    return xml, side


@pytest.mark.parametrize(
    "name", ["../{}", "{home}/{}", "/etc/hostname", "/dev/zero", ".", "x\0y", "a" * 5000]
)
def test_side_files_lie_in_the_folder_of_the_xml(name: str, with_side_file: tuple[Path, Path]) -> None:
    xml, side = with_side_file
    (xml.parent.parent / side.name).write_bytes(side.read_bytes())
    other = name.format(side.name, home=xml.parent)
    xml.write_text(xml.read_text().replace(f'filename="{side.name}"', f'filename="{other}"'))
    with pytest.raises(FileFormatError):
        read_quip(xml)


def test_a_side_file_may_not_be_a_link_out_of_the_folder(with_side_file: tuple[Path, Path]) -> None:
    xml, side = with_side_file
    side.rename(xml.parent.parent / side.name)
    side.symlink_to(xml.parent.parent / side.name)
    with pytest.raises(FileFormatError, match="must lie in the folder"):
        read_quip(xml)
    side.unlink()
    side.symlink_to(side.name)
    with pytest.raises(FileFormatError, match=r"cannot be opened|missing|must lie"):
        read_quip(xml)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[: len(data) // 2], "md5|bytes"),
        (lambda data: data[:-30], "md5"),
        (lambda data: b"", "bytes"),
        (lambda data: data * 10, "bytes"),
        (lambda data: data.replace(b"1", b"2", 1), "md5"),
    ],
)
def test_a_damaged_side_file_is_noticed(spoil, message: str, with_side_file: tuple[Path, Path]) -> None:
    xml, side = with_side_file
    side.write_bytes(spoil(side.read_bytes()))
    with pytest.raises(FileFormatError, match=message):
        read_quip(xml)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[: len(data) * 9 // 10],
        lambda data: data + b"1.0\n",
        lambda data: b"nan" + data[data.index(b"\n") :],
        lambda data: b"1e999" + data[data.index(b"\n") :],
        lambda data: b"x" + data,
        lambda data: data + b"\xff",
        lambda data: b"0.0\n" * data.count(b"\n"),
        lambda data: data[: data.rindex(b"\n", 0, -1)] + b"\n1.0\n",
    ],
    ids=["short", "long", "nan", "overflow", "letter", "byte", "zero", "last not zero"],
)
def test_a_side_file_without_md5_sum_is_checked_all_the_same(
    spoil, with_side_file: tuple[Path, Path]
) -> None:
    xml, side = with_side_file
    xml.write_text(xml.read_text().replace("sparseX_md5sum", "unchecked"))
    read_quip(xml)
    side.write_bytes(spoil(side.read_bytes()))
    with pytest.raises(FileFormatError):
        read_quip(xml)


def test_a_missing_side_file_is_named(with_side_file: tuple[Path, Path]) -> None:
    xml, side = with_side_file
    side.unlink()
    with pytest.raises(FileFormatError, match=f"{side.name}.*copy it beside"):
        load(xml)


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_xml_is_refused(part: float, tmp_path: Path) -> None:
    data = pair_text().encode()
    with pytest.raises(FileFormatError, match="well-formed"):
        read_quip(write(tmp_path, data[: int(part * len(data))]))


def test_a_model_that_went_through_quip_can_be_saved(tmp_path: Path) -> None:
    write_quip(combined(), tmp_path / "gap.xml")
    gap = load(tmp_path / "gap.xml")
    gap.save(tmp_path / "gap.npz")
    back = load(tmp_path / "gap.npz")
    assert back.origin == gap.origin
    assert back.evaluate(oxide_cell()).energy == gap.evaluate(oxide_cell()).energy
    assert replace(back, alpha=0.0 * back.alpha).evaluate(oxide_cell()).energy == -15.0
