"""Make the 300 quantum labels of diamond and write diamond_gfn1.xyz.

    python runs/diamond/make_labels.py [--workers 2] [--parts FOLDER]

Each part (one molecular-dynamics run, one batch of single points) writes NAME.unfinished.xyz as it goes and
renames it to NAME.xyz at the end; run the command again after an interruption and it goes on from there.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.io import read, write
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from engine import A0_GUESS, diamond, labelled, quantum, random_strain

from gapsample.files import write_text
from gapsample.journeys.defects import interpolated, vacancy_hop, vacancy_migration
from gapsample.journeys.lattice import pressure_free, scaled

HERE = Path(__file__).parent
LABELS = HERE / "diamond_gfn1.xyz"
PARTS = HERE / "out" / "labels"
SEED = 20240607
STEPS_APART = 10  # of 1 fs, between two snapshots
EQUILIBRATION = 5  # snapshots thrown away at the start of each run


@dataclass(frozen=True)
class Dynamics:
    """A Langevin run: its temperature (K), linear scale of the cell, and the snapshots wanted of it."""

    config_type: str
    temperature: float
    scale: float
    n_snapshots: int
    vacancy: bool = False


DYNAMICS = {
    "md_300K": Dynamics("bulk_md", 300.0, 1.000, 25),
    "md_1000K": Dynamics("bulk_md", 1000.0, 1.004, 32),
    "md_2000K": Dynamics("bulk_md", 2000.0, 1.010, 33),
    "vacancy_1500K": Dynamics("vacancy_md", 1500.0, 1.004, 30, vacancy=True),
}


def run_part(folder: Path, name: str) -> None:
    """Finish part `name` from the frames already in its unfinished file."""
    finished, unfinished = folder / f"{name}.xyz", folder / f"{name}.unfinished.xyz"
    if finished.exists():
        return
    frames = read(unfinished, ":") if unfinished.exists() else []
    more = run_dynamics(name, frames) if name in DYNAMICS else run_batch(name, frames)
    for frame in more:
        frames.append(frame)
        save(unfinished, frames)
    unfinished.rename(finished)


def run_dynamics(name: str, frames: list[Atoms]) -> Iterator[Atoms]:
    """The snapshots of run `name` that follow `frames`; every block of steps has its own seed."""
    run = DYNAMICS[name]
    crystal = scaled(equilibrium(quantum()), run.scale)
    start = vacancy_hop(crystal, 0)[0] if run.vacancy else crystal
    last = frames[-1] if frames else start
    calculator = quantum()
    for block in range(len(frames), run.n_snapshots + EQUILIBRATION):
        rng = np.random.default_rng([SEED, list(DYNAMICS).index(name), block])
        atoms = last.copy()
        if block == 0:
            MaxwellBoltzmannDistribution(atoms, temperature_K=2.0 * run.temperature, rng=rng)
        atoms.calc = calculator
        Langevin(
            atoms, units.fs, temperature_K=run.temperature, friction=0.02 / units.fs, rng=rng, fixcm=False
        ).run(STEPS_APART)
        frame = labelled(atoms, run.config_type)
        frame.set_momenta(atoms.get_momenta())
        yield frame
        last = frame


def run_batch(name: str, frames: list[Atoms]) -> Iterator[Atoms]:
    """Labels of the configurations of batch `name` that follow `frames`."""
    calculator = quantum()
    for config_type, atoms in islice(BATCHES[name](calculator), len(frames), None):
        atoms.calc = calculator
        yield labelled(atoms, config_type)


def isolated_atom(calculator: Calculator) -> Iterator[tuple[str, Atoms]]:
    """One carbon atom without a cell: closed-shell, 2p^2 spread evenly by the electronic temperature."""
    yield "isolated_atom", Atoms("C", positions=[[0.0, 0.0, 0.0]])


def strained(calculator: Calculator) -> Iterator[tuple[str, Atoms]]:
    """Cells under strain: pure stretches and shears, and random strains with and without rattle."""
    crystal = equilibrium(calculator)
    rng = np.random.default_rng([SEED, 100])
    for size in (-0.03, -0.015, -0.005, 0.005, 0.015, 0.03):
        for pattern in ((0, 0), (1, 2)):
            strain = np.zeros((3, 3))
            strain[pattern] = size
            strain = 0.5 * (strain + strain.T)
            yield "strained", deformed(crystal, strain)
            yield "strained", deformed(crystal, strain, rattle=0.01, rng=rng)
    for number in range(76):
        strain = random_strain(rng, (0.01, 0.02, 0.03, 0.04)[number % 4])
        rattle = (0.0, 0.02, 0.05, 0.08)[(number // 4) % 4]
        yield "strained", deformed(crystal, strain, rattle, rng)


def volumes(calculator: Calculator) -> Iterator[tuple[str, Atoms]]:
    """Perfect and slightly rattled cells from 4 % shorter to 5 % longer."""
    crystal = equilibrium(calculator)
    rng = np.random.default_rng([SEED, 200])
    for number, scale in enumerate(np.linspace(0.96, 1.05, 29)):
        stretched = scaled(crystal, float(scale))
        yield "volume", deformed(stretched, np.zeros((3, 3)), rattle=0.02 * (number % 2), rng=rng)


def vacancy_path(calculator: Calculator) -> Iterator[tuple[str, Atoms]]:
    """The vacancy's minimum-energy path, the straight line, and rattled images of the path."""
    crystal = equilibrium(calculator)
    rng = np.random.default_rng([SEED, 300])
    path = vacancy_migration(crystal, calculator).images
    yield from (("vacancy_neb", image.copy()) for image in path)
    line = interpolated(*vacancy_hop(crystal, 0), 7)
    yield from (("vacancy_neb", image) for image in line[:4])
    for number in range(39):
        image = path[number % len(path)]
        rattle = (0.02, 0.05, 0.10)[number % 3]
        yield "vacancy_neb", deformed(image, random_strain(rng, 0.01), rattle, rng)


BATCHES: dict[str, Callable[[Calculator], Iterator[tuple[str, Atoms]]]] = {
    "isolated_atom": isolated_atom,
    "strained": strained,
    "volume": volumes,
    "vacancy_neb": vacancy_path,
}


def equilibrium(calculator: Calculator) -> Atoms:
    """The 64-atom cell at the engine's own lattice constant."""
    return pressure_free(diamond(A0_GUESS), calculator)


def deformed(
    atoms: Atoms, strain: np.ndarray, rattle: float = 0.0, rng: np.random.Generator | None = None
) -> Atoms:
    """A strained copy, its atoms moved by normal deviates of standard deviation `rattle` (Å)."""
    copy = Atoms(atoms.symbols, positions=atoms.positions, cell=atoms.cell, pbc=True)
    copy.set_cell(copy.cell[:] @ (np.eye(3) + strain), scale_atoms=True)
    if rattle > 0.0 and rng is not None:
        copy.positions += rng.normal(scale=rattle, size=copy.positions.shape)
    return copy


def save(part: Path, frames: list[Atoms]) -> None:
    """Write all frames of a part so that a kill leaves the old file or the new one."""
    text = io.StringIO()
    write(text, frames, format="extxyz")
    write_text(part, text.getvalue())


def make_labels(parts: Path, workers: int) -> None:
    """Run every part, `workers` at a time, and gather their frames into `LABELS`."""
    parts.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {name: pool.submit(run_part, parts, name) for name in DYNAMICS | BATCHES}
        for name, future in running.items():
            future.result()
            print(f"{name}: done", flush=True)
    frames = []
    for name in BATCHES | DYNAMICS:
        skip = EQUILIBRATION if name in DYNAMICS else 0
        frames += read(parts / f"{name}.xyz", f"{skip}:")
    for frame in frames:
        frame.arrays.pop("momenta", None)
        if "qm_virial" in frame.info:  # nine plain numbers: ASE writes a matrix as JSON, which few can read
            frame.info["qm_virial"] = np.ravel(frame.info["qm_virial"])
    save(LABELS, frames)
    shutil.rmtree(parts)
    print(f"{LABELS.name}: {len(frames)} configurations")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Make the quantum labels of diamond.")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--parts", type=Path, default=PARTS, help="folder of the unfinished work")
    arguments = parser.parse_args()
    make_labels(arguments.parts, arguments.workers)


if __name__ == "__main__":
    main()
