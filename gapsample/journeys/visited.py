"""What a run visited goes to the database: energies of the model, weights, and a mark where it is unsure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.compiled.walks_core import CORE
from gapsample.database import Database, Label
from gapsample.journeys.nested_atoms import symbols_of
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_potentials import POTENTIAL_KINDS, files_of
from gapsample.journeys.nested_study import Leaf, Study
from gapsample.journeys.nested_systems import AtomsSystem
from gapsample.nested.kept import read_configurations
from gapsample.nested.points import live_numbers
from gapsample.nested.problem import Problem
from gapsample.nested.volumes import expected_log_shells
from gapsample.provenance import sha256
from gapsample.sampling.loop import Reason

SOURCE, UNCERTAIN = "nested", "nested_uncertain"
"""What the database knows these rows by: their source, and the config_type where the model is unsure."""

Floats = NDArray[np.float64]


def level(config: NestedConfig) -> str:
    """Level of theory of what a model says: its name and, of one from a file, the start of its hash."""
    kind = next(name for name, cls in POTENTIAL_KINDS.items() if cls is type(config.potential))
    files = files_of(config.potential)
    return f"{files[0].stem}@{sha256(files[0])[:12]}" if files else kind


def watermark(config: NestedConfig) -> int | None:
    """Largest row id of the study's database, None without one."""
    return None if config.output.database is None else Database(config.output.database).watermark


def collect(study: Study, leaf: Leaf, problem: Problem, reason: Reason) -> int:
    """Add a run's configurations to the database of the study; return how many were new.

    Every row holds the model's energy as label, source ``"nested"``, and in ``atoms.info``: ``nested_run``,
    ``nested_value`` (energy, or enthalpy at the run's pressure) and ``nested_log_mass``, the log of the prior
    mass it stands for. Its Boltzmann weight at kT is ``exp(nested_log_mass - nested_value / kT)``, times the
    spacing of kept points. Where the predicted error is followed, ``energy_std`` is there too, and rows above
    the limit have the config_type ``"nested_uncertain"``.

    Configurations in a hard core, where no model was asked, stay out. Adding twice adds nothing. Live points
    come along when the run has ended for good; of one that ended in uncertainty, they are what the learner
    asks for.
    """
    address = study.config.output.database
    if address is None:
        return 0
    ended = reason in (Reason.CONVERGED, Reason.UNCERTAIN, Reason.STUCK)
    return store(address, labeled(study, leaf, problem, live=ended))


def store(address: str, pairs: Iterable[tuple[Atoms, Label]]) -> int:
    """Add configurations to a database, made where there is none; return how many were new."""
    if "://" not in address:
        Path(address).parent.mkdir(parents=True, exist_ok=True)
    database = Database(address)
    before = len(database)
    database.add_many(pairs)
    return len(database) - before


def labeled(study: Study, leaf: Leaf, problem: Problem, *, live: bool) -> Iterator[tuple[Atoms, Label]]:
    """Configurations of a run with their labels."""
    config = study.config
    points, kept = read_configurations(study.folder / leaf.name)
    log_mass = expected_log_shells(live_numbers(points))
    energy = _energies(config, leaf, points.value, points.observables)
    error = points.observables.get("energy_std")
    n_dead = int(study.status(leaf)["n_dead"])
    limit, name = config.collected_above, level(config)
    for row, coordinates in zip(kept.rows, kept.coordinates, strict=True):
        if (row >= n_dead and not live) or points.value[row] >= CORE:
            continue
        atoms = problem.atoms(coordinates)
        atoms.info |= {
            "nested_run": f"{study.folder.name}/{leaf.name}",
            "nested_value": float(points.value[row]),
            "nested_log_mass": float(log_mass[row]),
        }
        unsure = False
        if error is not None:
            atoms.info["energy_std"] = float(error[row])
            unsure = limit is not None and bool(error[row] > limit)
        yield atoms, Label(name, SOURCE, UNCERTAIN if unsure else SOURCE, energy=float(energy[row]))


def _energies(config: NestedConfig, leaf: Leaf, values: Floats, seen: Mapping[str, Floats]) -> Floats:
    """Potential energies of points, eV: values without P V, chemical potentials and momenta; shape (n,)."""
    energy = values.copy()
    if leaf.pressure is not None:
        energy -= config.energy_per_volume(leaf.pressure) * seen["volume"]
    for symbol, potential in config.ensemble.chemical_potentials.items():
        energy += potential * (seen[f"n_{symbol}"] if f"n_{symbol}" in seen else _count(config, symbol))
    return energy - seen.get("kinetic", 0.0)


def _count(config: NestedConfig, symbol: str) -> int:
    assert isinstance(config.system, AtomsSystem)
    return symbols_of(config.system).count(symbol)
