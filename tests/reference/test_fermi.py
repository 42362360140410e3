"""Electrons at a temperature: counted exactly, and where the free energy is least."""

import numpy as np
import pytest
from ase.units import kB
from hypothesis import given
from hypothesis import strategies as st

from gapsample.reference.fermi import FermiLevelNotFound, occupy


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Levels at some k-points, weights, electrons and a temperature; levels may coincide."""
    n_points, n_levels = draw(st.integers(1, 4)), draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = np.sort(rng.normal(scale=5.0, size=(n_points, n_levels)).round(draw(st.integers(0, 6))), axis=1)
    weights = rng.integers(1, 3, size=n_points).astype(float)
    electrons = draw(st.integers(1, 2 * n_levels - 1))
    return levels, weights / weights.sum(), float(electrons), draw(st.floats(1.0, 2e4))


@given(problems())
def test_every_electron_has_a_place(problem: tuple) -> None:
    _, _, electrons, _ = problem
    assert abs(occupy(*problem).number - electrons) < 1e-9


@given(problems())
def test_free_energy_is_least_at_the_occupations_found(problem: tuple) -> None:
    """Moving electrons between levels, their number kept, changes it to second order and upwards."""
    levels, weights, _, temperature = problem
    found = occupy(*problem)

    def free(occupations: np.ndarray) -> float:
        with np.errstate(divide="ignore", invalid="ignore"):
            mixing = np.nan_to_num(occupations * np.log(occupations))
            mixing += np.nan_to_num((1.0 - occupations) * np.log1p(-occupations))
        return float(2.0 * weights @ np.sum(levels * occupations + kB * temperature * mixing, axis=1))

    here = free(found.occupations)
    assert abs(here - found.free_energy) < 1e-9
    for seed in range(5):
        step = np.random.default_rng(seed).normal(size=levels.shape)
        step *= 1e-2 * found.occupations * (1.0 - found.occupations)
        share = found.occupations * (1.0 - found.occupations) * weights[:, None]
        if share.sum() > 1e-12:
            step -= (weights @ step.sum(axis=1)) / share.sum() * share / weights[:, None]
            assert free(found.occupations + step) > here - 1e-12


@pytest.mark.parametrize("temperature", [1.0, 300.0, 3000.0])
def test_the_fermi_level_of_a_symmetric_gap_is_its_middle(temperature: float) -> None:
    levels = np.array([[-2.0, -1.0, 1.0, 2.0]])
    assert abs(occupy(levels, np.ones(1), 4.0, temperature).fermi_level) < 1e-12


@pytest.mark.parametrize("temperature", [1.0, 300.0, 3000.0])
def test_an_odd_electron_half_fills_its_level(temperature: float) -> None:
    found = occupy(np.array([[-5.0, 0.0, 5.0]]), np.ones(1), 3.0, temperature)
    assert abs(found.fermi_level) < 1e-12
    np.testing.assert_allclose(found.occupations, [[1.0, 0.5, 0.0]], atol=1e-4)


def test_entropy_of_levels_at_the_fermi_level_counts_their_ways() -> None:
    found = occupy(np.zeros((1, 7)), np.ones(1), 7.0, 500.0)
    assert abs(found.entropy - 14.0 * kB * np.log(2.0)) < 1e-15


@pytest.mark.parametrize(
    ("levels", "electrons"),
    [(np.array([[0.0, np.nan]]), 2.0), (np.array([[0.0, 1.0]]), 4.0), (np.array([[0.0, 1.0]]), 0.0)],
    ids=["not a number", "no room", "no electrons"],
)
def test_electrons_without_a_level_are_refused(levels: np.ndarray, electrons: float) -> None:
    with pytest.raises(FermiLevelNotFound, match="wanted a Fermi level"):
        occupy(levels, np.ones(1), electrons, 300.0)
