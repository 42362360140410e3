"""Galilean and molecular-dynamics trajectories of pair models: CPU time on one core beside pymatnest's.

``python tests/benchmarks/trajectories.py``. The peer is not run here: its numbers are those measured on one
core of a comparable machine, steps per second of its compiled Lennard-Jones kernels with minimum image and
with all periodic images. Trajectories run in whole walks of `System`, which draw directions and momenta,
accept and copy: of a condensed cluster in a box of 108 per atom, and of a dense periodic liquid at 0.85 atoms
per unit volume. The last line is one JSON object of ratios, our speed over the peer's.
"""

from __future__ import annotations

import json
import time

import numpy as np

from gapsample.compiled.walks_models import evaluate
from gapsample.nested.ensembles import Fixed
from gapsample.nested.moves import Moves
from gapsample.nested.pair_models import PairModel
from gapsample.nested.pair_potential import LennardJones
from gapsample.nested.problem import Ceiling, Floats, Walk
from gapsample.nested.system import System

PEER = {  # steps per second: Galilean, molecular dynamics
    "minimum image": {7: (586e3, 1650e3), 13: (250e3, 610e3), 32: (65e3, 106e3), 64: (25e3, 32e3)},
    "all images": {7: (242e3, 345e3), 13: (90e3, 110e3), 32: (15e3, 17e3), 64: (4.6e3, 4.7e3)},
}
N_STEPS = 16  # of one trajectory
REPEATS, CPU_SECONDS = 3, 0.3  # the fastest of so many measurements, of about so long each
SPACING, DENSITY = 1.12, 0.85
ROOM = 1.0  # epsilon per atom, from the energy of the configuration up to the ceiling
STEPS = {"galilean": 0.02, "hmc": 0.005}  # Å, and the time step
KEYS = np.arange(1, 5, dtype=np.uint64)


def main() -> None:
    ratios: dict[str, float] = {}
    for images, peers in PEER.items():
        for n, peer in peers.items():
            for kind, theirs in zip(STEPS, peer, strict=True):
                speed, share = steps_per_second(n, kind, dense=images == "all images")
                ratios[f"{images}, {kind}, {n}"] = round(speed / theirs, 2)
                print(
                    f"{images:13s} {kind:8s} {n:2d} atoms: {speed / 1e3:7.1f}k steps/s, "
                    f"{speed / theirs:5.2f} times the peer's, {share:.2f} accepted"
                )
    print(json.dumps(ratios))


def steps_per_second(n: int, kind: str, dense: bool) -> tuple[float, float]:
    """Steps in a second of CPU time, and the part of the trajectories that was accepted."""
    edge = np.cbrt(n / DENSITY if dense else 108.0 * n)
    moves = Moves(galilean=int(kind == "galilean"), hmc=int(kind == "hmc"), n_steps=N_STEPS)
    kinetic = {"largest_kinetic": ROOM * n} if kind == "hmc" else {}
    system = System(f"Ar{n}", PairModel(LennardJones()), Fixed(edge), moves, masses=np.ones(n), **kinetic)
    points, _ = system.draw(KEYS)
    points[:, : 3 * n] = relaxed(grid(n, edge, dense), edge).ravel()
    points[:, 4 * n + 9 :] = 0.0  # momenta
    values = system.values(points)
    ceiling = Ceiling(float(values.max()) + ROOM * n, 0.5)
    sweeps = 10
    best = 0.0
    for _ in range(REPEATS + 1):  # the first compiles and finds how many sweeps are enough
        task = Walk(points, values, ceiling, np.array([STEPS[kind]]), sweeps, KEYS)
        started = time.process_time()
        walked = system.walk(task)
        spent = time.process_time() - started
        best = max(best, N_STEPS * walked.tried.sum() / spent)
        sweeps = max(10, int(CPU_SECONDS * best / (N_STEPS * len(KEYS))))
    return best, float(walked.accepted.sum() / walked.tried.sum())


def grid(n: int, edge: float, dense: bool) -> Floats:
    """Atoms near each other, or all over the cell."""
    k = int(np.ceil(np.cbrt(n) - 1e-9))
    places = np.array(np.meshgrid(*3 * [np.arange(k)])).reshape(3, -1).T[:n]
    return places * (edge / k if dense else SPACING)


def relaxed(positions: Floats, edge: float) -> Floats:
    """Go down the forces for a while, at most 0.01 at a time."""
    model, forces = PairModel(LennardJones()).compiled(("Ar",)), np.empty_like(positions)
    positions = positions + 0.01 * np.random.default_rng(0).normal(size=positions.shape)
    for _ in range(1000):
        evaluate(model, positions, np.zeros(len(positions), np.int64), edge * np.eye(3), forces)
        positions += 0.01 * forces / max(10.0, float(np.abs(forces).max()))
    return positions


if __name__ == "__main__":
    main()
