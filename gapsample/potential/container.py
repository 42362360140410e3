"""A model file as a container: one ``.npz`` with a readable JSON header and arrays of floats.

Nothing in it is ever executed, and nothing is trusted: members are stored, not compressed, so that no
small file can swell, and every array must be as long as its place in the file.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import FileFormatError
from gapsample.files import replacing

Floats = NDArray[np.float64]

FORMAT, SCHEMA = "gapsample-gap", 1
LONGEST_INTEGER = 20  # digits
NPY_HEAD = re.compile(
    rb"\x93NUMPY\x01\0..\{'descr': '<f8', 'fortran_order': False, "
    rb"'shape': \(((?:\d{1,12}, ?)*\d{0,12})\), \} *\n",
    re.DOTALL,
)
"""The one head of an npy file that `write_container` writes; numpy's own reader is liberal and surprises."""
UNREADABLE = (
    zipfile.BadZipFile, struct.error, LookupError, ValueError, TypeError, AttributeError, EOFError, OSError,
    OverflowError, MemoryError, RecursionError, SyntaxError, RuntimeError,
)  # fmt: skip
"""What zipfile, json and numpy raise over damaged files; RuntimeError is for encrypted ones."""


def write_container(path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> None:
    """Write header and arrays; a process killed meanwhile leaves the old file, or none, never half of one.

    The header is the entry ``header.json``: ``unzip -p gap.npz header.json`` is enough to read it.
    """
    full = {"format": FORMAT, "schema": SCHEMA, **header}
    with replacing(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("header.json", json.dumps(full, indent=1))
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(value), allow_pickle=False)


def read_container(path: Path) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Header and arrays of a file written by `write_container`.

    Raises
    ------
    FileFormatError
        The file is missing, truncated, of another kind, newer than this program, or holds anything but
        finite numbers.
    """
    if not path.is_file():
        raise FileFormatError(f"model file {path} does not exist")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            header = json.loads(
                archive.read("header.json"),
                parse_constant=_finite,
                parse_float=_finite,
                parse_int=_finite_integer,
            )
            _check_header(path, header)
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return header, {name.removesuffix(".npy"): _read(archive, name) for name in names}
    except FileFormatError:
        raise
    except UNREADABLE as problem:
        raise unreadable(path, problem) from problem


def unreadable(path: Path, problem: Exception) -> FileFormatError:
    """The error for a file that zipfile, json, numpy or the model's own types stumble over."""
    return FileFormatError(
        f"{path} is not a readable gapsample model ({type(problem).__name__}: {problem}); "
        "it may be truncated; fit or copy it again"
    )


def _check_header(path: Path, header: Any) -> None:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FileFormatError(f"{path} is a zip file but not a gapsample model")
    if header.get("schema") != SCHEMA:
        raise FileFormatError(
            f"{path} has schema {header.get('schema')}, this program reads schema {SCHEMA}; upgrade gapsample"
        )


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Members lie in the file as they are, beside each other: nothing swells when it is read."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise FileFormatError(f"{path} is compressed, which a gapsample model never is; unpack and store it")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise FileFormatError(f"{path} announces more than it holds; it may be truncated: copy it again")


def _read(archive: zipfile.ZipFile, name: str) -> Floats:
    content = archive.read(name)
    head = NPY_HEAD.match(content)
    if head is None:
        raise FileFormatError(f"array {name} must hold 64-bit floats in C order, npy format 1.0")
    shape = tuple(int(word) for word in head[1].replace(b",", b" ").split())
    if 8 * math.prod(shape) != len(content) - head.end():
        raise FileFormatError(f"array {name} of shape {shape} has {len(content) - head.end()} bytes")
    array: Floats = np.frombuffer(content, np.dtype("<f8"), offset=head.end()).reshape(shape).astype(float)
    if not np.all(np.isfinite(array)):
        raise FileFormatError(f"array {name} must hold finite numbers")
    return array


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FileFormatError(f"the header holds the number {text[:40]}; all must be finite")
    return value


def _finite_integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise FileFormatError(f"the header holds an integer of {len(text)} digits")
    return int(text)
