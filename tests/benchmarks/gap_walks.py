"""Walks of a GAP: what a flight costs beside the bare forces, how much runs compiled, what threads bring.

``python tests/benchmarks/gap_walks.py MODEL.npz`` with any fitted GAP of one species (without, a random one
of the size of a usual fit). Set OMP_NUM_THREADS=1. CPU times, the best of several. The two-thread ratio is
one of wall times and needs two idle cores: beside it stands CPU over wall time, the cores that there were.
The last line is one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.build import bulk
from threadpoolctl import threadpool_limits

from gapsample import nested
from gapsample.compiled import soap_energy
from gapsample.compiled.models_gap import add_pairs
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.nested.ensembles import Fixed, Pressure
from gapsample.nested.gap_model import GapModel
from gapsample.nested.moves import Moves
from gapsample.nested.system import System
from gapsample.potential.files import load
from gapsample.potential.gap import GAP
from gapsample.potential.terms.soap import SoapTerm
from gapsample.sampling import loop
from gapsample.sampling.executors import threads

N_STEPS = 8
SWEEPS = 10


def main() -> None:
    gap = load(sys.argv[1]) if len(sys.argv) > 1 else random_gap()
    atoms = crystal(gap.species[0])
    result = forces_alone(gap, atoms)
    for kind in ("galilean", "hmc"):
        seconds, per_step = flight(gap, atoms, kind)
        result[f"{kind}_us_per_step"] = round(1e6 * seconds)
        result[f"{kind}_over_bare"] = round(seconds / (1e-6 * result["bare_us"]), 3)
        result[f"{kind}_forces_per_step"] = per_step
    result["share_compiled"] = round(share_compiled(gap), 4)
    result |= two_threads(gap, atoms)
    print(json.dumps(result))


def random_gap() -> GAP:
    """Silicon with 1000 sparse points and random weights: the cost of a usual fit, not its physics."""
    basis = SoapBasis(5.0, 8, 6)
    term = SoapTerm(basis, 14, (14,), np.empty((0, 1)), 4.0, 1.0, r_min=1.5)
    cells = [bulk("Si", cubic=True) for _ in range(125)]
    for seed, cell in enumerate(cells):
        cell.rattle(0.3, seed=seed)
    points = [term.descriptors(find_neighbours(cell, basis.cutoff)) for cell in cells]
    full = SoapTerm(basis, 14, (14,), np.concatenate(points), 4.0, 1.0, r_min=1.5)
    return GAP((full,), np.random.default_rng(0).normal(0.0, 1e-3, full.n_sparse), {14: 0.0})


def crystal(symbol: str) -> Atoms:
    """Sixteen atoms, rattled."""
    one = bulk(symbol, cubic=True)
    atoms = one * (2, 16 // (2 * len(one)), 1)
    atoms.rattle(0.05, seed=0)
    return atoms


def best(call: Callable[[], object], n: int = 20, rounds: int = 9) -> float:
    """CPU seconds of one call, the best of several rounds."""
    call()
    shortest = np.inf
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(n):
            call()
        shortest = min(shortest, (time.process_time() - started) / n)
    return shortest


def forces_alone(gap: GAP, atoms: Atoms) -> dict[str, float]:
    """Forces with the neighbours given; energies in a walk, neighbours found; `GAP.evaluate`."""
    model = GapModel(gap).compiled(gap.species[:1])
    near = find_neighbours(atoms, gap.cutoff)
    species, forces = np.zeros(len(atoms), np.int64), np.empty((len(atoms), 3))
    centres, nothing = np.arange(len(atoms)), np.empty(0)
    energies, virial = np.zeros((1, len(atoms))), np.zeros((1, 3, 3))

    def core() -> None:
        add_pairs(model.pairs, 1, species, near.first, near.j, near.D, near.d, forces)
        for part in model.soap:
            soap_energy.evaluate(
                part.density, part.sparse, part.zeta, part.weights, part.quadratic, nothing, centres,
                near.numbers, near.first, near.j, near.D, near.d, energies, nothing, forces[None], virial,
            )  # fmt: skip

    system, task = clones(gap, atoms, "galilean", 20)
    return {
        "bare_us": round(1e6 * best(core)),
        "energy_us": round(1e6 * best(lambda: system.values(task.coordinates), n=1) / 20),
        "gap_evaluate_us": round(1e6 * best(lambda: gap.evaluate(atoms))),
    }


def clones(gap: GAP, atoms: Atoms, kind: str, n: int) -> tuple[System, nested.Walk]:
    """Copies of a rattled crystal, below a ceiling 0.3 eV an atom above it."""
    moves = Moves(galilean=int(kind == "galilean"), hmc=int(kind == "hmc"), n_steps=N_STEPS)
    n_atoms, symbol = len(atoms), gap.species[0]
    kinetic = {"largest_kinetic": 0.3 * n_atoms} if kind == "hmc" else {}
    system = System(f"{symbol}{n_atoms}", GapModel(gap), Fixed(atoms.cell.array), moves, **kinetic)
    row = np.zeros(system.n_coordinates)
    row[: 3 * n_atoms + 9] = np.concatenate((atoms.positions.ravel(), atoms.cell.array.ravel()))
    points = np.tile(row, (n, 1))
    values = system.values(points)
    step = np.array([0.05 if kind == "galilean" else 0.1])  # Å, and about 1 fs
    ceiling = nested.Ceiling(float(values[0]) + 0.3 * n_atoms, 1.0)
    return system, nested.Walk(points, values, ceiling, step, SWEEPS, np.arange(n, dtype=np.uint64))


def flight(gap: GAP, atoms: Atoms, kind: str) -> tuple[float, str]:
    """CPU seconds of a step of a flight, and how many flights were accepted."""
    system, task = clones(gap, atoms, kind, 1)
    seconds = best(lambda: system.walk(task), n=2)
    walked = system.walk(task)
    return seconds / (SWEEPS * N_STEPS), f"{walked.accepted.sum()} of {walked.tried.sum()} flights accepted"


class Watched:
    """A problem that adds up the time of its walks."""

    def __init__(self, system: System) -> None:
        self.system, self.seconds = system, 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self.system, name)

    def walk(self, task: nested.Walk) -> nested.Walked:
        started = time.thread_time()
        walked = self.system.walk(task)
        self.seconds += time.thread_time() - started
        return walked


def share_compiled(gap: GAP) -> float:
    """CPU time of the compiled walks over that of a whole run, eight atoms at constant pressure."""
    symbol = gap.species[0]
    moves = Moves(galilean=1, n_steps=N_STEPS, **Moves.of_cell())
    system = System(f"{symbol}8", GapModel(gap), Pressure(0.1, 40.0, 8.0), moves, core=1.5)
    watched = Watched(system)
    for length in (1, 100):  # the first to have everything compiled
        settings = nested.Settings(n_live=32, walk_length=length, shortest_walk=length, longest_walk=length)
        watched.seconds, started = 0.0, time.process_time()
        nested.run(watched, settings, seed=0, lowest_kT=0.1, until=loop.steps(1))
    return watched.seconds / (time.process_time() - started)


def two_threads(gap: GAP, atoms: Atoms) -> dict[str, float]:
    """Wall time of two walks by one thread over that by two, best of several, and the cores there were."""
    system, task = clones(gap, atoms, "galilean", 4)
    wall, cores = {}, 0.0
    with threadpool_limits(1, user_api="blas"):
        for n in (1, 2):
            wall[n] = np.inf
            with threads(n) as pool:
                for _ in range(7):
                    started, cpu = time.perf_counter(), time.process_time()
                    list(pool.map(system.walk, [task] * 2))
                    elapsed = time.perf_counter() - started
                    if elapsed < wall[n]:
                        wall[n] = elapsed
                        cores = (time.process_time() - cpu) / elapsed
    return {"two_threads": round(wall[1] / wall[2], 2), "cores_then": round(cores, 2)}


if __name__ == "__main__":
    main()
