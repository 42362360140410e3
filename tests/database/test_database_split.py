"""Training and test sides, and the fingerprint that decides them."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from specimens import specimen

from gapsample.database import TEST_FRACTION, Database, fingerprint, split_of


def test_about_a_tenth_is_held_out() -> None:
    sides = [split_of(fingerprint(specimen(seed)[0]), 2) for seed in range(2000)]
    expected = 2000 * TEST_FRACTION
    assert abs(sides.count("test") - expected) < 4 * np.sqrt(expected * (1 - TEST_FRACTION))


def test_sides_do_not_change_as_data_grow_or_come_in_another_order(tmp_path) -> None:
    def sides(name: str, seeds) -> dict[int, str]:
        database = Database(tmp_path / name)
        database.add_many(specimen(seed) for seed in seeds)
        return {entry.atoms.info["seed"]: entry.split for entry in database.select()}

    few, many = sides("few.db", range(20)), sides("many.db", reversed(range(60)))
    assert few.items() <= many.items()
    assert set(many.values()) == {"train", "test"}


def test_sides_are_fixed_for_ever() -> None:
    """A change here would silently move test configurations of every user into training."""
    atoms = Atoms("Si2", [[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], cell=[4.0, 5.0, 6.0], pbc=True)
    assert fingerprint(atoms) == "cfg-2bb18fd2f650d42e9cb4a4fba933871b"


def test_a_single_atom_always_trains() -> None:
    assert {split_of(f"cfg-{0:032x}", n) for n in (1, 2)} == {"train", "test"}
    assert split_of(f"cfg-{0:032x}", 1) == "train"


@pytest.mark.parametrize(
    "change",
    [
        lambda atoms: atoms.rattle(1e-12),
        lambda atoms: atoms.set_pbc([True, True, False]),
        lambda atoms: atoms.set_atomic_numbers([14, 32]),
        lambda atoms: atoms.set_cell(atoms.cell * (1 + 1e-15)),
        lambda atoms: atoms.append("Si"),
    ],
)
def test_any_change_of_the_configuration_changes_its_fingerprint(change) -> None:
    atoms = bulk("Si")
    before = fingerprint(atoms)
    change(atoms)
    assert fingerprint(atoms) != before


def test_names_tags_momenta_and_the_sign_of_zero_do_not_change_the_fingerprint() -> None:
    atoms = molecule("H2O")
    before = fingerprint(atoms)
    atoms.set_tags([1, 2, 3])
    atoms.set_momenta(np.ones((3, 3)))
    atoms.info["name"] = "water"
    atoms.positions = np.where(atoms.positions == 0.0, -0.0, atoms.positions)
    assert fingerprint(atoms) == before
