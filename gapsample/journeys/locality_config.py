"""The TOML file of a locality scan: configurations, atoms, engine, classical potential, clusters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gapsample.errors import SettingsError
from gapsample.journeys.engines import ENGINE_KINDS, ClassicalModel, QuantumModel, anchored_model
from gapsample.journeys.sources import Python
from gapsample.journeys.workers import check_quantum_workers
from gapsample.qmmm import Bonding
from gapsample.settings import build, dump, load_overridden


@dataclass(frozen=True)
class Frames:
    """Frames of a file that ASE reads.

    Attributes
    ----------
    frames : as ASE has it: ``":"`` for all, ``"-1"`` for the last, ``"::10"`` for every tenth
    """

    file: Path
    frames: str = ":"


@dataclass(frozen=True)
class Chosen:
    """Atoms whose forces are looked at.

    Attributes
    ----------
    indices : the same in every configuration; none given: drawn at random
    per_species : drawn of each species, from all configurations together
    species : chemical symbols to draw from; none given: all
    seed : of the draw
    """

    indices: tuple[int, ...] = ()
    per_species: int = 10
    species: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.per_species < 1:
            raise SettingsError(f"atoms.per_species wants 1 or more, got {self.per_species}")


@dataclass(frozen=True)
class Clusters:
    """How clusters are cut out.

    Attributes
    ----------
    radii : Å, ascending
    terminate, vacuum, partial : as `qmmm.Carving`
    bonding : as `qmmm.Bonding`
    """

    radii: tuple[float, ...]
    terminate: bool = True
    vacuum: float | None = None
    partial: bool = False
    bonding: Bonding = field(default_factory=Bonding)


@dataclass(frozen=True)
class LocalityOutput:
    """Where table, figure, errors of single atoms and manifest go."""

    folder: Path


LOCALITY_KINDS = {**ENGINE_KINDS, "file": Frames}
"""What configurations and potentials are called in config files."""


@dataclass(frozen=True)
class LocalityConfig:
    """All of a config file.

    Attributes
    ----------
    configurations : files, or functions of yours that return atoms or a list of them
    qm : the engine, on clusters and on whole configurations
    mm : the classical potential of what is outside of clusters; none given: clusters alone
    wanted : eV/Å, force errors to find the radius for
    workers : evaluations of the engine at once on this machine
    address : of the scheduler of a dask cluster that runs them instead
    """

    configurations: tuple[Frames | Python, ...]
    qm: QuantumModel
    cluster: Clusters
    output: LocalityOutput
    mm: ClassicalModel | None = None
    atoms: Chosen = field(default_factory=Chosen)
    wanted: tuple[float, ...] = (0.2, 0.1, 0.05)
    workers: int = 1
    address: str | None = None

    def __post_init__(self) -> None:
        check_quantum_workers(self.workers, None, self.address)
        if not self.configurations or not all(error > 0.0 for error in self.wanted):
            raise SettingsError(
                "wanted at least one configuration and wanted errors > 0, got "
                f"{len(self.configurations)} and {list(self.wanted)}"
            )

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=LOCALITY_KINDS)
        return settings


def load_locality_config(path: str | Path, overrides: Iterable[str] = ()) -> LocalityConfig:
    """Read a config file; relative paths in it start from the folder it lies in.

    Parameters
    ----------
    overrides : assignments such as ``"atoms.per_species=30"``

    Raises
    ------
    SettingsError
        The file is missing, no TOML, has an unknown key (names the near miss) or settings that do not match.
    """
    config = build(LocalityConfig, load_overridden(path, overrides), kinds=LOCALITY_KINDS)
    folder = Path(path).absolute().parent
    return replace(
        config,
        configurations=tuple(replace(each, file=folder / each.file) for each in config.configurations),
        qm=anchored_model(config.qm, folder),
        mm=None if config.mm is None else anchored_model(config.mm, folder),
        output=LocalityOutput(folder / config.output.folder),
    )
