"""Append-only files of fixed-size binary records, cut back to what a checkpoint vouches for.

A file is a magic word, a JSON header with its checksum, and records one after another: numpy maps it into
memory as it is. What was appended after the last checkpoint may be torn; the `Mark` in the checkpoint says
how many records are good and proves it.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from glob import escape
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gapsample.errors import FileFormatError, InputError
from gapsample.files import replacing
from gapsample.sampling.alone import hold

Info = TypeVar("Info")
Records = NDArray[np.void]

FORMAT, SCHEMA = "gapsample-records", 1
HEAD = struct.Struct("<16sII")  # magic word, bytes of the JSON that follows, its CRC-32
MAGIC = b"gapsamplerecords"
ALIGNMENT = 64  # bytes; records begin at a multiple of it
LONGEST_HEADER = 1 << 20  # bytes
PENDING = 1 << 20  # bytes kept in memory before they are handed to the system
PIECE = 1 << 22  # bytes read at once when a checksum is verified


class Mark(NamedTuple):
    """How many records are vouched for, and the CRC-32 of their bytes; JSON keeps it as a list."""

    n: int
    checksum: int


NOTHING = Mark(0, 0)


class RecordFile:
    """Records of one dtype, appended in blocks by one process at a time.

    Parameters
    ----------
    path : the file; made if missing
    dtype : structured, of plain numbers and fixed-size arrays (no Python objects)
    keep : the `Mark` that the last checkpoint holds: whatever lies behind it is cut off. None starts a new
        file and refuses one that holds records already
    about : JSON-able facts written into the header of a new file

    Raises
    ------
    FileFormatError
        The file is foreign, holds another dtype, or lost records that `keep` vouches for.
    InputError
        `keep` is None and the file holds records; another process is writing to it; or `dtype` cannot be
        written.
    """

    def __init__(
        self,
        path: str | Path,
        dtype: DTypeLike,
        *,
        keep: Mark | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        self.path, self.dtype = Path(path), np.dtype(dtype)
        if not self.path.exists():
            _create(self.path, self.dtype, about or {})
        self._stream = self.path.open("r+b", buffering=0)
        try:
            hold(self._stream.fileno(), self.path)
            for stray in self.path.parent.glob(f".{escape(self.path.name)}.*.part"):
                stray.unlink(missing_ok=True)  # of a process killed while it made the file
            found, self.about, self._start = _read_header(self.path)
            if found != self.dtype:
                raise FileFormatError(
                    f"{self.path} holds records of {found}, wanted {self.dtype}; "
                    "it belongs to another run or version: choose another folder"
                )
            self._mark = self._cut_back(keep)
        except BaseException:
            self._stream.close()
            raise
        self._pending = bytearray()

    def _cut_back(self, keep: Mark | None) -> Mark:
        present = _count(self.path, self._start, self.dtype)
        if keep is None and present:
            raise InputError(
                f"{self.path} holds {present} records of an earlier run; "
                "resume that run or choose another folder"
            )
        mark = NOTHING if keep is None else Mark(*keep)
        _verify(self.path, self._start, self.dtype, mark)
        os.ftruncate(self._stream.fileno(), self._start + mark.n * self.dtype.itemsize)
        return mark

    def __len__(self) -> int:
        return self._mark.n

    def append(self, block: Records) -> None:
        """Append records, shape (n,) or (), of this file's dtype; on disk for certain after `sync`."""
        block = np.asarray(block)
        if block.dtype != self.dtype or block.ndim > 1:
            raise InputError(
                f"{self.path.name} takes records of {self.dtype} in one dimension, "
                f"got shape {block.shape} of {block.dtype}"
            )
        content = block.tobytes()
        self._mark = Mark(self._mark.n + block.size, zlib.crc32(content, self._mark.checksum))
        self._pending += content
        if len(self._pending) >= PENDING:
            self._flush()

    def _flush(self) -> None:
        """Hand over what is pending, each byte to its own place, so that a failed attempt can be repeated."""
        end = self._start + self._mark.n * self.dtype.itemsize
        while self._pending:
            written = os.pwrite(self._stream.fileno(), self._pending, end - len(self._pending))
            del self._pending[:written]

    def sync(self) -> Mark:
        """Flush everything to disk and return the mark to write into the checkpoint."""
        self._flush()
        os.fsync(self._stream.fileno())
        return self._mark

    def read(self) -> Records:
        """All records so far, memory-mapped and read-only, shape (n,)."""
        self._flush()
        return _map(self.path, self._start, self.dtype, self._mark.n)

    def close(self) -> None:
        """Sync and close; also the end of a ``with`` block."""
        if not self._stream.closed:
            try:
                self.sync()
            finally:
                self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RecordSet(Generic[Info]):
    """Several record files written from one story: ``rows(info)`` gives a block for each of some names."""

    def __init__(
        self, files: Mapping[str, RecordFile], rows: Callable[[Info], Mapping[str, Records]]
    ) -> None:
        self.files, self.rows = dict(files), rows

    def append(self, info: Info) -> None:
        """Append the blocks of one step."""
        for name, block in self.rows(info).items():
            self.files[name].append(block)

    def sync(self) -> dict[str, Mark]:
        """Flush all files; return their marks by name."""
        return {name: file.sync() for name, file in self.files.items()}


def read_records(path: str | Path, keep: Mark | None = None) -> Records:
    """Memory-map the records of a file that may be still written to, shape (n,), read-only.

    Parameters
    ----------
    keep : those that a checkpoint vouches for, verified. None takes all whole records: right for a run that
        ended or is alive, while a power failure may have left nonsense after the last checkpoint

    Raises
    ------
    FileFormatError
        The file is missing, foreign, or lost records that `keep` vouches for.
    """
    path = Path(path)
    dtype, _, start = _read_header(path)
    if keep is None:
        return _map(path, start, dtype, _count(path, start, dtype))
    mark = Mark(*keep)
    _verify(path, start, dtype, mark)
    return _map(path, start, dtype, mark.n)


def _create(path: Path, dtype: np.dtype[Any], about: Mapping[str, Any]) -> None:
    description = _described(dtype)
    header = {"format": FORMAT, "schema": SCHEMA, "dtype": description, "about": dict(about)}
    text = json.dumps(header).encode()
    text += b" " * (-(HEAD.size + len(text)) % ALIGNMENT)
    with replacing(path) as stream:
        stream.write(HEAD.pack(MAGIC, len(text), zlib.crc32(text)) + text)


def _described(dtype: np.dtype[Any]) -> Any:
    """The dtype in numpy's list notation."""
    if dtype.names is None or dtype.hasobject or dtype.itemsize == 0:
        raise InputError(f"records want a structured dtype of numbers and fixed-size arrays, got {dtype}")
    try:
        return np.lib.format.dtype_to_descr(dtype)
    except ValueError as problem:
        raise InputError(f"the fields of {dtype} do not lie one after another: {problem}") from problem


def _rebuilt(description: Any) -> np.dtype[Any]:
    """The dtype of a description whose tuples JSON has turned into lists."""

    def field(entry: list[Any]) -> tuple[Any, ...]:
        kind = [field(part) for part in entry[1]] if isinstance(entry[1], list) else entry[1]
        name = tuple(entry[0]) if isinstance(entry[0], list) else entry[0]  # a list: title and name
        return (name, kind, *(tuple(shape) for shape in entry[2:]))

    return np.dtype(np.lib.format.descr_to_dtype([field(entry) for entry in description]))


def _read_header(path: Path) -> tuple[np.dtype[Any], dict[str, Any], int]:
    """The dtype, what was written about the file, and the byte at which its records begin."""
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD.size)
            if not head.startswith(MAGIC) or len(head) < HEAD.size:
                raise FileFormatError(f"{path} is not a file of gapsample records; check the name")
            _, length, checksum = HEAD.unpack(head)
            text = stream.read(length) if length <= LONGEST_HEADER else b""
    except FileNotFoundError as problem:
        raise FileFormatError(f"record file {path} does not exist; check the run's folder") from problem
    if len(text) != length or zlib.crc32(text) != checksum:
        raise FileFormatError(f"the header of {path} is damaged; restore the file from a copy")
    header = json.loads(text)
    if header["schema"] != SCHEMA:
        raise FileFormatError(
            f"{path} has schema {header['schema']}, this program reads schema {SCHEMA}; upgrade gapsample"
        )
    return _rebuilt(header["dtype"]), header["about"], HEAD.size + length


def _count(path: Path, start: int, dtype: np.dtype[Any]) -> int:
    """Whole records in the file."""
    return max(0, path.stat().st_size - start) // dtype.itemsize


def _verify(path: Path, start: int, dtype: np.dtype[Any], mark: Mark) -> None:
    present = _count(path, start, dtype)
    if present < mark.n:
        raise FileFormatError(
            f"{path} holds {present} records but the checkpoint vouches for {mark.n}; restore it from a copy"
        )
    checksum, left = 0, mark.n * dtype.itemsize
    with path.open("rb") as stream:
        stream.seek(start)
        while left:
            piece = stream.read(min(left, PIECE))
            checksum, left = zlib.crc32(piece, checksum), left - len(piece)
    if checksum != mark.checksum:
        raise FileFormatError(
            f"the first {mark.n} records of {path} are not those the checkpoint vouches for; "
            "restore both from one copy"
        )


def _map(path: Path, start: int, dtype: np.dtype[Any], n: int) -> Records:
    if n == 0:
        return np.empty(0, dtype)
    return np.memmap(path, dtype, mode="r", offset=start, shape=(n,))
