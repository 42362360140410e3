"""Quantum labels for `species_channels.py`: hot pairs of small C, H, N, O molecules.

    python analysis/organic_labels.py        (needs the extra ``qm``; minutes)

Every pair, drawn at random and pushed together, runs its own Langevin dynamics in vacuum; a snapshot is kept
every 40 fs. GFN1-xTB: Grimme, Bannwarth & Shushkov, J. Chem. Theory Comput. 13, 1989 (2017).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import molecule
from ase.calculators.calculator import Calculator
from ase.io import write
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

LABELS = Path(__file__).parent / "data" / "organic_gfn1.xyz"
LEVEL = "GFN1-xTB"
SEED = 11
N_PAIRS, N_SNAPSHOTS = 40, 6
TEMPERATURE = 800.0  # K
STEP, STEPS_APART = 0.5, 80  # fs
CLOSEST = 2.2  # Å between the two molecules at the start
MOLECULES = (
    "CH3CHO", "C4H4NH", "CH3CH2OH", "CH3ONO", "CH3CONH2", "H2CCHCN", "CH3COOH", "CH3OCH3", "C5H5N",
    "CH3NO2", "C4H4O", "C2H6NH", "HCOOCH3", "CH3COCH3", "CH3CH2NH2", "CH2OCH2", "CH2NHCH2", "H3CNH2",
    "HCOOH", "H2CO", "HCN", "N2H4", "H2O", "NH3", "CO2", "CH3OH",
)  # fmt: skip


def make_labels() -> None:
    """Write all labels anew."""
    rng = np.random.default_rng(SEED)
    LABELS.unlink(missing_ok=True)
    for number in range(N_PAIRS):
        for atoms in snapshots(pair(rng), rng):
            keep(atoms)
        print(f"{number + 1} of {N_PAIRS}", flush=True)


def engine(accuracy: float = 1.0) -> Calculator:
    """GFN1-xTB; a smaller accuracy is a tighter one."""
    from tblite.ase import TBLite

    return TBLite(method=LEVEL, verbosity=0, accuracy=accuracy)


def pair(rng: np.random.Generator) -> Atoms:
    """Two molecules, turned at random, as near to each other as CLOSEST."""
    first, second = (molecule(name) for name in rng.choice(MOLECULES, 2, replace=False))
    first.center(about=(0.0, 0.0, 0.0))
    second.center(about=(0.0, 0.0, 0.0))
    second.rotate(rng.uniform(0.0, 360.0), rng.normal(size=3))
    way = rng.normal(size=3)
    way /= np.linalg.norm(way)
    for distance in np.arange(1.0, 15.0, 0.1):
        apart = np.linalg.norm(first.positions[:, None] - second.positions - distance * way, axis=2)
        if apart.min() >= CLOSEST:
            break
    second.translate(distance * way)
    return Atoms(first.numbers, first.positions) + Atoms(second.numbers, second.positions)


def snapshots(atoms: Atoms, rng: np.random.Generator) -> list[Atoms]:
    """Configurations of one hot run, the first part thrown away; the pair may drift apart."""
    atoms.calc = engine()
    MaxwellBoltzmannDistribution(atoms, temperature_K=TEMPERATURE, rng=rng)
    motion = Langevin(
        atoms, STEP * units.fs, temperature_K=TEMPERATURE, friction=0.02 / units.fs, rng=rng, fixcm=False
    )
    motion.run(STEPS_APART)
    kept = []
    for _ in range(N_SNAPSHOTS):
        motion.run(STEPS_APART)
        kept.append(Atoms(atoms.numbers, atoms.positions))
    return kept


def keep(atoms: Atoms) -> None:
    """Add one labeled configuration to the file, its label that of the positions as printed."""
    atoms = Atoms(atoms.numbers, np.round(atoms.positions, 5))
    labeled = atoms.copy()
    labeled.calc = engine(accuracy=0.1)
    energy, forces = labeled.get_potential_energy(), labeled.get_forces()
    atoms.info = {"config_type": "md", "level": LEVEL, "qm_energy": energy}
    atoms.arrays["qm_forces"] = np.round(forces, 5)
    write(LABELS, atoms, format="extxyz", append=True)


if __name__ == "__main__":
    make_labels()
