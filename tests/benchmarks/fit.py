"""Fit of a silicon GAP beside gap_fit's on the same data and settings, one thread each: CPU time and memory.

``python tests/benchmarks/fit.py FILE.xyz [--test FILE.xyz] [--n-sparse 1000] [--cutoff 5.4] [--e0 -0.79]
[--without-gap-fit]``; keys ``dft_energy`` and ``dft_force``. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
OURS = """
import json, resource, sys
import gapsample
from gapsample.database import Database, read_extxyz
o = json.loads(sys.argv[1])
database = Database(o["folder"] + "/labels.db")
keys = dict(energy_key="dft_energy", force_key="dft_force", level="reference")
database.add_many(read_extxyz(o["file"], **keys).pairs)
soap = gapsample.Soap(cutoff=o["cutoff"], n_max=8, l_max=8, zeta=4.0, n_sparse=o["n_sparse"])
e0 = {o["species"]: o["e0"]} if o["e0"] is not None else "least_squares"
recipe = gapsample.Recipe((soap,), gapsample.Sigmas(0.01, 0.05, None), e0=e0, jitter=1e-8, split="all")
gapsample.fit(recipe, database).gap.save(o["folder"] + "/gap.npz")
"""
SCORE = """
import json, sys
import numpy as np, gapsample
from gapsample.database import read_extxyz
o = json.loads(sys.argv[1])
pairs = read_extxyz(o["test"], energy_key="dft_energy", force_key="dft_force", level="reference").pairs
gap = gapsample.load(o["model"])
found = [gap.evaluate(atoms) for atoms, _ in pairs]
energy = [(f.energy - l.energy) / len(l.forces) for f, (_, l) in zip(found, pairs)]
force = np.concatenate([(f.forces - l.forces).ravel() for f, (_, l) in zip(found, pairs)])
print(json.dumps([1e3 * np.sqrt(np.mean(np.square(energy))), np.sqrt(np.mean(force**2))]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--test")
    parser.add_argument("--n-sparse", type=int, default=1000)
    parser.add_argument("--cutoff", type=float, default=5.4)
    parser.add_argument("--species", default="Si")
    parser.add_argument("--e0", type=float)
    parser.add_argument("--without-gap-fit", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(compare(options, Path(folder))))


def compare(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Run both programs and score both models on the test file."""
    given = {**vars(options), "folder": str(folder), "file": str(Path(options.file).resolve())}
    subprocess.run(
        [sys.executable, "-c", OURS, json.dumps({**given, "n_sparse": 10})], check=True
    )  # compiles
    (folder / "labels.db").unlink()
    cpu, peak = measured([sys.executable, "-c", OURS, json.dumps(given)], folder)
    result = {"ours_cpu_s": round(cpu, 1), "ours_peak_mb": round(peak)}
    models = {"ours": folder / "gap.npz"}
    if not options.without_gap_fit:
        theirs, their_peak = measured(gap_fit(options, folder), folder)
        result |= {"gap_fit_cpu_s": round(theirs, 1), "gap_fit_peak_mb": round(their_peak)}
        result |= {"cpu_ratio": round(theirs / cpu, 1), "memory_ratio": round(their_peak / peak, 1)}
        models["gap_fit"] = folder / "gap.xml"
    for name, model in models.items() if options.test else ():
        argument = json.dumps({"test": str(Path(options.test).resolve()), "model": str(model)})
        scored = subprocess.run(
            [sys.executable, "-c", SCORE, argument], check=True, capture_output=True, text=True
        )
        energy, force = json.loads(scored.stdout.splitlines()[-1])
        result |= {f"{name}_energy_rmse_mev": round(energy, 2), f"{name}_force_rmse": round(force, 4)}
    return result


def gap_fit(options: argparse.Namespace, folder: Path) -> list[str]:
    """The same settings in gap_fit's words."""
    e0 = f"e0={{{options.species}:{options.e0}}}" if options.e0 is not None else "e0_method=average"
    return [
        str(Path(sys.executable).parent / "gap_fit"),
        f"at_file={Path(options.file).resolve()}",
        f"gap={{soap l_max=8 n_max=8 atom_sigma=0.5 zeta=4 delta=1.0 f0=0.0 covariance_type=dot_product "
        f"cutoff={options.cutoff} cutoff_transition_width=0.5 sparse_method=cur_points "
        f"n_sparse={options.n_sparse}}}",
        "sparse_jitter=1e-8", "default_sigma={0.01 0.05 0 0}", e0, "do_copy_at_file=F", "rnd_seed=1",
        "energy_parameter_name=dft_energy", "force_parameter_name=dft_force",
        "virial_parameter_name=none", "sparse_separate_file=T", f"gp_file={folder / 'gap.xml'}",
    ]  # fmt: skip


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of a command, as the operating system counts them."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **ONE_THREAD}, stdout=log, stderr=log
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{command[0]} failed:\n{(folder / 'log').read_text()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
