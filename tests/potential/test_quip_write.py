"""QUIP runs our models and agrees; what comes back from its files is what went in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from potential.examples import ANGLES, DISTANCES, angle_term, distance_term, oxide_cell
from potential.quip_examples import SOAPS, combined, model_of, pair_text, soap_of, weighted_soap, write
from potential.soap_examples import soap_term

from gapsample.cli import main
from gapsample.errors import InputError
from gapsample.potential.files import load
from gapsample.potential.gap import GAP
from gapsample.potential.quip.read import read_quip
from gapsample.potential.quip.write import truncation_error, write_quip
from gapsample.potential.terms.distance import DistanceKind
from gapsample.potential.terms.soap import SoapTerm
from gapsample.potential.zbl import ZBL

MODELS: dict[str, Callable[[], GAP]] = {
    "combined": combined,
    "soap, weighted by distance": lambda: model_of(weighted_soap()),
}
for name, given in SOAPS.items():
    MODELS[f"soap, {name}"] = lambda given=given: model_of(soap_of(*given))
for name, kind in DISTANCES.items():
    MODELS[f"distance, {name}"] = lambda kind=kind: model_of(distance_term(kind))
for name, kind in ANGLES.items():
    MODELS[f"angle, {name}"] = lambda kind=kind: model_of(angle_term(kind))


def check_against_quip(gap: GAP, xml: Path, energy: float = 1e-9, force: float = 1e-7) -> None:
    """Tolerances in eV per atom and eV/Å."""
    quip = pytest.importorskip("quippy.potential", reason="quippy is not installed")
    atoms = oxide_cell()
    ours = gap.evaluate(atoms, virial=True)
    atoms.calc = quip.Potential(param_filename=str(xml))
    assert ours.energy == pytest.approx(atoms.get_potential_energy(), abs=energy * len(atoms))
    np.testing.assert_allclose(ours.forces, atoms.get_forces(), atol=force)
    theirs = -atoms.get_volume() * atoms.get_stress(voigt=False)
    np.testing.assert_allclose(ours.virial, theirs, atol=5 * force)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("soap") or name == "combined"])
def test_quip_agrees_with_the_model_written_for_it(name: str, tmp_path: Path) -> None:
    gap = MODELS[name]()
    write_quip(gap, tmp_path / "gap.xml")
    check_against_quip(gap, tmp_path / "gap.xml")


@pytest.mark.parametrize("name", MODELS)
def test_a_round_trip_through_quip_changes_nothing(name: str, tmp_path: Path) -> None:
    gap = MODELS[name]()
    gap.save(tmp_path / "gap.npz")
    write_quip(load(tmp_path / "gap.npz"), tmp_path / "gap.xml")
    back = load(tmp_path / "gap.xml")
    assert dict(back.e0) == dict(gap.e0) or set(gap.e0) < set(back.e0)
    before = gap.evaluate(oxide_cell(), virial=True)
    after = back.evaluate(oxide_cell(), virial=True)
    assert after.energy == before.energy
    np.testing.assert_array_equal(after.forces, before.forces)
    np.testing.assert_array_equal(after.virial, before.virial)


@pytest.mark.parametrize("text", ["compact_clusters=T", "compact_clusters=F", ""])
@pytest.mark.parametrize("version", ["1769700636", "1500000000"])
@pytest.mark.parametrize("species", ["{14 14}", "{14 8}"])
def test_a_cluster_of_two_is_read_as_quip_counts_it(
    text: str, version: str, species: str, tmp_path: Path
) -> None:
    descriptor = f"distance_Nb order=2 cutoff=4.0 cutoff_transition_width=1.0 Z={species} {text}"
    e0 = '<e0 Z="14" value="-1.0"/><e0 Z="8" value="-2.0"/>'
    xml = write(tmp_path, pair_text(descriptor=descriptor, version=version, e0=e0))
    check_against_quip(read_quip(xml), xml)


def test_several_centers_may_share_their_sparse_points(tmp_path: Path) -> None:
    write_quip(model_of(soap_of("Si", "O Si")), tmp_path / "gap.xml")
    text = (tmp_path / "gap.xml").read_text().replace("n_Z=1 Z=14", "n_Z=2 Z={8 14}")
    xml = write(tmp_path, text)
    gap = read_quip(xml)
    assert len(gap.terms) == 2
    check_against_quip(gap, xml)


def test_sparse_points_need_not_be_normalized_nor_their_cutoff_be_one(tmp_path: Path) -> None:
    gap = model_of(soap_of("Si", "O Si", 3.0))
    (side, xml) = write_quip(gap, tmp_path / "gap.xml")
    side.write_text("\n".join(str(1.5 * float(word)) for word in side.read_text().split()))
    text = xml.read_text().replace('sparseCutoff="1.0"', 'sparseCutoff="0.25"')
    xml.write_text(text.replace("sparseX_md5sum", "unchecked"))
    back = read_quip(xml)
    np.testing.assert_allclose(back.alpha, gap.alpha * 0.25 * 1.5**3)
    check_against_quip(back, xml)


def test_a_central_atom_that_quip_leaves_out_is_left_out(tmp_path: Path) -> None:
    write_quip(model_of(soap_of("O", "Si")), tmp_path / "gap.xml")
    text = (tmp_path / "gap.xml").read_text()
    xml = write(tmp_path, text.replace("n_Z=1", "n_Z=1 central_reference_all_species=F"))
    check_against_quip(read_quip(xml), xml)


def test_a_cruder_basis_is_announced_by_the_size_of_its_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    coarse = model_of(soap_of("Si", "O Si", tolerance=0.05))
    term = coarse.terms[0]
    assert isinstance(term, SoapTerm)
    error = truncation_error(term, coarse.alpha)
    assert error > 1e-4
    with caplog.at_level(logging.WARNING):
        write_quip(coarse, tmp_path / "gap.xml")
    assert "basis_tolerance" in caplog.text
    check_against_quip(coarse, tmp_path / "gap.xml", energy=10 * error, force=100 * error)


def test_names_of_side_files_follow_their_contents(tmp_path: Path) -> None:
    first = write_quip(combined(), tmp_path / "gap.xml")
    assert write_quip(combined(), tmp_path / "gap.xml") == first
    second = write_quip(replace(combined(), alpha=2.0 * combined().alpha), tmp_path / "gap.xml")
    assert set(first[:-1]).isdisjoint(second[:-1])


def test_a_baseline_is_left_out_only_on_request(tmp_path: Path) -> None:
    gap = replace(model_of(soap_of("Si", "Si")), baseline=ZBL(0.5, 1.5))
    with pytest.raises(InputError, match="baseline"):
        write_quip(gap, tmp_path / "gap.xml")
    assert list(tmp_path.iterdir()) == []
    write_quip(gap, tmp_path / "gap.xml", without_baseline=True)
    kept = load(tmp_path / "gap.xml", baseline=gap.baseline)
    assert kept.evaluate(oxide_cell()).energy == gap.evaluate(oxide_cell()).energy


def test_what_quip_cannot_express_is_refused(tmp_path: Path) -> None:
    mixed = soap_term([oxide_cell()], "Si", "O Si", n_sparse=4, mixing=np.array([[0.6, 0.8]]))
    with pytest.raises(InputError, match="compress"):
        write_quip(model_of(mixed), tmp_path / "gap.xml")
    half = distance_term(DistanceKind((14, 14), 4.0, exponent=1.5))
    with pytest.raises(InputError, match="integer exponents"):
        write_quip(model_of(half), tmp_path / "gap.xml")
    assert list(tmp_path.iterdir()) == []


def test_the_command_converts_both_ways(tmp_path: Path) -> None:
    gap = combined()
    gap.save(tmp_path / "a.npz")
    for source, target in [("a.npz", "b.xml"), ("b.xml", "c.npz")]:
        answer = CliRunner().invoke(main, ["convert", str(tmp_path / source), str(tmp_path / target)])
        assert answer.exit_code == 0, answer.output
        assert f"wrote {tmp_path / target}" in answer.output
    assert load(tmp_path / "c.npz").evaluate(oxide_cell()).energy == gap.evaluate(oxide_cell()).energy
    answer = CliRunner().invoke(main, ["convert", str(tmp_path / "a.npz"), str(tmp_path / "d.json")])
    assert answer.exit_code == 1
    assert ".npz or .xml" in answer.stderr
