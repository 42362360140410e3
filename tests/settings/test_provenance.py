"""A manifest says what is needed to run a thing again."""

from __future__ import annotations

import hashlib
import json

import pytest

from gapsample.provenance import manifest, sha256, versions, write_json


def test_the_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert sha256(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_a_manifest_survives_json(tmp_path):
    record = manifest({"recipe": {"seed": 3}}, watermark=7)
    write_json(tmp_path / "manifest.json", record)
    found = json.loads((tmp_path / "manifest.json").read_text())
    assert found == record
    assert found["settings"]["recipe"]["seed"] == 3
    assert found["watermark"] == 7
    assert found["versions"] == versions()


def test_a_number_that_json_does_not_know_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError):
        write_json(tmp_path / "manifest.json", {"energy": float("nan")})
    assert list(tmp_path.iterdir()) == []
