"""The SOAP basis against the integrals and identities that define it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import spherical_in

from gapsample.descriptors.soap import (
    Rotation,
    SoapBasis,
    cutoff_function,
    find_rotation,
    quintic_table,
    vector_layout,
)
from gapsample.errors import SettingsError

BASIS = SoapBasis(4.0, 6, 4, atom_sigma=0.5)


def orthonormal(basis: SoapBasis, r: np.ndarray) -> np.ndarray:
    """Radial basis functions at r, shape (len(r), n_max): Gaussians made orthonormal."""
    gaussians = np.exp(-basis.alpha * (r[:, None] - basis.grid) ** 2)
    return np.linalg.solve(basis._overlap_factor, gaussians.T).T


def test_basis_functions_are_orthonormal_over_space() -> None:
    def overlap(a: int, b: int) -> float:
        def integrand(r: float) -> float:
            g = orthonormal(BASIS, np.array([r]))[0]
            return r**2 * g[a] * g[b]

        return quad(integrand, 0.0, 20.0, epsabs=1e-12, limit=200)[0]

    found = np.array([[overlap(a, b) for b in range(3)] for a in range(3)])
    np.testing.assert_allclose(found, np.eye(3), atol=1e-8)


@pytest.mark.parametrize("l", range(5))
def test_expansion_equals_the_density_at_the_grid_points(l: int) -> None:
    r = 2.3
    coefficients = BASIS.radial(np.array([r]))[0, l]
    a, grid = BASIS.alpha, BASIS.grid
    exact = np.exp(-a * (grid**2 + r**2)) * spherical_in(l, 2 * a * grid * r)
    np.testing.assert_allclose(orthonormal(BASIS, grid) @ coefficients, exact, atol=1e-12)


def test_a_neighbour_on_top_of_the_center_is_the_center() -> None:
    coefficients = BASIS.radial(np.array([0.0]))[0]
    np.testing.assert_allclose(coefficients[0] / np.sqrt(4 * np.pi), BASIS.centre(), atol=1e-12)
    np.testing.assert_allclose(coefficients[1:], 0.0, atol=1e-14)


def test_tables_hold_values_and_derivatives() -> None:
    rotation = find_rotation(BASIS, 1.0, 1e-6)
    table, knots = quintic_table(BASIS, rotation), BASIS.knots()
    h = knots[1] - knots[0]
    fine = np.array([1.234, 2.345])
    for r in fine:
        k, shift = int(r / h), 1e-3
        values = np.concatenate(
            [
                BASIS.radial(np.array([knots[k] - shift, knots[k], knots[k] + shift]))[:, l] @ m
                for l, m in enumerate(rotation.matrices)
            ],
            axis=1,
        )
        np.testing.assert_allclose(table[k, 0], values[1], atol=1e-14)
        np.testing.assert_allclose(table[k, 1] / h, (values[2] - values[0]) / (2 * shift), atol=1e-5)
        second = (values[2] - 2 * values[1] + values[0]) / shift**2
        np.testing.assert_allclose(table[k, 2] / h**2, second, atol=1e-4)


@pytest.mark.parametrize("tolerance", [0.0, 1e-6, 1e-3])
def test_rotation_keeps_the_length_of_every_radial_vector_that_occurs(tolerance: float) -> None:
    rotation = find_rotation(BASIS, 1.5, tolerance)
    assert isinstance(rotation, Rotation)
    assert np.all(rotation.kept <= BASIS.n_max)
    weight = cutoff_function(r := np.linspace(1.5, 4.0, 60), 4.0, 0.5)[:, None]
    largest = np.max(np.linalg.norm(BASIS.radial(r)[:, 0], axis=1))
    for l, matrix in enumerate(rotation.matrices):
        np.testing.assert_allclose(matrix.T @ matrix, np.eye(matrix.shape[1]), atol=1e-12)
        full = BASIS.radial(r)[:, l] * weight
        lost = np.linalg.norm(full - full @ matrix @ matrix.T, axis=1)
        assert np.max(lost) <= 30.0 * tolerance * largest + 1e-13


def test_a_looser_tolerance_keeps_less() -> None:
    kept = [find_rotation(BASIS, 1.5, tolerance).kept.sum() for tolerance in (0.0, 1e-8, 1e-5, 1e-2)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == 30 > kept[-1]


def test_cutoff_function_falls_smoothly_from_one_to_zero() -> None:
    values = cutoff_function(np.array([0.0, 3.0, 3.5, 4.0, 5.0]), 4.0, 1.0)
    np.testing.assert_allclose(values, [1.0, 1.0, 0.5, 0.0, 0.0], atol=1e-15)


def test_vector_layout_runs_over_pairs_of_channels_with_l_fastest() -> None:
    a, b, l = vector_layout(2, 2, 1)
    assert len(a) == 2 * 10
    assert [tuple(row) for row in np.array([a, b, l]).T[:6].tolist()] == [
        (0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1)
    ]  # fmt: skip
    assert np.all(a >= b)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"cutoff": 0.0}, "cutoff must be positive"),
        ({"atom_sigma": -0.5}, "atom_sigma must be positive"),
        ({"cutoff_transition_width": 5.0}, r"width 5.0 exceeds its cutoff"),
        ({"n_max": 0}, "1 <= n_max"),
        ({"l_max": -1}, "l_max"),
    ],
)
def test_senseless_bases_are_refused(choices: dict[str, float], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        SoapBasis(**{"cutoff": 4.0, "n_max": 4, "l_max": 3, **choices})  # type: ignore[arg-type]
