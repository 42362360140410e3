"""What a locality scan would do: its atoms and clusters, and very roughly the time they would take."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import GapsampleError, InputError
from gapsample.journeys.check import Findings, duration, writable
from gapsample.journeys.engines import engine_of, mm_of
from gapsample.journeys.locality import chosen, configurations
from gapsample.journeys.locality_config import LocalityConfig
from gapsample.qmmm import Carving, Engine
from gapsample.qmmm.clusters import Cluster, carve
from gapsample.qmmm.layers import Scene, Within

Integers = NDArray[np.int64]

POWER = 3  # of the number of atoms, by which the time of a quantum calculation is taken to grow


def check_locality(config: LocalityConfig) -> Findings:
    """Cut out all clusters and solve a small one; writes nothing."""
    folder, problems = config.output.folder, list[str]()
    try:
        frames = configurations(config)
        clusters = _clusters(config, frames, chosen(frames, config.atoms))
        if config.mm is not None:
            mm_of(config.mm)
        lines = [f"systems      {', '.join(f'{len(atoms)} atoms' for atoms in frames)}"]
        lines += [_told(radius, cut) for radius, cut in clusters.items()]
        lines.append(_cost_line(config, frames, clusters))
    except (GapsampleError, OSError) as problem:
        return Findings((), (str(problem),))
    if not writable(folder):
        problems.append(f"cannot write into {folder}")
    return Findings((*lines, f"would write  {folder}"), tuple(problems))


def _clusters(
    config: LocalityConfig, frames: Sequence[Atoms], atoms: Sequence[Integers]
) -> dict[float, list[Cluster]]:
    """Clusters around all chosen atoms, by radius."""
    how = config.cluster
    if not any(len(indices) for indices in atoms):
        raise InputError("a scan wants at least one atom to look at, got none")
    scenes = [Scene(each, how.bonding.find(each)) for each in frames]
    found: dict[float, list[Cluster]] = {}
    for radius in how.radii:
        carving = Carving(Within(radius), how.terminate, how.vacuum, how.partial)
        found[radius] = [
            carve(scene, np.arange(len(scene.atoms)) == index, carving)[0]
            for scene, indices in zip(scenes, atoms, strict=True)
            for index in indices
        ]
    return found


def _told(radius: float, clusters: Sequence[Cluster]) -> str:
    sizes = [len(each.atoms) for each in clusters if not each.complete]
    whole = len(clusters) - len(sizes)
    about = f"{len(sizes)} of {min(sizes)} to {max(sizes)} atoms" if sizes else "none"
    return f"clusters     radius {radius:g} Å: {about}, {whole} would be the whole configuration"


def _cost_line(config: LocalityConfig, frames: Sequence[Atoms], clusters: dict[float, list[Cluster]]) -> str:
    """Time of all calculations, from that of the smallest."""
    cut = [each.atoms for found in clusters.values() for each in found if not each.complete]
    everything = [*frames, *cut]
    smallest, sizes = min(everything, key=len), np.array([len(atoms) for atoms in everything])
    engine, seconds = Engine((engine_of(config.qm),)), list[float]()
    for _ in range(2):  # the first may compile
        began = time.perf_counter()
        engine.answer(smallest)
        seconds.append(time.perf_counter() - began)
    total = float(np.sum((sizes / len(smallest)) ** POWER)) * min(seconds) / config.workers
    return (
        f"cost         {len(everything)} quantum calculations; {len(smallest)} atoms take "
        f"{min(seconds):.3g} s: very roughly {duration(total)}, if time grows as the cube of the atoms"
    )
