"""A stand-in potential whose errors are known, and labels to hold it against."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pytest
from ase.build import bulk

from gapsample.database import Database, Label
from gapsample.potential.protocol import Evaluation


@dataclass(frozen=True)
class Drawn:
    """Answers drawn from the position of the atoms alone: truth plus an error it knows the size of.

    The truth is zero energy, force and virial. The size of an atom's force error grows with its index;
    the predicted error is `sureness` times smaller than the true one.
    """

    offset: float = 0.0
    sureness: float = 1.0

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        n = len(atoms)
        rng = np.random.default_rng(crc32(atoms.positions.tobytes()))
        size = np.repeat(np.linspace(0.05, 0.5, n)[:, None], 3, axis=1)
        wanted = error is not False
        return Evaluation(
            energy=self.offset * n + 0.01 * n * rng.normal(),
            forces=size * rng.normal(size=(n, 3)) if forces else None,
            virial=0.03 * n * rng.normal(size=(3, 3)) if virial else None,
            energy_std=0.01 * n / self.sureness if wanted else None,
            local_std=np.full(n, 0.01) / self.sureness if wanted else None,
            forces_std=size / self.sureness if error in (True, "forces") else None,
        )


def rattled(seed):
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=seed)
    return atoms


@pytest.fixture(scope="session")
def stand_in():
    return Drawn


@pytest.fixture(scope="session")
def database(tmp_path_factory):
    """120 cells with labels that are all zero, one without forces, one carved cluster with trusted atoms."""
    database = Database(tmp_path_factory.mktemp("labels") / "zero.db")
    pairs = []
    for seed in range(120):
        atoms = rattled(seed)
        name = "hot" if seed % 3 else "cold"
        zero = {"forces": np.zeros((8, 3)), "virial": np.zeros((3, 3))}
        pairs.append((atoms, Label("PBE", energy=0.0, config_type=name, **zero)))
    pairs.append((rattled(1000), Label("PBE", energy=0.0, config_type="energies")))
    trusted = np.arange(8) < 3
    pairs.append(
        (rattled(1001), Label("PBE", forces=np.zeros((8, 3)), trusted=trusted, config_type="cluster"))
    )
    database.add_many(pairs)
    return database
