"""SOAP as QUIP models describe it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gapsample.descriptors.soap import SoapBasis
from gapsample.errors import FileFormatError
from gapsample.potential.quip.coordinates import DOT_PRODUCT, Coordinates, Weighted
from gapsample.potential.quip.descriptor import Descriptor
from gapsample.potential.quip.xml import as_number
from gapsample.potential.terms.soap import SoapTerm

Floats = NDArray[np.float64]

R_MIN, BASIS_TOLERANCE = "gapsample_r_min", "gapsample_basis_tolerance"
"""Attributes of our own on ``<gpCoordinates>``, which QUIP ignores."""
ANY_DISTANCE = "0.0"  # r_min of a model that does not give it; costs no radial function at 1e-6
NORMALIZED = 1e-10  # a sparse point whose norm is closer to one is left as it is
LARGEST_ZETA = 100.0
NARROWEST = 0.01  # Å, of atom_sigma: radial tables grow with its inverse

RENORMALIZED_SINCE = 1423143769  # gap_version from which there is the factor 1 / sqrt(2 l + 1)
OWN_SPECIES_SINCE = 1426512068  # the central atom is in the channel of its own species only
OTHER_BASIS_AFTER = 1987654320  # radial_basis is no longer EQUISPACED_GAUSS by default

READ = """cutoff cutoff_transition_width l_max n_max atom_sigma atom_gaussian_width central_weight
    central_reference_all_species basis_error_exponent n_Z Z n_species species_Z radial_basis
    cutoff_dexp cutoff_scale cutoff_rate"""
IDLE = "mix_shift"  # without effect while the following are neutral
NEUTRAL = {
    "average": "F",
    "diagonal_radial": "F",
    "covariance_sigma0": "0",
    "normalise": "T",
    "normalize": "T",
    "nu_R": "2",
    "nu_S": "2",
    "Z_mix": "F",
    "R_mix": "F",
    "sym_mix": "F",
    "coupling": "T",
    "K": "0",
    "Z_map": "",
}


def soap_terms(given: Coordinates) -> list[Weighted]:
    """One term for each central species; they share sparse points and weights."""
    text = given.descriptor
    text.check_options(f"{READ} {IDLE}", NEUTRAL)
    centers = _named_species(text, "Z", text.integer("n_Z", 1))
    species = _named_species(text, "species_Z", text.integer("n_species", 1))
    _check_conventions(text, given.gap_version, len(species))
    sigma = "atom_gaussian_width" if "atom_gaussian_width" in text.options else "atom_sigma"
    basis = SoapBasis(
        cutoff=text.cutoff(),
        n_max=text.integer("n_max"),
        l_max=text.integer("l_max"),
        atom_sigma=text.number(sigma),
        cutoff_transition_width=text.number("cutoff_transition_width", 0.5),
        central_weight=text.number("central_weight", 1.0),
        basis_error_exponent=text.number("basis_error_exponent", 10.0),
        cutoff_dexp=text.integer("cutoff_dexp", 0),
        cutoff_scale=text.number("cutoff_scale", 1.0),
        cutoff_rate=text.number("cutoff_rate", 1.0),
    )
    if basis.atom_sigma < NARROWEST:
        raise FileFormatError(f"{sigma} of soap must be at least {NARROWEST} Å, got {basis.atom_sigma}")
    channels = basis.n_max * len(species)
    given.check_kernel(DOT_PRODUCT, (basis.l_max + 1) * channels * (channels + 1) // 2 + 1)
    if np.any(given.points[:, -1] != 0.0):
        raise FileFormatError("soap with covariance_sigma0 is not supported: its last dimension must be 0")
    zeta = _zeta(given)
    sparse, alpha = _normalized(given, zeta)
    r_min = as_number(given.element.get(R_MIN, ANY_DISTANCE), R_MIN)
    tolerance = as_number(given.element.get(BASIS_TOLERANCE, "1e-6"), BASIS_TOLERANCE)
    if r_min < 0.0 or not 0.0 <= tolerance < 1.0:
        raise FileFormatError(
            f"{R_MIN} must not be negative and {BASIS_TOLERANCE} must be below 1, got {r_min} and {tolerance}"
        )

    def term(center: int) -> SoapTerm:
        own = _with_center(basis, text, center, species)
        return SoapTerm(own, center, species, sparse, zeta, given.delta, r_min, tolerance)

    return [(term(center), alpha) for center in centers]


def soap_text(term: SoapTerm) -> str:
    """The descriptor text of a term, the reverse of `soap_terms`."""
    basis = term.basis
    return (
        f"soap cutoff={basis.cutoff} cutoff_transition_width={basis.cutoff_transition_width} "
        f"n_max={basis.n_max} l_max={basis.l_max} atom_sigma={basis.atom_sigma} "
        f"central_weight={basis.central_weight} basis_error_exponent={basis.basis_error_exponent} "
        f"cutoff_dexp={basis.cutoff_dexp} cutoff_scale={basis.cutoff_scale} cutoff_rate={basis.cutoff_rate} "
        f"radial_basis=EQUISPACED_GAUSS covariance_type=dot_product zeta={term.zeta} delta={term.delta} "
        f"n_Z=1 Z={term.center} n_species={len(term.species)} "
        f"species_Z={{{' '.join(str(z) for z in term.species)}}}"
    )


def _check_conventions(text: Descriptor, gap_version: int, n_species: int) -> None:
    """Refuse a radial basis or conventions that are not today's."""
    default = "EQUISPACED_GAUSS" if gap_version <= OTHER_BASIS_AFTER else "GTO"
    basis = text.options.get("radial_basis", default)
    if basis.upper() != "EQUISPACED_GAUSS":
        raise FileFormatError(f"soap with radial_basis={basis[:20]} is not supported, only EQUISPACED_GAUSS")
    if gap_version < RENORMALIZED_SINCE:
        raise FileFormatError(
            f"soap of gap_version {gap_version} lacks the factor 1/sqrt(2l+1); supported from "
            f"{RENORMALIZED_SINCE} (February 2015) on; refit the model"
        )
    everywhere = text.logical("central_reference_all_species", gap_version < OWN_SPECIES_SINCE)
    if everywhere and n_species > 1:
        raise FileFormatError(
            "soap of several species with central_reference_all_species=T, the default before gap_version "
            f"{OWN_SPECIES_SINCE}, is not supported; refit the model"
        )


def _with_center(basis: SoapBasis, text: Descriptor, center: int, species: tuple[int, ...]) -> SoapBasis:
    """The basis, without central atom where QUIP leaves it out.

    A central atom that is no neighbour species has no channel among several species, but takes the
    channel of a single one, unless the file says ``central_reference_all_species=F`` (quippy 0.10).
    """
    placed = text.logical("central_reference_all_species", True)
    return basis if placed or len(species) > 1 or center in species else replace(basis, central_weight=0.0)


def _zeta(given: Coordinates) -> float:
    """The exponent: an attribute, in older files the one number in ``<theta>``."""
    zeta = as_number(given.element.get("zeta") or given.element.findtext("theta") or "", "zeta of soap")
    if not 0.0 < zeta <= LARGEST_ZETA:
        raise FileFormatError(f"zeta of soap must lie between 0 and {LARGEST_ZETA}, got {zeta}")
    return zeta


def _normalized(given: Coordinates, zeta: float) -> tuple[Floats, Floats]:
    """Sparse points of norm one; the weights take over their norms and their ``sparseCutoff``, as in QUIP."""
    sparse, alpha = np.ascontiguousarray(given.points[:, :-1]), given.alpha * given.cutoffs
    norms = np.linalg.norm(sparse, axis=1)
    if not np.all((norms > 0.01) & (norms < 100.0)):
        raise FileFormatError(
            f"the sparse points of soap must have a norm near 1, got {norms.min():.3g} to {norms.max():.3g}; "
            "the file is damaged"
        )
    if np.max(np.abs(norms - 1.0)) > NORMALIZED:
        sparse, alpha = sparse / norms[:, None], alpha * norms**zeta
    return sparse, alpha


def _named_species(text: Descriptor, key: str, count: int) -> tuple[int, ...]:
    """Atomic numbers, each a different one."""
    numbers = text.species(key, ())
    if len(numbers) != count or len(set(numbers)) != count or 0 in numbers:
        raise FileFormatError(
            f"soap needs {count} different atomic numbers in {key}, got {text.options.get(key, '')[:40]!r}; "
            "a soap of any species (0) is not supported"
        )
    return numbers
