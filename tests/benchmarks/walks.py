"""Compiled walks and a whole run: CPU time on one core beside pymatnest's.

``python tests/benchmarks/walks.py``. The peer is not run here: its numbers are those measured on one core of
a comparable machine, single-atom Monte Carlo trials per second of its compiled Lennard-Jones kernels with
minimum image and with all periodic images, and CPU time per iteration of a whole run (400 walkers, 100 sweeps
per iteration, 7 atoms). A "table" is held against the same numbers. The last line is one JSON object of
ratios, our speed over the peer's.
"""

from __future__ import annotations

import json
import time

import numpy as np

from gapsample import nested
from gapsample.sampling import loop
from gapsample.sampling.executors import threads

PEER_TRIALS = {7: 4.6e6, 13: 2.9e6, 32: 1.28e6, 64: 643e3}  # per second
PEER_PERIODIC = {7: 1.12e6, 13: 638e3, 32: 216e3, 64: 117e3}  # per second
PEER_ITERATION = 7.6e-3  # seconds
TRIALS = 4_000_000


def main() -> None:
    ratios: dict[str, float] = {}
    potentials = {"lj": nested.LennardJones(), "table": nested.morse(1.0, 6.0, 2 ** (1 / 6), 3.0)}
    for name, potential in potentials.items():
        for n, peer in PEER_TRIALS.items():
            for phase in ("gas", "condensed"):
                speed, acceptance = trials_per_second(n, phase, potential)
                ratios[f"{name}_{phase}_{n}"] = round(speed / peer, 1)
                print(
                    f"{name:5s} {phase:9s} {n:3d} atoms: {speed / 1e6:6.2f} M trials/s, "
                    f"{acceptance:.2f} accepted"
                )
    for n, peer in PEER_PERIODIC.items():
        speed = periodic_trials_per_second(n)
        ratios[f"periodic_{n}"] = round(speed / peer, 1)
        print(f"all images {n:3d} atoms: {speed / 1e6:6.2f} M trials/s")
    mine = seconds_per_iteration()
    ratios["whole_run_7"] = round(PEER_ITERATION / mine, 1)
    print(f"whole run, 7 atoms: {1e6 * mine:.0f} µs CPU per iteration")
    ratios["two_threads_over_one"] = round(two_threads(), 2)
    print(json.dumps(ratios))


def clones(
    n: int, phase: str, potential: nested.LennardJones | nested.Tabulated
) -> tuple[nested.PairBox, nested.Walk]:
    """Walkers of a gas at 108 per atom, or of a dense liquid, with a step size that fits."""
    volume = 108.0 * n if phase == "gas" else max(6.2**3, 1.3 * n)
    box = nested.PairBox(n, volume ** (1 / 3), potential)
    keys = np.random.default_rng(0).integers(2**64, size=400, dtype=np.uint64)
    positions, values = box.draw(keys)
    lowest = np.argsort(values)[:4]
    task = nested.Walk(
        positions[lowest], values[lowest], nested.Ceiling(1e9, 1.0), np.array([0.3]), 20, keys[:4]
    )
    ceiling = 0.0 if phase == "gas" else -0.9 * (n - 1)
    while task.values.max() > ceiling:
        walked = box.walk(task)
        order = np.sort(walked.values)
        top = max(float(order[1]), ceiling)
        keep = np.argsort(walked.values)[[0, 1, 0, 1]]
        task = task._replace(
            coordinates=walked.coordinates[keep],
            values=walked.values[keep],
            ceiling=nested.Ceiling(top, 1.0),
            keys=task.keys + np.uint64(len(keys)),
            steps=task.steps * np.exp(walked.accepted.sum() / walked.tried.sum() - 0.35),
        )
    return box, task._replace(ceiling=nested.Ceiling(max(ceiling, float(task.values.max())), 1.0))


def trials_per_second(
    n: int, phase: str, potential: nested.LennardJones | nested.Tabulated
) -> tuple[float, float]:
    """CPU speed of the best of three walks, and the share of trials accepted."""
    box, task = clones(n, phase, potential)
    task = task._replace(length=TRIALS // (n * len(task.values) * (1 + n // 8)))
    box.walk(task)
    best = np.inf
    for _ in range(3):
        started = time.process_time()
        walked = box.walk(task)
        best = min(best, time.process_time() - started)
    return walked.tried.sum() / best, walked.accepted.sum() / walked.tried.sum()


class Still(nested.PairCell):
    """A cell that does not move: trials of single atoms only, as the peer counts them."""

    @property
    def _trials(self) -> np.ndarray:
        return np.array([self.n_atoms, 0, 0, 0])


def periodic_trials_per_second(n: int) -> float:
    """CPU speed of single-atom trials with all images, a liquid at 0.9 to 1.6 per atom."""
    cell = Still(n, nested.LennardJones(), 0.03, largest_volume=1.6, smallest_volume=0.9)
    keys = np.arange(4, dtype=np.uint64)
    points, values = cell.draw(keys)
    steps = np.array([0.2, 0.0, 0.0, 0.0])
    for _ in range(60):
        keys = keys + np.uint64(4)
        walked = cell.walk(nested.Walk(points, values, nested.Ceiling(values.max(), 1.0), steps, 5, keys))
        lower = np.argsort(walked.values)[[0, 1, 0, 1]]
        points, values = walked.coordinates[lower], walked.values[lower]
        steps = steps * np.exp(walked.accepted[:, 0].sum() / walked.tried[:, 0].sum() - 0.35)
    task = nested.Walk(
        points, values, nested.Ceiling(values.max(), 1.0), steps, 300_000 // (n * (1 + n // 8)), keys
    )
    best = np.inf
    for _ in range(3):
        started = time.process_time()
        walked = cell.walk(task)
        best = min(best, time.process_time() - started)
    return float(walked.tried.sum() / best)


def seconds_per_iteration() -> float:
    """CPU seconds of an iteration with everything around the walk, one clone of 100 sweeps each."""
    box = nested.PairBox(7, (7 * 108.0) ** (1 / 3), nested.LennardJones())
    settings = nested.Settings(n_live=400, walk_length=100, shortest_walk=100, longest_walk=100)
    nested.run(box, settings, seed=0, lowest_kT=0.1, until=loop.steps(1))
    started = time.process_time()
    result = nested.run(box, settings, seed=0, lowest_kT=0.1, until=loop.steps(100))
    return (time.process_time() - started) / result.finished.state.n_dead


def two_threads() -> float:
    """Wall time of one thread over two, 16 clones of 64 atoms."""
    box = nested.PairBox(64, 19.0, nested.LennardJones())
    settings = nested.Settings(n_live=160, n_cull=16, walk_length=200, shortest_walk=200, longest_walk=200)
    wall = {}
    for n in (1, 2):
        with threads(n) as pool:
            started = time.perf_counter()
            nested.run(box, settings, seed=0, lowest_kT=0.5, until=loop.steps(20), executor=pool, n_workers=n)
            wall[n] = time.perf_counter() - started
    return wall[1] / wall[2]


if __name__ == "__main__":
    main()
