"""Whatever lies in a file, the readers of models answer with a model or with one kind of error, and soon."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from potential.examples import ANGLES, DISTANCES, angle_term, distance_term
from potential.quip_examples import model_of, pair_text, soap_of, write

from gapsample.errors import FileFormatError
from gapsample.gp.linear_system import Posterior
from gapsample.potential.baseline import from_recipe
from gapsample.potential.files import load
from gapsample.potential.gap import GAP
from gapsample.potential.quip.write import write_quip
from gapsample.potential.recipe import Baseline, Distance, Recipe, Soap

HOSTILE = [
    b"", b"\0", b"nan", b"-1", b"0", b"1e999", b"9" * 30, b"null", b"[]", b"{}", b'"x"', b"true", b"<a>",
    b"</", b"&a;", b"<!DOCTYPE", b"../", b"{", b"}", b"'", b'"', b"\xff\xfe", b"(((((", b" 1" * 50,
    b"Infinity", b"[" * 3000,
]  # fmt: skip

patient = settings(
    max_examples=150,
    deadline=3000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def spoiled(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` after one to three of: bytes replaced, a part cut out or said twice, the end cut off."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        to = min(len(data), at + draw(st.sampled_from([0, 1, 1, 2, 4, 20, 300])))
        how = draw(st.sampled_from(["replace", "replace", "bytes", "cut", "repeat", "truncate"]))
        if how == "replace":
            data = data[:at] + draw(st.sampled_from(HOSTILE)) + data[to:]
        elif how == "bytes":
            data = data[:at] + draw(st.binary(max_size=8)) + data[to:]
        elif how == "cut":
            data = data[:at] + data[to:]
        elif how == "repeat":
            data = data[:to] + data[at:]
        else:
            data = data[:at]
    return data


def reads_or_refuses(path: Path) -> None:
    try:
        assert isinstance(load(path), GAP)
    except FileFormatError:
        return


@pytest.fixture(scope="module")
def quip_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, Path, bytes]:
    """A small soap model: its XML and its side file, with their contents."""
    folder = tmp_path_factory.mktemp("quip")
    term = soap_of("Si", "Si")
    side, xml = write_quip(model_of(replace(term, sparse=term.sparse[:2])), folder / "gap.xml")
    text = xml.read_bytes().replace(b"sparseX_md5sum", b"unchecked")
    return xml, text, side, side.read_bytes()


@patient
@given(st.data())
def test_a_spoiled_xml_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    descriptor = data.draw(
        st.sampled_from(["distance_2b cutoff=4.0 Z1=14 Z2=14", "distance_Nb order=2 cutoff=4 Z={14 14}"])
    )
    text = pair_text(descriptor=descriptor).encode()
    reads_or_refuses(write(tmp_path, data.draw(spoiled(text))))


@patient
@given(st.data())
def test_a_spoiled_soap_model_is_read_or_refused(
    quip_files: tuple[Path, bytes, Path, bytes], data: st.DataObject
) -> None:
    xml, text, side, points = quip_files
    in_xml = data.draw(st.booleans())
    xml.write_bytes(data.draw(spoiled(text)) if in_xml else text)
    side.write_bytes(points if in_xml else data.draw(spoiled(points)))
    reads_or_refuses(xml)


@cache
def members() -> dict[str, bytes]:
    """The parts of a model file with everything in it."""
    terms = (soap_of("Si", "O Si"), distance_term(DISTANCES["like"]), angle_term(ANGLES["like"]))
    gap = model_of(*terms)
    recipe = Recipe((Soap(4.0), Distance(4.0)), baseline=Baseline(zbl=(0.5, 1.5)), e0={"Si": -1.0})
    posterior = Posterior(np.eye(len(gap.alpha) + 1), 0.5, 0.5, 100)
    gap = replace(gap, posterior=posterior, recipe=recipe, baseline=from_recipe(recipe.baseline))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gap.npz"
        gap.save(path)
        assert isinstance(load(path), GAP)
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


@patient
@given(st.data())
def test_a_spoiled_npz_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    reads_or_refuses(write(tmp_path, data.draw(spoiled(packed(members()))), "gap.npz"))


@patient
@given(st.data())
def test_a_spoiled_part_of_an_npz_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["header.json"] * 3 + sorted(members())))
    head = data.draw(spoiled(members()[name][:128])) + members()[name][128:]
    content = head if data.draw(st.booleans()) else data.draw(spoiled(members()[name]))
    reads_or_refuses(write(tmp_path, packed({**members(), name: content}), "gap.npz"))


@patient
@given(st.data())
def test_a_header_of_wrong_values_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    header = json.loads(members()["header.json"])
    places = [place for place in _places(header) if place[1] != "own_baseline"]
    for _ in range(data.draw(st.integers(1, 3))):
        container, key = places[data.draw(st.integers(0, len(places) - 1))]
        container[key] = data.draw(
            st.sampled_from([None, True, -1, 0, 1e300, 10**18, "x", "Si", [], [1, 2, 3], {}, {"a": 1}, 2.5])
        )
    spoiled_header = json.dumps(header).encode()
    reads_or_refuses(write(tmp_path, packed({**members(), "header.json": spoiled_header}), "gap.npz"))


def _places(value):
    """Every container and key below a JSON value."""
    for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(entry, dict | list):
            yield from _places(entry)


def array_claiming(shape: str, descr: str = "'<f8'") -> bytes:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + b"\0" * 64


def test_parts_that_lie_are_refused(tmp_path: Path) -> None:
    hostile: dict[str, Callable[[], dict[str, bytes]]] = {
        "huge": lambda: {"alpha.npy": array_claiming("(10000000000000,)")},
        "negative": lambda: {"alpha.npy": array_claiming("(-8, -1)")},
        "overflowing": lambda: {"alpha.npy": array_claiming("(4294967296, 4294967296)")},
        "pickle": lambda: {"alpha.npy": array_claiming("(1,)", "'|O'")},
        "integers": lambda: {"alpha.npy": array_claiming("(8,)", "'<i8'")},
        "nested": lambda: {"alpha.npy": array_claiming("(" * 60)},
        "format 3": lambda: {"alpha.npy": b"\x93NUMPY\x03\x00" + b"\xff" * 64},
        "deep": lambda: {"header.json": b'{"a":' * 50_000},
        "digits": lambda: {"header.json": b'{"a": ' + b"9" * 10_000 + b"}"},
        "nan": lambda: {"header.json": b'{"a": NaN}'},
        "not a number": lambda: {"alpha.npy": members()["alpha.npy"][:-8] + b"\xff" * 8},
    }
    for parts in hostile.values():
        with pytest.raises(FileFormatError):
            load(write(tmp_path, packed({**members(), **parts()}), "gap.npz"))
    for missing in members():
        rest = {name: content for name, content in members().items() if name != missing}
        with pytest.raises(FileFormatError):
            load(write(tmp_path, packed(rest), "gap.npz"))


def test_a_compressed_file_is_refused_before_it_swells(tmp_path: Path) -> None:
    bomb = packed({**members(), "alpha.npy": b"\0" * 50_000_000}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 500_000
    with pytest.raises(FileFormatError, match="compressed"):
        load(write(tmp_path, bomb, "gap.npz"))


def test_sparse_points_fit_the_basis_of_their_header(tmp_path: Path) -> None:
    header = json.loads(members()["header.json"])
    header["terms"][0]["basis"]["n_max"] += 1
    spoiled_header = json.dumps(header).encode()
    with pytest.raises(FileFormatError, match="sparse points of soap"):
        load(write(tmp_path, packed({**members(), "header.json": spoiled_header}), "gap.npz"))
