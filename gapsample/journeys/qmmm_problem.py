"""From a QM/MM config to what runs: start atoms, potentials, region, integrator, and who learns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ase import Atoms

from gapsample.errors import SettingsError
from gapsample.journeys.engines import engine_of, mm_of
from gapsample.journeys.nested_potentials import GapModel
from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_stepper import Stepper
from gapsample.journeys.qmmm_teacher import Teacher
from gapsample.journeys.sources import Python, called
from gapsample.journeys.workers import quantum_workers
from gapsample.provenance import sha256
from gapsample.qmmm import Carving, Engine, ForceMixing, Seeds, Selection
from gapsample.qmmm.selection import Criterion
from gapsample.rng import stream
from gapsample.sampling.dynamics import System

FREE = ("stop", "output", "engine")
"""Settings that no number depends on, but for `CARRIED` of the engine: a run goes on with other ones."""
CARRIED = ("every", "carry", "memory")


@contextmanager
def stepper_of(config: QmmmConfig, atoms: Atoms) -> Iterator[Stepper]:
    """The step that a config asks for, and its workers, which end with the block.

    Raises
    ------
    GapsampleError
        A file is not there or not what it should be, or settings do not match.
    """
    how, region = config.engine, config.region
    engine = Engine(tuple(engine_of(model) for model in config.qm), how.timeout)
    criteria = _criteria(config)
    with quantum_workers(how.workers, how.timeout) as executor:
        mixing = ForceMixing(
            mm_of(config.mm),
            engine,
            Selection((Seeds(()),)),
            Carving(region.buffer, region.terminate, region.vacuum),
            how=region.how,
            momentum=region.momentum,
            bonding=region.bonding,
            executor=executor if how.workers > 1 else None,
            enlargements=how.enlargements,
        )
        integrator = config.dynamics.integrator(System(atoms, mixing.mm))
        teacher = None if config.learn is None else Teacher(config, config.output.folder)
        yield Stepper(config, atoms, mixing, criteria, integrator, teacher)


def first_motion(config: QmmmConfig, stepper: Stepper) -> object:
    """Velocities drawn at the temperature of the dynamics."""
    system = System(stepper.atoms, stepper.mixing.mm)
    return config.dynamics.begin(system, stream(config.seed))


def input_files(config: QmmmConfig) -> tuple[Path, ...]:
    """Files that the run depends on."""
    fallback = None if config.learn is None else config.learn.fallback
    models = (config.mm, *config.qm, config.region.criterion, fallback)
    python = tuple(model.file for model in models if isinstance(model, Python))
    gaps = tuple(model.model for model in models if isinstance(model, GapModel))
    return (config.start.file, *gaps, *python)


def fingerprint_of(config: QmmmConfig) -> str:
    """Hash of all that the numbers of a run depend on: settings and files.

    More time, safer settings or larger buffers after a failure of the engine are no other run.
    """
    settings = config.as_dict()
    kept = {key: value for key, value in settings.items() if key not in FREE}
    kept |= {key: settings["engine"][key] for key in CARRIED} | {"qm": kept["qm"][0]}
    files = [sha256(path) for path in input_files(replace(config, qm=config.qm[:1]))]
    return hashlib.sha256(json.dumps([kept, files], sort_keys=True).encode()).hexdigest()


def _criteria(config: QmmmConfig) -> tuple[Criterion, ...]:
    """What asks for quantum forces besides the error."""
    region, found = config.region, list[Criterion]()
    if region.seeds:
        found.append(Seeds(region.seeds, region.around))
    if region.criterion is not None:
        made = called(region.criterion)
        if not callable(made):
            raise SettingsError(f"region.criterion must return a function, got {type(made).__name__}")
        found.append(made)
    return tuple(found)
