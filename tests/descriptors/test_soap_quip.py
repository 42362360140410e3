"""SOAP vectors beside those of an independent implementation, QUIP's descriptors, live."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.potential.terms.soap import SoapTerm

quippy = pytest.importorskip("quippy.descriptors", reason="quippy-ase is not installed")


def cell(symbols: str, seed: int = 0) -> Atoms:
    """Eight disordered atoms in a triclinic cell."""
    atoms = bulk("Si", cubic=True)
    atoms.symbols = symbols
    atoms.rattle(0.2, seed=seed)
    atoms.set_cell(atoms.cell.array + np.random.default_rng(seed).normal(0, 0.2, (3, 3)), scale_atoms=True)
    return atoms


def ours(atoms: Atoms, basis: SoapBasis, center: str, species: list[str]) -> np.ndarray:
    numbers = tuple(atomic_numbers[symbol] for symbol in species)
    term = SoapTerm(basis, atomic_numbers[center], numbers, np.empty((0, 0)), 4.0, 1.0)
    return term.descriptors(find_neighbours(atoms, basis.cutoff))


def theirs(atoms: Atoms, basis: SoapBasis, center: str, species: list[str]) -> np.ndarray:
    text = (
        f"soap cutoff={basis.cutoff} cutoff_transition_width={basis.cutoff_transition_width} "
        f"n_max={basis.n_max} l_max={basis.l_max} atom_sigma={basis.atom_sigma} "
        f"central_weight={basis.central_weight} n_Z=1 Z={{{atomic_numbers[center]}}} "
        f"n_species={len(species)} species_Z={{{' '.join(str(atomic_numbers[s]) for s in species)}}}"
    )
    data = quippy.Descriptor(text).calc(atoms)["data"]
    assert np.all(data[:, -1] == 0.0)
    return data[:, :-1]


@pytest.mark.parametrize(
    "basis",
    [
        SoapBasis(5.4, 8, 8),
        SoapBasis(3.7, 5, 0, atom_sigma=0.3, cutoff_transition_width=1.3),
        SoapBasis(4.2, 10, 3, atom_sigma=0.7, central_weight=0.4),
        SoapBasis(2.0, 3, 6, central_weight=0.2, cutoff_transition_width=0.2),
    ],
    ids=["usual", "no angles", "many radial", "nearly empty"],
)
def test_vectors_of_one_species_are_those_of_quip(basis: SoapBasis) -> None:
    atoms = cell("Si8")
    np.testing.assert_allclose(
        ours(atoms, basis, "Si", ["Si"]), theirs(atoms, basis, "Si", ["Si"]), atol=1e-10
    )


@pytest.mark.parametrize(
    ("center", "species"),
    [
        ("Si", ["Si", "O"]),
        ("O", ["Si", "O"]),
        ("O", ["O", "Si"]),
        ("Si", ["O", "C", "H", "Si"]),
        ("H", ["H", "C", "O", "Si"]),
        ("C", ["O", "Si"]),
    ],
)
def test_vectors_of_several_species_are_those_of_quip(center: str, species: list[str]) -> None:
    atoms = cell("SiOHCSiOHC" if len(species) == 4 or center == "C" else "Si3O5", seed=2)
    basis = SoapBasis(3.8, 4, 3)
    wanted = theirs(atoms, basis, center, species)
    np.testing.assert_allclose(ours(atoms, basis, center, species), wanted, atol=1e-10)
