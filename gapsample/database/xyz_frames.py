"""Extended XYZ read strictly: every line accounted for, every complaint with frame and line number.

ASE's reader renames keys and moves them into a calculator, skips surplus columns, and guesses types;
labels deserve better. The format: https://github.com/libAtoms/extxyz.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

from gapsample.database.xyz_comment import parse_comment
from gapsample.errors import FileFormatError

_KINDS = {"R": float, "I": int, "S": str, "L": bool}
_TRUE_FALSE = {"T": True, "F": False, "True": True, "False": False}


@dataclass(frozen=True)
class Frame:
    """One configuration as the file has it.

    Attributes
    ----------
    where : file, number and line, for messages
    atoms : numbers, positions, cell and pbc; nothing else
    info : the remaining keys of the comment line, values still strings
    columns : the remaining per-atom columns, shape (n_atoms,) or (n_atoms, n_columns)
    """

    where: str
    atoms: Atoms
    info: dict[str, str]
    columns: dict[str, np.ndarray]


def read_frames(path: str | Path) -> Iterator[Frame]:
    """The frames of an extended XYZ file, in order.

    Raises
    ------
    FileFormatError
        The file is missing, truncated or malformed; names the frame and the line.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"cannot read {path}: {error}") from error
    lines = text.split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    first, number = 0, 0
    while first < len(lines):
        where = f"{path.name}, frame {number} (line {first + 1})"
        n_atoms = _n_atoms(where, lines[first])
        block = lines[first + 1 : first + 2 + n_atoms]
        if len(block) < n_atoms + 1:
            raise FileFormatError(
                f"{where}: {n_atoms} atoms are promised but the file ends after {max(0, len(block) - 1)}; "
                "it is truncated: copy it again or cut the last frame off"
            )
        try:
            frame = _frame(where, block[0], [line.split() for line in block[1:]])
        except FileFormatError as error:
            raise FileFormatError(f"{where}: {error}") from error
        first += n_atoms + 2
        number += 1
        if first >= len(lines) and not text.endswith("\n"):
            raise FileFormatError(
                f"{where}: the last line does not end, so its last number may be cut; "
                "copy the file again, or end the line if it is complete"
            )
        yield frame


def _n_atoms(where: str, line: str) -> int:
    text = line.strip()
    if not text.isdecimal() or int(text) == 0:
        raise FileFormatError(f"{where}: a frame starts with its number of atoms; got {text[:60]!r}")
    return int(text)


def _frame(where: str, comment: str, table: list[list[str]]) -> Frame:
    info = parse_comment(comment)
    columns = _columns(info.pop("Properties", "species:S:1:pos:R:3"), table)
    positions = columns.pop("pos", None)
    if positions is None or positions.shape != (len(table), 3) or positions.dtype.kind != "f":
        raise FileFormatError("Properties must hold pos:R:3, the positions in Å")
    cell = _cell(info.pop("Lattice", None))
    pbc = _pbc(info.pop("pbc", None), default=cell is not None)
    atoms = Atoms(_numbers(columns), positions, cell=cell, pbc=pbc)
    return Frame(where, atoms, info, columns)


def _columns(properties: str, table: list[list[str]]) -> dict[str, np.ndarray]:
    fields = properties.split(":")
    names, kinds, widths = fields[::3], fields[1::3], fields[2::3]
    if len(fields) % 3 or not all(k in _KINDS for k in kinds) or not all(w.isdecimal() for w in widths):
        raise FileFormatError(f"Properties must be NAME:R|I|S|L:COUNT triples; got {properties!r}")
    if len(set(names)) < len(names):
        raise FileFormatError(f"Properties names a column twice: {properties!r}")
    width = sum(map(int, widths))
    for row, words in enumerate(table):
        if len(words) != width:
            raise FileFormatError(f"atom {row} has {len(words)} columns, Properties promises {width}")
    columns: dict[str, np.ndarray] = {}
    start = 0
    for name, kind, count in zip(names, kinds, map(int, widths), strict=True):
        array = _column(name, kind, [row[start : start + count] for row in table])
        columns[name] = array[:, 0] if count == 1 else array
        start += count
    return columns


def _column(name: str, kind: str, words: list[list[str]]) -> np.ndarray:
    for row, cells in enumerate(words):
        for cell in cells:
            if not _reads_as(kind, cell):
                raise FileFormatError(f"atom {row}: {cell!r} in column {name} is not of type {kind}")
    convert: Any = _TRUE_FALSE.__getitem__ if kind == "L" else _KINDS[kind]
    return np.array([[convert(cell) for cell in cells] for cells in words])


def _reads_as(kind: str, cell: str) -> bool:
    if kind == "S":
        return True
    if kind == "L":
        return cell in _TRUE_FALSE
    try:
        _KINDS[kind](cell)
    except ValueError:
        return False
    return True


def _cell(text: str | None) -> np.ndarray | None:
    if text is None:
        return None
    try:
        vectors = np.array([float(word) for word in text.replace(",", " ").split()])
    except ValueError as error:
        raise FileFormatError(f"Lattice must be 9 numbers; got {text!r}") from error
    if vectors.shape != (9,):
        raise FileFormatError(f"Lattice must be 9 numbers (three vectors, one after another); got {text!r}")
    return vectors.reshape(3, 3)


def _pbc(text: str | None, *, default: bool) -> list[bool]:
    if text is None:
        return [default] * 3
    words = text.replace(",", " ").split()
    words = words * 3 if len(words) == 1 else words
    if len(words) != 3 or not all(word in _TRUE_FALSE for word in words):
        raise FileFormatError(f'pbc must be three of T and F, e.g. pbc="T T F"; got {text!r}')
    return [_TRUE_FALSE[word] for word in words]


def _numbers(columns: dict[str, np.ndarray]) -> np.ndarray:
    species = columns.pop("species", None)
    given = columns.pop("Z", None)
    if species is None:
        if given is None or given.dtype.kind != "i":
            raise FileFormatError("Properties must hold species:S:1 or Z:I:1")
        return given
    numbers = np.array([atomic_numbers.get(str(symbol).capitalize(), 0) for symbol in species])
    if not np.all(numbers):
        raise FileFormatError(f"{str(species[numbers == 0][0])!r} is no chemical element")
    if given is not None and np.any(given != numbers):
        raise FileFormatError("the columns species and Z disagree")
    return numbers
