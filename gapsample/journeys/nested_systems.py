"""What a nested-sampling study samples, as its config file says it: systems and ensembles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gapsample.errors import SettingsError

UnitSystem = Literal["reduced", "eV"]


@dataclass(frozen=True)
class PairBoxSystem:
    """Equal atoms with a pair potential in a cube: give its `edge`, or the `volume_per_atom`."""

    n_atoms: int
    edge: float | None = None
    volume_per_atom: float | None = None
    units: UnitSystem = "reduced"

    def __post_init__(self) -> None:
        if (self.edge is None) == (self.volume_per_atom is None):
            raise SettingsError(
                f"give either edge or volume_per_atom, got {self.edge} and {self.volume_per_atom}"
            )

    @property
    def length(self) -> float:
        """Edge of the cube."""
        return float(
            (self.n_atoms * (self.volume_per_atom or 0.0)) ** (1 / 3) if self.edge is None else self.edge
        )


@dataclass(frozen=True)
class PairCellSystem:
    """Equal atoms with a pair potential at constant pressure, in a cell of any shape."""

    n_atoms: int
    units: UnitSystem = "reduced"


@dataclass(frozen=True)
class AtomsSystem:
    """Atoms of any species, with any model.

    Attributes
    ----------
    symbols : a formula in ASE's words, such as ``"Si8"`` or ``"CuAu3"``
    start : in place of `symbols`, a file that ASE reads: its atoms, its cell (unless `cell` is given), and
        the places of those that are frozen. Atoms that move are drawn from the prior, wherever they are there
    frozen : numbers of the atoms of `start`, from 0, that stay what and where they are, as do those that its
        constraints fix
    masses : amu, by species; of others, those of the elements. They steer ``hmc`` and change no average
    dimensions : 2 for atoms in the plane of the first two axes, halfway up the cell (or where `start` has
        them)
    cell : three rows, Å; for a fixed cell only
    pbc : of a fixed cell, for all axes or for each; if not given, that of `start`, else periodic. Of two
        dimensions, the third axis is never periodic. Other axes end at hard walls
    core : closest distance of two atoms, Å; one number, or one for each pair as in ``{"Si-O" = 1.2}``
    largest_kinetic : of the momenta, which Hamiltonian moves need: eV
    """

    symbols: str | None = None
    start: Path | None = None
    frozen: tuple[int, ...] = ()
    masses: Mapping[str, float] = field(default_factory=dict)
    dimensions: Literal[2, 3] = 3
    cell: tuple[tuple[float, float, float], ...] | None = None
    pbc: bool | tuple[bool, bool, bool] | None = None
    core: float | Mapping[str, float] = 0.0
    largest_kinetic: float | None = None
    units: UnitSystem = "eV"

    def __post_init__(self) -> None:
        if (self.symbols is None) == (self.start is None):
            raise SettingsError("give either symbols, such as 'Si8', or start, a file of a configuration")
        if self.frozen and self.start is None:
            raise SettingsError("frozen atoms need their places: give the file of a configuration as start")
        if self.cell is not None and len(self.cell) != 3:
            raise SettingsError(f"cell wants three rows, got {len(self.cell)}")

    @property
    def fixed(self) -> bool:
        """Whether the cell stays as it is."""
        return self.cell is not None or self.start is not None


AnySystem = PairBoxSystem | PairCellSystem | AtomsSystem

SYSTEM_KINDS: Mapping[str, type] = {
    "pair_box": PairBoxSystem,
    "pair_cell": PairCellSystem,
    "system": AtomsSystem,
}


@dataclass(frozen=True)
class Ensemble:
    """Constant pressure, one run for each pressure; without a pressure, a fixed cell.

    Attributes
    ----------
    pressure : one or several
    pressure_unit : ``"GPa"`` unless the system has reduced units
    largest_volume, smallest_volume : per atom
    prior, height, cubic : see `gapsample.nested.PairCell`
    chemical_potentials : by species, eV; needs ``moves.transmute``
    """

    pressure: float | tuple[float, ...] | None = None
    pressure_unit: Literal["GPa", "eV/Å^3", "reduced"] | None = None
    largest_volume: float | None = None
    smallest_volume: float | None = None
    prior: Literal["V^N", "flat"] = "V^N"
    height: float | None = None
    cubic: bool = False
    chemical_potentials: Mapping[str, float] = field(default_factory=dict)

    @property
    def listed(self) -> tuple[float, ...]:
        """The pressures as they were given."""
        if self.pressure is None:
            return ()
        return self.pressure if isinstance(self.pressure, tuple) else (self.pressure,)
