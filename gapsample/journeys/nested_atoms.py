"""The atoms of a study from its config: symbols, cell, masses, and which coordinates stay where they are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import ase.io
import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms
from ase.data import atomic_masses, atomic_numbers
from ase.io.formats import UnknownFileTypeError
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, SettingsError, UnknownName
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_systems import AtomsSystem
from gapsample.nested.ensembles import axes_of
from gapsample.nested.restraints import names_of
from gapsample.provenance import sha256

Floats = NDArray[np.float64]


class Held(NamedTuple):
    """Coordinates that stay, flags of shape (n, 3), and positions of all atoms, shape (n, 3), Å."""

    flags: NDArray[np.bool_]
    positions: Floats

    @property
    def movable(self) -> NDArray[np.bool_]:
        """Atoms that move along some axis, shape (n,); the others keep their species too."""
        return np.asarray(~self.flags.all(axis=1))


def n_atoms(config: NestedConfig) -> int:
    """Atoms of one configuration, frozen ones too."""
    system = config.system
    return len(symbols_of(system)) if isinstance(system, AtomsSystem) else system.n_atoms


def degrees_of_freedom(config: NestedConfig) -> int:
    """Momenta whose share is added to energies and heat capacities: those that were not sampled."""
    if config.moves is not None and config.moves.hmc > 0:
        return 0
    held = held_of(config.system) if isinstance(config.system, AtomsSystem) else None
    return 3 * n_atoms(config) - (0 if held is None else int(held.flags.sum()))


def symbols_of(system: AtomsSystem) -> tuple[str, ...]:
    """The symbol of each atom."""
    if system.start is not None:
        return tuple(_started(system.start).get_chemical_symbols())
    assert system.symbols is not None
    return names_of(system.symbols)


def cell_of(system: AtomsSystem) -> Floats:
    """The cell of a system whose cell stays, shape (3, 3), Å."""
    if system.cell is not None:
        return np.array(system.cell)
    assert system.start is not None
    return np.array(_started(system.start).cell.array)


def periodic_axes(system: AtomsSystem) -> tuple[bool, bool, bool]:
    """Whether the cell is periodic along each axis."""
    if system.pbc is None:
        a, b, c = (True,) * 3 if system.start is None else _started(system.start).pbc.tolist()
    else:
        a, b, c = axes_of(system.pbc)
    return a, b, c and system.dimensions == 3


def masses_of(system: AtomsSystem) -> Floats | None:
    """Mass of each atom, shape (n,), amu; None for those of the elements."""
    if not system.masses:
        return None
    symbols = symbols_of(system)
    for name in system.masses:
        if name not in symbols:
            raise UnknownName("species in system.masses", name, set(symbols))
    return np.array([system.masses.get(s, atomic_masses[atomic_numbers[s]]) for s in symbols])


def held_of(system: AtomsSystem) -> Held | None:
    """What stays where it is; None where everything moves.

    Raises
    ------
    SettingsError
        A frozen atom is none of `start`, or `start` freezes nothing.
    """
    if system.start is None and system.dimensions == 3:
        return None
    n = len(symbols_of(system))
    flags = np.zeros((n, 3), bool)
    positions = np.broadcast_to(0.5 * cell_of(system).sum(axis=0), (n, 3)).copy()
    if system.start is not None:
        start = _started(system.start)
        positions = start.positions.copy()
        flags[[*_frozen_numbers(system, n), *_constrained(start, system.start)]] = True
        if not flags.any() and system.dimensions == 3:
            raise SettingsError(
                f"system.start = {str(system.start)!r} freezes nothing: name atoms in system.frozen, or give "
                "symbols and cell instead (free atoms never start from a file but from the prior)"
            )
    if system.dimensions == 2:
        flags[:, 2] = True
    return Held(flags, positions)


def _frozen_numbers(system: AtomsSystem, n: int) -> tuple[int, ...]:
    wrong = [number for number in system.frozen if not 0 <= number < n]
    if wrong:
        raise SettingsError(f"system.frozen counts atoms from 0 to {n - 1}, got {wrong[0]}")
    return system.frozen


def _constrained(start: Atoms, path: Path) -> list[int]:
    """Atoms that the constraints of a file fix."""
    others = [type(each).__name__ for each in start.constraints if not isinstance(each, FixAtoms)]
    if others:
        raise SettingsError(f"{path} holds a constraint {others[0]}; only FixAtoms freezes atoms here")
    return [int(number) for each in start.constraints for number in each.index]


def read_configuration(path: Path, name: str) -> Atoms:
    """One configuration from a file that ASE reads; `name` is the setting that names the file.

    Raises
    ------
    FileFormatError
        There is no such file, or it is none of ASE's.
    """
    try:
        return _read(path, sha256(path))
    except OSError as error:
        raise FileFormatError(f"{name} {path} cannot be read: {error.strerror}") from error
    except (UnknownFileTypeError, ValueError, KeyError, IndexError, StopIteration) as error:
        raise FileFormatError(f"{name} {path} is no configuration that ASE reads: {error!r}") from error


@lru_cache(maxsize=8)
def _read(path: Path, digest: str) -> Atoms:
    """A configuration, read once for all that asks of it."""
    found = ase.io.read(path)
    assert isinstance(found, Atoms)
    return found


def _started(path: Path) -> Atoms:
    return read_configuration(path, "system.start")
