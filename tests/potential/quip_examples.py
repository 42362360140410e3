"""Small models for the exchange with QUIP, and a QUIP model as text that tests can spoil."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from potential.examples import ANGLES, DISTANCES, angle_term, distance_term, oxide_cell
from potential.soap_examples import rattled, soap_term

from gapsample.descriptors.soap import SoapBasis
from gapsample.potential.gap import GAP
from gapsample.potential.terms.protocol import Term

SOAPS = {
    "one species": ("Si", "Si", 4.0),
    "two species": ("Si", "O Si", 2.0),
    "two species, order turned": ("O", "Si O", 2.5),
    "center that is no neighbor species": ("O", "Si", 4.0),
    "center among foreign neighbor species": ("O", "Si C", 4.0),
}


def soap_of(center: str, species: str, zeta: float = 4.0, *, tolerance: float = 1e-6) -> Term:
    cells = [rattled(oxide_cell(), seed=seed) for seed in range(3)]
    basis = SoapBasis(3.6, 6, 3, 0.45, central_weight=0.8)
    return soap_term(cells, center, species, basis=basis, zeta=zeta, tolerance=tolerance)


def weighted_soap() -> Term:
    """A SOAP term whose neighbours count less with distance."""
    cells = [rattled(oxide_cell(), seed=seed) for seed in range(3)]
    basis = SoapBasis(3.6, 6, 3, 0.45, cutoff_dexp=4, cutoff_scale=2.5, cutoff_rate=0.5)
    return soap_term(cells, "Si", "O Si", basis=basis)


def model_of(*terms: Term, scale: float = 5.0) -> GAP:
    """Terms with random weights."""
    n = sum(term.n_sparse for term in terms)
    return GAP(terms, scale * np.random.default_rng(1).normal(size=n), {8: -2.5, 14: -1.25})


def combined() -> GAP:
    """Every kind of term in one model."""
    return model_of(
        soap_of("Si", "O Si"),
        soap_of("O", "O Si", 2.0),
        distance_term(DISTANCES["unlike"]),
        angle_term(ANGLES["unlike"]),
    )


def pair_text(
    *,
    descriptor: str = "distance_2b cutoff=4.0 cutoff_transition_width=1.0 Z1=14 Z2=14",
    covariance: str = "1",
    attributes: str = 'sparsified="T" n_permutations="1"',
    alpha: str = "-.40000000000000002",
    e0: str = '<e0 Z="14" value="-.79D0"/>',
    data: str = 'do_core="F"',
    init: str = "IP GAP label=g",
    version: str = "1769700636",
    point: str = "2.9",
    extra: str = "",
    theta: str = "0.10000000000000000E+001",
    fitted: str = "T",
) -> str:
    """A QUIP model of one pair term with two sparse points, inline."""
    return (
        f'<g><Potential label="g" init_args="{init}"/><GAP_params label="g" gap_version="{version}">'
        f'<GAP_data {data}>{e0}</GAP_data><gpSparse label="g" n_coordinate="1" fitted="{fitted}">'
        f'<gpCoordinates label="g1" dimensions="1" signal_variance="1.3" signal_mean="0.0" {attributes} '
        f'covariance_type="{covariance}" n_sparseX="2"><theta> {theta} </theta>'
        f'<descriptor>{descriptor}</descriptor><permutation i="1">1 </permutation>'
        f'<sparseX i="1" alpha="0.7" sparseCutoff="1.0"> 2.2 </sparseX>'
        f'<sparseX i="2" alpha="{alpha}" sparseCutoff="0.8"> {point} </sparseX>'
        f"</gpCoordinates></gpSparse>{extra}</GAP_params></g>"
    )


def write(folder: Path, text: str | bytes, name: str = "gap.xml") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
