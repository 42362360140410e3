"""What a window is, and what was seen in it: by our own dynamics, by PLUMED, or anywhere else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.free_energy.variables import Periods, shortest
from gapsample.sampling.dynamics import State

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Window:
    """The restraint 1/2 sum of kappa_a (s_a - c_a)^2, by the shortest way where a variable is periodic.

    Attributes
    ----------
    center : of each variable
    kappa : eV per squared unit of each variable; 0 leaves one free
    """

    center: tuple[float, ...]
    kappa: tuple[float, ...]

    def __post_init__(self) -> None:
        for name in ("center", "kappa"):  # from arrays too
            object.__setattr__(self, name, tuple(float(x) for x in getattr(self, name)))
        numbers = np.array([*self.center, *self.kappa])
        if len(self.center) != len(self.kappa) or not self.center:
            raise InputError(
                f"a window wants one kappa for each center, got {len(self.kappa)} and {len(self.center)}"
            )
        if not np.all(np.isfinite(numbers)) or min(self.kappa) < 0.0:
            raise InputError(f"a window wants finite centers and kappas, none negative: {self}")

    def bias(self, s: Floats, periods: Periods) -> tuple[float, Floats]:
        """Energy of the restraint, eV, and its derivative by s, at one s of shape (d,)."""
        energy, slope = 0.0, []
        for x, center, kappa, period in zip(s.tolist(), self.center, self.kappa, periods, strict=True):
            away = x - center if period is None else math.remainder(x - center, period)
            energy += 0.5 * kappa * away * away
            slope.append(kappa * away)
        return energy, np.array(slope)


@dataclass(frozen=True, eq=False)
class Samples:
    """Values of the variables in one window, after equilibration, in the order of time.

    Attributes
    ----------
    window : their restraint
    s : shape (n, d), equally spaced in time
    temperature : K
    periods : of the variables
    gradients : shape (n, d), eV per unit of s, the instantaneous collective forces (dF/ds up to noise);
        None where there are none

    Raises
    ------
    InputError
        There is no sample, shapes disagree, a number is not finite, or a variable spreads wider than its
        period.
    """

    window: Window
    s: Floats
    temperature: float
    periods: Periods
    gradients: Floats | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "s", np.asarray(self.s, dtype=float))
        d = len(self.window.center)
        if np.ndim(self.s) != 2 or np.shape(self.s)[1] != d or len(self.periods) != d:
            raise InputError(
                f"a window in {d} dimensions wants samples of shape (n, {d}) and {d} periods; got "
                f"{np.shape(self.s)} and {len(self.periods)}"
            )
        if len(self.s) == 0:
            raise InputError(f"the window at {self.window.center} holds no sample; leave it out or sample it")
        if not (np.isfinite(self.temperature) and self.temperature > 0.0):
            raise InputError(f"samples want a temperature above 0 K, got {self.temperature}")
        _check_finite(self.window, "samples", self.s)
        if self.gradients is not None:
            if np.shape(self.gradients) != np.shape(self.s):
                raise InputError(
                    f"samples of shape {np.shape(self.s)} and gradients of shape {np.shape(self.gradients)} "
                    "do not belong together"
                )
            _check_finite(self.window, "collective forces", self.gradients)
        for a, period in enumerate(self.periods):
            spread = float(np.ptp(self.s[:, a]))
            if period is not None and not (period > 0.0 and spread <= period * (1.0 + 1e-6)):
                raise InputError(
                    f"variable {a} spreads over {spread:.6g}, more than its period of {period:.6g}; check "
                    "the period and the unit (degrees or radians)"
                )

    def displacements(self) -> Floats:
        """s - center by the shortest way, shape (n, d): continuous where s jumps by a period."""
        return shortest(self.s - np.array(self.window.center), self.periods)


class Visited(NamedTuple):
    """Configurations kept on the way, for the database.

    Attributes
    ----------
    positions : shape (m, n_atoms, 3), Å
    energies : shape (m,), eV, without the restraint
    energy_std, force_std : shape (m,), eV and eV/Å (largest component), predicted errors; NaN where the
        potential knows none
    """

    positions: Floats
    energies: Floats
    energy_std: Floats
    force_std: Floats


class WindowRun(NamedTuple):
    """All that one window left: samples, configurations kept, and the state it could go on from."""

    samples: Samples
    visited: Visited
    last: State


def _check_finite(window: Window, what: str, numbers: Floats) -> None:
    bad = np.flatnonzero(~np.all(np.isfinite(numbers), axis=1))
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(numbers)} {what} of the window at {window.center} are not finite, the first "
            f"is number {bad[0]}; cut the window where its dynamics broke down"
        )
