"""Energy, forces and virial of a silicon GAP: CPU time per atom beside quippy's on the same model.

``python tests/benchmarks/evaluation.py [MODEL.xml]``; without a model of its own it writes one that has the
published size and lets both programs read it. The last line is one JSON object of ratios.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from silicon import cpu_seconds, moving, silicon, silicon_gap
from threadpoolctl import threadpool_limits

import gapsample
from gapsample.potential.gap import GAP
from gapsample.potential.quip.write import write_quip

FIRST_CALL = """
import time, sys; t = time.perf_counter()
import gapsample; from ase.build import bulk
gapsample.load(sys.argv[1]).evaluate(bulk("Si", cubic=True), virial=True)
print(time.perf_counter() - t)
"""


def main() -> None:
    from quippy.potential import Potential  # noqa: F401  its thread pools must be there to be limited

    with tempfile.TemporaryDirectory() as folder, threadpool_limits(1):
        compare(Path(folder))


def compare(folder: Path) -> None:
    from quippy.potential import Potential

    plain = silicon_gap()
    model = Path(sys.argv[1]) if len(sys.argv) > 1 else folder / "gap.xml"
    if len(sys.argv) == 1:
        write_quip(plain, model)
    ours, theirs = gapsample.load(model), Potential(param_filename=str(model))
    results: dict[str, float] = {}
    for repeats in (1, 2, 3, 5):
        atoms = silicon(repeats)
        moved = moving(atoms)
        mine = cpu_seconds(lambda m=moved: ours.evaluate(m(), virial=True)) / len(atoms)
        quippy = cpu_seconds(lambda m=moved: theirs.calculate(m(), ["energy", "forces", "stress"]), rounds=2)
        quippy /= len(atoms)
        results[f"quippy_over_ours_{len(atoms)}"] = round(quippy / mine, 1)
        print(f"{len(atoms):5d} atoms: ours {1e6 * mine:7.1f} µs/atom, quippy {1e6 * quippy:7.1f} µs/atom")
    results.update(cost_of_error(plain))
    results["two_threads_over_one"] = round(threads(plain), 2)
    plain.save(folder / "gap.npz")
    results["first_call_s"] = round(first_call(folder / "gap.npz"), 2)
    results["peak_mb_100000_atoms"] = round(large(folder / "gap.npz"))
    print(json.dumps(results))


def cost_of_error(gap: GAP) -> dict[str, float]:
    """Cost with predicted error over cost without, 216 atoms."""
    atoms = silicon(3)
    plain = cpu_seconds(lambda: gap.evaluate(atoms, virial=True))
    local = cpu_seconds(lambda: gap.evaluate(atoms, virial=True, error="local"))
    full = cpu_seconds(lambda: gap.evaluate(atoms, virial=True, error=True), rounds=2)
    return {"local_error_cost": round(local / plain, 2), "force_error_cost": round(full / plain, 2)}


def threads(gap: GAP) -> float:
    """Wall time of one thread over two, 1000 atoms."""
    atoms, wall = silicon(5), {}
    for n in ("1", "2"):
        os.environ["GAPSAMPLE_THREADS"] = n
        gap.evaluate(atoms)
        rounds = []
        for _ in range(7):
            started = time.perf_counter()
            gap.evaluate(atoms)
            rounds.append(time.perf_counter() - started)
        wall[n] = min(rounds)
    os.environ["GAPSAMPLE_THREADS"] = "1"
    return wall["1"] / wall["2"]


def first_call(model: Path) -> float:
    """Seconds from import to a result in a second process."""
    command = [sys.executable, "-c", FIRST_CALL, str(model)]
    return min(
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(3)
    )


def large(model: Path) -> float:
    """Peak memory in MB of energy, forces and virial of 100,000 atoms."""
    script = (
        "import resource, sys, gapsample; from ase.build import bulk; "
        "a = bulk('Si', cubic=True) * (23, 23, 24); a.rattle(0.1); "
        "gapsample.load(sys.argv[1]).evaluate(a, virial=True); "
        "print(len(a), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    command = [sys.executable, "-c", script, str(model)]
    n_atoms, peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    print(f"{n_atoms} atoms: peak {float(peak):.0f} MB")
    return float(peak)


if __name__ == "__main__":
    main()
