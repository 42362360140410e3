"""Labeled configurations as extended XYZ that `read_extxyz` turns back into the same bits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from gapsample.database import codec
from gapsample.database.label import Label
from gapsample.database.record import constraint_fields
from gapsample.database.xyz_comment import format_pair, numbers_text, plain_text
from gapsample.database.xyz_label import BUNDLE
from gapsample.files import replacing

_LETTERS = {"f": "R", "i": "I", "b": "L", "U": "S"}
_LABEL = {"level", "source", "config_type", "energy", "forces", "force", "virial", "stress", "trusted"}
_SIGMAS = {"energy_sigma", "force_sigma", "virial_sigma", "force_atom_sigma"}
_TAKEN = {"Lattice", "Properties", "pbc", "species", "pos", "Z", BUNDLE} | _LABEL | _SIGMAS


def write_extxyz(path: str | Path, pairs: Iterable[tuple[Atoms, Label]]) -> int:
    """Write labeled configurations and return how many; the file appears only when it is complete.

    Energies (eV) are under ``energy``, forces (eV/Å) under ``forces``, virials (eV) under ``virial``,
    so that ASE, QUIP and gap_fit read them; numbers have as many digits as make them exact. What the
    format has no place for (constraints, nested info, `Label.extra`) goes into one key, ``gapsample``.
    """
    count = 0
    with replacing(path) as stream:
        for atoms, label in pairs:
            stream.write(_frame(atoms, label).encode())
            count += 1
    return count


def _frame(atoms: Atoms, label: Label) -> str:
    columns, odd_arrays = _columns(atoms, label)
    info, odd_info = _info(atoms)
    bundle: dict[str, Any] = {
        "arrays": odd_arrays,
        "info": odd_info,
        "extra": label.extra,
        "constraints": constraint_fields(atoms),
    }
    if np.any(atoms.get_celldisp()):
        bundle["celldisp"] = atoms.get_celldisp().reshape(3)
    bundle = {key: value for key, value in bundle.items() if len(value)}
    pairs = _cell_pairs(atoms) | {"Properties": _properties(columns)} | _label_pairs(label) | info
    if bundle:
        pairs[BUNDLE] = codec.dumps(bundle, "configuration")
    comment = " ".join(format_pair(key, text) for key, text in pairs.items())
    words = [_words(array) for array in columns.values()]
    table = "".join(" ".join(row) + "\n" for row in map(_joined, zip(*words, strict=True)))
    return f"{len(atoms)}\n{comment}\n{table}"


def _cell_pairs(atoms: Atoms) -> dict[str, str]:
    pbc = " ".join("T" if periodic else "F" for periodic in atoms.pbc)
    cell = {"Lattice": numbers_text(atoms.cell.array)} if np.any(atoms.cell.array) else {}
    return {**cell, "pbc": pbc}


def _label_pairs(label: Label) -> dict[str, str]:
    pairs = {"level": label.level, "source": label.source, "config_type": label.config_type}
    for name in ("energy", "energy_sigma", "force_sigma", "virial_sigma"):
        value = getattr(label, name)
        if value is not None:
            pairs[name] = numbers_text(value)
    if label.virial is not None:
        pairs["virial"] = numbers_text(label.virial.T)
    return pairs


def _columns(atoms: Atoms, label: Label) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The columns of the table, and the arrays that cannot be columns."""
    columns = {"species": np.array(atoms.get_chemical_symbols()), "pos": atoms.positions}
    for name in ("forces", "force_atom_sigma", "trusted"):
        if getattr(label, name) is not None:
            columns[name] = getattr(label, name)
    odd: dict[str, np.ndarray] = {}
    for name, array in atoms.arrays.items():
        if name not in ("numbers", "positions"):
            (columns if _is_column(name, array) else odd)[name] = array
    return columns, odd


def _is_column(name: str, array: np.ndarray) -> bool:
    plain = array.dtype in (np.float64, np.int64, np.bool_) or array.dtype.kind == "U"
    shaped = array.ndim == 1 or (array.ndim == 2 and array.shape[1] > 1)
    if name in _TAKEN or not name.isidentifier() or not plain or not shaped:
        return False
    if array.dtype.kind == "i":
        return bool(np.all((array >= -(2**31)) & (array < 2**31)))  # ASE and Fortran read 32 bits
    if array.dtype.kind != "U":
        return True
    written = [str(word) for word in array.ravel()]
    exact = np.array(written).dtype == array.dtype
    return exact and all(word.isprintable() and len(word.split()) == 1 for word in written)


def _info(atoms: Atoms) -> tuple[dict[str, str], dict[str, Any]]:
    """The info that reads back as it is, and the rest."""
    plain: dict[str, str] = {}
    odd: dict[str, Any] = {}
    for key, value in atoms.info.items():
        text = None if key in _TAKEN else plain_text(str(key), value)
        if text is None or not isinstance(key, str):
            odd[key] = value
        else:
            plain[key] = text
    return plain, odd


def _properties(columns: dict[str, np.ndarray]) -> str:
    triples = []
    for name, array in columns.items():
        triples.append(f"{name}:{_LETTERS[array.dtype.kind]}:{1 if array.ndim == 1 else array.shape[1]}")
    return ":".join(triples)


def _words(array: np.ndarray) -> list[list[str]]:
    rows = array.reshape(len(array), -1).tolist()
    return [["T" if v is True else "F" if v is False else str(v) for v in row] for row in rows]


def _joined(parts: tuple[list[str], ...]) -> list[str]:
    return [word for part in parts for word in part]
