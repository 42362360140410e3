"""Novelty and posterior deviations against dense formulas, and against the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from potential.silicon import RECIPE, cells, database_of, labels_by, prior_draw
from potential.soap_examples import rattled, silicon_cells, soap_term

from gapsample.database import Entry
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.potential.assessment import assess
from gapsample.potential.calibration import calibrate
from gapsample.potential.fit import Fit, fit
from gapsample.potential.gap import GAP, Calibration
from gapsample.potential.predicted_error import REGULARIZATION
from gapsample.potential.recipe import Sigmas


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[GAP, Fit]:
    """A truth drawn from the prior, and a fit to few and noisy labels of it, uncalibrated."""
    recipe = replace(RECIPE, sigmas=Sigmas(0.02, 0.3, 0.1))
    configurations = cells(6)
    truth = prior_draw(recipe, configurations)
    database = database_of(tmp_path_factory.mktemp("drawn"), labels_by(truth, configurations, recipe.sigmas))
    return truth, fit(recipe, database)


def local_rows(gap: GAP, atoms) -> list[np.ndarray]:  # type: ignore[no-untyped-def]
    return [term.local_rows(find_neighbours(atoms, term.cutoff)) for term in gap.terms]


def test_novelty_is_the_prior_variance_that_sparse_points_leave(drawn: tuple[GAP, Fit]) -> None:
    gap, atoms = drawn[1].gap, cells(1, seed=5)[0]
    expected = np.full(8, REGULARIZATION**2)
    for term, rows in zip(gap.terms, local_rows(gap, atoms), strict=True):
        covariance = term.k_mm() + REGULARIZATION**2 * np.eye(term.n_sparse)
        expected += term.self_covariance(find_neighbours(atoms, term.cutoff))
        expected -= np.sum(rows * np.linalg.solve(covariance, rows.T).T, axis=1)
    found = gap.evaluate(atoms, forces=False, error="local").novelty
    np.testing.assert_allclose(found, np.maximum(expected, 0.0), atol=1e-9)


def test_local_and_total_deviations_are_those_of_the_posterior(drawn: tuple[GAP, Fit]) -> None:
    gap, atoms = drawn[1].gap, cells(1, seed=5)[0]
    rows = np.concatenate(local_rows(gap, atoms), axis=1)
    assert gap.posterior is not None
    left = np.linalg.solve(gap.posterior.R.T, rows.T)
    found = gap.evaluate(atoms, forces=False, error="local")
    assert found.novelty is not None
    exact = np.sqrt(found.novelty + np.sum(left**2, axis=0))
    total = np.sqrt(found.novelty.sum() + np.sum(left.sum(axis=1) ** 2))
    # found from posterior draws: each right to 1 / sqrt(2 n_draws)
    np.testing.assert_allclose(found.local_std, exact, rtol=0.6)
    assert np.sqrt(np.mean(np.square(found.local_std))) == pytest.approx(np.sqrt(np.mean(exact**2)), rel=0.4)
    assert found.energy_std == pytest.approx(total, rel=0.6)


def test_force_deviations_are_those_of_the_force_rows(drawn: tuple[GAP, Fit]) -> None:
    gap, atoms = drawn[1].gap, cells(1, seed=5)[0]
    rows = [t.rows(find_neighbours(atoms, t.cutoff), forces=True, virial=False).forces for t in gap.terms]
    flat = np.concatenate(rows, axis=2).reshape(24, -1)  # type: ignore[arg-type]
    assert gap.posterior is not None
    exact = np.linalg.norm(np.linalg.solve(gap.posterior.R.T, flat.T), axis=0).reshape(8, 3)
    found = gap.evaluate(atoms, error="forces").forces_std
    assert found is not None
    assert np.sqrt(np.mean((found / exact) ** 2)) == pytest.approx(1.0, abs=0.4)
    np.testing.assert_allclose(found, exact, rtol=0.9)


def test_errors_against_the_truth_are_as_large_as_predicted(drawn: tuple[GAP, Fit]) -> None:
    truth, fitted = drawn
    z_energy, z_forces = [], []
    for atoms in cells(30, seed=21):
        exact, found = truth.evaluate(atoms), fitted.gap.evaluate(atoms, error=True)
        assert found.energy_std is not None
        assert found.novelty is not None
        # a truth without part outside the sparse set: its error is the posterior's alone
        posterior = np.sqrt(found.energy_std**2 - found.novelty.sum())
        z_energy.append((found.energy - exact.energy) / posterior)
        z_forces.append((found.forces - exact.forces) / found.forces_std)
    assert 0.4 < np.sqrt(np.mean(np.square(z_energy))) < 2.0
    assert 0.6 < np.sqrt(np.mean(np.square(z_forces))) < 1.7


def test_novelty_and_local_deviation_grow_away_from_the_data(silicon_fit: Fit) -> None:
    known, strange = cells(1, seed=0)[0], rattled(cells(1)[0], 0.45, seed=1)
    near, far = (silicon_fit.gap.evaluate(atoms, error=True) for atoms in (known, strange))
    assert np.mean(far.novelty) > 10.0 * np.mean(near.novelty)
    assert np.mean(far.local_std) > np.mean(near.local_std)
    assert far.energy_std > near.energy_std  # type: ignore[operator]


def test_novelty_vanishes_at_the_sparse_points() -> None:
    atoms = silicon_cells()[0]
    term = soap_term([atoms], "Si", "Si", n_sparse=8)
    gap = GAP((term,), np.zeros(8), {14: 0.0})
    novelty = gap.evaluate(atoms, error="local").novelty
    assert novelty is not None
    assert np.all(novelty <= 2.1 * REGULARIZATION**2)


def test_predicted_errors_turn_with_the_atoms_and_repeat(silicon_fit: Fit) -> None:
    atoms = cells(1, seed=3)[0]
    one, again = (silicon_fit.gap.evaluate(atoms, error=True) for _ in range(2))
    np.testing.assert_array_equal(one.forces_std, again.forces_std)
    order = np.arange(8)[::-1]
    turned = silicon_fit.gap.evaluate(atoms[order], error=True)
    np.testing.assert_allclose(turned.local_std, one.local_std[order], rtol=1e-6)
    np.testing.assert_allclose(turned.forces_std, one.forces_std[order], rtol=1e-5)
    assert turned.energy_std == pytest.approx(one.energy_std, rel=1e-6)


def test_calibration_multiplies_the_errors_and_nothing_else(silicon_fit: Fit) -> None:
    atoms = cells(1, seed=3)[0]
    raw = replace(silicon_fit.gap, calibration=Calibration()).evaluate(atoms, error=True)
    scaled = replace(silicon_fit.gap, calibration=Calibration(2.0, 3.0, 5.0)).evaluate(atoms, error=True)
    assert scaled.energy == raw.energy
    np.testing.assert_array_equal(scaled.novelty, raw.novelty)
    assert scaled.energy_std == pytest.approx(2.0 * raw.energy_std)
    np.testing.assert_allclose(scaled.forces_std, 3.0 * raw.forces_std)
    np.testing.assert_allclose(scaled.local_std, 5.0 * raw.local_std)


def test_held_out_labels_of_a_fit_have_unit_spread(silicon_fit: Fit) -> None:
    [row, *_] = silicon_fit.errors["test"]
    assert row.energy_z == pytest.approx(1.0)
    assert row.force_z == pytest.approx(1.0)
    assert silicon_fit.gap.calibration.n_forces == 3 * row.n_forces


def test_too_few_held_out_numbers_calibrate_nothing(silicon_fit: Fit) -> None:
    raw = replace(silicon_fit.gap, calibration=Calibration())
    pairs = labels_by(raw, cells(2))
    entries = [Entry(k, atoms, label, f"cfg{k}", "test") for k, (atoms, label) in enumerate(pairs)]
    found = calibrate(assess(raw, entries, error=True))
    assert found.energy == 1.0
    assert found.n_energies == 0
