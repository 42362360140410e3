"""Records that a checkpoint vouches for are never lost, and nothing else is ever taken for a record."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample.errors import FileFormatError, InputError
from gapsample.sampling.records import NOTHING, Mark, RecordFile, RecordSet, read_records

DEAD = np.dtype([("value", "f8"), ("step", "i4"), ("positions", "f8", (2, 3)), ("species", "S2")])


def records(n: int, first: int = 0) -> np.ndarray:
    block = np.zeros(n, DEAD)
    block["step"] = np.arange(first, first + n)
    block["value"] = np.sin(block["step"])
    block["positions"] = block["step"][:, None, None] + np.arange(6.0).reshape(2, 3)
    block["species"] = b"Si"
    return block


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dead.records"


def test_what_was_appended_is_read_whatever_the_blocks(path):
    with RecordFile(path, DEAD, about={"units": "eV"}) as file:
        for first, n in ((0, 3), (3, 0), (3, 20_000), (20_003, 1)):
            file.append(records(n, first))
        file.append(records(1, 20_004)[0])
        np.testing.assert_array_equal(file.read(), records(20_005))
        assert len(file) == 20_005
    np.testing.assert_array_equal(read_records(path), records(20_005))


def test_reading_is_mapped_and_read_only(path):
    with RecordFile(path, DEAD) as file:
        file.append(records(5))
        mapped = file.read()
        assert isinstance(mapped, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            mapped["value"] = 0.0


def test_an_empty_file_reads_as_no_records(path):
    with RecordFile(path, DEAD) as file:
        assert file.read().shape == (0,)
        assert file.read().dtype == DEAD


@pytest.mark.parametrize(
    "dtype",
    [
        [("a", ">f4"), ("b", "c16"), ("c", "?"), ("d", "<U3"), ("e", "M8[s]")],
        [("outer", [("inner", "f8", (2,)), ("other", "i2")], (3, 1)), ("x", "u1")],
        [(("a title", "name"), "f8"), ("x", "i8")],
        np.dtype([("small", "i1"), ("large", "f8")], align=True),
    ],
)
def test_any_dtype_without_objects_comes_back(path, dtype):
    block = np.zeros(4, dtype)
    RecordFile(path, dtype).append(block)
    with RecordFile(path, dtype, keep=NOTHING) as file:
        file.append(block)
    assert read_records(path).dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "dtype",
    ["f8", [("anything", "O")], [], {"names": ["a", "b"], "formats": ["f8", "f8"], "offsets": [0, 4]}],
)
def test_a_dtype_that_cannot_be_written_is_refused(path, dtype):
    with pytest.raises(InputError, match=r"structured dtype|one after another"):
        RecordFile(path, dtype)


@pytest.mark.parametrize("block", [np.zeros(3), np.zeros((2, 2), DEAD), np.zeros(2, DEAD.descr[:2])])
def test_a_block_of_another_kind_is_refused(path, block):
    with RecordFile(path, DEAD) as file, pytest.raises(InputError, match="takes records"):
        file.append(block)


def test_a_new_run_does_not_take_over_the_records_of_an_old_one(path):
    with RecordFile(path, DEAD) as file:
        file.append(records(1))
    with pytest.raises(InputError, match="earlier run"):
        RecordFile(path, DEAD)
    assert len(read_records(path)) == 1


def test_a_run_killed_before_its_first_record_can_be_started_again(path):
    RecordFile(path, DEAD).close()
    with RecordFile(path, DEAD) as file:
        assert len(file) == 0


def test_two_writers_are_not_let_in_together(path):
    with RecordFile(path, DEAD), pytest.raises(InputError, match="another process"):
        RecordFile(path, DEAD, keep=NOTHING)
    RecordFile(path, DEAD, keep=NOTHING).close()


def test_records_of_another_dtype_are_refused(path):
    RecordFile(path, DEAD).close()
    with pytest.raises(FileFormatError, match="holds records of"):
        RecordFile(path, [("value", "f8")], keep=NOTHING)


@pytest.mark.parametrize("content", [b"", b"gapsample", b"\x93NUMPY\x01\x00" + b" " * 200, bytes(500)])
def test_a_foreign_file_is_refused_and_left_alone(path, content):
    path.write_bytes(content)
    for opened in (lambda: RecordFile(path, DEAD, keep=NOTHING), lambda: read_records(path)):
        with pytest.raises(FileFormatError, match="not a file of gapsample records"):
            opened()
    assert path.read_bytes() == content


def test_a_newer_file_says_so(path, monkeypatch):
    monkeypatch.setattr("gapsample.sampling.records.SCHEMA", 2)
    RecordFile(path, DEAD).close()
    monkeypatch.undo()
    with pytest.raises(FileFormatError, match="upgrade gapsample"):
        read_records(path)


def test_a_missing_file_is_an_error_only_if_something_is_wanted_of_it(path):
    with pytest.raises(FileFormatError, match="does not exist"):
        read_records(path)
    with pytest.raises(FileFormatError, match="holds 0 records but the checkpoint vouches for 3"):
        RecordFile(path, DEAD, keep=Mark(3, 5))


def test_a_write_that_failed_can_be_repeated_without_harm(path, monkeypatch):
    import os

    whole = os.pwrite
    moods = iter([0.3, None, 0.5, 1.0])

    def moody(descriptor, content, offset):
        share = next(moods, 1.0)
        if share is None:
            raise OSError(28, "No space left on device")
        return whole(descriptor, bytes(content)[: int(len(content) * share)], offset)

    monkeypatch.setattr(os, "pwrite", moody)
    with RecordFile(path, DEAD) as file:
        file.append(records(10))
        with pytest.raises(OSError, match="No space"):
            file.sync()
        file.append(records(3, 10))
        file.sync()
        np.testing.assert_array_equal(file.read(), records(13))


def test_a_set_writes_each_part_of_the_story_to_its_file(tmp_path):
    files = {name: RecordFile(tmp_path / name, DEAD) for name in ("dead", "kept")}
    both = RecordSet(files, rows=lambda n: {"dead": records(n), **({"kept": records(1)} if n > 2 else {})})
    for n in (1, 3, 2):
        both.append(n)
    marks = json.loads(json.dumps(both.sync()))
    assert {name: mark[0] for name, mark in marks.items()} == {"dead": 6, "kept": 1}
    for name, mark in marks.items():
        assert len(read_records(tmp_path / name, keep=mark)) == mark[0]


@settings(max_examples=150, deadline=None)
@given(
    vouched=st.integers(0, 12),
    after=st.integers(0, 5),
    cut=st.integers(0, 400),
    tail=st.binary(max_size=100),
)
def test_any_torn_or_littered_tail_leaves_exactly_what_is_vouched_for(vouched, after, cut, tail):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dead.records"
        with RecordFile(path, DEAD) as file:
            file.append(records(vouched))
            mark = Mark(*json.loads(json.dumps(file.sync())))
            file.append(records(after, vouched))
        content = path.read_bytes()
        path.write_bytes(content[: len(content) - cut] + tail)
        intact = (
            path.read_bytes()[: len(content) - after * DEAD.itemsize]
            == content[: len(content) - after * DEAD.itemsize]
        )
        if not intact:
            for opened in (lambda: RecordFile(path, DEAD, keep=mark), lambda: read_records(path, mark)):
                with pytest.raises(FileFormatError):
                    opened()
            return
        np.testing.assert_array_equal(read_records(path, keep=mark), records(vouched))
        with RecordFile(path, DEAD, keep=mark) as file:
            np.testing.assert_array_equal(file.read(), records(vouched))
            file.append(records(2, vouched))
        np.testing.assert_array_equal(read_records(path), records(vouched + 2))


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_below_the_mark_is_noticed(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dead.records"
        with RecordFile(path, DEAD) as file:
            file.append(records(4))
            mark = file.sync()
        content = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, 8 * len(content) - 1))
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(FileFormatError):
            RecordFile(path, DEAD, keep=mark)
