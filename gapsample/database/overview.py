"""What a database holds, counted without reading the configurations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ase.data import chemical_symbols

from gapsample.database.backend import rows
from gapsample.database.names import original

Count = dict[str, int]


@dataclass
class Group:
    """Configurations of one level of theory, source and config_type.

    Attributes
    ----------
    level, source, config_type : what the group has in common
    species : chemical symbols that occur, by atomic number
    atoms : number of atoms
    sides : number of configurations in ``"train"`` and ``"test"``
    holds : number of configurations with ``"energy"``, ``"forces"``, ``"virial"``
    """

    level: str
    source: str
    config_type: str
    species: list[str] = field(default_factory=list)
    atoms: int = 0
    sides: Count = field(default_factory=lambda: {"train": 0, "test": 0})
    holds: Count = field(default_factory=lambda: {"energy": 0, "forces": 0, "virial": 0})

    def __len__(self) -> int:
        return sum(self.sides.values())


def relabeled(db: Any) -> int:
    """Number of configurations that have several labels at one level of theory."""
    sql = (
        "SELECT COUNT(*) FROM text_key_values AS f JOIN text_key_values AS l ON f.id = l.id "
        "WHERE f.key='fingerprint' AND l.key='level' GROUP BY f.value, l.value HAVING COUNT(*) > 1"
    )
    return len(rows(db, sql))


def groups_of(db: Any) -> list[Group]:
    """The groups in an open ase.db database, sorted by level, source and config_type."""
    species: dict[int, set[int]] = {}
    for row, number in rows(db, "SELECT id, Z FROM species"):
        species.setdefault(row, set()).add(number)
    groups: dict[tuple[str, str, str], Group] = {}
    numbers: dict[tuple[str, str, str], set[int]] = {}
    ours = "id IN (SELECT id FROM keys WHERE key='content')"
    for row, n_atoms, pairs in rows(db, f"SELECT id, natoms, key_value_pairs FROM systems WHERE {ours}"):
        keys = db.decode(pairs)
        names = original(keys["level"]), original(keys["source"]), original(keys["config_type"])
        group = groups.setdefault(names, Group(*names))
        group.atoms += n_atoms
        group.sides[keys["split"]] += 1
        for quantity in keys["holds"].split("+"):
            group.holds[quantity] += 1
        numbers.setdefault(names, set()).update(species.get(row, ()))
    for names, group in groups.items():
        group.species = [chemical_symbols[number] for number in sorted(numbers[names])]
    return [groups[names] for names in sorted(groups)]
