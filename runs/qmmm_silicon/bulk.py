"""A GAP that has seen bulk silicon and nothing else, with labels made here by tight binding.

python runs/qmmm_silicon/bulk.py          # writes out/bulk.db, out/bulk.npz, out/interstitial.xyz
"""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
from ase import Atom, Atoms
from ase.build import bulk
from numpy.random import Generator

from gapsample.database import Database, Label
from gapsample.potential.fit import fit
from gapsample.potential.recipe import Distance, Recipe, Sigmas, Soap
from gapsample.reference import TightBinding
from gapsample.rng import stream
from gapsample.sampling.dynamics import Langevin, System

HERE = Path(__file__).parent
LEVEL, LATTICE = "bowler", 5.43  # Å, near the minimum of this model
# Couplings of this engine end between 2.8 and 3.2 Å, where a crystal has no neighbors and an interstitial has
# many. Terms that end there resolve it; those with one length scale for all distances do not.
END, WIDTH = 3.2, 0.4
RECIPE = Recipe(
    terms=(
        Distance(cutoff=END, cutoff_transition_width=WIDTH, theta=0.1, delta=2.0, n_sparse=60),
        Soap(
            cutoff=END,
            cutoff_transition_width=WIDTH,
            n_max=6,
            l_max=6,
            n_sparse=300,
            sparse_method="farthest",
        ),
        Soap(
            cutoff=4.2,
            cutoff_transition_width=0.8,
            atom_sigma=0.4,
            delta=0.3,
            n_sparse=300,
            sparse_method="farthest",
        ),
    ),
    sigmas=Sigmas(energy=0.002, force=0.06, virial=0.1),
    level=LEVEL,
)


def strained(atoms: Atoms, rattle: float, strain: float, rng: Generator) -> Atoms:
    """A copy with a random strain and random displacements (Å)."""
    copy, entries = atoms.copy(), rng.normal(0.0, strain, (3, 3))
    copy.set_cell(copy.cell.array @ (np.eye(3) + 0.5 * (entries + entries.T)), scale_atoms=True)
    copy.positions += rng.normal(0.0, rattle, copy.positions.shape)
    return copy


def snapshots(atoms: Atoms, kelvin: float, steps: int, rng: Generator) -> list[Atoms]:
    """Every 50 fs of dynamics with the zone center alone, the first 150 fs left out."""
    system = System(atoms, TightBinding())
    dynamics, kept = Langevin(system, kelvin, 2.5, 0.05), []
    state = system.thermal(kelvin, rng)
    for step in range(steps):
        state, _ = dynamics.step(state, rng)
        if step >= 60 and step % 20 == 0:
            kept.append(atoms.copy())
            kept[-1].positions = state.positions
    return kept


def interstitial() -> Atoms:
    """A tetrahedral self-interstitial in 216 atoms."""
    atoms = bulk("Si", cubic=True, a=LATTICE).repeat(3)
    atoms.append(Atom("Si", 3 * [1.5 * LATTICE]))
    return atoms


if __name__ == "__main__":
    out, rng = HERE / "out", stream(7)
    out.mkdir(exist_ok=True)
    (out / "bulk.db").unlink(missing_ok=True)  # runs add their labels to it
    cell, large = bulk("Si", cubic=True, a=LATTICE), bulk("Si", cubic=True, a=LATTICE).repeat(2)
    cells = [strained(cell, rattle, 0.02, rng) for rattle in np.linspace(0.02, 0.1, 10)]
    cells += [*snapshots(large, 900.0, 500, rng), *snapshots(large, 1300.0, 260, rng)]
    engine, database = TightBinding(kpoints=0.29), Database(out / "bulk.db")
    for atoms in cells:
        seen = engine.evaluate(atoms, virial=True)
        database.add(atoms, Label(LEVEL, "bulk", energy=seen.energy, forces=seen.forces, virial=seen.virial))
    fitted = fit(RECIPE, database)
    fitted.gap.save(out / "bulk.npz")
    ase.io.write(out / "interstitial.xyz", interstitial())
    print(f"{len(cells)} labels, force error {fitted.errors['test'][-1].force_rmse:.3f} eV/Å a component")
