"""Silicon: a hot crystal; a split <110> self-interstitial in 513 atoms, relaxed and at 900 K."""

from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.io import write
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary
from ase.md.verlet import VelocityVerlet
from ase.optimize import FIRE

from gapsample.potential.calculator import Calculator
from gapsample.reference import TightBinding
from gapsample.rng import stream

A = 5.43  # Å
HERE = Path(__file__).parent


def hot_crystal(cells: int, size: float, seed: int = 0) -> Atoms:
    """A crystal with every coordinate displaced by `size` (Å); 0.1 stores what 900 K do."""
    atoms = bulk("Si", cubic=True, a=A).repeat(cells)
    atoms.positions += stream(seed).normal(0.0, size, atoms.positions.shape)
    return atoms


def interstitial() -> Atoms:
    """A split interstitial, relaxed in 217 atoms and put into 513."""
    small, large = (bulk("Si", cubic=True, a=A).repeat(n) for n in (3, 4))
    site = int(np.argmin(np.linalg.norm(small.positions - small.positions.mean(axis=0), axis=1)))
    center, along = small.positions[site].copy(), np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0)
    split = small.copy()
    split.positions[site] = center + 1.2 * along + [0.0, 0.0, 0.5]
    split += Atoms("Si", [center - 1.2 * along + [0.0, 0.0, 0.5]])
    split.calc = Calculator(TightBinding())
    FIRE(split, logfile=None).run(fmax=0.05, steps=120)
    moved = split.positions[:-1] - small.positions
    from_center = nearest(small.positions - center, 3)
    for each, displacement in zip(from_center, moved, strict=True):
        apart = np.linalg.norm(nearest(large.positions - center - each, 4), axis=1)
        large.positions[np.argmin(apart)] += displacement
    large += Atoms("Si", [split.positions[-1]])
    large.wrap()
    return large


def nearest(vectors: np.ndarray, cells: int) -> np.ndarray:
    """Vectors to the nearest images in a cube of so many cells along each side."""
    return vectors - cells * A * np.rint(vectors / (cells * A))


def main() -> None:
    """Heat the interstitial for 0.2 ps at constant energy and keep the last 0.08 ps; minutes on one core."""
    atoms = interstitial()
    write(HERE / "core.xyz", atoms)
    atoms.calc = Calculator(TightBinding())
    MaxwellBoltzmannDistribution(atoms, temperature_K=1800.0, rng=np.random.default_rng(3))
    Stationary(atoms)
    dynamics, frames = VelocityVerlet(atoms, 2.0 * units.fs), []
    for steps in (60, 20, 20):
        dynamics.run(steps)
        frames.append(Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True))
        frames[-1].wrap()
        print(f"{atoms.get_temperature():.0f} K")
    write(HERE / "interstitial.xyz", frames)


if __name__ == "__main__":
    main()
