"""The insertion tests of several runs say together what one alone says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gapsample.errors import InputError
from gapsample.nested.diagnostics import smallest_of

chances = st.floats(0.0, 1.0)


@pytest.mark.parametrize("n", [1, 3, 24])
def test_the_smallest_of_many_p_values_is_uniform_once_corrected(n):
    drawn = np.random.default_rng(n).random((2000, n))
    assert stats.kstest([smallest_of(list(row)) for row in drawn], "uniform").pvalue > 1e-3


@given(chances)
def test_one_p_value_stays_what_it_is(p):
    assert smallest_of([p]) == pytest.approx(p, rel=1e-12, abs=1e-300)


@given(st.lists(chances, min_size=1, max_size=50))
def test_it_lies_between_the_smallest_and_the_bound_of_bonferroni(p_values):
    low = min(p_values)
    assert low * (1.0 - 1e-12) <= smallest_of(p_values) <= min(1.0, len(p_values) * low) * (1.0 + 1e-12)


def test_nothing_is_said_of_no_runs():
    with pytest.raises(InputError, match="one or more"):
        smallest_of([])
