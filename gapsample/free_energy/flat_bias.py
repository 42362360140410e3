"""The last word: a run flattened by minus the surface, reweighted, and compared with what the surface said.

With the bias U = -F_capped the run visits all that lies below the cap equally often if the surface is right.
Reweighted with exp(U/kT) its populations are exact whether or not the surface is, given time. So a difference
found this way tests the surface and its error bar with data it has never seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from ase import Atoms, units
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.biased import Biased
from gapsample.free_energy.paths import Landscape
from gapsample.free_energy.populations import Region
from gapsample.free_energy.surface import Surface
from gapsample.free_energy.variables import Variable, evaluate_all
from gapsample.free_energy.windows import Schedule
from gapsample.gp.spectra import Open
from gapsample.potential.protocol import Potential
from gapsample.sampling.autocorrelation import LEAST, covariance_of_mean
from gapsample.sampling.dynamics import Langevin, System

Floats = NDArray[np.float64]

WALL = 500.0  # kT per squared range of an open variable beyond its end
AGREES = 3.0  # standard deviations


@dataclass(frozen=True, eq=False)
class FlatBias:
    """Minus a surface below a cap, eV: U(s) = kT log(exp(-F/kT) + exp(-cap/kT)), a smooth minus min(F, cap).

    Open variables have a harmonic wall beyond the range of the surface, where F goes on as at its end.

    Attributes
    ----------
    cap : eV above the lowest F seen; higher regions are not filled up
    kT : eV
    """

    surface: Surface
    cap: float
    kT: float
    _mean: Landscape = field(init=False, repr=False)
    _zero: float = field(init=False, repr=False)
    _low: Floats = field(init=False, repr=False)
    _high: Floats = field(init=False, repr=False)
    _stiffness: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not (0.0 < self.cap < np.inf and 0.0 < self.kT < np.inf):
            raise InputError(f"a flat bias wants a positive cap and kT, got {self.cap} and {self.kT} eV")
        axes = self.surface.axes
        mean = Landscape(self.surface.features, self.surface.weights[None])
        zero = mean.values(self.surface.reference[None, None])[0, 0]
        low = [axis.low if isinstance(axis, Open) else -np.inf for axis in axes]
        high = [axis.high if isinstance(axis, Open) else np.inf for axis in axes]
        stiffness = [WALL * self.kT / axis.extent**2 for axis in axes]
        for name, value in (
            ("_mean", mean),
            ("_zero", float(zero)),
            ("_low", np.array(low)),
            ("_high", np.array(high)),
            ("_stiffness", np.array(stiffness)),
        ):
            object.__setattr__(self, name, value)

    def energies(self, s: Floats) -> Floats:
        """U at points, walls included, shapes (n, d) -> (n,)."""
        return self._filled(s)[0] + 0.5 * self._beyond(s) ** 2 @ self._stiffness

    def evaluate(self, s: Floats) -> tuple[float, Floats]:
        """U and dU/ds at one point, shape (d,)."""
        beyond = self._beyond(s[None])[0]
        filled, share = self._filled(s[None])
        slope = self._mean.gradients((s - beyond)[None, None])[0, 0]
        slope = np.where(beyond == 0.0, -share[0] * slope, self._stiffness * beyond)
        return float(filled[0] + 0.5 * beyond**2 @ self._stiffness), slope

    def _filled(self, s: Floats) -> tuple[Floats, Floats]:
        """U without walls, and the share of F in it: 1 far below the cap, 0 far above."""
        height = self._mean.values((s - self._beyond(s))[None])[0] - self._zero
        bias = self.kT * np.logaddexp(-height / self.kT, -self.cap / self.kT)
        return bias, np.exp(-(height + bias) / self.kT)

    def _beyond(self, s: Floats) -> Floats:
        return s - np.clip(s, self._low, self._high)


@dataclass(frozen=True)
class FlatCheck:
    """F_b - F_a of two regions by the surface and by a flattened run, eV.

    Attributes
    ----------
    predicted, std : by the surface
    found, err : by the run, reweighted
    share : of the run's samples in each region
    """

    predicted: float
    std: float
    found: float
    err: float
    share: tuple[float, float]

    @property
    def z(self) -> float:
        """Their disagreement in standard deviations."""
        return (self.found - self.predicted) / float(np.hypot(self.std, self.err))

    @property
    def agrees(self) -> bool:
        return abs(self.z) < AGREES

    def __str__(self) -> str:
        advice = (
            "they agree"
            if self.agrees
            else "they disagree: run longer; then seek a hidden slow variable, or add windows and fit again"
        )
        return (
            f"predicted {self.predicted:.4g} +- {self.std:.2g} eV, flattened run {self.found:.4g} +- "
            f"{self.err:.2g} eV, z = {self.z:.2f}: {advice}"
        )


def run_flat(
    potential: Potential,
    variables: tuple[Variable, ...],
    bias: FlatBias,
    start: Atoms,
    schedule: Schedule,
    rng: Generator,
) -> Floats:
    """Samples of the variables, shape (n, d), from a run flattened by the bias.

    Parameters
    ----------
    schedule : its steps of steering are not needed and not used

    Raises
    ------
    InputError
        The temperature is not that of the bias.
    BrokenDown
        The dynamics broke down.
    """
    kT = units.kB * schedule.temperature
    if abs(kT - bias.kT) > 1e-6 * kT:
        raise InputError(f"a bias for kT = {bias.kT} eV does not flatten a run at {schedule.temperature} K")
    system = System(start, Biased(potential, variables, bias.evaluate))
    dynamics = Langevin(system, schedule.temperature, schedule.time_step, schedule.friction)
    state = system.thermal(schedule.temperature, rng)
    atoms = start.copy()
    atoms.set_constraint()
    for _ in range(schedule.n_equilibration):
        state, _ = dynamics.step(state, rng)
    seen = []
    for n in range(1, schedule.n_steps + 1):
        state, _ = dynamics.step(state, rng)
        if n % schedule.every == 0:
            atoms.arrays["positions"] = state.positions
            seen.append(evaluate_all(variables, atoms)[0])
    return np.array(seen)


def check_flat(
    bias: FlatBias,
    s: Floats,
    a: Region,
    b: Region,
    rng: Generator | None = None,
    *,
    least: float = LEAST,
) -> FlatCheck:
    """Compare F_b - F_a of a flattened run with that of the surface.

    Parameters
    ----------
    s : shape (n, d), samples of the run in the order of time
    a, b : regions that both lie below the cap; they say of points (n, d) which are inside
    rng : for draws of the surface
    least : autocorrelation times that the run must last

    Raises
    ------
    InputError
        The run never was in one of the regions.
    ChainTooShort
        The run cannot tell its own error: it went to and fro between the regions too seldom.
    """
    log_weights = bias.energies(s) / bias.kT
    weights = np.exp(log_weights - log_weights.max())
    parts = np.stack([weights * np.asarray(region(s), dtype=bool) for region in (a, b)])
    means, share = parts.mean(axis=1), np.mean(parts > 0.0, axis=1)
    if np.any(means == 0.0):
        raise InputError(
            f"of {len(s)} samples shares of {share.tolist()} lie in the regions; run longer, raise the cap, "
            "or check the units of the regions"
        )
    series = (parts[0] / means[0] - parts[1] / means[1])[:, None]  # the log of the ratio, linearized
    err = bias.kT * float(np.sqrt(covariance_of_mean(series, least=least)[0, 0]))
    predicted, std = bias.surface.region_difference(a, b, bias.kT, rng)
    found = float(-bias.kT * np.log(means[1] / means[0]))
    return FlatCheck(predicted, std, found, err, (float(share[0]), float(share[1])))
