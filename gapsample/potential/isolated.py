"""Energies of isolated atoms: given, measured, or the best constant per species."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import chemical_symbols

from gapsample.database import Entry
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import FitError, SettingsError
from gapsample.potential.recipe import Recipe


def find_e0(recipe: Recipe, entries: Sequence[Entry]) -> dict[int, float]:
    """Energy of an isolated atom for every species of the data, eV, by atomic number.

    Raises
    ------
    FitError, SettingsError
        A species has no value given, no single-atom label, or no energy at all; the message says which.
    """
    species = sorted({z for entry in entries for z in entry.atoms.numbers.tolist()})
    if recipe.e0 == "isolated":
        return _from_single_atoms(species, entries, recipe.cutoff)
    if recipe.e0 == "least_squares":
        return _least_squares(species, entries)
    if isinstance(recipe.e0, str):
        raise SettingsError(
            f"e0 must be a table by species, 'isolated' or 'least_squares'; got {recipe.e0!r}"
        )
    missing = [chemical_symbols[z] for z in species if chemical_symbols[z] not in recipe.e0]
    if missing:
        raise FitError(f"e0 has no energy for {', '.join(missing)}; add it, or use e0 = 'least_squares'")
    return {z: float(recipe.e0[chemical_symbols[z]]) for z in species}


def _from_single_atoms(species: Sequence[int], entries: Sequence[Entry], cutoff: float) -> dict[int, float]:
    """Energies of single atoms whose own periodic images, if any, are beyond the cutoff."""
    found = {
        int(entry.atoms.numbers[0]): entry.label.energy
        for entry in entries
        if len(entry.atoms) == 1
        and entry.label.energy is not None
        and len(find_neighbours(entry.atoms, cutoff).d) == 0
    }
    missing = [chemical_symbols[z] for z in species if z not in found]
    if missing:
        raise FitError(
            f"no single-atom configuration with an energy for {', '.join(missing)}; label one, give e0 in "
            "the recipe, or use e0 = 'least_squares'"
        )
    return {z: found[z] for z in species}


def _least_squares(species: Sequence[int], entries: Sequence[Entry]) -> dict[int, float]:
    labeled = [entry for entry in entries if entry.label.energy is not None]
    if not labeled:
        raise FitError("no label has an energy, so e0 cannot be found; give e0 in the recipe")
    counts = np.array([[np.sum(entry.atoms.numbers == z) for z in species] for entry in labeled], dtype=float)
    weights = 1.0 / np.sqrt(counts.sum(axis=1))
    energies = np.array([entry.label.energy for entry in labeled], dtype=float)
    solution = np.linalg.lstsq(counts * weights[:, None], energies * weights, rcond=1e-8)[0]
    return dict(zip(species, solution.tolist(), strict=True))
