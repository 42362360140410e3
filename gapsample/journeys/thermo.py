"""From runs to heat capacities and transition temperatures: seeds merged, and their spread said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsample import nested
from gapsample.errors import InputError, SettingsError
from gapsample.journeys.nested_atoms import degrees_of_freedom, n_atoms
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_study import Leaf, Study, runs_in
from gapsample.nested.model_error import ModelError, model_error
from gapsample.nested.peaks import SEED_SMALLEST, seen_by_seeds, spread_err
from gapsample.nested.points import DeadPoints
from gapsample.nested.reweighting import SMALLEST_SIZE, shifted_values

Floats = NDArray[np.float64]

N_DRAWS = 100
N_TEMPERATURES = 200
HOTTEST = 0.05  # of the way down in log X: where the highest temperature of interest is taken from


@dataclass(frozen=True)
class SeenPeak:
    """A peak of the heat capacity of several runs.

    Attributes
    ----------
    peak : of the merged runs, errors from simulated shrinkage
    of_seeds : temperatures of the same peak in each run alone, where it has one
    model_err : of the temperature, from posterior draws of the potential; None if not known
    """

    peak: nested.Peak
    of_seeds: tuple[float, ...]
    model_err: float | None = None

    @property
    def seeds_err(self) -> float | None:
        """Standard error from the spread of the seeds; None with fewer than two."""
        return spread_err(np.array(self.of_seeds)) if len(self.of_seeds) > 1 else None

    @property
    def err(self) -> float:
        """The larger of the errors from shrinkage and from seeds."""
        return max(self.peak.temperature_err, self.seeds_err or 0.0)


@dataclass(frozen=True)
class Group:
    """All runs of one study at one pressure, merged.

    Attributes
    ----------
    runs : their names
    found : of the merged points; heat capacity and entropy in units of the config's Boltzmann constant
    spread : standard error of the heat capacity from the seeds, shape (n_temperatures,); None with one seed
    transitions : from low to high temperature
    memory : largest rank correlation of clones and ancestors over the runs; None if all are too young
    insertion : p-value of the insertion test of each run that is old enough for one
    reweighted : the pressure these curves stand at, if not the one that was sampled
    """

    study: Study
    pressure: float | None
    runs: tuple[str, ...]
    found: nested.Thermodynamics
    spread: Floats | None
    transitions: tuple[SeenPeak, ...]
    memory: float | None
    insertion: tuple[float, ...]
    reweighted: float | None = None

    @property
    def title(self) -> str:
        """Folder and pressure."""
        config = self.study.config
        if self.pressure is None:
            return self.study.folder.name
        shown = self.pressure if self.reweighted is None else self.reweighted
        words = f"{self.study.folder.name}, P = {shown:g} {config.pressure_unit}".rstrip()
        return words if self.reweighted is None else f"{words} (from {self.pressure:g})"

    @property
    def believable(self) -> NDArray[np.bool_]:
        """Where enough points carry the average, shape (n_temperatures,)."""
        return np.asarray(self.found.effective_size >= SMALLEST_SIZE)


def thermo(
    folders: Sequence[str | Path],
    *,
    temperatures: Floats | None = None,
    pressure: float | None = None,
    n_draws: int = N_DRAWS,
) -> list[Group]:
    """Curves over temperature for each pressure among the runs.

    Parameters
    ----------
    folders : of studies, of one pressure of a study, or of single runs
    temperatures : increasing; K or reduced. None: from the lowest of interest to where a run began to cool
    pressure : reweight every group to this pressure, as given in a config
    """
    grouped: dict[tuple[Path, float | None], tuple[Study, list[Leaf]]] = {}
    for folder in folders:
        study, leaves = runs_in(folder)
        for leaf in leaves:
            members = grouped.setdefault((study.folder, leaf.pressure), (study, []))[1]
            members += [] if leaf in members else [leaf]
    return [
        group_of(study, leaves, temperatures=temperatures, pressure=pressure, n_draws=n_draws)
        for study, leaves in grouped.values()
    ]


def group_of(
    study: Study,
    leaves: Sequence[Leaf],
    *,
    temperatures: Floats | None = None,
    pressure: float | None = None,
    n_draws: int = N_DRAWS,
) -> Group:
    """Runs at one pressure, merged and analyzed, as of their last checkpoints."""
    config = study.config
    runs = [nested.read_points(study.folder / leaf.name) for leaf in leaves]
    own = leaves[0].pressure
    grid = default_temperatures(study, leaves) if temperatures is None else temperatures
    merged = nested.merge(runs)
    found = _analyzed(config, merged, grid, own, pressure, n_draws)
    singles = [_analyzed(config, run, grid, own, pressure, n_draws) for run in runs] if len(runs) > 1 else []
    tops = nested.peaks(grid, found.heat_capacity) if len(grid) > 2 else []
    alone = [nested.peaks(grid, each.heat_capacity, smallest=SEED_SMALLEST) for each in singles if tops]
    places = [top.temperature for top in tops]
    drawn = of_draws(config, merged, grid, own, pressure) if tops else None
    transitions = tuple(
        SeenPeak(
            peak,
            tuple(seen_by_seeds(peak.temperature, places, alone).tolist()),
            _model_err(peak, drawn),
        )
        for peak in tops
    )
    spread = None
    if singles:
        curves = [each.heat_capacity.value for each in singles]
        spread = np.asarray(np.std(curves, axis=0, ddof=1) / np.sqrt(len(curves)))
    return Group(
        study,
        own,
        tuple(leaf.name for leaf in leaves),
        found,
        spread,
        transitions,
        *_diagnostics(runs),
        reweighted=pressure if pressure != own else None,
    )


def parse_temperatures(text: str) -> Floats:
    """``"0.1:0.5:81"``, first, last and how many, as an array.

    Raises
    ------
    SettingsError
        It is not three numbers, or not increasing.
    """
    try:
        first, last, n = text.split(":")
        low, high, count = float(first), float(last), int(n)
    except ValueError:
        raise SettingsError(f"temperatures are given as first:last:how-many, got {text!r}") from None
    if not (0.0 < low < high and count >= 2):
        raise SettingsError(f"temperatures need 0 < first < last and two or more of them, got {text!r}")
    return np.linspace(low, high, count)


def default_temperatures(study: Study, leaves: Iterable[Leaf], n: int = N_TEMPERATURES) -> Floats:
    """From the lowest temperature of interest to where the first part of the runs was sampled."""
    low = study.config.stop.lowest_temperature
    tops = []
    for leaf in leaves:
        told = nested.read_progress(study.folder / leaf.name)
        early = told[told["log_X"] < HOTTEST * told["log_X"][-1]] if len(told) else told
        slopes = early["slope"][np.isfinite(early["slope"])]
        tops += [float(slopes[0]) / study.config.boltzmann] if len(slopes) else []
    return np.linspace(low, max([3.0 * low, *tops]), n)


def of_draws(
    config: NestedConfig, points: DeadPoints, grid: Floats, own: float | None, pressure: float | None
) -> ModelError | None:
    """Heat capacities of posterior draws of the potential; None where the run has not followed them."""
    if "energy_draws" not in points.observables:
        return None
    values, log_weight = _states(config, points, own, pressure)
    return model_error(
        points,
        grid,
        rng=np.random.default_rng(config.sampling.seed),
        energy=values,
        boltzmann=config.boltzmann,
        degrees_of_freedom=degrees_of_freedom(config),
        log_weight=log_weight,
    )


def _model_err(peak: nested.Peak, drawn: ModelError | None) -> float | None:
    """Model error of the transition that stands where a peak does."""
    near = [] if drawn is None else [t for t in drawn.transitions if t.peak.temperature == peak.temperature]
    return float(near[0].model_err) if near and np.isfinite(near[0].model_err) else None


def _states(
    config: NestedConfig, points: DeadPoints, own: float | None, pressure: float | None
) -> tuple[Floats, Floats | None]:
    """Values of points at another pressure, and log weights where the prior was not the physical one."""
    if own is None:
        if pressure is not None:
            raise InputError("a fixed cell cannot be reweighted to a pressure")
        return points.value, None
    change = 0.0 if pressure is None else config.energy_per_volume(pressure) - config.energy_per_volume(own)
    flat = config.ensemble.prior == "flat"
    log_weight = n_atoms(config) * np.log(points.observables["volume"]) if flat else None
    return shifted_values(points, pressure_change=change), log_weight


def _analyzed(
    config: NestedConfig,
    points: DeadPoints,
    grid: Floats,
    own: float | None,
    pressure: float | None,
    n_draws: int,
) -> nested.Thermodynamics:
    """Thermodynamics of points, reweighted to another pressure and to the physical prior of the volume."""
    values, log_weight = _states(config, points, own, pressure)
    return nested.thermodynamics(
        points,
        grid,
        rng=np.random.default_rng(config.sampling.seed),
        boltzmann=config.boltzmann,
        degrees_of_freedom=degrees_of_freedom(config),
        n_draws=n_draws,
        energy=values,
        log_weight=log_weight,
    )


def _diagnostics(runs: Sequence[DeadPoints]) -> tuple[float | None, tuple[float, ...]]:
    """Largest memory and insertion p-values of the runs that are old enough."""
    memories, p_values = [], []
    for run in runs:
        try:
            memories.append(nested.memory(run).correlation)
            p_values.append(nested.insertion_test(run).p_value)
        except InputError:
            continue  # fewer points than a test needs
    return max(memories, default=None), tuple(p_values)
