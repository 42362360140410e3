"""Formic acid in vacuum: atoms, GFN2-xTB, and hot configurations all around the torsion as labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule

from gapsample.database import Database, Label
from gapsample.free_energy import Ensemble, Schedule, Torsion, Window, run_windows
from gapsample.potential.calculator import FromCalculator
from gapsample.sampling.executors import threads

LEVEL = "GFN2-xTB"
TORSION = Torsion(2, 1, 0, 3)
N_WINDOWS = 16
SOFT = 1.0  # eV per radian^2: windows overlap widely
HOT = Schedule(
    1000.0,
    time_step=0.5,
    friction=0.02,
    n_steering=400,
    n_equilibration=400,
    n_steps=3000,
    every=10,
    keep_every=20,
)


def formic_acid() -> Atoms:
    """The molecule, hydrogen of the hydroxyl group next to the other oxygen."""
    return molecule("HCOOH")


def quantum(accuracy: float = 1.0) -> FromCalculator:
    """GFN2-xTB (Bannwarth, Ehlert & Grimme, J. Chem. Theory Comput. 15, 1652 (2019)); smaller is tighter."""
    from tblite.ase import TBLite

    return FromCalculator(TBLite(method=LEVEL, verbosity=0, accuracy=accuracy))


def make_labels(folder: Path, database: Database) -> None:
    """Configurations of windows at 1000 K with energies and forces into a database; again: nothing new."""
    line = 2.0 * np.pi * (np.arange(N_WINDOWS) / N_WINDOWS - 0.5)
    windows = [Window((tau,), (SOFT,)) for tau in line]
    with threads(1) as executor:
        runs = run_windows(
            folder,
            Ensemble(quantum(), (TORSION,)),
            windows,
            formic_acid(),
            HOT,
            seed=0,
            executor=executor,
            model=LEVEL,
        )
    engine, pairs = quantum(accuracy=0.1), []
    for positions in np.concatenate([run.visited.positions for run in runs]):
        atoms = Atoms(formic_acid().numbers, positions)
        found = engine.evaluate(atoms)
        pairs.append((atoms, Label(LEVEL, "umbrella", energy=found.energy, forces=found.forces)))
    database.add_many(pairs)
