"""A small world for adaptive runs: copper with an atom missing, a GAP of the crystal, engines that fail."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

from gapsample.database import Database, Label
from gapsample.journeys.qmmm_records import NAMES, read
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import fit
from gapsample.potential.recipe import Distance, Recipe, Sigmas, Soap
from gapsample.rng import stream

LEVEL = "LJ"
RECIPE = Recipe(
    terms=(
        Distance(cutoff=4.0, cutoff_transition_width=0.6, theta=0.5, n_sparse=15),
        Soap(cutoff=4.0, n_max=4, l_max=2, cutoff_transition_width=1.0, delta=0.1, n_sparse=15),
    ),
    sigmas=Sigmas(energy=0.001, force=0.02, virial=None),
    e0={"Cu": 0.0},
    split="all",
)
ENGINE = '''
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase.calculators.lj import LennardJones

from gapsample.potential.calculator import FromCalculator


class Engine:
    """Lennard-Jones that fails as a file beside it says, if there is one."""

    def __init__(self, switch):
        self.switch = Path(switch)
        self.inner = FromCalculator(LennardJones(sigma=2.3, epsilon=0.2, rc=4.0, ro=2.5, smooth=True))

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        found = self.inner.evaluate(atoms, forces=True)
        how = self.switch.read_text() if self.switch.exists() else ""
        if how == "throws":
            raise RuntimeError("the density did not converge")
        if how == "hangs":
            time.sleep(600.0)
        if how == "nan":
            return replace(found, forces=np.full_like(found.forces, np.nan))
        return found


def engine(switch):
    return Engine(switch)
'''
CONFIG = """
seed = 3
[start]
file = "start.xyz"
[mm]
kind = "gap"
model = "gap.npz"
[[qm]]
kind = "python"
file = "engine.py"
function = "engine"
settings = {{ switch = "{folder}/failure" }}
[region]
error = {{ enter = 0.04, leave = 0.03 }}
buffer = {{ kind = "within", inner = 4.1 }}
terminate = false
[dynamics]
kind = "adaptive_langevin"
temperature = 300.0
time_step = 2.0
[audits]
every = 3
coverage = 0.8
[learn]
database = "labels.db"
level = "LJ"
every = 4
absorb_every = 4
n_sparse = 5
[stop]
steps = 24
[output]
folder = "out"
frames_every = 4
"""


def lennard_jones() -> FromCalculator:
    return FromCalculator(LennardJones(sigma=2.3, epsilon=0.2, rc=4.0, ro=2.5, smooth=True))


def vacant() -> Atoms:
    """A crystal with an atom missing."""
    atoms = bulk("Cu", cubic=True, a=3.61).repeat(3)
    del atoms[50]
    return atoms


def crystal_gap(folder: Path) -> None:
    """A GAP that has seen the crystal, and its labels."""
    database, engine = Database(folder / "labels.db"), lennard_jones()
    for number in range(6):
        rng = stream(1, walker=number)
        atoms = bulk("Cu", cubic=True, a=3.61 * rng.uniform(0.98, 1.02)).repeat(2)
        atoms.positions += rng.normal(0.0, 0.08, (len(atoms), 3))
        seen = engine.evaluate(atoms)
        database.add(atoms, Label(LEVEL, "bulk", energy=seen.energy, forces=seen.forces))
    fit(RECIPE, database).gap.save(folder / "gap.npz")


def world(folder: Path, made: Path) -> Path:
    """All files of a run in a folder, the GAP and its labels copied from where they were made."""
    for name in ("gap.npz", "labels.db"):
        (folder / name).write_bytes((made / name).read_bytes())
    atoms = vacant()
    atoms.positions += np.random.default_rng(2).normal(0.0, 0.02, atoms.positions.shape)
    ase.io.write(folder / "start.xyz", atoms)
    (folder / "engine.py").write_text(ENGINE)
    (folder / "config.toml").write_text(CONFIG.format(folder=folder))
    return folder / "config.toml"


def check_records(one: Path, other: Path) -> None:
    """Two folders hold the same records, wall times apart."""
    for name in NAMES:
        mine, theirs = read(one, name), read(other, name)
        assert len(mine) == len(theirs), name
        for column in mine.dtype.names:
            if column != "quantum_seconds":
                np.testing.assert_array_equal(mine[column], theirs[column], err_msg=f"{name}.{column}")
