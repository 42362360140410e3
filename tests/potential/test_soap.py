"""The SOAP term against the laws of terms, closed forms, and its own slower ways."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from contracts.check_term import TermPotential, check_one_answer, check_smooth_at_cutoff, check_term
from hypothesis import given, settings
from hypothesis import strategies as st
from potential.examples import alcohol, cluster, oxide_cell, silicon_cell
from potential.soap_examples import (
    four_species,
    rattled,
    silicon_cells,
    skewed_cell,
    slab,
    soap_term,
    thin_cell,
)
from scipy.spatial.transform import Rotation

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.potential.terms.soap import SoapTerm

TWO_CHANNELS = np.array([[0.8, 0.6, 0.1, -0.3], [0.2, -0.5, 0.9, 0.7]])


def silicon(**choices: object) -> SoapTerm:
    return soap_term(silicon_cells(), "Si", "Si", **choices)  # type: ignore[arg-type]


def random_weights(term: SoapTerm, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=term.n_sparse) / np.sqrt(term.n_sparse)


@pytest.mark.parametrize(
    ("term", "atoms"),
    [
        (silicon(), silicon_cell()),
        (silicon(), thin_cell()),
        (silicon(), skewed_cell()),
        (silicon(), slab()),
        (soap_term([oxide_cell()], "Si", "O Si"), oxide_cell()),
        (soap_term([oxide_cell()], "O", "Si"), oxide_cell()),
        (soap_term([four_species()], "C", "H C O Si"), four_species()),
        (soap_term([four_species()], "C", "H C O Si", mixing=TWO_CHANNELS), four_species()),
        (soap_term([alcohol()], "C", "H C O"), alcohol()),
        (soap_term([alcohol()], "H", "O C"), alcohol()),
    ],
    ids=["tiny", "thin", "skewed", "slab", "two", "foreign", "four", "mixed", "molecule", "blind to itself"],
)
def test_soap_term_obeys_the_laws_of_terms(term: SoapTerm, atoms: Atoms) -> None:
    check_term(term, [atoms])


@pytest.mark.parametrize("zeta", [1.0, 2.0, 2.5, 3.0, 6.0])
def test_every_exponent_obeys_the_laws_of_terms(zeta: float) -> None:
    check_term(silicon(zeta=zeta, n_sparse=6), [silicon_cell()])


@pytest.mark.parametrize(("n_max", "l_max"), [(1, 0), (1, 4), (5, 0), (7, 6)])
def test_bases_of_any_size_obey_the_laws_of_terms(n_max: int, l_max: int) -> None:
    basis = SoapBasis(3.6, n_max, l_max, atom_sigma=0.4, cutoff_transition_width=1.0, central_weight=0.7)
    check_one_answer(silicon(basis=basis, n_sparse=4), silicon_cell(), exact=1e-8)


def test_a_term_none_of_whose_atoms_are_there_is_silent() -> None:
    check_one_answer(silicon(), alcohol(), exact=0.0)
    assert TermPotential(silicon(), random_weights(silicon())).evaluate(alcohol()).energy == 0.0


@pytest.mark.parametrize(("center", "species"), [("Si", "Si"), ("O", "Si O")])
def test_energy_is_smooth_as_an_atom_leaves_the_cutoff(center: str, species: str) -> None:
    term = soap_term([oxide_cell()], center, species)
    check_smooth_at_cutoff(term, cluster(f"{center}SiOSi"))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 9), fraction=st.floats(0.0, 1.0))
def test_turning_moving_and_renumbering_atoms_leaves_the_descriptors(
    seed: int, n: int, fraction: float
) -> None:
    rng = np.random.default_rng(seed)
    # at least 1 Å apart: points of a jittered grid
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3) * 1.8
    positions = grid[rng.choice(27, n, replace=False)] + rng.uniform(-0.4, 0.4, (n, 3))
    atoms = Atoms(rng.choice([8, 14], n), positions)
    term = soap_term([oxide_cell()], "Si", "O Si")
    if not np.any(atoms.numbers == 14):
        atoms.numbers[0] = 14
    R = Rotation.random(random_state=seed).as_matrix()
    order = rng.permutation(n)
    moved = Atoms(atoms.numbers, positions @ R.T + 100.0 * fraction)[order]
    here = term.descriptors(find_neighbours(atoms, 3.6))
    there = term.descriptors(find_neighbours(moved, 3.6))
    centres = np.flatnonzero(atoms.numbers == 14)
    back = [int(np.flatnonzero(order[np.flatnonzero(moved.numbers == 14)] == c)[0]) for c in centres]
    np.testing.assert_allclose(there[back], here, atol=1e-10)


def test_descriptors_are_normalized_and_covariance_of_an_environment_with_itself_is_delta_squared() -> None:
    term = silicon()
    near = find_neighbours(silicon_cells()[0], term.cutoff)
    np.testing.assert_allclose(np.linalg.norm(term.descriptors(near), axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(np.diag(term.k_mm()), 1.3**2, rtol=1e-12)
    np.testing.assert_allclose(np.diag(term.local_rows(near)[:8, :8]), 1.3**2, rtol=1e-9)


def test_covariance_is_the_power_of_the_dot_product_of_descriptors() -> None:
    term = silicon(zeta=2.5)
    np.testing.assert_allclose(term.k_mm(), 1.3**2 * (term.sparse @ term.sparse.T) ** 2.5, atol=1e-10)


def test_an_atom_alone_looks_like_any_other_atom_alone_and_feels_nothing() -> None:
    term = silicon()
    potential = TermPotential(term, random_weights(term))
    alone = potential.evaluate(Atoms("Si"), forces=True, virial=True)
    boxed = potential.evaluate(Atoms("Si", cell=[20, 20, 20], pbc=True), forces=True, virial=True)
    assert alone.energy == boxed.energy
    np.testing.assert_array_equal(alone.forces, np.zeros((1, 3)))
    np.testing.assert_array_equal(boxed.virial, np.zeros((3, 3)))
    apart = potential.evaluate(Atoms("Si2", [[0, 0, 0], [0, 0, 50.0]]))
    assert apart.energy == pytest.approx(2.0 * alone.energy, rel=1e-14)


def test_a_thousand_atoms_have_the_energy_of_their_unit_cell() -> None:
    unit = silicon_cells()[0]
    term = silicon()
    potential = TermPotential(term, random_weights(term))
    one = potential.evaluate(unit, virial=True)
    many = potential.evaluate(unit.repeat(5), virial=True)
    assert len(many.forces) == 1000
    assert many.energy == pytest.approx(125 * one.energy, rel=1e-11)
    np.testing.assert_allclose(many.forces, np.tile(one.forces, (125, 1)), atol=1e-10)
    np.testing.assert_allclose(many.virial, 125 * one.virial, atol=1e-7)


def test_two_threads_give_the_answer_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = rattled(bulk("Si", cubic=True).repeat(3), 0.1)
    term = silicon()
    near = find_neighbours(atoms, term.cutoff)
    answers = []
    for threads in ("1", "2"):
        monkeypatch.setenv("GAPSAMPLE_THREADS", threads)
        sums = np.zeros((2, 216)), np.zeros((2, 216, 3)), np.zeros((2, 3, 3))
        explained = np.zeros(216)
        weights = np.stack([random_weights(term, seed) for seed in (0, 1)])
        whitener = np.linalg.inv(np.linalg.cholesky(term.k_mm() + 1e-6 * np.eye(term.n_sparse)).T)
        term.evaluator(weights, whitener).add(near, *sums, explained)
        answers.append((*sums, explained))
    for one, two in zip(*answers, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-10)


def test_quadratic_form_of_exponent_two_is_the_sum_over_sparse_points() -> None:
    term = silicon(zeta=2.0, basis=SoapBasis(3.6, 2, 2), n_sparse=24)
    fast = term.evaluator(np.stack([random_weights(term, seed) for seed in (0, 1)]))
    dimension = term.rotated.shape[1]
    assert fast.quadratic.shape == (2, dimension, dimension)
    slow = replace(fast, quadratic=np.empty((0, dimension, dimension)))
    near = find_neighbours(silicon_cells()[0], term.cutoff)
    answers = []
    for evaluator in (fast, slow):
        sums = np.zeros((2, 8)), np.zeros((2, 8, 3)), np.zeros((2, 3, 3))
        evaluator.add(near, *sums)
        answers.append(sums)
    for quick, plain in zip(*answers, strict=True):
        np.testing.assert_allclose(quick, plain, atol=1e-10)


@pytest.mark.parametrize("species", ["Si", "O Si"])
def test_rotated_basis_gives_the_answer_of_the_full_basis(species: str) -> None:
    basis = SoapBasis(4.0, 8, 4)
    atoms = oxide_cell()
    small = soap_term([atoms, rattled(atoms)], "Si", species, basis=basis, n_sparse=8)
    full = replace(small, basis_tolerance=0.0)
    assert small.rotated.shape[1] < 0.8 * full.rotated.shape[1]
    weights = random_weights(small)
    quick, plain = (TermPotential(term, weights).evaluate(atoms, virial=True) for term in (small, full))
    assert quick.energy == pytest.approx(plain.energy, abs=1e-8)
    np.testing.assert_allclose(quick.forces, plain.forces, atol=1e-7)
    np.testing.assert_allclose(quick.virial, plain.virial, atol=1e-7)


def test_channels_of_their_own_are_no_mixing_at_all() -> None:
    term = soap_term([four_species()], "C", "H C O Si")
    mixed = replace(term, mixing=np.eye(4))
    weights = random_weights(term)
    one, other = (TermPotential(t, weights).evaluate(four_species()) for t in (term, mixed))
    assert one.energy == other.energy
    np.testing.assert_array_equal(one.forces, other.forces)


def test_the_order_of_species_does_not_matter() -> None:
    answers = []
    for species in ("H C O Si", "Si H O C"):
        term = soap_term([four_species()], "C", species)
        answers.append(
            (term.k_mm(), TermPotential(term, random_weights(term)).evaluate(four_species()).energy)
        )
    np.testing.assert_allclose(answers[0][0], answers[1][0], atol=1e-10)
    assert answers[0][1] == pytest.approx(answers[1][1], abs=1e-9)
