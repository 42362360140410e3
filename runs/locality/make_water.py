"""Writes water.xyz: 125 molecules of flexible TIP3P water at 300 K and 1 g/cm^3, two frames 1 ps apart."""

from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import molecule
from ase.io import write

from gapsample.potential.tip3p import FlexibleTIP3P
from gapsample.rng import stream
from gapsample.sampling.dynamics import Langevin, System

ROW = 5  # molecules along each side
SIDE = ROW * 29.92 ** (1 / 3)  # Å
HERE = Path(__file__).parent


def lattice(rng: np.random.Generator) -> Atoms:
    """Molecules turned at random, on a lattice."""
    atoms = Atoms(cell=[SIDE] * 3, pbc=True)
    for site in np.ndindex(ROW, ROW, ROW):
        one = molecule("H2O")
        one.euler_rotate(*rng.uniform(0.0, 360.0, 3), center="COM")
        one.positions += np.array(site) * SIDE / ROW
        atoms += one
    return atoms


def main() -> None:
    rng = stream(0)
    atoms = lattice(rng)
    system = System(atoms, FlexibleTIP3P(platform="CPU"))
    state, frames = system.thermal(50.0, rng), []
    for time_step, friction, steps in ((0.1, 0.2, 1000), (0.5, 0.02, 5000), (0.5, 0.005, 2000)):
        dynamics = Langevin(system, 300.0, time_step, friction)
        for _ in range(steps):
            state, _ = dynamics.step(state, rng)
        frame = atoms.copy()
        frame.positions = state.positions
        frames.append(frame)
        print(f"{steps} steps of {time_step} fs: {system.temperature(state):.0f} K")
    write(HERE / "water.xyz", frames[1:])


if __name__ == "__main__":
    main()
