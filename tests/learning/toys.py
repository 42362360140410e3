"""A small world to learn: Lennard-Jones as the quantum engine, a tiny GAP, engines that misbehave."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones

from gapsample.database import Database
from gapsample.learning import Candidate, Learner, Policy, Quantum, judge
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import fit
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import ErrorRequest, Evaluation
from gapsample.potential.recipe import Distance, Recipe, Sigmas, Soap
from gapsample.rng import stream

LEVEL = "LJ"
RECIPE = Recipe(
    terms=(
        Distance(cutoff=4.0, cutoff_transition_width=0.6, theta=0.5, n_sparse=15),
        Soap(cutoff=4.0, n_max=4, l_max=3, cutoff_transition_width=1.0, delta=0.1, n_sparse=20),
    ),
    sigmas=Sigmas(energy=0.001, force=0.01, virial=None),
    e0={"Cu": 0.0},
    split="all",
)
FAR = 100.0  # Å
POLICY = Policy(LEVEL, threshold=0.2)


def lennard_jones() -> FromCalculator:
    return FromCalculator(LennardJones(sigma=2.3, epsilon=0.2, rc=4.0, ro=2.5, smooth=True))


def quantum() -> Quantum:
    return Quantum(lennard_jones(), LEVEL)


def rattled(n: int, seed: int, size: float = 0.1, symbols: str = "Cu") -> list[Atoms]:
    """Cells of eight atoms, away from their crystal."""
    made = []
    for k in range(n):
        rng = stream(seed, walker=k)
        atoms = bulk(symbols, "fcc", a=3.61).repeat(2)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.normal(0.0, 0.02, (3, 3))), scale_atoms=True)
        atoms.positions += rng.normal(0.0, size, (len(atoms), 3))
        made.append(atoms)
    return made


def first_gap(folder: Path, n: int = 6, recipe: Recipe = RECIPE, size: float = 0.06) -> tuple[GAP, Database]:
    database = Database(folder / "labels.db")
    engine = quantum()
    database.add_many((atoms, engine.label(atoms)) for atoms in rattled(n, seed=1, size=size))
    return fit(recipe, database).gap, database


def learner_in(folder: Path, n: int = 6, policy: Policy = POLICY, recipe: Recipe = RECIPE) -> Learner:
    gap, database = first_gap(folder, n, recipe)
    return Learner(gap, database, folder / "line", policy)


@dataclass(frozen=True)
class Rattling:
    """An engine that visits rattled cells, others in every round; the first `cursed` of them lie far away."""

    n: int = 12
    size: float = 0.1
    seed: int = 50
    cursed: int = 0

    def __call__(self, gap: GAP, number: int) -> list[Candidate]:
        cells = rattled(self.n, seed=self.seed + number, size=self.size)
        for atoms in cells[: self.cursed]:
            atoms.positions += FAR
        return judge(gap, cells)


@dataclass(frozen=True)
class Misbehaving:
    """Lennard-Jones that fails in some way for configurations that lie far away."""

    how: str

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        found = lennard_jones().evaluate(atoms, forces=forces)
        if atoms.positions[0, 0] < 0.5 * FAR:
            return found
        if self.how == "throw":
            raise RuntimeError("SCF not converged")
        if self.how == "hang":
            time.sleep(600.0)
        assert found.forces is not None
        bad = found.forces.copy()
        bad[0] = np.nan
        return replace(found, forces=bad)
