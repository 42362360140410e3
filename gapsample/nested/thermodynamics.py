"""From dead points to curves over temperature, each with its error bar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from gapsample.errors import InputError
from gapsample.nested.points import DeadPoints, live_numbers
from gapsample.nested.sums import Features, boltzmann_sums
from gapsample.nested.volumes import blocks, expected_log_shells, simulated_log_shells

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """One quantity over temperature.

    Attributes
    ----------
    value : shape (n_temperatures,), from the expected volumes
    draws : shape (n_draws, n_temperatures), from simulated volumes
    """

    value: Floats
    draws: Floats

    @property
    def err(self) -> Floats:
        """Standard error from simulated shrinkage, shape (n_temperatures,).

        It knows nothing of walks too short to mix: compare independent seeds where that may matter.
        That of a heat capacity grows with its value, both being moments of one sample: runs weighed by
        1/err^2 would have too low a mean, so `merge` them instead.
        """
        return np.asarray(self.draws.std(axis=0, ddof=1))


@dataclass(frozen=True)
class Thermodynamics:
    """What the dead points say at each temperature.

    Attributes
    ----------
    temperatures : shape (n_temperatures,)
    log_Z : log of the average Boltzmann factor over the prior (positions only)
    energy, heat_capacity : with the share of `degrees_of_freedom` momenta
    entropy : relative to the prior's, in units of `boltzmann`, positions only
    means, slopes : of each observable, <O> and d<O>/dT
    effective_size : shape (n_temperatures,); (sum w)^2 / sum w^2, in points
    """

    temperatures: Floats
    log_Z: Curve
    energy: Curve
    heat_capacity: Curve
    entropy: Curve
    means: Mapping[str, Curve]
    slopes: Mapping[str, Curve]
    effective_size: Floats


def thermodynamics(
    points: DeadPoints,
    temperatures: ArrayLike,
    *,
    rng: Generator,
    boltzmann: float = 1.0,
    degrees_of_freedom: float = 0.0,
    n_draws: int = 100,
    energy: ArrayLike | None = None,
    log_weight: ArrayLike | None = None,
    observables: Mapping[str, ArrayLike] | None = None,
) -> Thermodynamics:
    """Partition function, energy, heat capacity, entropy and averages of observables.

    Parameters
    ----------
    temperatures : shape (n_temperatures,), positive; `boltzmann` times a temperature is an energy
    boltzmann : 1 for reduced units, ``ase.units.kB`` for eV and K
    degrees_of_freedom : of momenta, each adding half `boltzmann` to the heat capacity
    n_draws : simulated histories of shrinkage behind every error bar
    energy : shape (n,); another energy or enthalpy than the one sampled, for reweighting. To a pressure
        nearby: ``points.value + (P_new - P) * points.observables["volume"]``
    log_weight : shape (n,); log of a change of the prior, such as ``N * log(V)``
    observables : shape (n,) each; those the points carry, if None (of one number per point)

    Raises
    ------
    InputError
        A temperature is not positive, or an array has another length than there are points.

    References
    ----------
    Skilling, Bayesian Analysis 1, 833 (2006); Pártay, Bartók & Csányi, J. Phys. Chem. B 114, 10502 (2010).
    """
    temperature = np.atleast_1d(np.asarray(temperatures, float))
    if not (temperature > 0).all():
        raise InputError(f"temperatures must be positive, the lowest is {temperature.min()}")
    beta = 1.0 / (boltzmann * temperature)
    chosen = _scalars(points) if observables is None else observables
    columns = {name: _column(points, values, name) for name, values in chosen.items()}
    target = points.value if energy is None else _column(points, energy, "energy")
    prior = np.zeros(len(points)) if log_weight is None else _column(points, log_weight, "log_weight")
    quantities = np.stack([target, *columns.values()], axis=1)
    n_live = live_numbers(points)
    mass = expected_log_shells(n_live)
    expected = [(block, mass[None, block]) for block in blocks(n_live)]

    def log_boltzmann(block: slice) -> Floats:
        return prior[block, None] - target[block, None] * beta

    def plain(block: slice) -> Floats:
        shape = (block.stop - block.start, len(beta), quantities.shape[1])
        return np.broadcast_to(quantities[block, None, :], shape)

    first = boltzmann_sums(expected, log_boltzmann, plain, quantities.shape[1])
    around = _Centred(quantities, first.means[0])
    centre = boltzmann_sums(expected, log_boltzmann, around, around.n_features)
    draws = boltzmann_sums(
        simulated_log_shells(n_live, n_draws, rng), log_boltzmann, around, around.n_features
    )
    mean, mean_draws = (around.means(s.means) for s in (centre, draws))
    slope, slope_draws = (around.slopes(s.means) * (beta / temperature)[:, None] for s in (centre, draws))
    kinetic = 0.5 * degrees_of_freedom * boltzmann
    curve = [Curve(mean[0, :, i], mean_draws[:, :, i]) for i in range(len(columns) + 1)]
    tilt = [Curve(slope[0, :, i], slope_draws[:, :, i]) for i in range(len(columns) + 1)]
    return Thermodynamics(
        temperature,
        Curve(centre.log_Z[0], draws.log_Z),
        _shifted(curve[0], kinetic * temperature),
        _shifted(tilt[0], np.full_like(temperature, kinetic)),
        Curve(mean[0, :, 0] * beta + centre.log_Z[0], mean_draws[:, :, 0] * beta + draws.log_Z),
        dict(zip(columns, curve[1:], strict=True)),
        dict(zip(columns, tilt[1:], strict=True)),
        _effective_size(expected, log_boltzmann, centre.log_Z[0]),
    )


class _Centred:
    """Deviations from known means, and their products with that of the energy, per temperature."""

    def __init__(self, quantities: Floats, centres: Floats) -> None:
        self.quantities, self.centres = quantities, centres
        self.n_features = 2 * quantities.shape[1]

    def __call__(self, block: slice) -> Floats:
        deviation = self.quantities[block, None, :] - self.centres
        return np.concatenate((deviation, deviation * deviation[..., :1]), axis=2)

    def means(self, averages: Floats) -> Floats:
        """Averages of the quantities, shape (n_draws, n_temperatures, n_quantities)."""
        return averages[..., : self.n_features // 2] + self.centres

    def slopes(self, averages: Floats) -> Floats:
        """Covariances with the energy, same shape."""
        deviation, product = np.split(averages, 2, axis=2)
        return np.asarray(product - deviation * deviation[..., :1])


def _effective_size(shells: list[tuple[slice, Floats]], log_boltzmann: Features, log_z: Floats) -> Floats:
    """(sum w)^2 / sum w^2, shape (n_temperatures,)."""

    def squared(block: slice) -> Floats:
        return 2.0 * log_boltzmann(block)

    def nothing(block: slice) -> Floats:
        return np.empty((block.stop - block.start, len(log_z), 0))

    sum_of_squares = boltzmann_sums([(block, 2.0 * mass) for block, mass in shells], squared, nothing, 0)
    return np.asarray(np.exp(2.0 * log_z - sum_of_squares.log_Z[0]))


def _shifted(curve: Curve, by: Floats) -> Curve:
    return Curve(curve.value + by, curve.draws + by)


def _scalars(points: DeadPoints) -> dict[str, Floats]:
    return {name: values for name, values in points.observables.items() if values.ndim == 1}


def _column(points: DeadPoints, values: ArrayLike, name: str) -> Floats:
    column = np.asarray(values, float)
    if column.shape != (len(points),):
        raise InputError(
            f"{name} must have one number for each of {len(points)} points, got shape {column.shape}"
        )
    return column
