"""SOAP, the linear system and predictions beside the stored numbers of QUIP and gap_fit."""

from __future__ import annotations

import ase.io
import numpy as np
import pytest
from descriptors.reference import REFERENCE, linear_system, needs_reference, silicon64, sparse_points

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.gp.linear_system import LinearSystem
from gapsample.potential.gap import GAP
from gapsample.potential.terms.distance import DistanceKind, DistanceTerm
from gapsample.potential.terms.protocol import Term, k_mm_of
from gapsample.potential.terms.soap import SoapTerm

pytestmark = needs_reference
JITTER = 1e-8
E0 = {14: -0.79000000000000004}
QUIP_ORDER = ([0, 1, 2, 1, 2, 2], [0, 0, 0, 1, 1, 2])
"""Components of a virial in the rows of gap_fit."""


@pytest.fixture(scope="module")
def silicon() -> GAP:
    points, weights = sparse_points("silicon64")
    term = SoapTerm(SoapBasis(5.4, 8, 8), 14, (14,), points[:, :-1], 4.0, 1.0, r_min=1.5)
    return GAP((term,), weights, E0)


@pytest.fixture(scope="module")
def terms() -> tuple[Term, ...]:
    pairs, _ = sparse_points("tiny_fit", 0)
    environments, _ = sparse_points("tiny_fit", 1)
    kind = DistanceKind((14, 14), 5.0, 1.0)
    basis = SoapBasis(5.0, 6, 4, cutoff_transition_width=1.0)
    return (
        DistanceTerm(kind, pairs[:, 0], kind.of_distances(pairs[:, 0])[2]),
        SoapTerm(basis, 14, (14,), environments[:, :-1], 4.0, 0.5, r_min=1.5),
    )


@pytest.fixture(scope="module")
def design(terms: tuple[Term, ...]) -> np.ndarray:
    """Our rows in the order of gap_fit: all energies, then minus forces and minus virial by frame."""
    energies, derivatives = [], []
    for atoms in ase.io.read(REFERENCE / "tiny_fit" / "train.xyz", ":"):
        near = find_neighbours(atoms, 5.0)
        parts = [term.rows(near, forces=True, virial=True) for term in terms]
        energies.append(np.concatenate([part.energy for part in parts]))
        forces = np.concatenate([part.forces for part in parts], axis=2)
        virial = np.concatenate([part.virial for part in parts], axis=2)
        derivatives += [-forces.reshape(-1, forces.shape[2]), -virial[QUIP_ORDER]]
    return np.concatenate([np.array(energies), *derivatives])


def test_soap_vectors_are_those_of_quip(silicon: GAP) -> None:
    atoms, wanted = silicon64()
    found = silicon.terms[0].descriptors(find_neighbours(atoms, 5.4))  # type: ignore[attr-defined]
    np.testing.assert_allclose(found, wanted["soap"][:, :-1], atol=1e-10)


def test_energy_forces_and_virial_of_a_published_kind_of_model_are_those_of_quip(silicon: GAP) -> None:
    atoms, wanted = silicon64()
    found = silicon.evaluate(atoms, virial=True)
    assert found.energy == pytest.approx(float(wanted["energy"]), abs=64e-8)
    np.testing.assert_allclose(found.local_energies, wanted["local_energy"], atol=1e-8)
    np.testing.assert_allclose(found.forces, wanted["forces"], atol=1e-7)
    np.testing.assert_allclose(found.virial, wanted["virial"], atol=1e-6)


def test_novelty_is_the_local_variance_of_quip(silicon: GAP) -> None:
    atoms, wanted = silicon64()
    novelty = silicon.evaluate(atoms, forces=False, error="local").novelty
    np.testing.assert_allclose(novelty, wanted["atoms_gap_var"], rtol=1e-4, atol=1e-9)


def test_the_gradient_of_novelty_is_the_variance_gradient_of_quip(silicon: GAP) -> None:
    atoms, wanted = silicon64()
    np.testing.assert_allclose(
        silicon.novelty_gradient(atoms), wanted["atoms_gap_variance_gradient"], rtol=1e-4, atol=1e-8
    )


def test_covariance_of_sparse_points_is_that_of_gap_fit(terms: tuple[Term, ...]) -> None:
    found = k_mm_of(terms) + JITTER * np.eye(60)
    np.testing.assert_allclose(found, linear_system()["Kmm"], rtol=0, atol=1e-10)


def test_rows_are_those_of_gap_fit(design: np.ndarray) -> None:
    wanted = linear_system()["Kmn"].T
    np.testing.assert_allclose(design, wanted, rtol=0, atol=1e-8)
    assert np.max(np.abs(wanted)) > 1000.0  # so that is 1e-11 of the largest


def test_weights_of_gap_fit_come_out_of_its_own_matrices() -> None:
    wanted = linear_system()
    system = LinearSystem.from_prior(wanted["Kmm"], 0.0)
    system.absorb(wanted["Kmn"].T, wanted["y"], np.sqrt(wanted["lam"]))
    alpha = system.posterior().alpha
    assert np.linalg.norm(alpha - wanted["alpha"]) < 3e-8 * np.linalg.norm(wanted["alpha"])
    np.testing.assert_allclose(wanted["Kmn"].T @ alpha, wanted["Kmn"].T @ wanted["alpha"], atol=2e-8)


def test_weights_from_our_matrices_are_those_of_gap_fit_as_far_as_they_are_determined(
    terms: tuple[Term, ...], design: np.ndarray
) -> None:
    """R has condition 2e9: rows that agree to 5e-13 of their size leave 1e-5 of the weights open."""
    wanted = linear_system()
    system = LinearSystem.from_prior(k_mm_of(terms), JITTER)
    system.absorb(design, wanted["y"], np.sqrt(wanted["lam"]))
    posterior = system.posterior()
    assert np.linalg.norm(posterior.R @ (posterior.alpha - wanted["alpha"])) < 1e-4  # posterior deviations
    np.testing.assert_allclose(design @ posterior.alpha, wanted["Kmn"].T @ wanted["alpha"], atol=2e-6)
