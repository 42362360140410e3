"""From a config to how far forces reach: configurations, atoms, the scan, and what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, InputError, SettingsError
from gapsample.journeys.engines import engine_of, mm_of
from gapsample.journeys.locality_config import Chosen, Frames, LocalityConfig
from gapsample.journeys.locality_output import write_locality
from gapsample.journeys.sources import Python, called
from gapsample.journeys.workers import quantum_workers
from gapsample.qmmm import Carving, Engine
from gapsample.qmmm.locality import Locality, Scan
from gapsample.rng import stream

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class LocalityOutcome:
    """What was found, and the files written."""

    found: Locality
    written: tuple[Path, ...]


def run_locality(config: LocalityConfig) -> LocalityOutcome:
    """Scan the radii and write everything into the folder of the config.

    Raises
    ------
    QuantumFailed
        The engine fails on a whole configuration.
    InputError
        No atom to look at, or a potential that refuses a configuration.
    FileFormatError
        A file of configurations that cannot be read.
    """
    frames = configurations(config)
    how = config.cluster
    scan = Scan(
        Engine((engine_of(config.qm),)),
        how.radii,
        None if config.mm is None else mm_of(config.mm),
        Carving(terminate=how.terminate, vacuum=how.vacuum, partial=how.partial),
        how.bonding,
    )
    atoms = chosen(frames, config.atoms)
    with quantum_workers(config.workers, None, config.address) as executor:
        found = scan.run(frames, atoms, executor if config.workers > 1 or config.address else None)
    return LocalityOutcome(found, write_locality(config, found))


def configurations(config: LocalityConfig) -> list[Atoms]:
    """All configurations, files and functions in the order of the config."""
    frames: list[Atoms] = []
    for each in config.configurations:
        frames += _read(each) if isinstance(each, Frames) else _called(each)
    return frames


def chosen(frames: Sequence[Atoms], how: Chosen) -> list[Integers]:
    """Indices of the atoms to look at, for each configuration.

    Raises
    ------
    InputError
        An index that a configuration does not have, or a species that none has.
    """
    if how.indices:
        smallest = min(map(len, frames), default=0)
        if not all(0 <= index < smallest for index in how.indices):
            raise InputError(f"atoms.indices want 0 to {smallest - 1}, got {list(how.indices)}")
        return [np.array(how.indices, dtype=np.int64) for _ in frames]
    rng = stream(how.seed)
    numbers = np.concatenate([atoms.numbers for atoms in frames])
    picked = [_drawn(numbers, number, how.per_species, rng) for number in _species(numbers, how)]
    flags = np.zeros(len(numbers), bool)
    flags[np.concatenate(picked)] = True
    ends = np.cumsum([len(atoms) for atoms in frames])[:-1]
    return [np.flatnonzero(part).astype(np.int64) for part in np.split(flags, ends)]


def _species(numbers: Integers, how: Chosen) -> list[int]:
    present = [int(number) for number in np.unique(numbers)]
    if not how.species:
        return present
    wanted = [atomic_numbers.get(symbol, 0) for symbol in how.species]
    if not set(wanted) <= set(present):
        there = ", ".join(chemical_symbols[number] for number in present)
        raise InputError(f"atoms.species are to be among {there}, got {', '.join(how.species)}")
    return wanted


def _drawn(numbers: Integers, number: int, n: int, rng: np.random.Generator) -> Integers:
    """At most n of the atoms of one species, each as likely as any other."""
    there = np.flatnonzero(numbers == number)
    return rng.choice(there, size=min(n, len(there)), replace=False).astype(np.int64)


def _read(source: Frames) -> list[Atoms]:
    try:
        found = ase.io.read(source.file, index=source.frames)
    except (OSError, ValueError, IndexError, KeyError) as problem:
        raise FileFormatError(
            f"frames {source.frames} of {source.file} cannot be read: {problem}"
        ) from problem
    return [found] if isinstance(found, Atoms) else found


def _called(source: Python) -> list[Atoms]:
    made = called(source)
    frames = [made] if isinstance(made, Atoms) else list(made)
    if not all(isinstance(atoms, Atoms) for atoms in frames):
        raise SettingsError(f"{source.function} of {source.file.name} must return atoms or a list of them")
    return frames
