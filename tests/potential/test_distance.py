"""The pair term against the laws of terms and closed forms."""

import numpy as np
import pytest
from ase import Atoms
from contracts.check_term import check_one_answer, check_smooth_at_cutoff, check_term
from hypothesis import given, settings
from hypothesis import strategies as st
from potential.examples import DISTANCES, alcohol, cluster, distance_term, oxide_cell, silicon_cell

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import SettingsError
from gapsample.potential.terms.distance import DistanceKind, DistanceTerm


@pytest.mark.parametrize("name", DISTANCES)
def test_pair_term_obeys_the_laws_of_terms(name: str) -> None:
    check_term(distance_term(DISTANCES[name]), [oxide_cell(), silicon_cell(), alcohol()])


@pytest.mark.parametrize("name", DISTANCES)
def test_pair_energy_is_smooth_as_an_atom_leaves_the_cutoff(name: str) -> None:
    check_smooth_at_cutoff(distance_term(DISTANCES[name]), cluster("SiOSiO"))
    check_smooth_at_cutoff(distance_term(DISTANCES[name]), cluster("SiOSiSi"))


@pytest.mark.parametrize("name", ["any", "tail", "inverse"])
def test_tables_agree_with_sparse_sums_for_atoms_closer_than_any_sparse_point(name: str) -> None:
    crowded = cluster("SiOSiO")
    crowded.positions *= 0.25
    check_one_answer(distance_term(DISTANCES[name]), crowded, exact=1e-9)


def test_covariance_of_two_dimers_is_four_times_the_kernel_of_their_distances() -> None:
    kind = DistanceKind((14, 8), 4.0, 1.0, theta=0.7, delta=1.1, f0=0.3)
    sparse = DistanceTerm(kind, np.array([2.4]), np.array([1.0]))
    dimer = find_neighbours(Atoms("OSi", positions=[[0, 0, 0], [0, 0, 3.5]]), 5.0)
    switch = 0.5 * (1.0 + np.cos(np.pi * 0.5))
    kernel = 1.1**2 * np.exp(-0.5 * ((3.5 - 2.4) / 0.7) ** 2) + 0.3**2
    assert sparse.rows(dimer, forces=False, virial=False).energy[0] == pytest.approx(2.0 * switch * kernel)
    variance = switch**2 * (1.1**2 + 0.3**2)
    np.testing.assert_allclose(sparse.self_covariance(dimer), [variance, variance])


def test_pairs_of_other_species_do_not_count() -> None:
    sparse = distance_term(DISTANCES["unlike"])
    near = find_neighbours(Atoms("SiSiC", positions=[[0, 0, 0], [0, 0, 2.2], [0, 2, 0]]), 5.0)
    rows = sparse.rows(near, forces=True, virial=True)
    assert not np.any(rows.energy)
    assert not np.any(rows.forces)
    assert not np.any(sparse.self_covariance(near))


@settings(max_examples=25, deadline=None)
@given(
    width=st.floats(0.2, 3.0),
    theta=st.floats(0.3, 3.0),
    size=st.floats(1e-3, 1e3),
    seed=st.integers(0, 2**32 - 1),
)
def test_tables_are_right_to_a_ten_billionth_of_an_electronvolt(
    width: float, theta: float, size: float, seed: int
) -> None:
    kind = DistanceKind((0, 0), 5.0, width, theta=theta)
    rng = np.random.default_rng(seed)
    sparse = distance_term(kind, 12)
    weights = size * rng.normal(size=(1, 12))
    table = sparse.evaluator(weights)
    for r in rng.uniform(0.1, 5.1, size=40):
        near = find_neighbours(Atoms("H2", positions=[[0, 0, 0], [r, 0, 0]]), 6.0)
        energies, forces = np.zeros((1, 2)), np.zeros((1, 2, 3))
        table.add(near, energies, forces, None)
        rows = sparse.rows(near, forces=True, virial=False)
        assert abs(energies.sum() - rows.energy @ weights[0]) < 1e-10
        assert rows.forces is not None
        np.testing.assert_allclose(forces[0], rows.forces @ weights[0], atol=1e-7)


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="transition width"):
        DistanceKind((1, 1), 4.0, 0.0)
    with pytest.raises(SettingsError, match="theta"):
        DistanceKind((1, 1), 4.0, theta=-1.0)
    with pytest.raises(SettingsError, match="shapes"):
        DistanceTerm(DISTANCES["any"], np.ones(3), np.ones(2))
