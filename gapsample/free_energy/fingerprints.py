"""What the numbers of a run follow from as one hash: the same in every process, another where it differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

Plain = bool | int | float | complex | str | bytes | PurePath | None


def fingerprint(*things: Any) -> str:
    """SHA-256 of anything made of numbers, texts, arrays, mappings, atoms and dataclasses.

    Of a dataclass its class and what it was made from count; of an ASE calculator its class and parameters;
    of a function its name, and of any other object its class alone: say in words what else it depends on.
    """
    digest = hashlib.sha256()
    for part in _parts(things):
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()


def _parts(thing: Any) -> Iterator[bytes]:
    if isinstance(thing, Plain):
        yield repr(thing).encode()
    elif isinstance(thing, np.generic):
        yield repr(thing.item()).encode()
    elif isinstance(thing, np.ndarray):
        yield from (str(thing.dtype).encode(), str(thing.shape).encode(), thing.tobytes())
    elif isinstance(thing, tuple | list):
        yield b"%d items" % len(thing)
        for part in thing:
            yield from _parts(part)
    elif isinstance(thing, Mapping):
        yield from _parts(sorted(thing.items(), key=lambda item: repr(item[0])))
    elif isinstance(thing, Atoms):
        yield from _parts([thing.numbers, thing.positions, thing.cell.array, thing.pbc, thing.get_masses()])
        yield from _parts([constraint.todict() for constraint in thing.constraints])
    elif isinstance(thing, BaseCalculator):
        yield from (_name(type(thing)), *_parts(thing.parameters))
    elif is_dataclass(thing) and not isinstance(thing, type):
        yield _name(type(thing))
        for field in fields(thing):
            if field.init:
                yield from _parts(getattr(thing, field.name))
    else:
        yield _name(thing if isinstance(thing, type | FunctionType | BuiltinFunctionType) else type(thing))


def _name(thing: Any) -> bytes:
    return f"{thing.__module__}.{thing.__qualname__}".encode()
