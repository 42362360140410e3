"""What makes two configurations the same one, and two rows the same row."""

from __future__ import annotations

import hashlib

import numpy as np
from ase import Atoms

from gapsample.database import codec
from gapsample.database.label import Label


def fingerprint(atoms: Atoms) -> str:
    """Hash of the configuration alone: numbers, positions, cell and pbc, bit for bit.

    Labels, names, tags and momenta do not enter, so one configuration at two levels of theory has one
    fingerprint. Zero and minus zero are the same number. Nothing is wrapped or rounded: a translated
    or permuted copy is another configuration.
    """
    digest = hashlib.sha256(f"gapsample configuration 1, {len(atoms)} atoms".encode())
    digest.update(atoms.numbers.astype("<i8").tobytes())
    for lengths in (atoms.positions, atoms.cell.array):
        digest.update((np.asarray(lengths, dtype="<f8") + 0.0).tobytes())
    digest.update(np.asarray(atoms.pbc, dtype="u1").tobytes())
    return "cfg-" + digest.hexdigest()[:32]


def content_hash(configuration: str, label: Label) -> str:
    """Hash of a fingerprint and every field of the label: the identity of a row.

    Parameters
    ----------
    configuration : from `fingerprint`
    label : all of it counts; other sigmas or another source make another row
    """
    text = codec.dumps(label_fields(label, zeros_alike=True), "label", sort_keys=True)
    return "row-" + hashlib.sha256(f"{configuration} {text}".encode()).hexdigest()[:32]


def label_fields(label: Label, *, zeros_alike: bool = False) -> dict[str, object]:
    """The fields of a label that are set, by name; `zeros_alike` turns -0.0 into 0.0."""
    fields = {name: value for name, value in vars(label).items() if value is not None}
    if not zeros_alike:
        return fields
    return {name: value + 0.0 if _is_number(value) else value for name, value in fields.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, float) or (isinstance(value, np.ndarray) and value.dtype.kind == "f")
