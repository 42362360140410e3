"""From a recipe and data to terms: one for each species, pair or triplet, with its sparse points chosen."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import combinations_with_replacement

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, chemical_symbols, covalent_radii
from numpy.typing import NDArray

from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.descriptors.soap import SoapBasis, cutoff_function
from gapsample.descriptors.species_channels import mix_species
from gapsample.errors import FitError
from gapsample.gp.sparse import choose
from gapsample.potential.recipe import Angle, Distance, Recipe, Soap
from gapsample.potential.terms.angle import AngleKind, AngleTerm
from gapsample.potential.terms.distance import DistanceKind, DistanceTerm
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm

Floats = NDArray[np.float64]
log = logging.getLogger(__name__)

ROOM = 0.8  # of the shortest distance seen: the rotation of the SOAP basis stays exact down to it
BASIS = [f.name for f in fields(SoapBasis) if f.name != "basis_error_exponent"]
MOST_CANDIDATES = 100_000  # pairs or triplets considered as sparse points; a random part of more
MOST_NUMBERS = 100_000_000  # the same for SOAP vectors, counted in their elements (0.8 GB)


@dataclass(frozen=True)
class Surroundings:
    """Neighbour lists of many configurations, found anew each time they are gone through."""

    configurations: Sequence[Atoms]
    cutoff: float

    def __iter__(self) -> Iterator[Neighbours]:
        return (find_neighbours(atoms, self.cutoff) for atoms in self.configurations)

    def collect(
        self, describe: Callable[[Neighbours], Floats], most: int, rng: np.random.Generator
    ) -> Floats:
        """Descriptors of all configurations, shape (n, dimension); of more than `most` a random part."""
        share = max(1, most // len(self.configurations))
        return np.concatenate([_thin(describe(near), rng, share) for near in self])


def build_terms(recipe: Recipe, configurations: Sequence[Atoms], rng: np.random.Generator) -> list[Term]:
    """Expand every term of the recipe over the species present and choose its sparse points.

    Raises
    ------
    FitError
        A species named in the recipe does not occur, or no term finds anything to describe.
    """
    return [term for group in build_groups(recipe, configurations, rng) for term in group]


def build_groups(
    recipe: Recipe, configurations: Sequence[Atoms], rng: np.random.Generator
) -> list[list[Term]]:
    """The same, a list for each term of the recipe; empty where that term finds nothing to describe."""
    species = sorted({z for atoms in configurations for z in atoms.numbers.tolist()})
    near = Surroundings(configurations, recipe.cutoff)
    groups: list[list[Term]] = []
    for spec in recipe.terms:
        if isinstance(spec, Soap):
            groups.append(list(_soap_terms(spec, species, near, rng)))
        elif isinstance(spec, Distance):
            groups.append(list(_distance_terms(spec, species, near, rng)))
        else:
            groups.append(list(_angle_terms(spec, species, near, rng)))
    if not any(groups):
        raise FitError("no term of the recipe finds anything to describe in the data; check its species")
    return groups


def shortest_distance(near: Surroundings, species: Sequence[int]) -> float:
    """Smallest distance between atoms of the data, Å; covalent radii where there is no pair."""
    seen = [n.d.min() for n in near if len(n.d)]
    return float(min(seen)) if seen else float(2.0 * min(covalent_radii[z] for z in species))


def _soap_terms(
    spec: Soap, species: Sequence[int], near: Surroundings, rng: np.random.Generator
) -> Iterator[Term]:
    basis = SoapBasis(**{name: getattr(spec, name) for name in BASIS})
    seen = _numbers(spec.species, species)
    r_min = ROOM * shortest_distance(near, species)
    mixing = None if spec.n_channels is None else mix_species(seen, spec.n_channels, spec.channel_method, rng)
    for center in _numbers(spec.centers, species):
        empty = SoapTerm(
            basis, center, seen, np.empty((0, 0)), spec.zeta, spec.delta, r_min, spec.basis_tolerance, mixing
        )
        points = near.collect(empty.descriptors, MOST_NUMBERS // empty.dimension, rng)
        sparse = choose(points, spec.n_sparse, spec.sparse_method, rng)
        _say(f"soap of {chemical_symbols[center]}", len(sparse), spec.n_sparse)
        yield replace(empty, sparse=sparse)


def _distance_terms(
    spec: Distance, species: Sequence[int], near: Surroundings, rng: np.random.Generator
) -> Iterator[Term]:
    named = [_numbers(pair, species) for pair in spec.pairs] if spec.pairs else None
    for first, second in named or combinations_with_replacement(species, 2):
        pair = f"{chemical_symbols[first]}-{chemical_symbols[second]}"
        kind = DistanceKind(
            species=(first, second),
            cutoff=spec.cutoff,
            transition_width=spec.cutoff_transition_width,
            theta=spec.theta,
            delta=spec.delta,
            exponent=spec.exponent,
        )
        x = near.collect(_pair_points(kind), MOST_CANDIDATES, rng)
        if len(x) == 0:
            _say(f"distance of {pair}: no such pair within the cutoff", 0, spec.n_sparse)
            continue
        points = choose(x, spec.n_sparse, spec.sparse_method, rng)[:, 0]
        cutoffs = kind.of_distances(points ** (1.0 / spec.exponent))[2]
        _say(f"distance of {pair}", len(points), spec.n_sparse)
        yield DistanceTerm(kind, points, cutoffs)


def _angle_terms(
    spec: Angle, species: Sequence[int], near: Surroundings, rng: np.random.Generator
) -> Iterator[Term]:
    every = [(c, *pair) for c in species for pair in combinations_with_replacement(species, 2)]
    wanted = [_numbers(t, species) for t in spec.triplets] if spec.triplets else every
    theta = np.array(spec.theta)
    for center, first, second in wanted:
        kind = AngleKind(
            center, (first, second), spec.cutoff, spec.cutoff_transition_width, spec.theta, spec.delta
        )
        name = "-".join(chemical_symbols[z] for z in (first, center, second))
        x = near.collect(_triplet_points(kind), MOST_CANDIDATES, rng)
        if len(x) == 0:
            _say(f"angle of {name}: no such triplet within the cutoff", 0, spec.n_sparse)
            continue
        points = choose(x / theta, spec.n_sparse, spec.sparse_method, rng) * theta
        half_sum, half_difference = points[:, 0] / 2, np.sqrt(points[:, 1]) / 2
        cutoffs = np.prod(
            [
                cutoff_function(side, spec.cutoff, spec.cutoff_transition_width)
                for side in (half_sum + half_difference, half_sum - half_difference)
            ],
            axis=0,
        )
        _say(f"angle of {name}", len(points), spec.n_sparse)
        yield AngleTerm(kind, points, cutoffs)


def _pair_points(kind: DistanceKind) -> Callable[[Neighbours], Floats]:
    return lambda near: kind.descriptors(near).x[:, None]


def _triplet_points(kind: AngleKind) -> Callable[[Neighbours], Floats]:
    return lambda near: kind.descriptors(near.within(kind.cutoff)).x


def _numbers(symbols: Sequence[str] | None, species: Sequence[int]) -> tuple[int, ...]:
    """Atomic numbers of the symbols, or all species; FitError for one that does not occur."""
    if symbols is None:
        return tuple(species)
    numbers = tuple(atomic_numbers.get(symbol, 0) for symbol in symbols)
    for symbol, number in zip(symbols, numbers, strict=True):
        if number not in species:
            raise FitError(f"the recipe names species {symbol!r}, which does not occur in the data")
    return numbers


def _thin(points: Floats, rng: np.random.Generator, most: int) -> Floats:
    return points if len(points) <= most else points[rng.choice(len(points), most, replace=False)]


def _say(what: str, got: int, wanted: int) -> None:
    level = logging.WARNING if got < wanted else logging.INFO
    log.log(level, "%s: %d sparse points (%d wanted)", what, got, wanted)
