"""Problems whose answers are known in closed form, sampled perfectly: only the bookkeeping is on trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, loggamma
from scipy.stats import gamma as gamma_distribution

from gapsample.nested import Walk, Walked

NOTHING = np.empty(0)


def uniforms(keys: np.ndarray, n: int) -> np.ndarray:
    """Numbers in (0, 1), shape (len(keys), n), those of each row following from its key alone."""
    state = keys[:, None] + (np.arange(n, dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    state ^= state >> np.uint64(31)
    return ((state >> np.uint64(11)).astype(float) + 0.5) * 2.0**-53


class Perfect:
    """A problem without moves: clones are drawn anew below the ceiling."""

    n_coordinates = 1
    largest_steps = NOTHING  # nothing to tune
    move_names = ()

    def walked(self, coordinates: np.ndarray, values: np.ndarray) -> Walked:
        nothing = np.empty((len(values), 0), np.int64)
        return Walked(coordinates, values, nothing, nothing, np.zeros(len(values), np.int64))

    def observe(self, coordinates: np.ndarray) -> dict[str, np.ndarray]:
        return {"coordinate": coordinates[:, 0]}

    @property
    def fingerprint(self) -> str:
        return repr(self)


@dataclass(frozen=True)
class Power(Perfect):
    """Energies below `top` whose prior volume grows as E^a: a = D/2 is the harmonic well in a ball."""

    a: float
    top: float

    def draw(self, keys):
        values = self.top * uniforms(keys, 1)[:, 0] ** (1.0 / self.a)
        return values[:, None], values

    def walk(self, task: Walk) -> Walked:
        values = task.ceiling.value * uniforms(task.keys, 1)[:, 0] ** (1.0 / self.a)
        return self.walked(values[:, None], values)

    def log_Z(self, t):
        x = self.top / t
        return loggamma(self.a + 1) + gamma_distribution.logcdf(x, self.a) - self.a * np.log(x)

    def energy(self, t):
        return t * self._moment(t, 1)

    def heat_capacity(self, t):
        return self._moment(t, 2) - self._moment(t, 1) ** 2

    def _moment(self, t, k):
        ratio = gamma_distribution.cdf(self.top / t, self.a + k) / gamma_distribution.cdf(
            self.top / t, self.a
        )
        return np.exp(gammaln(self.a + k) - gammaln(self.a)) * ratio


@dataclass(frozen=True)
class TwoWells(Perfect):
    """Two harmonic wells, a wide one above, of volumes ``(E / top)^a`` and ``mass ((E - offset) / top)^a``.

    Energies reach `top` above each floor. Clones change wells freely, unless they are `trapped`.
    """

    a: float
    top: float
    offset: float
    mass: float
    trapped: bool = False

    n_coordinates = 2

    def draw(self, keys):
        u = uniforms(keys, 2)
        wide = u[:, 0] < self.mass / (1.0 + self.mass)
        values = self.top * u[:, 1] ** (1.0 / self.a) + self.offset * wide
        return np.stack((values, wide), axis=1), values

    def walk(self, task: Walk) -> Walked:
        u = uniforms(task.keys, 2)
        wide = task.coordinates[:, 1]
        if not self.trapped:
            narrow_volume = min(task.ceiling.value, self.top) ** self.a
            wide_volume = self.mass * max(task.ceiling.value - self.offset, 0.0) ** self.a
            wide = (u[:, 1] * (narrow_volume + wide_volume) < wide_volume).astype(float)
        depth = np.minimum(task.ceiling.value - self.offset * wide, self.top)
        values = depth * u[:, 0] ** (1.0 / self.a) + self.offset * wide
        return self.walked(np.stack((values, wide), axis=1), values)

    def observe(self, coordinates):
        return {"wide": coordinates[:, 1]}

    def share_of_wide(self, t):
        return 1.0 / (1.0 + np.exp(self.offset / t) / self.mass)

    def heat_capacity(self, t):
        p = self.share_of_wide(t)
        return self.a + p * (1 - p) * (self.offset / t) ** 2

    @property
    def transition(self):
        return self.offset / np.log(self.mass)


@dataclass(frozen=True)
class Terrace(Perfect):
    """Three parts of a line: a hill, a plateau at 0, a pit down to -1.

    The coordinate is uniform in (0, 1): ``hill`` of it rises from 0 to 1, ``plateau`` of it lies at 0.
    """

    hill: float
    plateau: float

    def value(self, x):
        pit = 1.0 - self.hill - self.plateau
        high = np.where(x < self.hill, 1.0 - x / max(self.hill, 1e-300), 0.0)
        return np.where(x > self.hill + self.plateau, -(x - self.hill - self.plateau) / pit, high)

    def draw(self, keys):
        x = uniforms(keys, 1)
        return x, self.value(x[:, 0])

    def walk(self, task: Walk) -> Walked:
        """Draw anew with the plateau weighted by the ceiling's label where the ceiling lies on it."""
        u = uniforms(task.keys, 1)
        pit = 1.0 - self.hill - self.plateau
        e, label = task.ceiling
        if e > 0.0:
            x = self.hill * (1.0 - e) + u * (1.0 - self.hill * (1.0 - e))
        elif e == 0.0:
            weight = self.plateau * label
            mass = u * (weight + pit)
            x = np.where(mass < weight, self.hill + mass / label, 1.0 - pit + (mass - weight))
        else:
            x = 1.0 - pit * (1.0 + e) * (1.0 - u)
        return self.walked(x, self.value(x[:, 0]))

    def log_Z(self, t):
        pit = 1.0 - self.hill - self.plateau
        return np.log(self.hill * t * -np.expm1(-1 / t) + self.plateau + pit * t * np.expm1(1 / t))
