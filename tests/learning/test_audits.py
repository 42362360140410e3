"""Certificates: intervals that hold the truth as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, binomtest, t

from gapsample.errors import InputError
from gapsample.learning import Audit, audited_error, clopper_pearson, missed_fraction


def audit(true, flagged=None, threshold=1.0):
    true = np.asarray(true, dtype=float)
    flagged = np.zeros(len(true), dtype=bool) if flagged is None else flagged
    return Audit(0, np.arange(len(true)), np.ones(len(true)), true, flagged, threshold)


@pytest.mark.parametrize("p", [0.0, 0.02, 0.3, 1.0])
@pytest.mark.parametrize("n", [5, 60])
def test_clopper_and_pearson_cover_at_least_as_promised(p, n):
    """Exactly, by summing over all outcomes."""
    k = np.arange(n + 1)
    inside = [low <= p <= high for low, high in (clopper_pearson(int(each), n, 0.95) for each in k)]
    assert np.sum(binom.pmf(k, n, p)[np.array(inside)]) >= 0.95 - 1e-12


def test_the_interval_is_the_one_of_scipy():
    for k, n in ((0, 7), (3, 7), (7, 7), (2, 100)):
        wanted = binomtest(k, n).proportion_ci(0.9, method="exact")
        assert clopper_pearson(k, n, 0.9) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_no_audits_say_nothing():
    found = missed_fraction([])
    assert np.isnan(found.value)
    assert (found.low, found.high) == (0.0, 1.0)
    assert audited_error([]).upper == np.inf


def test_flagged_atoms_are_not_missed():
    flagged = np.array([True, False])
    audits = [audit([9.0, 0.1], flagged), audit([9.0, 9.0], ~flagged), audit([9.0], flagged[:1])]
    found = missed_fraction(audits)
    assert found.value == 0.5
    assert found.n_audits == 2


def test_a_threshold_raised_later_forgives_nothing():
    before = [audit([0.5], threshold=0.2), audit([0.1], threshold=0.2)]
    assert missed_fraction(before).value == 0.5
    assert missed_fraction([*before, audit([0.5], threshold=0.6)]).value == pytest.approx(1.0 / 3.0)


def test_the_certificate_covers_also_where_atoms_of_an_audit_are_alike():
    """Eight atoms that are wrong together count as one."""
    p, n, seeds, hits = 0.1, 30, 800, 0
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        audits = [audit(np.full(8, float(rng.random() < p)), threshold=0.5) for _ in range(n)]
        found = missed_fraction(audits)
        hits += found.low <= p <= found.high
    assert hits >= binom.ppf(1e-3, seeds, 0.95)


def test_the_audited_error_is_the_root_mean_square_with_students_bound():
    rng = np.random.default_rng(0)
    audits = [audit(rng.exponential(size=6)) for _ in range(5)]
    squares = np.array([np.mean(each.true**2) for each in audits])
    found = audited_error(audits, level=0.9)
    assert found.value == pytest.approx(np.sqrt(squares.mean()))
    wide = t.ppf(0.9, 4) * squares.std(ddof=1) / np.sqrt(5)
    assert found.upper == pytest.approx(np.sqrt(squares.mean() + wide))


def test_impossible_counts_are_refused():
    with pytest.raises(InputError, match="k = 3"):
        clopper_pearson(3, 2)
    with pytest.raises(InputError, match="lengths"):
        Audit(0, np.arange(2), np.ones(2), np.ones(3), np.zeros(2, dtype=bool), 1.0)
