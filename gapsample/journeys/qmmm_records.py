"""What a QM/MM run keeps: a row for every step, frames now and then, audits, and events of the region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.constraints import constrained_indices
from numpy.typing import NDArray

from gapsample.journeys.qmmm_state import AUDIT, Records
from gapsample.journeys.qmmm_stepper import Story
from gapsample.qmmm import Region
from gapsample.qmmm.history import EVENT, events
from gapsample.sampling.records import NOTHING, Mark, RecordFile, RecordSet, read_records

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
NAMES = ("steps", "frames", "audits", "region")
LAYERS = ("classical", "transition", "quantum", "core")

STEP = np.dtype(
    [
        ("step", "<i8"),
        ("generation", "<i4"),  # of the model that forces are mixed with
        ("classical_energy", "<f8"),  # eV, of the classical potential
        ("energy", "<f8"),  # eV; NaN where mixed forces have none
        ("temperature", "<f8"),  # K, of all atoms that are not fixed
        ("temperature_quantum", "<f8"),  # K, of atoms with quantum forces; NaN without any
        ("temperature_classical", "<f8"),
        ("heat_quantum", "<f8"),  # eV, given by the thermostat in this step
        ("heat_transition", "<f8"),
        ("heat_classical", "<f8"),
        ("core", "<i4"),  # atoms
        ("quantum", "<i4"),
        ("transition", "<i4"),
        ("moving_quantum", "<i4"),  # those that are not fixed
        ("moving_transition", "<i4"),
        ("calls", "<i4"),  # quantum calculations, those of audits among them
        ("audit_calls", "<i4"),
        ("audited", "<i4"),  # atoms, by those calls
        ("cluster_atoms", "<i4"),  # in all of them
        ("quantum_seconds", "<f8"),  # wall time of the quantum engine
        ("labels", "<i4"),  # told
        ("momentum", "<f8"),  # eV/Å, root mean square correction of the force on atoms that carry it
        ("factor", "<f8"),  # from predicted errors to bounds
        ("threshold", "<f8"),  # eV/Å, of the bounds
        ("surprise", "<f8"),  # eV/Å, see `Flown`
    ]
)
"""One step, or one block of a predictor and corrector."""


def frame_dtype(n_atoms: int) -> np.dtype[Any]:
    """One frame: positions (Å), velocities (of `ase.units`), mixed forces, bounds of classical errors (eV/Å;
    NaN where nothing asks for them), layer in `LAYERS`.

    Positions are those that forces were mixed for; velocities those at the end of the step or block.
    """
    return np.dtype(
        [
            ("step", "<i8"),
            ("generation", "<i4"),
            ("positions", "<f8", (n_atoms, 3)),
            ("velocities", "<f8", (n_atoms, 3)),
            ("forces", "<f8", (n_atoms, 3)),
            ("bound", "<f8", (n_atoms,)),
            ("layer", "u1", (n_atoms,)),
        ]
    )


@contextmanager
def record_files(
    folder: Path, atoms: Atoms, frames_every: int, marks: Mapping[str, Any] | None
) -> Iterator[RecordSet[Story]]:
    """The files of a run, cut back to what a checkpoint vouches for (`marks`; None: a new run)."""
    dtypes = (STEP, frame_dtype(len(atoms)), AUDIT, EVENT)
    with ExitStack() as stack:
        files = {}
        for name, dtype in zip(NAMES, dtypes, strict=True):
            keep = None if marks is None else Mark(*marks.get(name, NOTHING))
            files[name] = stack.enter_context(RecordFile(record_path(folder, name), dtype, keep=keep))
        told = partial(rows, masses=atoms.get_masses(), free=moving(atoms), frames_every=frames_every)
        yield RecordSet(files, told)


def record_path(folder: Path, name: str) -> Path:
    """File of the records of a name."""
    return folder / f"{name}.records"


def read(folder: Path, name: str) -> Records:
    """Records of a run, finished or not; see `STEP`, `frame_dtype`, `AUDIT` and `history.EVENT`."""
    return read_records(record_path(folder, name))


def rows(story: Story, masses: Floats, free: Bools, frames_every: int) -> dict[str, Records]:
    """The records of one step."""
    before, after = story.before, story.after
    previous = before.dynamics.region if before.step else None
    found = {
        "steps": step_row(story, masses, free),
        "audits": story.audit.records,
        "region": events(after.step, previous, story.region),
    }
    if after.step // frames_every > before.step // frames_every:
        found["frames"] = frame_row(story)
    return found


def moving(atoms: Atoms) -> Bools:
    """Atoms that are not fixed, shape (n_atoms,)."""
    return ~np.isin(np.arange(len(atoms)), constrained_indices(atoms))


def step_row(story: Story, masses: Floats, free: Bools) -> Records:
    """One record of `STEP`."""
    region, mixed = story.mixed.region, story.mixed
    labels = [label for each in story.all_mixed for label in each.labels]
    twice = masses * np.sum(story.after.motion.velocities**2, axis=1)
    row = np.zeros((), STEP)
    row["step"], row["generation"] = story.after.step, story.before.generation
    row["classical_energy"], row["energy"] = mixed.mm.energy, mixed.energy
    row["temperature"] = _temperature(twice, free)
    row["temperature_quantum"] = _temperature(twice, free & region.treated)
    row["temperature_classical"] = _temperature(twice, free & ~region.treated)
    row["heat_quantum"], row["heat_transition"], row["heat_classical"] = story.heat
    row["core"], row["quantum"] = region.core.sum(), region.quantum.sum()
    row["transition"] = region.transition.sum()
    row["moving_quantum"] = (free & region.quantum).sum()
    row["moving_transition"] = (free & region.transition).sum()
    row["calls"] = len(labels)
    if story.audit.mixed is not None:
        row["audited"], row["audit_calls"] = len(story.audit.records), len(story.audit.mixed.labels)
    row["cluster_atoms"] = sum(len(label.atoms) for label in labels)
    row["quantum_seconds"] = sum(label.seconds for label in labels)
    row["labels"] = story.told
    row["momentum"] = _size(mixed.correction)
    row["factor"], row["threshold"] = story.judgement
    row["surprise"] = story.surprise
    return row


def frame_row(story: Story) -> Records:
    """One record of `frame_dtype`."""
    mixed = story.mixed
    row = np.zeros((), frame_dtype(mixed.region.n_atoms))
    row["step"], row["generation"] = story.after.step, story.before.generation
    row["positions"], row["forces"] = story.positions, mixed.forces
    row["velocities"] = story.after.motion.velocities
    std = mixed.mm.forces_std
    row["bound"] = np.nan if std is None else np.linalg.norm(std, axis=1)
    row["layer"] = layers(mixed.region)
    return row


def layers(region: Region) -> NDArray[np.uint8]:
    """Where each atom belongs, by its place in `LAYERS`, shape (n_atoms,)."""
    return (region.treated.astype(np.uint8) + region.quantum + region.core).astype(np.uint8)


def frames(folder: Path, atoms: Atoms) -> Iterator[Atoms]:
    """Frames of a run, with velocities; mixed forces, bounds and layers are arrays of their own.

    Parameters
    ----------
    atoms : that the run started from: species, masses, cell
    """
    for row in read(folder, "frames"):
        frame = atoms.copy()
        frame.set_constraint()
        frame.positions = row["positions"]
        frame.set_velocities(row["velocities"])
        frame.set_array("mixed_forces", np.array(row["forces"]))
        frame.set_array("force_error_bound", np.array(row["bound"]))
        frame.set_array("layer", np.array(row["layer"], dtype=int))
        frame.info = {"step": int(row["step"]), "generation": int(row["generation"])}
        yield frame


def _size(correction: Floats) -> float:
    """Root mean square norm over the atoms that have one."""
    squares = np.sum(correction**2, axis=1)
    return float(np.sqrt(squares[squares > 0.0].mean())) if squares.any() else 0.0


def _temperature(twice_kinetic: Floats, chosen: Bools) -> float:
    n = int(chosen.sum())
    return float(twice_kinetic[chosen].sum() / (3 * n * units.kB)) if n else np.nan
