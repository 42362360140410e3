"""Evaluate a model on every frame of a file that ASE can read."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read
from ase.io.extxyz import write_extxyz
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.files import replacing
from gapsample.potential.protocol import Evaluation, Potential
from gapsample.progress import Progress


@dataclass(frozen=True)
class FrameSummary:
    """One frame in one line.

    Attributes
    ----------
    energy : eV
    largest_force : eV/Å, norm; 0 for no atoms
    energy_std, largest_force_std : predicted errors, eV and eV/Å (norm); None: not asked or not known
    """

    n_atoms: int
    energy: float
    largest_force: float
    energy_std: float | None
    largest_force_std: float | None


@dataclass(frozen=True)
class EvaluationSummary:
    """All frames of a file; `seconds` of wall time spent in the model."""

    frames: tuple[FrameSummary, ...]
    seconds: float


def evaluate_file(
    potential: Potential,
    file: str | Path,
    output: str | Path | None = None,
    *,
    error: bool = False,
    progress: Progress | None = None,
) -> EvaluationSummary:
    """Evaluate every frame of `file`; write extended XYZ to `output` if one is given.

    Notes
    -----
    `output` holds energy, forces, stress (ASE's sign) and ``virial`` = -volume * stress, and with `error`
    ``energy_std``, ``local_std`` and ``forces_std``. Energies, forces and stresses that came with the file
    are kept as ``reference_energy``, ``reference_forces`` and ``reference_stress``. The file appears only
    when complete.

    Raises
    ------
    InputError
        If the file is missing, cannot be read or holds no frame.
    """
    frames = read_frames(file)
    summaries, seconds = [], 0.0
    with ExitStack() as stack:
        stream = None
        if output is not None:
            stream = io.TextIOWrapper(stack.enter_context(replacing(output)), encoding="utf-8")
            stack.callback(stream.detach)
        for i, atoms in enumerate(frames):
            started = time.perf_counter()
            found = potential.evaluate(atoms, forces=True, virial=bool(atoms.pbc.all()), error=error)
            seconds += time.perf_counter() - started
            summaries.append(_summary(found, len(atoms)))
            if stream is not None:
                write_extxyz(stream, [annotated(atoms, found)])
            if progress is not None:
                progress("evaluating", i + 1, len(frames))
    return EvaluationSummary(tuple(summaries), seconds)


def read_frames(file: str | Path) -> list[Atoms]:
    """Every frame of a file that ASE can read; InputError says why it cannot."""
    if not Path(file).is_file():
        raise InputError(f"there is no file {file}")
    try:
        frames = list(read(str(file), index=":"))
    except Exception as error:  # ASE's readers raise whatever their format suggests
        raise InputError(f"ASE cannot read {file}: {type(error).__name__}: {error}") from error
    if not frames:
        raise InputError(f"{file} holds no configuration")
    return frames


def annotated(atoms: Atoms, found: Evaluation) -> Atoms:
    """A copy of `atoms` that carries the evaluation, and what it carried before as ``reference_*``."""
    result = atoms.copy()
    for key, value in _carried(atoms):
        if np.ndim(value) == 2 and len(value) == len(atoms):
            result.arrays[f"reference_{key}"] = np.array(value)
        else:
            result.info[f"reference_{key}"] = value
    results = {"energy": found.energy, "forces": found.forces}
    if found.virial is not None:
        results["stress"] = full_3x3_to_voigt_6_stress(-found.virial / atoms.get_volume())
        result.info["virial"] = found.virial
    if found.energy_std is not None:
        result.info["energy_std"] = float(found.energy_std)
    for name in ("local_std", "forces_std"):
        if (values := getattr(found, name)) is not None:
            result.arrays[name] = values
    result.calc = SinglePointCalculator(result, **results)
    return result


def _carried(atoms: Atoms) -> Iterator[tuple[str, Any]]:
    if atoms.calc is None:
        return
    for key in ("energy", "forces", "stress"):
        if (value := atoms.calc.results.get(key)) is not None:
            yield key, value


def _summary(found: Evaluation, n_atoms: int) -> FrameSummary:
    return FrameSummary(
        n_atoms=n_atoms,
        energy=float(found.energy),
        largest_force=_largest(found.forces) or 0.0,
        energy_std=None if found.energy_std is None else float(found.energy_std),
        largest_force_std=_largest(found.forces_std),
    )


def _largest(vectors: NDArray[np.float64] | None) -> float | None:
    if vectors is None:
        return None
    return float(np.linalg.norm(vectors, axis=1).max(initial=0.0))
