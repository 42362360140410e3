"""Pair and three-body terms as QUIP models describe them."""

from __future__ import annotations

import numpy as np

from gapsample.errors import FileFormatError, InputError
from gapsample.potential.quip.coordinates import ARD_SE, Coordinates, Weighted
from gapsample.potential.terms.angle import AngleKind, AngleTerm
from gapsample.potential.terms.distance import DistanceKind, DistanceTerm

DISTANCE_READ = "cutoff cutoff_transition_width Z1 Z2 exponents tail_range tail_exponent"
DISTANCE_NEUTRAL = {"resid_name": "", "only_intra": "F", "only_inter": "F", "n_exponents": "1"}
CLUSTER_READ = "cutoff cutoff_transition_width Z compact_clusters"
ANGLE_READ = "cutoff cutoff_transition_width Z Z_center Z1 Z2"
COMPACT_SINCE = 1596837814  # gap_version from which compact_clusters is true by default
LARGEST_EXPONENT = 50


def distance_terms(given: Coordinates) -> list[Weighted]:
    """The pair term of ``distance_2b``."""
    text = given.descriptor
    text.check_options(DISTANCE_READ, DISTANCE_NEUTRAL)
    exponent = text.integer("exponents", 1)
    pair = (*text.species("Z1", (0,)), *text.species("Z2", (0,)))
    kind = _distance_kind(
        given, pair, exponent, text.number("tail_range", 1.0), text.integer("tail_exponent", 0)
    )
    return [(DistanceTerm(kind, given.points[:, 0].copy(), given.cutoffs), given.alpha)]


def cluster_terms(given: Coordinates) -> list[Weighted]:
    """The pair term that ``distance_Nb`` of order 2 amounts to.

    Measured with quippy 0.10: with compact clusters it is ``distance_2b``, without them half of it,
    however many permutations the file lists.
    """
    text = given.descriptor
    text.check_options(CLUSTER_READ, {"order": "2"})
    text.integer("order")
    kind = _distance_kind(given, text.species("Z", (0, 0)), 1, 1.0, 0)
    both_sides = text.logical("compact_clusters", given.gap_version >= COMPACT_SINCE)
    alpha = given.alpha if both_sides else 0.5 * given.alpha
    return [(DistanceTerm(kind, given.points[:, 0].copy(), given.cutoffs), alpha)]


def angle_terms(given: Coordinates) -> list[Weighted]:
    """The three-body term of ``angle_3b``."""
    text = given.descriptor
    text.check_options(ANGLE_READ, {})
    given.check_kernel(ARD_SE, 3)
    a, b, c = given.theta()
    numbers = (*text.species("Z1", (0,)), *text.species("Z2", (0,)))
    center = text.species("Z_center" if "Z_center" in text.options else "Z", (0,))
    if len(numbers) != 2 or len(center) != 1:
        raise FileFormatError("angle_3b needs one atomic number each in Z, Z1 and Z2")
    kind = AngleKind(
        center=center[0],
        species=numbers,
        cutoff=text.cutoff(),
        transition_width=text.number("cutoff_transition_width", 0.5),
        theta=(a, b, c),
        delta=given.delta,
        f0=given.f0,
    )
    return [(AngleTerm(kind, given.points, given.cutoffs), given.alpha)]


def distance_text(term: DistanceTerm) -> str:
    """The descriptor text of a term, the reverse of `distance_terms`."""
    kind = term.kind
    if kind.exponent != round(kind.exponent) or kind.tail_exponent != round(kind.tail_exponent):
        raise InputError(
            f"QUIP knows integer exponents only, this pair term has {kind.exponent} and a tail exponent of "
            f"{kind.tail_exponent}; refit it with integers"
        )
    return (
        f"distance_2b cutoff={kind.cutoff} cutoff_transition_width={kind.transition_width} "
        f"Z1={kind.species[0]} Z2={kind.species[1]} n_exponents=1 exponents={{{round(kind.exponent)}}} "
        f"tail_range={kind.tail_range} tail_exponent={round(kind.tail_exponent)} "
        f"covariance_type=ard_se delta={kind.delta} f0={kind.f0}"
    )


def angle_text(term: AngleTerm) -> str:
    """The descriptor text of a term, the reverse of `angle_terms`."""
    kind = term.kind
    return (
        f"angle_3b cutoff={kind.cutoff} cutoff_transition_width={kind.transition_width} "
        f"Z={kind.center} Z1={kind.species[0]} Z2={kind.species[1]} "
        f"covariance_type=ard_se delta={kind.delta} f0={kind.f0}"
    )


def _distance_kind(
    given: Coordinates, pair: tuple[int, ...], exponent: int, tail_range: float, tail_exponent: int
) -> DistanceKind:
    text = given.descriptor
    given.check_kernel(ARD_SE, 1)
    if len(pair) != 2:
        raise FileFormatError(f"{text.name} needs two atomic numbers, got {len(pair)}")
    if max(abs(exponent), abs(tail_exponent)) > LARGEST_EXPONENT:
        raise FileFormatError(
            f"{text.name} has exponents {exponent}, {tail_exponent}: above {LARGEST_EXPONENT}"
        )
    if exponent != 1 and np.any(given.points <= 0.0):
        raise FileFormatError(f"{text.name}: sparse points r**{exponent} must be above 0")
    return DistanceKind(
        species=(pair[0], pair[1]),
        cutoff=text.cutoff(),
        transition_width=text.number("cutoff_transition_width", 0.5),
        theta=given.theta()[0],
        delta=given.delta,
        f0=given.f0,
        exponent=float(exponent),
        tail_range=tail_range,
        tail_exponent=float(tail_exponent),
    )
