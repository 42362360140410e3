"""Which minima a run of config.toml saw, and how likely each is at a temperature.

python runs/lj38/basins.py                    # reads out/run_0, also while the run goes on
python runs/lj38/basins.py FOLDER             # of another run

Configurations are quenched with the whole potential: -173.928 is the truncated octahedron, -173.252 the
lowest of the icosahedral minima.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import minimize
from tqdm import tqdm

from gapsample import nested
from gapsample.rng import stream

Floats = NDArray[np.float64]

BOX = nested.PairBox(38, 7.0, nested.LennardJones(cutoff=3.0))
HIGHEST = -140.0  # hotter configurations are not looked at: they are fluid
N_LIVE = 300  # of those alive at the end, drawn at random
OCTAHEDRON, ICOSAHEDRAL = -173.928, -173.0  # quenched energies: this one; and up to this one
TEMPERATURES = np.arange(0.10, 0.205, 0.01)
LINE = "{:>6} {:>16} {:>16} {:>16}"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "out" / "run_0"
    points, kept = nested.read_configurations(folder)
    n_dead = len(nested.read_kept(folder))
    alive = stream(0).choice(np.arange(n_dead, len(kept)), N_LIVE, replace=False)
    chosen = np.concatenate((np.arange(n_dead), np.sort(alive)))
    rows, coordinates = kept.rows[chosen], kept.coordinates[chosen]
    energy = np.array(
        [
            quenched(BOX.atoms(each)) if points.value[row] < HIGHEST else 0.0
            for row, each in zip(tqdm(rows), coordinates, strict=True)
        ]
    )
    octahedral = np.abs(energy - OCTAHEDRON) < 1e-3
    kinds = {
        "octahedron": octahedral,
        "icosahedral": (energy < ICOSAHEDRAL) & ~octahedral,
        "others": energy >= ICOSAHEDRAL,
    }
    print(f"quenched energies of {N_LIVE} live points: {counted(energy[-N_LIVE:])}")
    shares = nested.averages(
        points, rows, {name: kind.astype(float) for name, kind in kinds.items()}, TEMPERATURES, rng=stream(1)
    )
    print(LINE.format("kT", *shares))
    for n, kT in enumerate(TEMPERATURES):
        said = (f"{each.value[n]:.3f} +- {each.err[n]:.3f}" for each in shares.values())
        print(LINE.format(f"{kT:.2f}", *said))


def quenched(atoms: Atoms) -> float:
    """Energy of the minimum below a configuration, by the potential without a cutoff."""
    return float(minimize(lennard_jones, whole(atoms).ravel(), jac=True, method="L-BFGS-B", tol=1e-12).fun)


def lennard_jones(x: Floats) -> tuple[float, Floats]:
    """Energy and its gradient."""
    between = x.reshape(-1, 1, 3) - x.reshape(1, -1, 3)
    square = np.sum(between**2, axis=2)
    np.fill_diagonal(square, np.inf)
    sixth = square**-3
    slope = 4.0 * (6.0 * sixth - 12.0 * sixth**2) / square
    return 2.0 * float(np.sum(sixth**2 - sixth)), np.sum(slope[:, :, None] * between, axis=1).ravel()


def whole(atoms: Atoms) -> Floats:
    """Positions that no boundary cuts through: each atom the image next to one that has its place."""
    vectors, placed = atoms.get_all_distances(mic=True, vector=True), np.zeros(len(atoms), bool)
    distance, positions = np.linalg.norm(vectors, axis=2), atoms.get_positions()
    placed[0] = True
    while not placed.all():
        near = np.where(placed[:, None] & ~placed, distance, np.inf)
        of, new = np.unravel_index(np.argmin(near), near.shape)
        positions[new], placed[new] = positions[of] + vectors[of, new], True
    return np.asarray(positions)


def counted(energy: Floats) -> str:
    """Values and how often they occur."""
    values, counts = np.unique(np.round(energy, 3), return_counts=True)
    return ", ".join(f"{value:.3f} ({count})" for value, count in zip(values, counts, strict=True))


if __name__ == "__main__":
    main()
