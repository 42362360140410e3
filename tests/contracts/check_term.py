"""The laws every `Term` of a GAP obeys: one call in a test runs them all."""

import json
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from ase import Atoms
from contracts.check_potential import check_derivatives, check_purity, check_symmetries
from contracts.motions import away

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.potential.protocol import ErrorRequest, Evaluation
from gapsample.potential.terms.protocol import Term


class TermPotential:
    """A term with weights as a `Potential`, so that terms answer to the laws of potentials too."""

    def __init__(self, term: Term, weights: np.ndarray) -> None:
        self.term, self.evaluator = term, term.evaluator(weights[None])

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        energies = np.zeros((1, len(atoms)))
        force_sum = np.zeros((1, len(atoms), 3)) if forces or virial else None
        virial_sum = np.zeros((1, 3, 3)) if virial else None
        self.evaluator.add(find_neighbours(atoms, self.term.cutoff), energies, force_sum, virial_sum)
        return Evaluation(
            float(energies.sum()),
            force_sum[0] if force_sum is not None and forces else None,
            virial_sum[0] if virial_sum is not None else None,
            energies[0],
        )


def check_term(
    term: Term,
    configurations: Sequence[Atoms],
    *,
    tolerance: float = 1e-6,
    exact: float = 1e-8,
    jitter: float = 1e-10,
) -> None:
    """Raise AssertionError where a term breaks a law on a configuration.

    Parameters
    ----------
    tolerance : eV/Å and eV per unit strain (times the number of atoms), of finite differences, for
        weights that make energies of the size of delta
    exact : eV and eV/Å (times the number of atoms), between the ways to compute one thing
    jitter : eV^2, added to k_mm before it is inverted
    """
    check_stored_exactly(term)
    k_mm = term.k_mm()
    assert k_mm.shape == (term.n_sparse, term.n_sparse)
    np.testing.assert_allclose(k_mm, k_mm.T, atol=1e-14 * np.max(k_mm))
    assert np.linalg.eigvalsh(k_mm).min() > -1e-12 * np.max(k_mm) * term.n_sparse
    weights = np.random.default_rng(0).normal(size=term.n_sparse) / np.sqrt(term.n_sparse)
    potential = TermPotential(term, weights)
    for atoms in configurations:
        check_one_answer(term, atoms, exact=exact)
        check_prior_covers_sparse_points(term, atoms, jitter=jitter)
        check_purity(potential, atoms)
        check_derivatives(potential, atoms, tolerance=tolerance * len(atoms))
        check_symmetries(potential, atoms, exact=exact * len(atoms))


def check_one_answer(term: Term, atoms: Atoms, *, exact: float) -> None:
    """Rows, local rows and evaluator give the same energies, forces and virial for any weights."""
    near = find_neighbours(atoms, term.cutoff + 0.7)
    n = len(atoms)
    weights = np.random.default_rng(2).normal(size=(3, term.n_sparse)) / np.sqrt(term.n_sparse)
    rows = term.rows(near, forces=True, virial=True)
    local_rows = term.local_rows(near)
    assert rows.forces is not None
    assert rows.virial is not None
    assert (rows.energy.shape, local_rows.shape) == ((term.n_sparse,), (n, term.n_sparse))
    assert (rows.forces.shape, rows.virial.shape) == ((n, 3, term.n_sparse), (3, 3, term.n_sparse))
    np.testing.assert_allclose(local_rows.sum(axis=0), rows.energy, atol=exact)
    bare = term.rows(near, forces=False, virial=False)
    assert bare.forces is None
    assert bare.virial is None
    np.testing.assert_allclose(bare.energy, rows.energy, atol=exact)

    energies, forces, virial = np.ones((3, n)), np.ones((3, n, 3)), np.ones((3, 3, 3))
    term.evaluator(weights).add(near, energies, forces, virial)
    np.testing.assert_allclose(energies - 1.0, weights @ local_rows.T, atol=exact)
    np.testing.assert_allclose(forces - 1.0, np.moveaxis(rows.forces @ weights.T, -1, 0), atol=n * exact)
    np.testing.assert_allclose(virial - 1.0, np.moveaxis(rows.virial @ weights.T, -1, 0), atol=n * exact)
    alone = np.zeros((1, n))
    term.evaluator(weights[1:2]).add(near, alone, None, None)
    np.testing.assert_allclose(alone[0], energies[1] - 1.0, atol=exact)

    k_mm = term.k_mm() + 1e-4 * np.eye(term.n_sparse)
    whitener = np.triu(np.linalg.inv(np.linalg.cholesky(k_mm).T))
    by_hand = np.sum(local_rows * np.linalg.solve(k_mm, local_rows.T).T, axis=1)
    for n_forces in (0, 1, 3):  # of the first weights only
        forces_of = np.ones((n_forces, n, 3)) if n_forces else None
        explained = np.ones(n)
        term.evaluator(weights, whitener).add(near, np.zeros((3, n)), forces_of, None, explained)
        np.testing.assert_allclose(explained - 1.0, by_hand, atol=1000 * exact)
        if forces_of is not None:
            np.testing.assert_allclose(forces_of, forces[:n_forces], atol=n * exact)


def check_prior_covers_sparse_points(term: Term, atoms: Atoms, *, jitter: float) -> None:
    """What the sparse points explain of a local energy never exceeds its prior variance."""
    near = find_neighbours(atoms, term.cutoff)
    prior = term.self_covariance(near)
    k = term.local_rows(near)
    assert prior.shape == (len(atoms),)
    explained = np.sum(k * np.linalg.solve(term.k_mm() + jitter * np.eye(term.n_sparse), k.T).T, axis=1)
    assert np.all(explained <= prior * (1.0 + 1e-6) + 1e-9)


def check_stored_exactly(term: Term) -> None:
    """The term comes back from its arrays, through a JSON header, the same to the last bit."""
    header, arrays = term.to_arrays()
    back = type(term).from_arrays(json.loads(json.dumps(header)), arrays)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(back.k_mm(), term.k_mm())
    assert back.cutoff == term.cutoff
    again, _ = back.to_arrays()
    assert again == header


def check_smooth_at_cutoff(term: Term, cluster: Atoms, *, tolerance: float = 1e-7) -> None:
    """Energy and forces have no jump while the last atom of a cluster in vacuum leaves the cutoff.

    Along a path the energy changes by the mean of the forces at both ends of each step (trapezoid rule);
    over a millionth of an ångström the forces hardly change at all.
    """
    weights = np.random.default_rng(3).normal(size=term.n_sparse) / np.sqrt(term.n_sparse)
    potential = TermPotential(term, weights)
    path = away(cluster, 0.97 * term.cutoff, 1.03 * term.cutoff, 1201)
    seen = [potential.evaluate(atoms, forces=True) for atoms in path]
    shift = path[1].positions[-1] - path[0].positions[-1]
    for before, after in pairwise(seen):
        work = -0.5 * (before.forces[-1] + after.forces[-1]) @ shift
        assert abs(after.energy - before.energy - work) < tolerance
    before, after = (potential.evaluate(atoms) for atoms in away(cluster, term.cutoff - 1e-6, term.cutoff, 2))
    np.testing.assert_allclose(after.forces, before.forces, atol=1e-3)
