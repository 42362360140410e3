"""A configuration and its label as one exact string, and as the view that ase.db shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import dict2constraint
from ase.data import chemical_symbols

from gapsample.database import codec
from gapsample.database.fingerprint import content_hash, fingerprint, label_fields
from gapsample.database.label import Label
from gapsample.database.names import searchable
from gapsample.database.split import split_of
from gapsample.errors import DatabaseError, InputError

SCHEMA = 1


@dataclass(frozen=True)
class Record:
    """One row, ready to be written.

    Attributes
    ----------
    content : identity of the row
    view : what ``ase db`` and ``ase gui`` see: atoms with energy, forces and stress
    keys : searchable key-value pairs
    data : the exact configuration and label, under a versioned schema
    """

    content: str
    view: Atoms
    keys: dict[str, str]
    data: dict[str, Any]


def to_record(atoms: Atoms, label: Label) -> Record:
    """Check a labeled configuration and make it a row; `atoms.calc` is left aside, the label counts.

    Raises
    ------
    InputError
        Shapes disagree, a number is NaN or infinite, atoms coincide, or a value cannot be kept.
    """
    check_configuration(atoms)
    label.check_matches(len(atoms))
    configuration = fingerprint(atoms)
    content = content_hash(configuration, label)
    payload = codec.dumps({"atoms": _atoms_fields(atoms), "label": label_fields(label)}, "configuration")
    keys = {
        "level": searchable(label.level),
        "source": searchable(label.source),
        "config_type": searchable(label.config_type),
        "split": split_of(configuration, len(atoms)),
        "holds": "+".join(
            name for name in ("energy", "forces", "virial") if getattr(label, name) is not None
        ),
        "fingerprint": configuration,
        "content": content,
    }
    return Record(content, _view(atoms, label), keys, {"gapsample_schema": SCHEMA, "payload": payload})


def from_data(data: dict[str, Any]) -> tuple[Atoms, Label]:
    """The configuration (without calculator) and label of a row, bit for bit as they were given.

    Raises
    ------
    DatabaseError
        The row was written by a newer version of this package.
    """
    if data["gapsample_schema"] > SCHEMA:
        raise DatabaseError(
            f"row has schema {data['gapsample_schema']}, this version reads up to {SCHEMA}; update gapsample"
        )
    payload = codec.loads(data["payload"])
    return _atoms_from_fields(payload["atoms"]), Label(**payload["label"])


def check_configuration(atoms: Atoms) -> None:
    """Raise InputError unless the configuration is one that a potential could be asked about."""
    if len(atoms) == 0:
        raise InputError("a configuration needs at least one atom; got an empty Atoms object")
    for name, lengths in (("positions", atoms.positions), ("cell", atoms.cell.array)):
        if not np.all(np.isfinite(lengths)):
            raise InputError(f"{name} hold NaN or infinite numbers; repair the configuration")
    unknown = sorted({int(z) for z in atoms.numbers if not 0 < z < len(chemical_symbols)})
    if unknown:
        raise InputError(f"atomic numbers {unknown} are no chemical elements; got symbols {atoms.symbols}")
    flat = np.flatnonzero(atoms.pbc & ~np.any(atoms.cell.array, axis=1))
    if len(flat):
        raise InputError(f"pbc={atoms.pbc.tolist()} but cell vectors {flat.tolist()} are zero; set the cell")
    order = np.lexsort(atoms.positions.T)
    same = np.flatnonzero(~np.any(np.diff(atoms.positions[order], axis=0), axis=1))
    if len(same):
        first, second = sorted(int(i) for i in order[same[0] : same[0] + 2])
        raise InputError(f"atoms {first} and {second} sit on the same point; remove one of them")


def constraint_fields(atoms: Atoms) -> list[dict[str, Any]]:
    """The constraints of a configuration as dictionaries that ASE turns back into constraints."""
    return [constraint.todict() for constraint in atoms.constraints]


def _atoms_fields(atoms: Atoms) -> dict[str, Any]:
    return {
        "cell": atoms.cell.array,
        "pbc": atoms.pbc,
        "celldisp": atoms.get_celldisp(),
        "arrays": dict(atoms.arrays),
        "info": dict(atoms.info),
        "constraints": constraint_fields(atoms),
    }


def _atoms_from_fields(fields: dict[str, Any]) -> Atoms:
    arrays = fields["arrays"]
    atoms = Atoms(
        arrays["numbers"],
        arrays["positions"],
        cell=fields["cell"],
        pbc=fields["pbc"],
        celldisp=fields["celldisp"],
        info=fields["info"],
        constraint=[dict2constraint(each) for each in fields["constraints"]],
    )
    atoms.arrays.update(arrays)
    return atoms


def _view(atoms: Atoms, label: Label) -> Atoms:
    view = atoms.copy()
    results: dict[str, Any] = {"energy": label.energy, "forces": label.forces}
    volume = abs(float(np.linalg.det(atoms.cell.array)))
    if label.virial is not None and volume > 0.0:
        results["stress"] = (-label.virial / volume).flat[[0, 4, 8, 5, 2, 1]]
    view.calc = SinglePointCalculator(view, **results)
    view.calc.name = label.level
    return view
