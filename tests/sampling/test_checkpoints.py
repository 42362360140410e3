"""A checkpoint is whole or it is not used, and what is read is what was written, bit for bit."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gapsample.errors import FileFormatError, InputError
from gapsample.sampling.checkpoints import VERSION, Checkpoint, Checkpoints, Codec, Packed

PLAIN = Codec[Packed]("toy", 1, lambda state: state, lambda packed: packed)


def checkpoint(n_steps: int = 3) -> Checkpoint[Packed]:
    rng = np.random.default_rng(n_steps)
    arrays = {
        "positions": rng.normal(size=(4, 3)),
        "fortran": np.asfortranarray(rng.normal(size=(3, 2))),
        "nothing": np.empty((0, 3)),
        "scalar": np.array(1.5),
        "special": np.array([np.nan, -0.0, np.inf, 5e-324]),
        "numbers": np.arange(3, dtype=np.uint8),
        "of/records": np.zeros(2, [("a", "f8"), ("b", "i4", (2,))]),
    }
    values = {"ceiling": 0.1 + 0.2, "start": float("inf"), "large": 2**100, "text": "Å", "list": [1, None]}
    return Checkpoint(Packed(arrays, values), rng, n_steps, [7, 12345])


def assert_same(got: Checkpoint[Packed], wanted: Checkpoint[Packed]) -> None:
    assert got.state.arrays.keys() == wanted.state.arrays.keys()
    for name, array in wanted.state.arrays.items():
        assert got.state.arrays[name].dtype == array.dtype
        assert got.state.arrays[name].shape == array.shape
        assert got.state.arrays[name].flags.f_contiguous == array.flags.f_contiguous
        assert got.state.arrays[name].tobytes() == array.tobytes()
    assert got.state.values == wanted.state.values
    assert got.rng.bit_generator.state == wanted.rng.bit_generator.state
    assert (got.n_steps, got.marks) == (wanted.n_steps, wanted.marks)


def test_what_is_read_is_what_was_written(tmp_path):
    kept = Checkpoints(tmp_path / "new" / "folder", PLAIN, model="abc")
    assert kept.latest() is None
    kept.save(checkpoint())
    assert_same(Checkpoints(tmp_path / "new" / "folder", PLAIN, model="abc").latest(), checkpoint())


def test_the_newest_and_the_one_before_are_kept(tmp_path):
    kept = Checkpoints(tmp_path, PLAIN)
    (tmp_path / ".000000000001.checkpoint.abcdef.part").write_bytes(b"half of a file")
    for n_steps in (1, 2, 10, 1_000_000, 1_000_000):
        kept.save(checkpoint(n_steps))
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        "000000000010.checkpoint",
        "000001000000.checkpoint",
    ]
    assert kept.latest().n_steps == 1_000_000


def test_an_unreadable_checkpoint_gives_way_to_the_one_before(tmp_path):
    for n_steps in (1, 2):
        newest = Checkpoints(tmp_path, PLAIN).save(checkpoint(n_steps))
    newest.write_bytes(newest.read_bytes()[:-1])
    kept = Checkpoints(tmp_path, PLAIN)
    with pytest.warns(RuntimeWarning, match=r"2.checkpoint is damaged.*going on from 000000000001"):
        assert_same(kept.latest(), checkpoint(1))
    kept.save(checkpoint(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(kept.latest(), checkpoint(2))
    kept.save(checkpoint(3))
    assert len(list(tmp_path.iterdir())) == 2


def test_a_checkpoint_before_the_unreadable_one_does_not_lose_its_own_forerunner(tmp_path):
    for n_steps in (1, 5):
        newest = Checkpoints(tmp_path, PLAIN).save(checkpoint(n_steps))
    newest.write_bytes(b"")
    kept = Checkpoints(tmp_path, PLAIN)
    with pytest.warns(RuntimeWarning, match="damaged"):
        kept.latest()
    kept.save(checkpoint(3))
    assert [path.name[:12] for path in sorted(tmp_path.iterdir())] == ["000000000001", "000000000003"]


def test_if_none_is_readable_all_are_named(tmp_path):
    for n_steps in (1, 2):
        Checkpoints(tmp_path, PLAIN).save(checkpoint(n_steps)).write_bytes(b"?")
    with pytest.raises(FileFormatError, match=r"2.checkpoint.*1.checkpoint"):
        Checkpoints(tmp_path, PLAIN).latest()


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_damage_is_noticed(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    path = Checkpoints(folder, PLAIN).save(checkpoint())
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, 8 * len(content) - 1))
        content[place // 8] ^= 1 << place % 8
    else:
        content = content[: data.draw(st.integers(0, len(content) - 1))] + data.draw(st.binary(max_size=9))
    path.write_bytes(content)
    with pytest.raises(FileFormatError):
        Checkpoints(folder, PLAIN).latest()


def test_another_model_is_refused(tmp_path):
    Checkpoints(tmp_path, PLAIN, model="abc").save(checkpoint())
    with pytest.raises(InputError, match="written with model abc, this run has def"):
        Checkpoints(tmp_path, PLAIN, model="def").latest()


@pytest.mark.parametrize(
    ("codec", "what"), [(replace(PLAIN, kind="md"), "kind"), (replace(PLAIN, schema=2), "schema")]
)
def test_another_engine_or_schema_is_refused(tmp_path, codec, what):
    Checkpoints(tmp_path, PLAIN).save(checkpoint())
    with pytest.raises(FileFormatError, match=f"has {what}"):
        Checkpoints(tmp_path, codec).latest()


def test_a_newer_format_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("gapsample.sampling.checkpoints.VERSION", VERSION + 1)
    Checkpoints(tmp_path, PLAIN).save(checkpoint())
    monkeypatch.undo()
    with pytest.raises(FileFormatError, match="upgrade gapsample"):
        Checkpoints(tmp_path, PLAIN).latest()


def test_a_run_further_along_is_not_overwritten(tmp_path):
    Checkpoints(tmp_path, PLAIN).save(checkpoint(200))
    with pytest.raises(InputError, match="further along than 0 steps"):
        Checkpoints(tmp_path, PLAIN).save(checkpoint(0))
    assert Checkpoints(tmp_path, PLAIN).latest().n_steps == 200


@pytest.mark.parametrize(
    "packed",
    [Packed({"objects": np.array([None, {}])}, {}), Packed({}, {"x": np.ones(2)})],
)
def test_what_cannot_be_written_is_refused_and_the_last_one_stands(tmp_path, packed):
    kept = Checkpoints(tmp_path, PLAIN)
    kept.save(checkpoint(1))
    with pytest.raises(InputError, match="arrays of numbers"):
        kept.save(replace(checkpoint(2), state=packed))
    assert kept.latest().n_steps == 1


def test_nothing_pickled_is_ever_loaded(tmp_path):
    payload = io.BytesIO()
    with zipfile.ZipFile(payload, "w") as archive:
        archive.writestr("header.json", json.dumps({}))
        with archive.open("arrays/bad.npy", "w") as member:
            np.lib.format.write_array(member, np.array([print], dtype=object), allow_pickle=True)
    content = payload.getvalue()
    digest = hashlib.sha256(content).hexdigest().encode()
    (tmp_path / "000000000001.checkpoint").write_bytes(b"gapsample checkpoint 1\n" + digest + b"\n" + content)
    with pytest.raises((FileFormatError, ValueError), match=r"allow_pickle|damaged"):
        Checkpoints(tmp_path, PLAIN).latest()
