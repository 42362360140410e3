"""Bounds hold as often as promised, over many seeds, whether or not the model is right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from gapsample.errors import InputError
from gapsample.learning import Audit, conformal, lowest_threshold, weighted_quantile

COVERAGE = 0.9


def audit(rng, n=1, *, generation=0, wrong=0.0, shared=0.0):
    """True errors about the predicted ones; `wrong`: times a heavy-tailed factor nobody predicts."""
    predicted = rng.uniform(0.05, 0.5, n)
    z = np.sqrt(1.0 - shared) * rng.standard_normal(n) + np.sqrt(shared) * rng.standard_normal()
    true = predicted * np.abs(z) * np.exp(wrong * abs(rng.standard_t(3)))
    return Audit(generation, np.arange(n), predicted, true, np.zeros(n, dtype=bool), 0.2)


def covered(n_audits, n_atoms, seed, **how):
    """Whether one random atom of a new audit is within the bound of the ones before."""
    rng = np.random.default_rng(seed)
    found = conformal([audit(rng, n_atoms, **how) for _ in range(n_audits)], COVERAGE)
    new = audit(rng, n_atoms, **how)
    atom = rng.integers(n_atoms)
    return bool(new.true[atom] <= found.bound(new.predicted)[atom])


@pytest.mark.parametrize(
    "how",
    [
        {"n_atoms": 1},
        {"n_atoms": 1, "wrong": 1.0},
        {"n_atoms": 8, "shared": 0.9},
        {"n_atoms": 8, "shared": 0.9, "wrong": 1.0},
    ],
    ids=["right", "misspecified", "alike", "alike and misspecified"],
)
def test_bounds_cover_as_often_as_promised(how):
    seeds = 1500
    hits = sum(covered(24, seed=seed, **how) for seed in range(seeds))
    assert hits >= binom.ppf(1e-3, seeds, COVERAGE)


def test_a_single_atom_each_gives_the_textbook_quantile():
    rng = np.random.default_rng(3)
    for n in (9, 19, 50):
        scores = rng.exponential(size=n)
        rank = int(np.ceil((n + 1) * COVERAGE))
        assert weighted_quantile(scores, np.ones(n), COVERAGE) == np.sort(scores)[rank - 1]


def test_an_audit_counts_once_whatever_its_atoms_and_half_for_each_span_of_memory():
    """By hand: weight 1/4 of each atom of the older audit, 1 of the newer one, 1 at infinity."""
    old = Audit(0, np.arange(2), np.ones(2), np.array([1.0, 2.0]), np.zeros(2, dtype=bool), 0.2)
    new = Audit(3, np.arange(1), np.ones(1), np.array([3.0]), np.zeros(1, dtype=bool), 0.2)
    for coverage, factor in ((0.09, 1.0), (0.11, 2.0), (0.21, 3.0), (0.59, 3.0), (0.61, np.inf)):
        assert conformal([old, new], coverage, memory=3.0).factor == factor


def test_too_few_audits_bound_nothing():
    rng = np.random.default_rng(0)
    eight, nine = ([audit(rng, 20) for _ in range(n)] for n in (8, 9))
    assert conformal([], COVERAGE).factor == np.inf
    assert conformal(eight, COVERAGE).factor == np.inf
    assert np.isfinite(conformal(nine, COVERAGE).factor)


def test_old_generations_are_forgotten():
    rng = np.random.default_rng(1)
    old = [audit(rng, generation=0, wrong=2.0) for _ in range(200)]
    new = [audit(rng, generation=10) for _ in range(200)]
    alone = conformal(new, COVERAGE).factor
    assert conformal([*old, *new], COVERAGE).factor > 2.0 * alone
    assert conformal([*old, *new], COVERAGE, memory=1.0).factor == pytest.approx(alone, rel=0.05)


def test_forces_that_symmetry_fixes_raise_no_alarm():
    still = Audit(0, np.arange(4), np.zeros(4), np.full(4, 1e-12), np.zeros(4, dtype=bool), 0.2)
    assert conformal([still] * 20, COVERAGE).factor < 1e-8


def test_nobody_judges_below_three_residuals():
    assert lowest_threshold(0.2, 0.01) == 0.2
    assert lowest_threshold(0.2, 0.1) == pytest.approx(0.3)


def test_a_coverage_that_cannot_be_is_refused():
    with pytest.raises(InputError, match="coverage"):
        conformal([], 1.0)
