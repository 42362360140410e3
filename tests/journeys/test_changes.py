"""What has begun goes on with the same numbers only: settings by name, files by what they hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsample.errors import FileFormatError, InputError
from gapsample.journeys.changes import Inputs, changes, refuse, under
from gapsample.journeys.commands import begun_in
from gapsample.journeys.nested_study import open_study
from gapsample.journeys.umbrella_folder import open_campaign
from gapsample.provenance import MANIFEST, manifest, read_manifest, spent, write_json

NOTHING_FREE = lambda name: False  # noqa: E731
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
TABLES = st.dictionaries(
    st.text("abc", min_size=1, max_size=3), st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3))
)


def test_a_file_that_moves_is_the_same_and_one_that_changes_is_not(tmp_path):
    one, other = tmp_path / "one.txt", tmp_path / "other.txt"
    one.write_text("a")
    other.write_text("a")
    before = Inputs.found({"model": {"file": str(one)}}, [one])
    after = Inputs.found({"model": {"file": str(other)}}, [other])
    assert list(changes(before, after, NOTHING_FREE)) == []
    assert before.fingerprint(NOTHING_FREE) == after.fingerprint(NOTHING_FREE)
    other.write_text("b")
    after = Inputs.found({"model": {"file": str(other)}}, [other])
    (change,) = changes(before, after, NOTHING_FREE)
    assert change.refusal("run").startswith(f"{other} is not what it was when the run began (SHA-256 ")
    assert before.fingerprint(NOTHING_FREE) != after.fingerprint(NOTHING_FREE)


def test_a_file_that_two_settings_name_may_become_two_files(tmp_path):
    one, other = tmp_path / "one.py", tmp_path / "other.py"
    one.write_text("a")
    other.write_text("a")
    before = Inputs.found({"qm": [{"file": str(one)}], "rule": {"file": str(one)}}, [one, one])
    after = Inputs.found({"qm": [{"file": str(one)}], "rule": {"file": str(other)}}, [one, other])
    assert list(changes(before, after, NOTHING_FREE)) == []


def test_a_missing_file_is_told_with_the_setting_that_says_where_it_is(tmp_path):
    settings = {"start": {"files": [str(tmp_path / "cell.xyz")]}}
    with pytest.raises(InputError, match=r"cell\.xyz is not there; .* --set start\.files\.0=PATH"):
        Inputs.found(settings, [tmp_path / "cell.xyz"])


def test_settings_in_lists_are_named_as_on_the_command_line():
    before, after = ({"qm": [{"kind": "lj", "sigma": x}], "seeds": [1, 2]} for x in (2.3, 2.4))
    (change,) = changes(Inputs.told(before, {}), Inputs.told(after, {}), NOTHING_FREE)
    assert change.refusal("run").startswith("qm.0.sigma is 2.3 in this run and would be 2.4")
    with pytest.raises(InputError, match=r"qm\.0\.sigma"):
        refuse([change.refusal("run")])


@given(TABLES, TABLES)
def test_a_fingerprint_tells_apart_what_a_comparison_tells_apart(one, other):
    before, after = Inputs.told(one, {}), Inputs.told(other, {})
    assert list(changes(before, before, NOTHING_FREE)) == []
    if before.fingerprint(NOTHING_FREE) == after.fingerprint(NOTHING_FREE):
        assert list(changes(before, after, NOTHING_FREE)) == []


@given(TABLES, TABLES)
def test_what_is_free_counts_for_nothing(one, other):
    before, after = Inputs.told({"stop": one, "seed": 1}, {}), Inputs.told({"stop": other, "seed": 1}, {})
    free = lambda name: under(name, ["stop"])  # noqa: E731
    assert list(changes(before, after, free)) == []
    assert before.fingerprint(free) == after.fingerprint(free)


READERS = [begun_in, open_study, open_campaign]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", ["", "[]", "{}", '{"settings": 1}', '{"settings": {"sampling": 1}}', "\xff"])
def test_what_is_no_manifest_is_named_by_whoever_reads_it(tmp_path, read, text):
    (tmp_path / MANIFEST).write_text(text, encoding="latin-1")
    if read is begun_in and "sampling" in text:
        assert read(tmp_path).command == "nested"
        return
    with pytest.raises(FileFormatError, match=r"manifest\.json is no manifest of .*; move it away"):
        read(tmp_path)


@pytest.mark.parametrize("read", READERS)
def test_a_folder_without_a_manifest_is_named(tmp_path, read):
    with pytest.raises(FileFormatError, match=r"holds no manifest\.json; name the folder of "):
        read(tmp_path)


def test_a_manifest_is_read_back_as_it_was_written(tmp_path):
    write_json(tmp_path / MANIFEST, manifest({"seed": 3}, cost={"seconds": 1.5}))
    assert read_manifest(tmp_path / MANIFEST, "a run", spent) == 1.5
    assert begun_in(tmp_path).settings == {"seed": 3}
