"""How couplings and repulsions fall off with distance."""

import numpy as np
import pytest

from gapsample.reference.bowler import BONDS, CUTOFF, HYDROGEN, SILICON, TAIL, Scaling

SCALINGS = [scaling for bond in BONDS.values() for scaling in (bond.hopping_scaling, bond.repulsion_scaling)]


@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_scaling_is_one_at_its_reference_distance(scaling: Scaling) -> None:
    value, _ = scaling(np.array([scaling.r0]))
    assert abs(value[0] - 1.0) < 1e-15


@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_slope_is_the_derivative_of_the_value(scaling: Scaling) -> None:
    r = np.array([0.8, 1.5, 2.0, 2.35, 2.7, 2.85, 3.0, 3.15, 3.5])
    up, down = scaling(r + 1e-5)[0], scaling(r - 1e-5)[0]
    slope = scaling(r)[1]
    np.testing.assert_allclose((up - down) / 2e-5, slope, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
@pytest.mark.parametrize("r", [TAIL, CUTOFF])
def test_value_and_slope_do_not_jump_where_pieces_meet(scaling: Scaling, r: float) -> None:
    before, after = scaling(np.array([r - 1e-9])), scaling(np.array([r + 1e-9]))
    np.testing.assert_allclose(before, after, atol=1e-7)


@pytest.mark.parametrize("scaling", SCALINGS, ids=str)
def test_nothing_reaches_beyond_the_cutoff(scaling: Scaling) -> None:
    np.testing.assert_array_equal(scaling(np.array([CUTOFF, 3.5, 10.0])), 0.0)


def test_both_ends_of_a_bond_hold_the_same_numbers() -> None:
    assert BONDS[SILICON, HYDROGEN].turned() == BONDS[HYDROGEN, SILICON]
    assert BONDS[SILICON, SILICON].turned() == BONDS[SILICON, SILICON]
