"""Labels from extended XYZ: the keys are named, what was read is reported, nothing is guessed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ase import Atoms

from gapsample.database.import_report import ImportReport, check_something_was_read
from gapsample.database.label import Label
from gapsample.database.xyz_frames import read_frames
from gapsample.database.xyz_label import Keys, labeled
from gapsample.errors import FileFormatError, InputError


class Imported(NamedTuple):
    """What `read_extxyz` gives: a report, and the labeled configurations."""

    report: ImportReport
    pairs: list[tuple[Atoms, Label]]


def read_extxyz(
    path: str | Path,
    *,
    level: str | None = None,
    source: str | None = None,
    energy_key: str | None = None,
    force_key: str | None = None,
    virial_key: str | None = None,
    stress_key: str | None = None,
    config_type_key: str = "config_type",
    energy_sigma_key: str = "energy_sigma",
    force_sigma_key: str = "force_sigma",
    virial_sigma_key: str = "virial_sigma",
    force_atom_sigma_key: str = "force_atom_sigma",
    trusted_key: str = "trusted",
) -> Imported:
    """Read and check a whole file; numbers are taken exactly as printed.

    Parameters
    ----------
    path : extended XYZ file
    level : level of theory of all labels; None takes each frame's ``level`` key
    source : who made them; None takes each frame's ``source`` key, or else ``"import"``
    energy_key : eV; None means ``energy``
    force_key : column of width 3, eV/Å; None means ``forces`` or ``force``
    virial_key : 9 numbers, eV; None means ``virial``
    stress_key : 9 numbers, eV/Å^3, positive under tension (ASE's sign); becomes virial = -volume * stress
    config_type_key : group name; frames without it belong to ``"default"``
    energy_sigma_key, force_sigma_key, virial_sigma_key : noise of one frame, absolute, as in gap_fit
    force_atom_sigma_key, trusted_key : per-atom columns, see `Label`

    Returns
    -------
    Imported
        Keys that were not used stay in `atoms.info`, columns in `atoms.arrays`.

    Raises
    ------
    FileFormatError
        The file is truncated or malformed, or a key named by the caller is in no frame.
    InputError
        A frame has nothing to learn, or its label has a wrong shape or is not finite.
    """
    if virial_key and stress_key:
        raise InputError(
            f"name a virial key or a stress key, not both; got {virial_key!r} and {stress_key!r}"
        )
    explicit = frozenset(key for key in (energy_key, force_key, virial_key, stress_key) if key)
    keys = Keys(
        energy=(energy_key,) if energy_key else ("energy",),
        forces=(force_key,) if force_key else ("forces", "force"),
        virial=() if stress_key else (virial_key or "virial",),
        stress=(stress_key,) if stress_key else (),
        config_type=config_type_key,
        energy_sigma=energy_sigma_key,
        force_sigma=force_sigma_key,
        virial_sigma=virial_sigma_key,
        force_atom_sigma=force_atom_sigma_key,
        trusted=trusted_key,
    )
    frames = list(read_frames(path))
    seen = Counter(key for frame in frames for key in (*frame.info, *frame.columns))
    check_something_was_read(path, len(frames), seen, explicit, keys.wanted)
    pairs, used = [], Counter[str]()
    for frame in frames:
        try:
            pairs.append(labeled(frame, keys, level, source, used))
        except (InputError, FileFormatError) as error:
            raise type(error)(f"{frame.where}: {error}") from error
    return Imported(ImportReport.of(Path(path), [label for _, label in pairs], seen, used), pairs)
