"""Read a GAP that gap_fit wrote: an XML file, mostly with sparse points in files beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from gapsample.errors import FileFormatError, InputError, SettingsError
from gapsample.potential.gap import GAP
from gapsample.potential.quip.coordinates import Coordinates, Weighted
from gapsample.potential.quip.descriptor import LARGEST_NUMBER, parse_descriptor
from gapsample.potential.quip.pairs import angle_terms, cluster_terms, distance_terms
from gapsample.potential.quip.soap import soap_terms
from gapsample.potential.quip.xml import (
    as_integer,
    as_logical,
    as_number,
    attribute,
    only_child,
    read_root,
    sparse_points,
)
from gapsample.potential.terms.angle import AngleTerm
from gapsample.potential.terms.distance import DistanceTerm
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm

EVERY_ELEMENT = 100  # gap_fit lists an e0 for as many elements or more; a shorter list is meant

DESCRIPTORS: Mapping[str, Callable[[Coordinates], list[Weighted]]] = {
    "soap": soap_terms,
    "distance_2b": distance_terms,
    "distance_Nb": cluster_terms,
    "angle_3b": angle_terms,
}


def read_quip(path: str | Path) -> GAP:
    """Read a QUIP model made of soap, distance_2b, distance_Nb of order 2, and angle_3b.

    The model has no posterior, for QUIP keeps none: it predicts its novelty and no other error. It knows
    the species that its descriptors name; those with an e0 as well if a pair or three-body term is for any
    species, or if the e0 are fewer than gap_fit writes, which is one for every element whatever was
    fitted. Sparse points are read from side files in the folder of the XML, nowhere else, or from the XML
    itself.

    Raises
    ------
    FileFormatError
        The XML is hostile, truncated or inconsistent; a side file is missing, elsewhere, or has another
        md5 sum than announced; or the model needs a descriptor, an option or a further potential that is
        not supported (the message names it).
    """
    path = Path(path)
    try:
        root = read_root(path)
        parameters = _gap_parameters(root)
        version = as_integer(parameters.get("gap_version", "0"), "gap_version")
        weighted = [
            pair
            for element in _coordinates(only_child(parameters, "gpSparse"))
            for pair in _terms(element, version, path.parent)
        ]
        terms, alphas = zip(*weighted, strict=True)
        e0 = _isolated_energies(only_child(parameters, "GAP_data"), terms)
    except FileFormatError as problem:
        raise FileFormatError(f"{path}: {problem}") from problem
    except (SettingsError, InputError) as problem:
        raise FileFormatError(f"{path} describes an impossible model: {problem}") from problem
    origin = {"quip": {"file": path.name, "label": parameters.get("label", ""), "gap_version": version}}
    return GAP(terms=terms, alpha=np.concatenate(alphas), e0=e0, origin=origin)


def _gap_parameters(root: Element) -> Element:
    """The one ``<GAP_params>``; any other potential beside it is refused."""
    for potential in root.iter("Potential"):
        words = potential.get("init_args", "").split()
        if words[:2] != ["IP", "GAP"] or not all(word.startswith("label=") for word in words[2:]):
            raise FileFormatError(
                f"only a plain 'IP GAP' potential is supported, got init_args={' '.join(words)[:80]!r}; "
                "sums and options belong into a script"
            )
    found = [element for element in root.iter() if element.tag.endswith("_params")]
    others = sorted({element.tag for element in found} - {"GAP_params"})
    if others or len(found) != 1:
        raise FileFormatError(
            f"one <GAP_params> was wanted, got {len(found) - len(others)}"
            + (f", and other potentials: {', '.join(others)[:80]}" if others else "")
        )
    return found[0]


def _coordinates(sparse: Element) -> list[Element]:
    if not as_logical(sparse.get("fitted", "T"), "fitted"):
        raise FileFormatError("this model was never fitted (fitted=F); run gap_fit to its end")
    found = sparse.findall("gpCoordinates")
    announced = as_integer(sparse.get("n_coordinate", str(len(found))), "n_coordinate")
    if announced != len(found) or not found:
        raise FileFormatError(f"n_coordinate announces {announced} descriptors, got {len(found)}")
    return found


def _terms(element: Element, gap_version: int, folder: Path) -> list[Weighted]:
    descriptor = parse_descriptor(only_child(element, "descriptor").text or "")
    if descriptor.name not in DESCRIPTORS:
        raise FileFormatError(
            f"descriptor {descriptor.name[:40]!r} is not supported; supported: "
            f"{', '.join(DESCRIPTORS)} (order 2); evaluate this model with QUIP"
        )
    if not as_logical(element.get("sparsified", "T"), "sparsified"):
        raise FileFormatError(
            f"{descriptor.name} has no sparse points (sparsified=F); run gap_fit to its end"
        )
    for permutation in element.findall("permutation"):
        words = (permutation.text or "").split()
        if words != [str(i) for i in range(1, len(words) + 1)]:
            raise FileFormatError(
                f"{descriptor.name} with permutations of its dimensions is not supported, got {words[:8]}"
            )
    alpha, cutoffs, points = sparse_points(element, folder)
    return DESCRIPTORS[descriptor.name](Coordinates(element, descriptor, gap_version, alpha, cutoffs, points))


def _isolated_energies(data: Element, terms: Iterable[Term]) -> dict[int, float]:
    """e0 of the species that the terms name; 0 eV where the file gives none, as in QUIP."""
    if as_logical(data.get("do_core", "F"), "do_core"):
        raise FileFormatError("a core potential (do_core=T) is not supported; refit without it")
    others = sorted({child.tag for child in data} - {"e0"})
    if others:
        raise FileFormatError(f"<GAP_data> with {', '.join(others)[:80]} is not supported")
    known: dict[int, float] = {}
    for child in data:
        z = as_integer(attribute(child, "Z"), "Z of e0")
        if not 1 <= z <= LARGEST_NUMBER:
            raise FileFormatError(f"e0 of the atomic number {z}, which does not exist")
        known[z] = as_number(attribute(child, "value"), "value of e0")
    named = {z for term in terms for z in _species(term)}
    if 0 in named or len(known) < EVERY_ELEMENT:
        named = (named | known.keys()) - {0}
    if not named:
        raise FileFormatError("no descriptor names a species and no e0 is given; add <e0 Z=... value=.../>")
    return {z: known.get(z, 0.0) for z in sorted(named)}


def _species(term: Term) -> tuple[int, ...]:
    if isinstance(term, SoapTerm):
        return (term.center, *term.species)
    if isinstance(term, DistanceTerm):
        return term.kind.species
    assert isinstance(term, AngleTerm)
    return (term.kind.center, *term.kind.species)
