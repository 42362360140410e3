"""Windows on a grid, and windows placed where they teach most: how much sampling the same error takes.

    python runs/alanine_dipeptide/placement.py grid map difference --seed 0 --reference FOLDER

`grid` is 12 x 12 windows; `map` grows windows from C7eq to know F below 50 kJ/mol; `difference` only to know
F(C7ax) - F(C7eq). All sample 3 ps a window. Those on the grid are steered from one start, 0.8 ps; those of
`map` from their neighbor, as long; those of `difference` 0.15 ps, which is as fast. Budgets count everything.
FOLDER holds windows to judge the maps by; without one maps are not judged.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import units
from numpy.typing import NDArray
from system import alanine_dipeptide

from gapsample import free_energy
from gapsample.sampling.executors import threads

Floats = NDArray[np.float64]

KJ = units.kJ / units.mol
TEMPERATURE = 300.0
KT = units.kB * TEMPERATURE
PERIODS = (2.0 * np.pi, 2.0 * np.pi)
KAPPA = (250.0 * KJ, 250.0 * KJ)  # eV per radian^2
C7EQ, C7AX = (-1.36, 0.99), (1.08, -0.73)
TOP, LOW = 50.0, 25.0  # kJ/mol: maps are asked for below the one, judged below both
STEPS = (0.6, 0.6)  # radians, how far from what was seen a window may lie
N_GRID, N_MAP, N_DIFFERENCE = 12, 144, 56  # windows: 144, 144, 56
SHARES = (0.5, 0.75, 1.0)  # of the windows, in their order: budgets
GRID = free_energy.Schedule(
    TEMPERATURE, friction=0.01, n_steering=800, n_equilibration=400, n_steps=3000, every=5, keep_every=0
)
SCHEDULES = {"grid": GRID, "map": GRID, "difference": replace(GRID, n_steering=150)}
LINE = 2.0 * np.pi * ((np.arange(72) + 0.5) / 72 - 0.5)
POINTS = np.stack(np.meshgrid(LINE, LINE, indexing="ij"), axis=-1).reshape(-1, 2)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("how", nargs="+", choices=list(SCHEDULES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("out") / "placement")
    parser.add_argument("--reference", type=Path, help="folder of windows, such as out/windows")
    asked = parser.parse_args()
    exact = None if asked.reference is None else heights(fitted(on_disk(asked.reference)))
    for how in asked.how:
        folder = asked.out / f"{how}-{asked.seed}"
        sampled(how, folder, asked.seed)
        for line in judged(on_disk(folder), SCHEDULES[how], exact if how != "difference" else None):
            print(f"{how} {asked.seed}: {line}", flush=True)


def sampled(how: str, folder: Path, seed: int) -> None:
    """Sample all windows of a kind that are not there yet."""
    molecule = alanine_dipeptide()
    ensemble = free_energy.Ensemble(molecule.potential, (molecule.phi, molecule.psi), molecule.fields)
    with threads(1) as executor:
        if how == "grid":
            line = 2.0 * np.pi * ((np.arange(N_GRID) + 0.5) / N_GRID - 0.5)
            windows = [free_energy.Window((phi, psi), KAPPA) for phi in line for psi in line]
            free_energy.run_windows(
                folder, ensemble, windows, molecule.atoms, SCHEDULES[how], seed=seed, executor=executor
            )
            return
        goal: free_energy.SurfaceBelow | free_energy.Difference = free_energy.SurfaceBelow(TOP * KJ)
        batch, most = 12, N_MAP
        if how == "difference":
            goal, batch, most = free_energy.Difference(C7EQ, C7AX, TOP * KJ), 8, N_DIFFERENCE
        plan = free_energy.Plan(
            C7EQ, KAPPA, STEPS, error=1e-6 * KJ, batch=batch, most_windows=most, seed=seed
        )
        sampler = free_energy.Campaign(folder, ensemble, molecule.atoms, SCHEDULES[how], seed, executor)
        free_energy.explore(sampler, goal, plan, PERIODS, folder=folder)


def on_disk(folder: Path) -> list[free_energy.Samples]:
    """Samples of all windows in a folder, in order."""
    return [free_energy.read_window(path).samples for path in sorted(folder.glob("window-*.npz"))]


def fitted(windows: Sequence[free_energy.Samples]) -> free_energy.Surface:
    return free_energy.Surface.fit(free_energy.gradient_averages(windows), PERIODS)


def heights(surface: free_energy.Surface) -> Floats:
    """F at `POINTS` above the lowest, kJ/mol."""
    values = surface.mean(POINTS) / KJ
    return np.asarray(values - values.min())


def judged(
    windows: list[free_energy.Samples], schedule: free_energy.Schedule, exact: Floats | None
) -> Iterator[str]:
    """Differences with their errors, and RMS errors of the map, at several budgets."""
    one = 1e-6 * (schedule.n_steering + schedule.n_equilibration + schedule.n_steps) * schedule.time_step
    for n in sorted({int(share * len(windows)) for share in SHARES}):
        surface = fitted(windows[:n])
        value, std = surface.difference(np.array(C7EQ), np.array(C7AX))
        line = f"{n} windows, {n * one:.2f} ns: F(C7ax) - F(C7eq) = {value / KJ:.2f} ± {std / KJ:.2f} kJ/mol"
        if exact is not None:
            region, error = surface.region_difference(is_rest, is_axial, KT)
            away = heights(surface) - exact
            rms = (float(np.std(away[exact < top])) for top in (LOW, TOP))
            line += f"; of regions {region / KJ:.2f} ± {error / KJ:.2f}; map {next(rms):.2f}, {next(rms):.2f}"
        yield line


def is_axial(points: Floats) -> NDArray[np.bool_]:
    """Whether points belong to C7ax, 0 < phi < 140°."""
    phi = np.remainder(points[:, 0] + np.pi, 2.0 * np.pi) - np.pi
    return np.asarray((phi > 0.0) & (phi < np.radians(140.0)))


def is_rest(points: Floats) -> NDArray[np.bool_]:
    return ~is_axial(points)


if __name__ == "__main__":
    main()
