"""The TOML file of a nested-sampling study: what is sampled, how, how far, and where it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from ase import units

from gapsample.errors import SettingsError
from gapsample.journeys.nested_plan import NestedOutput, PhaseLook, Sampling, Stop
from gapsample.journeys.nested_potentials import POTENTIAL_KINDS, AnyModel, PairForm, anchored_potential
from gapsample.journeys.nested_systems import (
    SYSTEM_KINDS,
    AnySystem,
    AtomsSystem,
    Ensemble,
    PairBoxSystem,
    PairCellSystem,
)
from gapsample.nested.moves import Moves
from gapsample.nested.settings import Settings
from gapsample.settings import build, dump, load_overridden, override

NESTED_KINDS: Mapping[str, type] = {**SYSTEM_KINDS, **POTENTIAL_KINDS}
"""What systems and potentials are called in config files."""


@dataclass(frozen=True)
class NestedConfig:
    """All of a config file."""

    system: AnySystem
    potential: AnyModel
    stop: Stop
    output: NestedOutput
    ensemble: Ensemble = field(default_factory=Ensemble)
    moves: Moves | None = None
    sampling: Sampling = field(default_factory=Sampling)
    phases: PhaseLook = field(default_factory=PhaseLook)

    def __post_init__(self) -> None:
        self._check_system()
        reduced, unit = self.system.units == "reduced", self.ensemble.pressure_unit
        if unit is not None and reduced != (unit == "reduced"):
            raise SettingsError(f"system.units = {self.system.units!r} and a pressure in {unit} do not match")
        if len(set(self.ensemble.listed)) < len(self.ensemble.listed):
            raise SettingsError(f"each pressure once, got {list(self.ensemble.listed)}")
        if self.sampling.exchange and len(self.ensemble.listed) < 2:
            raise SettingsError(
                "sampling.exchange is between pressures: give two or more in ensemble.pressure, got "
                f"{list(self.ensemble.listed) or 'none'}, or leave it out"
            )

    def _check_system(self) -> None:
        """Whether system, potential, moves and ensemble fit each other."""
        fixed = not self.ensemble.listed
        if isinstance(self.system, AtomsSystem):
            if fixed != self.system.fixed:
                raise SettingsError(
                    "give either system.cell or system.start (a cell that stays) or ensemble.pressure "
                    "(one that moves)"
                )
            if self.system.dimensions == 2 and not fixed:
                raise SettingsError("two dimensions need a cell that stays: give system.cell, no pressure")
            return
        if not isinstance(self.potential, PairForm):
            raise SettingsError(
                "a pair_box or pair_cell needs a pair potential for all atoms; take system.kind = 'system'"
            )
        if self.moves is not None:
            raise SettingsError("a pair_box or pair_cell chooses its moves itself; leave [moves] out")
        if isinstance(self.system, PairBoxSystem) and not fixed:
            raise SettingsError("a pair_box has no pressure; take system.kind = 'pair_cell', or leave it out")
        if isinstance(self.system, PairCellSystem) and fixed:
            raise SettingsError("a pair_cell needs ensemble.pressure; take system.kind = 'pair_box' without")
        if self.watches_error:
            raise SettingsError("only a GAP predicts its error; leave out predicted_error and keep_above")

    @property
    def boltzmann(self) -> float:
        """Boltzmann's constant: eV/K, or 1 in reduced units."""
        return 1.0 if self.system.units == "reduced" else float(units.kB)

    @property
    def temperature_unit(self) -> str:
        """``"K"``, or nothing in reduced units."""
        return "" if self.system.units == "reduced" else "K"

    @property
    def pressure_unit(self) -> str:
        """Unit of the pressures as they were given, nothing in reduced units."""
        return "" if self.system.units == "reduced" else self.ensemble.pressure_unit or "GPa"

    def energy_per_volume(self, pressure: float) -> float:
        """A pressure as given, in the units of energies and lengths."""
        return float(pressure * units.GPa) if self.pressure_unit == "GPa" else pressure

    @property
    def lowest_kT(self) -> float:
        """Lowest thermal energy of interest."""
        return self.boltzmann * self.stop.lowest_temperature

    @property
    def collected_above(self) -> float | None:
        """Predicted error above which configurations are kept and marked, eV."""
        return self.stop.predicted_error if self.output.keep_above is None else self.output.keep_above

    @property
    def watches_error(self) -> bool:
        """Whether the predicted error is to be followed."""
        return self.output.predicted_error or self.collected_above is not None

    @property
    def settings(self) -> Settings:
        """What the engine is told."""
        limit = self.collected_above
        return self.sampling.settings(
            self.output.keep_every, None if limit is None else ("energy_std", limit)
        )

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=NESTED_KINDS)
        return settings


def load_nested_config(path: str | Path, overrides: Iterable[str] = ()) -> NestedConfig:
    """Read a config file; relative paths in it start from the folder it lies in.

    Parameters
    ----------
    overrides : assignments such as ``"sampling.n_live=500"``

    Raises
    ------
    SettingsError
        The file is missing, no TOML, has an unknown key (names the near miss) or settings that do not match.
    """
    return anchored(nested_config(load_overridden(path, overrides)), Path(path).absolute().parent)


def nested_config(settings: Mapping[str, Any], overrides: Iterable[str] = ()) -> NestedConfig:
    """A config from its nested tables."""
    return build(NestedConfig, reduce(override, overrides, dict(settings)), kinds=NESTED_KINDS)


def anchored(config: NestedConfig, folder: Path) -> NestedConfig:
    """The config with its relative paths starting from a folder."""
    system, output, database = config.system, config.output, config.output.database
    if isinstance(system, AtomsSystem) and system.start is not None:
        system = replace(system, start=folder / system.start)
    if database is not None and "://" not in database:
        database = str(folder / database)
    references = {name: folder / path for name, path in config.phases.references.items()}
    return replace(
        config,
        system=system,
        potential=anchored_potential(config.potential, folder),
        output=replace(output, folder=folder / output.folder, database=database),
        phases=replace(config.phases, references=references),
    )
