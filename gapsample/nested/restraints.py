"""What a `System` is told of its atoms, checked: symbols, frozen coordinates, masses, the hard core."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from ase.data import atomic_numbers
from ase.symbols import string2symbols
from numpy.typing import ArrayLike, NDArray

from gapsample.errors import InputError, UnknownName
from gapsample.nested.ensembles import Ensemble, Fixed, Pressure
from gapsample.nested.moves import CELL_MOVES, Moves
from gapsample.nested.problem import Floats

DENSEST = np.pi / np.sqrt(18.0)  # packing of equal spheres


def names_of(symbols: str | Sequence[str]) -> tuple[str, ...]:
    """The symbol of each atom, from a formula or a list."""
    try:
        names = tuple(string2symbols(symbols)) if isinstance(symbols, str) else tuple(symbols)
    except (ValueError, KeyError) as problem:
        raise InputError(f"{symbols!r} is no chemical formula, such as 'Si8' or 'CuAu3'") from problem
    if not names:
        raise InputError("a system needs at least one atom, got no symbols")
    for name in names:
        if name not in atomic_numbers:
            raise UnknownName("element", name, atomic_numbers)
    return names


def check_moves(moves: Moves, ensemble: Ensemble, n_species: int, semi_grand: bool, frozen: bool) -> None:
    """Whether the moves explore the ensemble, all of it and nothing else."""
    cell = [name for name in CELL_MOVES if getattr(moves, name)]
    if isinstance(ensemble, Fixed) and cell:
        raise InputError(f"a fixed cell has no moves of kind {cell[0]!r}; take the ensemble Pressure(…)")
    if isinstance(ensemble, Pressure):
        if not moves.volume:
            raise InputError(
                "at constant pressure the volume must move; take Moves(galilean=1, **Moves.of_cell())"
            )
        if ensemble.cubic != (not (moves.shear or moves.stretch)):
            raise InputError(
                f"cubic={ensemble.cubic} does not go with shear={moves.shear}, stretch={moves.stretch}; take "
                f"**Moves.of_cell(cubic={ensemble.cubic})"
            )
        if frozen:
            raise InputError("frozen atoms need a cell that stays; take the ensemble Fixed(cell)")
    if bool(moves.transmute) != semi_grand:
        raise InputError(
            f"transmute={moves.transmute} with {'' if semi_grand else 'no '}chemical potentials: atoms "
            "change species where these are given, and only there"
        )
    if (moves.swap or moves.transmute) and n_species < 2:
        raise InputError("swap and transmute need two species or more, got one")


def check_potentials(potentials: Mapping[str, float], names: Sequence[str]) -> None:
    """Whether every species that atoms may have has a finite chemical potential."""
    if missing := sorted(set(names) - set(potentials)):
        raise InputError(f"chemical potentials are given, but not that of {', '.join(missing)}")
    for name, value in potentials.items():
        if name not in atomic_numbers:
            raise UnknownName("element", name, atomic_numbers)
        if not np.isfinite(value):
            raise InputError(f"the chemical potential of {name} must be finite, got {value} eV")


def checked_frozen(
    frozen: ArrayLike | None, positions: ArrayLike | None, n_atoms: int, ensemble: Ensemble
) -> NDArray[np.bool_]:
    """Flags of frozen coordinates, shape (n, 3); their positions must be given and lie within the walls.

    Atoms frozen along some axes are drawn along the others: no vector of the cell may mix them.
    """
    if frozen is None:
        return np.zeros((n_atoms, 3), bool)
    flags, given = np.array(frozen, bool), np.array(np.nan if positions is None else positions, float)
    if flags.shape != (n_atoms, 3) or given.shape != (n_atoms, 3):
        raise InputError(
            f"frozen coordinates need flags and positions of shape ({n_atoms}, 3), got {flags.shape} and "
            f"{given.shape if positions is not None else 'no positions'}"
        )
    if not np.isfinite(given[flags]).all():
        raise InputError("positions of frozen coordinates must be finite numbers")
    if isinstance(ensemble, Pressure):
        return flags  # refused by `check_moves`
    vectors = abs(ensemble.matrix) > 1e-9 * abs(ensemble.matrix).max()
    for i in range(n_atoms):
        if (vectors[:, flags[i]].any(axis=1) & vectors[:, ~flags[i]].any(axis=1)).any():
            raise InputError(
                f"atom {i} is frozen along axes that the cell {ensemble.matrix.tolist()} mixes with free "
                "ones; turn the cell so that its vectors lie along or across the frozen axes"
            )
    inside = np.where(flags, given, 0.5 * ensemble.matrix.sum(axis=0)) @ np.linalg.inv(ensemble.matrix)
    beyond = ((inside < 0.0) | (inside > 1.0)) & ensemble.walls
    if beyond.any():
        raise InputError(f"frozen atom {np.flatnonzero(beyond.any(axis=1))[0]} lies beyond a wall of the box")
    return flags


def checked_masses(masses: ArrayLike, n_atoms: int) -> Floats:
    """Masses, shape (n,), positive."""
    given = np.array(masses, float)
    if given.shape != (n_atoms,) or not ((given > 0.0) & np.isfinite(given)).all():
        raise InputError(f"wanted {n_atoms} positive masses, got {given.tolist()}")
    return given


def hard_core(core: float | Mapping[str, float], species: tuple[str, ...]) -> Floats:
    """Shortest distance of each pair of species, shape (n_species, n_species), Å."""
    n = len(species)
    pairs = {f"{a}-{b}": (i, j) for i, a in enumerate(species) for j, b in enumerate(species)}
    nearest = np.zeros((n, n))
    given = core if isinstance(core, Mapping) else dict.fromkeys(pairs, core)
    for name, distance in given.items():
        if name not in pairs:
            raise UnknownName("pair of the hard core", name, pairs)
        if not 0.0 <= distance < np.inf:
            raise InputError(f"the hard core of {name} must be 0 Å or more and finite, got {distance}")
        i, j = pairs[name]
        nearest[i, j] = nearest[j, i] = distance
    return nearest


def check_room(nearest: Floats, species: tuple[str, ...], names: Sequence[str], volume: float) -> None:
    """Whether the cores of so many atoms fit into the (largest) periodic cell at all; Å and Å^3."""
    smallest = dict(zip(species, np.diag(nearest), strict=True))
    filled = np.pi / 6.0 * sum(smallest[name] ** 3 for name in names) / volume
    if filled > DENSEST:
        raise InputError(
            f"hard cores fill {filled:.2f} of the largest cell, spheres at most {DENSEST:.2f}: no "
            "configuration is free of overlap; shrink `core` or enlarge the cell"
        )
