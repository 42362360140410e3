"""Where a config takes atoms and potentials from: a function in a file of yours, or a frame of a file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms

from gapsample.errors import FileFormatError, SettingsError


@dataclass(frozen=True)
class Python:
    """What a function in a Python file of yours returns: start atoms, or a potential.

    As potential a `Potential` or an ASE calculator counts. For other processes it must be picklable.

    Attributes
    ----------
    settings : keyword arguments of the function
    """

    file: Path
    function: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """Atoms to begin from: a frame of a file that ASE reads."""

    file: Path
    frame: int = -1


def called(made: Python) -> Any:
    """What a user's function returns; their own config names the file on purpose."""
    path, name = made.file.absolute(), f"gapsample_user_{made.file.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SettingsError(f"{path} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    function = getattr(module, made.function, None)
    if not callable(function):
        raise SettingsError(f"{path} has no function {made.function!r}")
    return function(**made.settings)


def read_frame(path: Path, frame: int = -1) -> Atoms:
    """A frame of a file that ASE reads.

    Raises
    ------
    FileFormatError
        There is no such frame, or no such file.
    """
    try:
        atoms = ase.io.read(path, index=frame)
    except (OSError, ValueError, IndexError, KeyError) as problem:
        raise FileFormatError(f"frame {frame} of {path} cannot be read by ASE: {problem}") from problem
    assert isinstance(atoms, Atoms)
    return atoms
