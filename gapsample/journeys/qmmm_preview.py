"""What a QM/MM run would do: its first region and clusters, and the quantum time it would take."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from ase import Atoms

from gapsample.errors import GapsampleError
from gapsample.journeys.check import Findings, duration, writable
from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_problem import stepper_of
from gapsample.journeys.qmmm_state import RunState
from gapsample.journeys.qmmm_stepper import Stepper
from gapsample.journeys.sources import read_frame
from gapsample.potential.protocol import ErrorRequest
from gapsample.provenance import MANIFEST
from gapsample.qmmm import ClusterLabel, Mixed, Region
from gapsample.qmmm.trajectory import Regional


def check_qmmm(config: QmmmConfig) -> Findings:
    """Mix forces once, at the start, as the first step would; writes nothing."""
    folder, problems = config.output.folder, list[str]()
    try:
        atoms = read_frame(config.start.file, config.start.frame)
        lines = [f"system       {len(atoms)} atoms, {atoms.get_chemical_formula()}"]
        lines += _tried(config, atoms)
    except (GapsampleError, OSError) as problem:
        return Findings((), (str(problem),))
    if not writable(folder):
        problems.append(f"cannot write into {folder}")
    there = "goes on with the run in" if (folder / MANIFEST).exists() else "would write "
    return Findings((*lines, f"{there} {folder}"), tuple(problems))


def _tried(config: QmmmConfig, atoms: Atoms) -> list[str]:
    nothing = Region.of(np.zeros(len(atoms), bool))
    with stepper_of(replace(config, learn=None), atoms) as stepper:
        mixed = stepper.dynamics(RunState(Regional(None, nothing))).mixing(atoms, None)
        classical = _classical_seconds(stepper, atoms)
        one = Region.of(np.arange(len(atoms)) == 0)
        audited = stepper.mixing.forces(atoms, one, mixed.mm).labels if config.audits else []
    bound = "" if mixed.mm.forces_std is None else f", bounds on its errors {_bounds(mixed)} eV/Å"
    return [
        f"classical    {1e3 * classical:.3g} ms a step{bound}",
        f"region       {mixed.region.treated.sum()} atoms with quantum forces at the start",
        *(f"cluster      {_told(label)}" for label in mixed.labels),
        *(f"audit        {_told(label)}" for label in audited),
        _cost_line(config, mixed, audited, classical),
    ]


def _classical_seconds(stepper: Stepper, atoms: Atoms) -> float:
    """Time of the classical potential for a step; blocks fly each step twice, and ask for errors once."""
    every, mm = stepper.config.engine.every, stepper.mixing.mm

    def timed(error: ErrorRequest) -> float:
        began = time.perf_counter()
        mm.evaluate(atoms, forces=True, error=error)
        return time.perf_counter() - began

    asked = timed(stepper.error)
    return asked if every == 1 else 2.0 * timed(False) + asked / every


def _cost_line(config: QmmmConfig, mixed: Mixed, audited: list[ClusterLabel], classical: float) -> str:
    """Time of a run in which the region stays as it is; audits cost nothing where a cluster is the whole."""
    blocks = config.stop.steps // config.engine.every
    calls, seconds = blocks * len(mixed.labels), blocks * sum(label.seconds for label in mixed.labels)
    if config.audits is not None and not any(label.cluster.complete for label in mixed.labels):
        audits = config.stop.steps // config.audits.every * config.audits.atoms
        calls, seconds = calls + audits, seconds + audits * sum(label.seconds for label in audited)
    seconds += config.stop.steps * classical
    how = f"{calls} quantum calls in {config.stop.steps} steps"
    return f"cost         {how}, if the region stays as it is: roughly {duration(seconds)}"


def _told(label: ClusterLabel) -> str:
    return f"{len(label.atoms)} atoms, {label.trusted.sum()} of them trusted: {label.seconds:.3g} s"


def _bounds(mixed: Mixed) -> str:
    bounds = np.linalg.norm(mixed.mm.forces_std, axis=1)  # type: ignore[arg-type]
    return f"{bounds.min():.2g} to {bounds.max():.2g}"
