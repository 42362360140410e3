"""What kept configurations look like: order parameters, neighbours, and the reference phase they resemble."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from gapsample.descriptors.environment import Environments, average_kernel
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.pair_distribution import coordination, radial_distribution
from gapsample.descriptors.soap import SoapBasis
from gapsample.descriptors.steinhardt import bond_order, nearest_neighbours
from gapsample.errors import InputError, UnknownSpecies
from gapsample.nested.thermodynamics import Curve
from gapsample.potential.terms.soap import SoapTerm

Floats = NDArray[np.float64]

OTHER = "other"


class Measure(Protocol):
    """Looks at one configuration and names what it sees."""

    def __call__(self, atoms: Atoms) -> Mapping[str, float | Floats]:
        """Numbers or arrays by name, the same names and shapes every time."""
        ...


def structure(configurations: Iterable[Atoms], measures: Sequence[Measure]) -> dict[str, Floats]:
    """Every measure of every configuration, by name, arrays of first dimension m.

    Raises
    ------
    InputError
        There are no configurations or measures, or two measures give the same name.
    """
    rows = []
    for atoms in configurations:
        seen: dict[str, float | Floats] = {}
        for measure in measures:
            new = measure(atoms)
            if twice := sorted(seen.keys() & new.keys()):
                raise InputError(f"two measures are called {twice}; leave one of them out")
            seen.update(new)
        rows.append(seen)
    if not rows or not measures:
        raise InputError(f"structure needs configurations and measures, got {len(rows)} and {len(measures)}")
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}


@dataclass(frozen=True)
class Order:
    """Steinhardt's Q of the whole configuration, and means of the locally averaged q of its atoms.

    Gives ``Q4``, ``Q6`` and ``q4``, ``q6`` for degrees 4 and 6.

    Attributes
    ----------
    n_neighbours : nearest ones that count as bonded: 12 for close packing, 14 for bcc, 4 for diamond
    cutoff : Å; in place of a number of neighbours
    """

    n_neighbours: int = 12
    degrees: tuple[int, ...] = (4, 6)
    cutoff: float | None = None

    def __call__(self, atoms: Atoms) -> Mapping[str, float | Floats]:
        """Order parameters by name."""
        if self.cutoff is None:
            near = nearest_neighbours(atoms, self.n_neighbours)
        else:
            near = find_neighbours(atoms, self.cutoff)
        found = bond_order(near, self.degrees)
        whole = {f"Q{l}": float(size) for l, size in zip(self.degrees, found.whole, strict=True)}
        means = found.averaged.mean(axis=0)
        return whole | {f"q{l}": float(size) for l, size in zip(self.degrees, means, strict=True)}


@dataclass(frozen=True)
class Coordination:
    """Mean number of neighbours within `cutoff`, Å: ``coordination``."""

    cutoff: float

    def __call__(self, atoms: Atoms) -> Mapping[str, float | Floats]:
        """The mean over all atoms."""
        return {"coordination": float(coordination(find_neighbours(atoms, self.cutoff)).mean())}


@dataclass(frozen=True)
class PairDistribution:
    """The radial distribution function up to `cutoff`, Å: ``g``, shape (n_bins,)."""

    cutoff: float
    n_bins: int = 60

    def __call__(self, atoms: Atoms) -> Mapping[str, float | Floats]:
        """See `radial_distribution`."""
        return {"g": radial_distribution(atoms, self.cutoff, n_bins=self.n_bins).g}


@dataclass(frozen=True, eq=False)
class Resemblance:
    """The average SOAP kernel to each of several reference phases: ``like fcc`` and so on, at most 1.

    Attributes
    ----------
    references : configurations by the names of their phases
    basis : of the SOAP density
    zeta : sharpness of the kernel
    density : atoms / Å^3; configurations and references are scaled to it, so that structure alone counts;
        None leaves them as they are
    """

    references: Mapping[str, Atoms]
    basis: SoapBasis
    zeta: float = 2.0
    density: float | None = None

    def __post_init__(self) -> None:
        if not self.references:
            raise InputError("resemblance needs one or more reference phases, got none")

    def __call__(self, atoms: Atoms) -> Mapping[str, float | Floats]:
        """Similarity to each reference."""
        kernel = average_kernel([self.environments(atoms)], self._known, zeta=self.zeta)[0]
        return {f"like {name}": float(k) for name, k in zip(self.references, kernel, strict=True)}

    def environments(self, atoms: Atoms) -> Environments:
        """SOAP power spectra of all atoms of a configuration."""
        if unknown := set(atoms.numbers.tolist()) - set(self._terms):
            symbols = [[chemical_symbols[z] for z in each] for each in (unknown, self._terms)]
            raise UnknownSpecies(*symbols)
        near = find_neighbours(self._scaled(atoms), self.basis.cutoff)
        first = next(iter(self._terms.values()))
        spectra = np.empty((len(atoms), first.dimension))
        for term in self._terms.values():
            centres = term.centres(near)
            if len(centres):
                spectra[centres] = term.descriptors(near)
        return Environments(spectra, near.numbers)

    @cached_property
    def _terms(self) -> dict[int, SoapTerm]:
        species = tuple(sorted({int(z) for atoms in self.references.values() for z in atoms.numbers}))
        return {z: SoapTerm(self.basis, z, species, np.empty((0, 0)), self.zeta, 1.0) for z in species}

    @cached_property
    def _known(self) -> list[Environments]:
        return [self.environments(atoms) for atoms in self.references.values()]

    def _scaled(self, atoms: Atoms) -> Atoms:
        if self.density is None:
            return atoms
        if not atoms.pbc.all():
            raise InputError(
                f"only a periodic configuration has a density to be scaled, got pbc={atoms.pbc.tolist()}; "
                "use density=None"
            )
        scaled = atoms.copy()
        factor = np.cbrt(len(atoms) / (self.density * float(atoms.get_volume())))
        scaled.set_cell(factor * atoms.cell.array, scale_atoms=True)
        return scaled


def phase_indicators(seen: Mapping[str, Floats], *, smallest: float = 0.0) -> dict[str, Floats]:
    """1 for the reference phase each configuration resembles most, 0 for all others; arrays of shape (m,).

    Averages of these are the shares of the phases at each temperature.

    Parameters
    ----------
    seen : from `structure` with a `Resemblance` among the measures
    smallest : similarity below which a configuration is of no reference phase but ``other``
    """
    prefix = "like "
    names = [name.removeprefix(prefix) for name in seen if name.startswith(prefix)]
    if not names:
        raise InputError(f"no measure of resemblance among {sorted(seen)}; add Resemblance to the measures")
    kernel = np.stack([seen[prefix + name] for name in names])
    nearest = np.where(kernel.max(axis=0) >= smallest, kernel.argmax(axis=0), len(names))
    return {name: (nearest == number).astype(float) for number, name in enumerate([*names, OTHER])}


def dominant(shares: Mapping[str, Curve]) -> list[str]:
    """Name of the phase with the largest share at each temperature."""
    names = list(shares)
    return [names[number] for number in np.argmax([shares[name].value for name in names], axis=0)]
