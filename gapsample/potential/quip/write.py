"""Write a GAP so that QUIP runs it: an XML file and, for each term, its sparse points in a file beside it."""

from __future__ import annotations

import hashlib
import io
import logging
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.files import replacing
from gapsample.potential.gap import GAP
from gapsample.potential.quip.coordinates import ARD_SE, DOT_PRODUCT
from gapsample.potential.quip.pairs import angle_text, distance_text
from gapsample.potential.quip.soap import BASIS_TOLERANCE, R_MIN, soap_text
from gapsample.potential.terms.angle import AngleTerm
from gapsample.potential.terms.distance import DistanceTerm
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm

Floats = NDArray[np.float64]
log = logging.getLogger(__name__)

GAP_VERSION = 1596837814  # the first release whose defaults are the conventions written here
WORTH_A_WARNING = 1e-6  # eV per atom between the model here and in QUIP


def write_quip(gap: GAP, path: str | Path, *, without_baseline: bool = False) -> list[Path]:
    """Write a model for QUIP; energies agree to better than 1e-6 eV per atom.

    QUIP has no place for a posterior, a calibration or a recipe: they are left behind, so keep the
    ``.npz`` file. The names of the side files change with their contents, so that an XML never finds the
    sparse points of another model.

    Parameters
    ----------
    path : of the XML file; the side files are named after it
    without_baseline : write the kernel expansion alone although the model has a baseline

    Returns
    -------
    list of Path
        The files written, the XML last.

    Raises
    ------
    InputError
        The model has a baseline, compressed species channels or exponents that QUIP cannot express.
    """
    path = Path(path)
    if gap.baseline is not None and not without_baseline:
        raise InputError(
            "a QUIP model cannot hold our baseline (core repulsion, charges); write it without "
            "(without_baseline=True) and add the baseline yourself where the model is used"
        )
    alphas = np.split(gap.alpha, np.cumsum([term.n_sparse for term in gap.terms])[:-1])
    sides = [_side_file(term) for term in gap.terms]
    label = "GAP_" + hashlib.sha256(b"".join([*sides, gap.alpha.tobytes()])).hexdigest()[:16]
    root, sparse = _frame(gap, label)
    written = []
    for number, (term, alpha, side) in enumerate(zip(gap.terms, alphas, sides, strict=True), start=1):
        element = SubElement(sparse, "gpCoordinates", {"label": f"{label}{number}", **_attributes(term)})
        side_path = path.with_name(f"{path.name}.sparseX.{label}{number}")
        element.set("sparseX_filename", side_path.name)
        element.set("sparseX_md5sum", hashlib.md5(side, usedforsecurity=False).hexdigest())
        _describe(element, term, alpha)
        with replacing(side_path) as stream:
            stream.write(side)
        written.append(side_path)
    indent(root)
    with replacing(path) as stream:
        stream.write(tostring(root) + b"\n")
    _warn_of_truncation(gap.terms, alphas)
    return [*written, path]


def _frame(gap: GAP, label: str) -> tuple[Element, Element]:
    """The XML but for its descriptors: root, and the element that takes them."""
    root = Element(label)
    SubElement(root, "Potential", label=label, init_args=f"IP GAP label={label}")
    parameters = SubElement(root, "GAP_params", label=label, gap_version=str(GAP_VERSION))
    data = SubElement(parameters, "GAP_data", do_core="F")
    for z, value in sorted(gap.e0.items()):
        SubElement(data, "e0", Z=str(z), value=str(float(value)))
    sparse = SubElement(parameters, "gpSparse", label=label, n_coordinate=str(len(gap.terms)), fitted="T")
    return root, sparse


def _attributes(term: Term) -> dict[str, str]:
    """What QUIP wants to know about the kernel and the sparse points of a term."""
    common = {"sparsified": "T", "n_permutations": "1", "n_sparseX": str(term.n_sparse)}
    if isinstance(term, SoapTerm):
        return common | {
            "dimensions": str(term.sparse.shape[1] + 1),
            "signal_variance": str(float(term.delta)),
            "signal_mean": "0.0",
            "covariance_type": DOT_PRODUCT,
            "zeta": str(float(term.zeta)),
            R_MIN: str(float(term.r_min)),
            BASIS_TOLERANCE: str(float(term.basis_tolerance)),
        }
    assert isinstance(term, DistanceTerm | AngleTerm)
    return common | {
        "dimensions": str(_points(term).shape[1]),
        "signal_variance": str(float(term.kind.delta)),
        "signal_mean": str(float(term.kind.f0)),
        "covariance_type": ARD_SE,
    }


def _describe(element: Element, term: Term, alpha: Floats) -> None:
    """Add length scales, descriptor, permutation and weights."""
    cutoffs = np.ones(term.n_sparse)
    permutation = [1]
    if isinstance(term, SoapTerm):
        text = soap_text(term)
    elif isinstance(term, DistanceTerm):
        text, cutoffs = distance_text(term), term.point_cutoffs
        SubElement(element, "theta").text = str(float(term.kind.theta))
    else:
        assert isinstance(term, AngleTerm)
        text, cutoffs, permutation = angle_text(term), term.point_cutoffs, [1, 2, 3]
        SubElement(element, "theta").text = " ".join(str(float(t)) for t in term.kind.theta)
    SubElement(element, "descriptor").text = text
    SubElement(element, "permutation", i="1").text = " ".join(str(p) for p in permutation)
    for i, (weight, cutoff) in enumerate(zip(alpha.tolist(), cutoffs.tolist(), strict=True), start=1):
        SubElement(element, "sparseX", i=str(i), alpha=str(weight), sparseCutoff=str(cutoff))


def _points(term: Term) -> Floats:
    """Sparse points as QUIP stores them, shape (n_sparse, dimensions)."""
    if isinstance(term, SoapTerm):
        if term.mixing is not None:
            raise InputError(
                f"QUIP cannot express the compressed species channels of the soap term of "
                f"{chemical_symbols[term.center]}; fit without compression to write a QUIP model"
            )
        return np.hstack([term.sparse, np.zeros((term.n_sparse, 1))])
    assert isinstance(term, DistanceTerm | AngleTerm)
    return term.points.reshape(term.n_sparse, -1)


def _side_file(term: Term) -> bytes:
    text = io.BytesIO()
    np.savetxt(text, _points(term).reshape(-1, 1), fmt="%.17e")
    return text.getvalue()


def truncation_error(term: SoapTerm, alpha: Floats) -> float:
    """How much a term drops with its negligible radial functions, which QUIP keeps.

    The largest difference of a local energy between both, at the environments of the sparse points, eV.
    """
    full = term.delta**2 * (term.sparse @ term.sparse.T) ** term.zeta
    return float(np.max(np.abs((full - term.k_mm()) @ alpha), initial=0.0))


def _warn_of_truncation(terms: tuple[Term, ...], alphas: list[Floats]) -> None:
    for term, alpha in zip(terms, alphas, strict=True):
        if isinstance(term, SoapTerm):
            error = truncation_error(term, alpha)
            if error > WORTH_A_WARNING:
                log.warning(
                    "QUIP will find local energies of %s up to %.1e eV different: it keeps the radial "
                    "functions that basis_tolerance=%.0e drops; fit with basis_tolerance=1e-6 to agree",
                    chemical_symbols[term.center], error, term.basis_tolerance,
                )  # fmt: skip
