"""Checkpoints: the state of a run on disk, always one complete file, and the one before it.

A file is a line with the format's name and version, a line with the SHA-256 of what follows, and a zip
archive of ``header.json`` and arrays in npy format. Nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, InputError
from gapsample.files import replacing
from gapsample.rng import dump_state, restore_state

State = TypeVar("State")

FORMAT, VERSION = b"gapsample checkpoint", 1
SUFFIX = ".checkpoint"
KEPT = 2  # the newest and the one before it


class Packed(NamedTuple):
    """A state taken apart: arrays by name (numbers only), and JSON-able values.

    JSON keeps floats, infinities and integers of any size exactly, but turns tuples into lists and the keys
    of mappings into strings.
    """

    arrays: Mapping[str, NDArray[Any]]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Codec(Generic[State]):
    """How one engine's state is taken apart and put together again.

    Parameters
    ----------
    kind : the engine, e.g. ``"nested"``; a checkpoint of another kind is refused
    schema : version of what `pack` writes; another one is refused
    pack, unpack : inverse of each other, exactly
    """

    kind: str
    schema: int
    pack: Callable[[State], Packed]
    unpack: Callable[[Packed], State]


@dataclass(frozen=True)
class Checkpoint(Generic[State]):
    """What a run resumes from: `n_steps` steps done, the state after them, generator, and record marks.

    `marks` is what the record's ``sync()`` returned, as JSON gives it back: a list ``[n, checksum]`` for one
    file, a mapping of names to such lists for several, or None.
    """

    state: State
    rng: np.random.Generator
    n_steps: int
    marks: Any


class Checkpoints(Generic[State]):
    """The two newest checkpoints of one run, in a folder of their own.

    Parameters
    ----------
    folder : made if missing
    codec : of the engine's state
    model : hash of whatever the run's answers depend on (the potential); checked on resume
    """

    def __init__(self, folder: str | Path, codec: Codec[State], *, model: str = "") -> None:
        self.folder, self.codec, self.model = Path(folder), codec, model
        self._unreadable: set[Path] = set()

    def save(self, checkpoint: Checkpoint[State]) -> Path:
        """Write a checkpoint that is on disk for certain on return, and drop all but the one before it.

        Raises
        ------
        InputError
            The folder holds a run that is further along; or the state has arrays of Python objects, or
            values that JSON cannot hold.
        """
        path = self.folder / f"{checkpoint.n_steps:012d}{SUFFIX}"
        beyond = [other for other in self._files() if other > path and other not in self._unreadable]
        if beyond:
            raise InputError(
                f"{self.folder} holds {beyond[-1].name}, of a run that is further along than "
                f"{checkpoint.n_steps} steps; resume that run or choose another folder"
            )
        content = self._encoded(checkpoint)
        with replacing(path) as stream:
            stream.write(content)
        self._tidy(path)
        return path

    def latest(self) -> Checkpoint[State] | None:
        """Newest readable checkpoint, None if there is none; warn when falling back to the one before.

        Raises
        ------
        FileFormatError
            None of the files is readable, or they are of another kind, version or schema.
        InputError
            The checkpoint was written with another model.
        """
        problems: list[str] = []
        for path in reversed(self._files()):
            try:
                header, arrays = _decoded(path)
            except _Damaged as problem:
                problems.append(str(problem))
                self._unreadable.add(path)
                continue
            self._check(path, header)
            for story in problems:
                warnings.warn(f"{story}; going on from {path.name} instead", RuntimeWarning, stacklevel=2)
            state = self.codec.unpack(Packed(arrays, header["values"]))
            return Checkpoint(state, restore_state(header["rng"]), header["n_steps"], header["marks"])
        if problems:
            raise FileFormatError(f"no readable checkpoint: {'; '.join(problems)}; start the run anew")
        return None

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def _encoded(self, checkpoint: Checkpoint[State]) -> bytes:
        packed = self.codec.pack(checkpoint.state)
        header = {
            "kind": self.codec.kind,
            "schema": self.codec.schema,
            "model": self.model,
            "n_steps": checkpoint.n_steps,
            "marks": checkpoint.marks,
            "rng": dump_state(checkpoint.rng),
            "values": packed.values,
        }
        payload = io.BytesIO()
        try:
            with zipfile.ZipFile(payload, "w") as archive:
                archive.writestr(
                    zipfile.ZipInfo("header.json"), json.dumps(header)
                )  # dated 1980, as arrays are
                for name, array in packed.arrays.items():
                    with archive.open(f"arrays/{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        except (TypeError, ValueError) as problem:
            raise InputError(
                f"a checkpoint holds arrays of numbers and values that JSON knows; {problem}"
            ) from problem
        content = payload.getvalue()
        return b"%s %d\n%s\n" % (FORMAT, VERSION, hashlib.sha256(content).hexdigest().encode()) + content

    def _check(self, path: Path, header: Mapping[str, Any]) -> None:
        for what, wanted in (("kind", self.codec.kind), ("schema", self.codec.schema)):
            if header[what] != wanted:
                raise FileFormatError(
                    f"{path} has {what} {header[what]!r}, wanted {wanted!r}; "
                    "resume it with the program and the engine that wrote it"
                )
        if header["model"] != self.model:
            raise InputError(
                f"{path} was written with model {header['model'] or 'unknown'}, this run has "
                f"{self.model or 'none'}; give the same model and settings, or start a new run"
            )

    def _tidy(self, newest: Path) -> None:
        """Delete what the checkpoint just written makes useless, halves of killed writers included."""
        older = [path for path in self._files() if path < newest and path not in self._unreadable]
        keep = {newest, *older[-(KEPT - 1) :]}
        stray = self.folder.glob(f".*{SUFFIX}.*.part")
        for path in (*self._files(), *stray):
            if path not in keep:
                path.unlink(missing_ok=True)
        self._unreadable.clear()


class _Damaged(Exception):
    """A checkpoint file that is not what was written."""


def _decoded(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise _Damaged(f"{path} cannot be read ({problem.strerror})") from problem
    title, _, rest = content.partition(b"\n")
    digest, _, payload = rest.partition(b"\n")
    if not title.startswith(FORMAT + b" ") or hashlib.sha256(payload).hexdigest().encode() != digest:
        raise _Damaged(f"{path} is damaged or no checkpoint")
    if title != b"%s %d" % (FORMAT, VERSION):
        raise FileFormatError(f"{path} is a {title.decode(errors='replace')!r}; upgrade gapsample")
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        header = json.loads(archive["header.json"])
        names = [name for name in archive.files if name.startswith("arrays/")]
        return header, {name.removeprefix("arrays/"): archive[name] for name in names}
