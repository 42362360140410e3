"""The label of one extended XYZ frame, taken from the keys that were named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import dict2constraint

from gapsample.database import codec
from gapsample.database.import_report import near_misses
from gapsample.database.label import Label
from gapsample.database.record import check_configuration
from gapsample.database.xyz_comment import ASE_JSON, parse_value
from gapsample.database.xyz_frames import Frame
from gapsample.errors import FileFormatError, InputError

BUNDLE = "gapsample"
"""Key under which `write_extxyz` keeps what has no plain place in the format."""


@dataclass(frozen=True)
class Keys:
    """Which keys of the file hold what; of several candidates a frame may have one."""

    energy: tuple[str, ...]
    forces: tuple[str, ...]
    virial: tuple[str, ...]
    stress: tuple[str, ...]
    config_type: str
    energy_sigma: str
    force_sigma: str
    virial_sigma: str
    force_atom_sigma: str
    trusted: str

    @property
    def wanted(self) -> tuple[str, ...]:
        """The keys of which a frame needs at least one."""
        return (*self.energy, *self.forces, *self.virial, *self.stress)


class Taker:
    """Takes values out of a frame and counts which keys were used."""

    def __init__(self, frame: Frame, used: Counter[str]) -> None:
        self.info, self.columns, self.used = dict(frame.info), dict(frame.columns), used

    def text(self, *keys: str) -> str | None:
        """The comment-line value under one of `keys`."""
        return self._take(self.info, keys)

    def column(self, *keys: str) -> np.ndarray | None:
        """The per-atom column under one of `keys`."""
        return self._take(self.columns, keys)

    def number(self, key: str, *more: str) -> float | None:
        """One number."""
        numbers = self._numbers((key, *more))
        if numbers is not None and numbers.shape != (1,):
            raise FileFormatError(f"{key} must be one number; got {len(numbers)}")
        return None if numbers is None else float(numbers[0])

    def matrix(self, *keys: str) -> np.ndarray | None:
        """A 3 x 3 matrix, column after column as QUIP and ASE write it."""
        numbers = self._numbers(keys)
        if numbers is not None and numbers.shape != (9,):
            raise FileFormatError(
                f"{keys[0]} must be 9 numbers (programs disagree about the order of 6); got {len(numbers)}"
            )
        return None if numbers is None else numbers.reshape(3, 3, order="F")

    def _numbers(self, keys: tuple[str, ...]) -> np.ndarray | None:
        text = self.text(*keys)
        if text is None:
            return None
        value = parse_value(text)
        if text.startswith(ASE_JSON) and isinstance(value, np.ndarray):
            return np.ravel(value, order="F").astype(float)
        try:
            return np.array([float(word) for word in text.replace(",", " ").split()])
        except ValueError as error:
            raise FileFormatError(f"{keys[0]} must be numeric; got {text!r}") from error

    def _take(self, among: dict[str, Any], keys: Iterable[str]) -> Any:
        present = [key for key in keys if key in among]
        if len(present) > 1:
            raise FileFormatError(f"keys {' and '.join(present)} are both there; name the one that is meant")
        if not present:
            return None
        self.used[present[0]] += 1
        return among.pop(present[0])


def labeled(
    frame: Frame, keys: Keys, level: str | None, source: str | None, used: Counter[str]
) -> tuple[Atoms, Label]:
    """The configuration and its label; what the label does not use stays in info and arrays.

    Raises
    ------
    FileFormatError, InputError
        Without saying which frame it is; the caller knows.
    """
    taker, atoms = Taker(frame, used), frame.atoms
    bundle = _bundle(taker.info.pop(BUNDLE, "{}"))
    fields: dict[str, Any] = {
        "energy": taker.number(*keys.energy),
        "forces": taker.column(*keys.forces),
        "virial": _virial(atoms, taker.matrix(*keys.virial), taker.matrix(*keys.stress)),
        "trusted": taker.column(keys.trusted),
        "force_atom_sigma": taker.column(keys.force_atom_sigma),
        "energy_sigma": taker.number(keys.energy_sigma),
        "force_sigma": taker.number(keys.force_sigma),
        "virial_sigma": taker.number(keys.virial_sigma),
    }
    if all(fields[name] is None for name in ("energy", "forces", "virial")):
        there = (*frame.info, *frame.columns)
        raise InputError(f"has none of {', '.join(keys.wanted)}{near_misses(keys.wanted, there)}")
    level = taker.text("level") if level is None else level
    source = taker.text("source") if source is None else source
    if level is None:
        raise InputError("no level of theory: name it (--level PBE), or give the frame a `level` key")
    label = Label(
        level=level,
        source="import" if source is None else source,
        config_type=taker.text(keys.config_type) or "default",
        extra=bundle.get("extra", {}),
        **fields,
    )
    label.check_matches(len(atoms))
    atoms.info = {key: parse_value(text) for key, text in taker.info.items()} | bundle.get("info", {})
    atoms.arrays.update(taker.columns | bundle.get("arrays", {}))
    atoms.set_constraint([dict2constraint(each) for each in bundle.get("constraints", ())])
    atoms.set_celldisp(bundle.get("celldisp", np.zeros(3)))
    check_configuration(atoms)
    return atoms, label


def _bundle(text: str) -> dict[str, Any]:
    try:
        return dict(codec.loads(text))
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"the key {BUNDLE!r} does not hold what gapsample wrote: {error}") from error


def _virial(atoms: Atoms, virial: np.ndarray | None, stress: np.ndarray | None) -> np.ndarray | None:
    if stress is None:
        return virial
    volume = abs(float(np.linalg.det(atoms.cell.array)))
    if volume == 0.0:
        raise InputError("a stress means nothing without a cell that has a volume")
    return np.asarray(-volume * stress)
