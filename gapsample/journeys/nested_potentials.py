"""Potentials of nested-sampling studies as config files name them, and the files they are read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gapsample.errors import SettingsError
from gapsample.nested.pair_potential import LennardJones

EMT = "emt"
DASH = "-"  # between the species of a pair


@dataclass(frozen=True)
class Morse:
    """``depth (1 - exp(-stiffness (r - distance)))^2 - depth``, cut and shifted."""

    depth: float
    stiffness: float
    distance: float
    cutoff: float


@dataclass(frozen=True)
class Table:
    """A pair potential from a file of two columns, distance and energy, the distances increasing.

    Attributes
    ----------
    scale : energy that precision is measured by, such as the well depth
    """

    file: Path
    scale: float


PairForm = LennardJones | Morse | Table


@dataclass(frozen=True)
class PairMixture:
    """A pair potential for each pair of species.

    Attributes
    ----------
    pairs : by names such as ``"Ar-Kr"``, in either order; ``"none"`` for species that do not feel each other
    """

    pairs: Mapping[str, PairForm | None]

    def __post_init__(self) -> None:
        wrong = [name for name in self.pairs if len(name.split(DASH)) != 2]
        if wrong or not self.pairs:
            raise SettingsError(
                f"pairs of species are named as in 'Ar-Kr', got {wrong[0]!r}" if wrong else "no pair is given"
            )


@dataclass(frozen=True)
class Eam:
    """An embedded-atom model: a file that ASE's EAM calculator reads, or ``"emt"`` for ASE's EMT."""

    file: Path


@dataclass(frozen=True)
class GapModel:
    """A GAP: ``.npz`` or QUIP's ``.xml``."""

    model: Path


@dataclass(frozen=True)
class CalculatorModel:
    """A calculator of ASE by its name there (``"emt"``, ``"tblite"``, ...), and its keywords."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)


AnyModel = LennardJones | Morse | Table | PairMixture | Eam | GapModel | CalculatorModel

POTENTIAL_KINDS: Mapping[str, type] = {
    "lennard_jones": LennardJones,
    "morse": Morse,
    "tabulated": Table,
    "mixture": PairMixture,
    "eam": Eam,
    "gap": GapModel,
    "calculator": CalculatorModel,
}


def files_of(potential: AnyModel | None) -> tuple[Path, ...]:
    """Files that a potential is read from."""
    if isinstance(potential, GapModel):
        return (potential.model,)
    if isinstance(potential, Table) or (isinstance(potential, Eam) and str(potential.file) != EMT):
        return (potential.file,)
    if isinstance(potential, PairMixture):
        return tuple(dict.fromkeys(file for pair in potential.pairs.values() for file in files_of(pair)))
    return ()


def anchored_pair(pair: PairForm | None, folder: Path) -> PairForm | None:
    """A pair potential with the path of its table, if it has one, starting from a folder."""
    return replace(pair, file=folder / pair.file) if isinstance(pair, Table) else pair


def anchored_potential(potential: AnyModel, folder: Path) -> AnyModel:
    """A potential with its relative paths starting from a folder."""
    if isinstance(potential, GapModel):
        return replace(potential, model=folder / potential.model)
    if isinstance(potential, Table) or (isinstance(potential, Eam) and str(potential.file) != EMT):
        return replace(potential, file=folder / potential.file)
    if isinstance(potential, PairMixture):
        return PairMixture({name: anchored_pair(pair, folder) for name, pair in potential.pairs.items()})
    return potential
