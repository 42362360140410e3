"""Writes start.xyz: 125 molecules of heavy water as flexible TIP3P, at 300 K and the density of water.

    python runs/qmmm_water/make_start.py

Deuterium instead of hydrogen allows twice the time step; averages over positions know no masses.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.io import write

from gapsample.potential.tip3p import FlexibleTIP3P
from gapsample.rng import stream
from gapsample.sampling.dynamics import Langevin, System

ALONG = 5  # molecules along each side
VOLUME = 29.92  # Å^3 of a molecule
DEUTERIUM = 2.014  # amu
SCHEDULE = ((0.1, 0.2, 1000), (0.5, 0.05, 2000), (1.0, 0.01, 6000))  # fs, 1/fs, steps


def lattice(rng: np.random.Generator) -> Atoms:
    """Molecules turned at random, on a lattice."""
    side = ALONG * VOLUME ** (1 / 3)
    atoms = Atoms(cell=[side] * 3, pbc=True)
    for site in np.ndindex(ALONG, ALONG, ALONG):
        one = molecule("H2O")
        one.euler_rotate(*rng.uniform(0.0, 360.0, 3), center="COM")
        one.positions += np.array(site) * side / ALONG
        atoms += one
    atoms.set_masses(np.where(atoms.numbers == 1, DEUTERIUM, atoms.get_masses()))
    return atoms


def main() -> None:
    """The command."""
    rng = stream(0)
    atoms = lattice(rng)
    system = System(atoms, FlexibleTIP3P(platform="CPU"))
    state = system.thermal(50.0, rng)
    for time_step, friction, steps in SCHEDULE:
        dynamics = Langevin(system, 300.0, time_step, friction)
        for _ in range(steps):
            state, _ = dynamics.step(state, rng)
        print(f"{steps} steps of {time_step} fs: {system.temperature(state):.0f} K", flush=True)
    atoms.positions = state.positions
    write(Path(__file__).with_name("start.xyz"), atoms, columns=["symbols", "positions", "masses"])


if __name__ == "__main__":
    main()
