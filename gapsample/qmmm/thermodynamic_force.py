"""A force that keeps the density even where forces change from one kind to another.

Mixed forces are not each other's reaction. Across the boundary two liquids push with unequal strength, and
particles gather on one side until they push back, however smooth the passage is. A potential of the distance
from the middle of the region makes good what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms, units
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.potential.protocol import ErrorRequest, Evaluation
from gapsample.qmmm.mixing import Mixed
from gapsample.qmmm.region import Region
from gapsample.qmmm.trajectory import Mixing

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FARTHEST = 2.0  # kT, that a height moves at once: linear response overshoots


@dataclass(frozen=True, eq=False)
class ThermodynamicForce:
    """A potential U(r) of the distance from the middle of a region: one more Potential `beside` mixed forces.

    Not to be added to the classical potential, which mixing takes away where forces are quantum.
    U is a sum of cubic B-splines with knots evenly spaced: constant up to `inner`, zero from `outer` on, its
    force without jumps. It starts from heights of zero and is `balanced` after a run, once or twice.

    Attributes
    ----------
    middle : an atom, which bears the opposite of all other forces, or a point, shape (3,), Å
    members : shape (n_members,), the atoms that feel U: those of one kind (of molecules, one atom of each),
        without the one in the middle
    inner, outer : Å; `outer` is at most half of the smallest height of a periodic cell
    heights : shape (n_splines,), eV

    Raises
    ------
    InputError
        The middle is a member, or distances are out of order; on evaluation, the cell is too small.

    References
    ----------
    Fritsch, Poblete, Junghans, Ciccotti, Delle Site & Kremer, Phys. Rev. Lett. 108, 170602 (2012).
    """

    middle: int | Floats
    members: Integers
    inner: float
    outer: float
    heights: Floats

    def __post_init__(self) -> None:
        if not 0.0 <= self.inner < self.outer or self.heights.ndim != 1 or len(self.heights) == 0:
            raise InputError(
                "a thermodynamic force wants 0 <= inner < outer and a list of heights, got "
                f"{self.inner} and {self.outer} Å, and heights of shape {self.heights.shape}"
            )
        if isinstance(self.middle, int) and self.middle in self.members:
            raise InputError(f"atom {self.middle} is in the middle and cannot be a member; leave it out")

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy, of each member too, and forces; it knows no virial."""
        near, away, distance = self._near(atoms)
        splines, slopes = self._splines(distance)
        slope = slopes @ self.heights
        found, local = np.zeros((len(atoms), 3)), np.zeros(len(atoms))
        found[near] = -away * np.divide(slope, distance, np.zeros_like(slope), where=slope != 0.0)[:, None]
        local[near] = splines @ self.heights
        if isinstance(self.middle, int):
            found[self.middle] = -found.sum(axis=0)
        return Evaluation(float(local.sum()), found, local_energies=local)

    def features(self, atoms: Atoms) -> Floats:
        """What each height multiplies in the energy, shape (n_splines,)."""
        return np.asarray(self._splines(self._near(atoms)[2])[0].sum(axis=0))

    def beside(self, mixing: Mixing) -> Mixing:
        """Mixed forces and this one added up, for dynamics with a region that changes on the way."""

        def both(atoms: Atoms, region: Region | None) -> Mixed:
            mixed, own = mixing(atoms, region), self.evaluate(atoms)
            assert own.forces is not None  # whether asked for or not
            return replace(mixed, forces=mixed.forces + own.forces, energy=mixed.energy + own.energy)

        return both

    def spread(self, density: float) -> Floats:
        """Features of members spread evenly, shape (n_splines,); `density` in members per Å³."""
        nodes, weights = np.polynomial.legendre.leggauss(3)
        n = len(self.heights) + 1
        r = self.inner + self._width * (np.arange(n)[:, None] + 0.5 * (1.0 + nodes)).ravel()
        volumes = np.append(
            2.0 * np.pi * self._width * np.tile(weights, n) * r**2, 4.0 / 3.0 * np.pi * self.inner**3
        )
        return np.asarray(density * (volumes @ self._splines(np.append(r, 0.0))[0]))

    def balanced(self, seen: Floats, wanted: Floats, temperature: float) -> ThermodynamicForce:
        """The force with which the mean features should become those wanted, by linear response.

        Heights change mean features by the covariance of features over kT, so that no compressibility needs
        to be known. Far from balance do it once more (no height moves by more than 2 kT at once). Noise of
        the means goes into the density as it is: a run for balance wants to be as long as one in which the
        density asked for could be seen.

        Parameters
        ----------
        seen : shape (n_moments, n_splines), features on the way of a run with this force
        wanted : shape (n_splines,); `spread`, or around an atom the mean of a run with one potential
        temperature : K
        """
        if len(seen) <= len(self.heights):
            raise InputError(f"{len(self.heights)} heights want more than {len(seen)} moments of a run")
        response = np.atleast_2d(np.cov(seen.T))
        change = np.linalg.solve(response, seen.mean(axis=0) - wanted)
        change *= FARTHEST / np.abs(change).max(initial=FARTHEST)
        return replace(self, heights=self.heights + units.kB * temperature * change)

    @property
    def _width(self) -> float:
        """Between knots, Å."""
        return (self.outer - self.inner) / (len(self.heights) + 1)

    def _near(self, atoms: Atoms) -> tuple[Integers, Floats, Floats]:
        """Members that feel U, and their vectors and distances from the middle, by minimum image."""
        cell = atoms.cell.complete().array
        inverse = np.linalg.inv(cell)
        smallest = 1.0 / np.linalg.norm(inverse, axis=0)[atoms.pbc].max(initial=1e-300)
        if 2.0 * self.outer > smallest:
            raise InputError(
                f"a thermodynamic force up to {self.outer} Å wants a cell at least twice as high, got a "
                f"smallest height of {smallest:.3f} Å"
            )
        middle = atoms.positions[self.middle] if isinstance(self.middle, int) else self.middle
        scaled = (atoms.positions[self.members] - middle) @ inverse
        scaled -= np.where(atoms.pbc, np.rint(scaled), 0.0)
        away = scaled @ cell
        distance = np.linalg.norm(away, axis=1)
        near = distance < self.outer
        return self.members[near], away[near], distance[near]

    def _splines(self, distance: Floats) -> tuple[Floats, Floats]:
        """Values and slopes (1/Å) of the splines, shape (n, n_splines), mirrored at `inner`."""
        t = np.maximum(distance - self.inner, 0.0)[:, None] / self._width
        k = np.arange(len(self.heights))
        (here, rise), (there, fall) = _cardinal(t - k), _cardinal(t + k)
        return here + there, (rise + fall) / self._width


def _cardinal(t: Floats) -> tuple[Floats, Floats]:
    """The cubic B-spline of knots -2, -1, 0, 1, 2, and its slope."""
    far, close = np.maximum(2.0 - abs(t), 0.0), np.maximum(1.0 - abs(t), 0.0)
    return (far**3 - 4.0 * close**3) / 6.0, np.sign(t) * (4.0 * close**2 - far**2) / 2.0
