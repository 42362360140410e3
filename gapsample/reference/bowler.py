"""Numbers of the orthogonal silicon-hydrogen model: levels, couplings, repulsions and how they fall off.

Units are eV and Å. Hydrogen atoms do not see each other in this model: it is made for hydrogen on silicon.

References
----------
Bowler, Fearn, Goringe, Horsfield & Pettifor, J. Phys.: Condens. Matter 10, 3719 (1998); the numbers as in
Bowler, PhD thesis (1997).
Goodwin, Skinner & Pettifor, Europhys. Lett. 9, 701 (1989), for the scaling with distance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAIL = 2.8  # Å; beyond it the scaling is replaced by a cubic that ends flat at the cutoff
CUTOFF = 3.2  # Å


@dataclass(frozen=True)
class Element:
    """What one atom brings: electrons and the levels of its orbitals (eV), s first, then the three p."""

    electrons: int
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Scaling:
    """(r0/r)^n exp(n [(r0/rc)^nc - (r/rc)^nc]), one at r0; a cubic from `TAIL` to zero at `CUTOFF`."""

    r0: float
    n: float
    rc: float
    nc: float

    def __call__(self, r: Floats) -> tuple[Floats, Floats]:
        """Value and slope (1/Å) at distances r (Å); both are continuous, and zero at the cutoff."""
        value, slope = self._core(np.minimum(r, TAIL))
        width = CUTOFF - TAIL
        t = np.clip((r - TAIL) / width, 0.0, 1.0)
        kept, kept_slope = (1.0 + 2.0 * t) * (1.0 - t) ** 2, -6.0 * t * (1.0 - t) / width
        lean, lean_slope = width * t * (1.0 - t) ** 2, (1.0 - t) * (1.0 - 3.0 * t)
        return value * kept + slope * lean, value * kept_slope + slope * lean_slope

    def _core(self, r: Floats) -> tuple[Floats, Floats]:
        steep = (r / self.rc) ** self.nc
        value = (self.r0 / r) ** self.n * np.exp(self.n * ((self.r0 / self.rc) ** self.nc - steep))
        return value, -self.n * value * (1.0 + self.nc * steep) / r


@dataclass(frozen=True)
class Bond:
    """Couplings from a first to a second atom at the distance r0 (eV), and their scalings.

    Attributes
    ----------
    couplings : ss sigma; sp sigma (s on the first atom); ps sigma (s on the second); pp sigma; pp pi
    repulsion : energy of the repulsion at r0
    """

    couplings: tuple[float, float, float, float, float]
    repulsion: float
    hopping_scaling: Scaling
    repulsion_scaling: Scaling

    def turned(self) -> Bond:
        """The same bond seen from its other end."""
        ss, sp, ps, sigma, pi = self.couplings
        return Bond((ss, ps, sp, sigma, pi), self.repulsion, self.hopping_scaling, self.repulsion_scaling)


HYDROGEN, SILICON = 1, 14

ELEMENTS = {
    HYDROGEN: Element(1, (-8.4,)),
    SILICON: Element(4, (-12.2, -5.75, -5.75, -5.75)),
}

_SILICON_PAIR = Bond(
    couplings=(-1.938, 1.745, 1.745, 3.050, -1.075),
    repulsion=3.44566,
    hopping_scaling=Scaling(r0=2.35, n=1.9771, rc=3.8661, nc=6.8702),
    repulsion_scaling=Scaling(r0=2.35, n=4.7104, rc=3.8521, nc=7.0531),
)
_HYDROGEN_ON_SILICON = Bond(
    couplings=(-3.834, 4.734, 0.0, 0.0, 0.0),
    repulsion=7.4399,
    hopping_scaling=Scaling(r0=1.474, n=2.6752, rc=3.4, nc=20.0),
    repulsion_scaling=Scaling(r0=1.474, n=4.2302, rc=3.4, nc=20.0),
)

BONDS = {  # from the first atom to the second
    (SILICON, SILICON): _SILICON_PAIR,
    (HYDROGEN, SILICON): _HYDROGEN_ON_SILICON,
    (SILICON, HYDROGEN): _HYDROGEN_ON_SILICON.turned(),
}
