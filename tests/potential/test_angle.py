"""The three-body term against the laws of terms and closed forms."""

import numpy as np
import pytest
from ase import Atoms
from contracts.check_term import check_smooth_at_cutoff, check_term
from potential.examples import ANGLES, alcohol, angle_term, cluster, oxide_cell, silicon_cell

from gapsample.compiled.exponential import exp_nonpositive
from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import SettingsError
from gapsample.potential.terms.angle import AngleKind, AngleTerm


@pytest.mark.parametrize("name", ANGLES)
def test_angle_term_obeys_the_laws_of_terms(name: str) -> None:
    check_term(angle_term(ANGLES[name]), [oxide_cell(), silicon_cell(), alcohol()])


@pytest.mark.parametrize("name", ANGLES)
def test_triplet_energy_is_smooth_as_an_atom_leaves_the_cutoff(name: str) -> None:
    check_smooth_at_cutoff(angle_term(ANGLES[name]), cluster("SiOSiO"))
    check_smooth_at_cutoff(angle_term(ANGLES[name]), cluster("SiOSiSi"))


def test_covariance_of_a_trimer_counts_both_orders_of_its_neighbours() -> None:
    kind = AngleKind(8, (1, 1), 3.0, 1.0, theta=(0.5, 0.4, 0.9), delta=1.1, f0=0.2)
    sparse = AngleTerm(kind, np.array([[2.0, 0.1, 1.6]]), np.array([1.0]))
    water = find_neighbours(Atoms("HOH", positions=[[1.1, 0, 0], [0, 0, 0], [0, 2.5, 0]]), 4.0)
    x = np.array([1.1 + 2.5, (2.5 - 1.1) ** 2, np.hypot(1.1, 2.5)])
    scaled = (x - sparse.points[0]) / kind.theta
    kernel = 0.5 * (1.1**2 * np.exp(-0.5 * scaled @ scaled) + 0.2**2)
    np.testing.assert_allclose(sparse.local_rows(water)[:, 0], [0.0, 2.0 * kernel, 0.0])
    np.testing.assert_allclose(sparse.self_covariance(water), [0.0, 1.1**2 + 0.2**2, 0.0])


def test_prior_variance_sums_over_all_pairs_of_triplets() -> None:
    kind = ANGLES["unlike"]
    near = find_neighbours(oxide_cell(), kind.cutoff)
    found = kind.descriptors(near)
    scaled = found.x / kind.theta
    kernel = np.exp(-0.5 * np.sum((scaled[:, None] - scaled) ** 2, axis=2)) + kind.f0**2
    mine = found.corners[:, :1] == np.arange(near.n_atoms)
    expected = np.einsum("ta,t,ts,s,sa->a", mine, found.cutoffs, kernel, found.cutoffs, mine)
    np.testing.assert_allclose(angle_term(kind).self_covariance(near), 4.0 * expected, rtol=1e-12)


def test_exponential_is_right_to_the_last_digits_and_shows_nan() -> None:
    y = -np.concatenate(([0.0], np.logspace(-18, np.log10(699.0), 20001)))
    out = np.empty_like(y)
    exp_nonpositive(y, np.empty_like(y), out)
    np.testing.assert_allclose(out, np.exp(y), rtol=5e-16)
    rest = np.empty(3)
    exp_nonpositive(np.array([-1e9, -np.inf, np.nan]), np.empty(3), rest)
    assert np.all(rest[:2] < 1e-300)
    assert np.isnan(rest[2])


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="transition width"):
        AngleKind(1, (1, 1), 4.0, 0.0)
    with pytest.raises(SettingsError, match="length scales"):
        AngleKind(1, (1, 1), 4.0, theta=(1.0, 0.0, 1.0))
    with pytest.raises(SettingsError, match="shapes"):
        AngleTerm(ANGLES["any"], np.ones((3, 2)), np.ones(3))
