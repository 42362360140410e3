"""From a QM/MM config to what runs: start atoms, potentials, region, integrator, and who learns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ase import Atoms

from gapsample.errors import InputError, SettingsError
from gapsample.journeys.engines import engine_of, mm_of
from gapsample.journeys.nested_potentials import GapModel
from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_stepper import Stepper
from gapsample.journeys.qmmm_teacher import Teacher
from gapsample.journeys.sources import Python, called
from gapsample.journeys.workers import quantum_workers
from gapsample.qmmm import Carving, Engine, ForceMixing, Seeds, Selection
from gapsample.qmmm.selection import Criterion
from gapsample.rng import stream
from gapsample.sampling.dynamics import System


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
    with quantum_workers(how.workers, how.timeout, how.address) as executor:
        mixing = ForceMixing(
            mm_of(config.mm),
            engine,
            Selection((Seeds(()),)),
            Carving(region.buffer, region.terminate, region.vacuum, region.partial),
            how=region.how,
            momentum=region.momentum,
            bonding=region.bonding,
            executor=executor if how.workers > 1 or how.address else None,
            enlargements=how.enlargements,
        )
        integrator = config.dynamics.integrator(System(atoms, mixing.mm))
        teacher = None if config.learn is None else Teacher(config, config.output.folder)
        yield Stepper(config, atoms, mixing, criteria, integrator, teacher)


def first_motion(config: QmmmConfig, stepper: Stepper) -> object:
    """Atoms with velocities drawn at the temperature of the dynamics, or those of the start file.

    Raises
    ------
    InputError
        The file has none.
    """
    system, atoms = System(stepper.atoms, stepper.mixing.mm), stepper.atoms
    if config.start.velocities == "drawn":
        return config.dynamics.begin(system, stream(config.seed))
    if not atoms.has("momenta"):
        raise InputError(
            f"{config.start.file} has no velocities (momenta); write them, or say start.velocities = 'drawn'"
        )
    return config.dynamics.begin(system, atoms.get_velocities())


def input_files(config: QmmmConfig) -> tuple[Path, ...]:
    """Files that the run depends on."""
    fallback = None if config.learn is None else config.learn.fallback
    models = (config.mm, *config.qm, config.region.criterion, fallback)
    python = tuple(model.file for model in models if isinstance(model, Python))
    gaps = tuple(model.model for model in models if isinstance(model, GapModel))
    return (config.start.file, *gaps, *python)


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
