"""Average kernels and maps: what two configurations share, and that a map keeps distances."""

from __future__ import annotations

import numpy as np
import pytest

from gapsample.descriptors.environment import Environments, average_kernel, distances, embed
from gapsample.errors import InputError


def some(n: int, seed: int, dimension: int = 6, numbers: tuple[int, ...] = (14,)) -> Environments:
    rng = np.random.default_rng(seed)
    spectra = rng.random((n, dimension))
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    return Environments(spectra, rng.choice(numbers, n))


def test_a_configuration_is_like_itself_its_supercell_and_its_renumbering() -> None:
    one = some(5, 0, numbers=(14, 6))
    order = np.random.default_rng(1).permutation(10)
    double = Environments(np.tile(one.spectra, (2, 1))[order], np.tile(one.numbers, 2)[order])
    np.testing.assert_allclose(average_kernel([one], [one, double]), 1.0, atol=1e-12)


def test_kernels_are_symmetric_positive_and_at_most_one() -> None:
    kernel = average_kernel([some(n, n, numbers=(14, 6, 8)) for n in range(1, 12)], zeta=4.0)
    np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)
    np.testing.assert_allclose(np.diagonal(kernel), 1.0, atol=1e-12)
    assert (kernel <= 1.0 + 1e-12).all()
    assert np.linalg.eigvalsh(kernel).min() > -1e-12


def test_the_kernel_of_exponent_one_is_that_of_mean_spectra() -> None:
    a, b = some(4, 0), some(7, 1)
    first, second = (each.spectra.mean(axis=0) for each in (a, b))
    exact = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert average_kernel([a], [b], zeta=1.0)[0, 0] == pytest.approx(exact)


def test_unlike_species_have_nothing_in_common() -> None:
    one = some(3, 0)
    assert average_kernel([one], [Environments(one.spectra, np.array([6, 6, 6]))])[0, 0] == 0.0


def test_a_map_of_points_in_the_plane_is_those_points() -> None:
    places = np.random.default_rng(0).normal(size=(30, 2)) * [3.0, 1.0]
    kernel = places @ places.T
    drawn, share = embed(kernel)
    apart = np.linalg.norm(drawn[:, None] - drawn, axis=2)
    np.testing.assert_allclose(apart, distances(kernel), atol=1e-6)
    assert share.sum() == pytest.approx(1.0)
    assert share[0] > share[1]


def test_equal_configurations_have_a_map_of_one_point() -> None:
    drawn, share = embed(np.ones((4, 4)))
    np.testing.assert_allclose(drawn, 0.0, atol=1e-7)
    assert (share >= 0.0).all()


def test_impossible_questions_are_refused() -> None:
    with pytest.raises(InputError, match="one spectrum for each"):
        Environments(np.ones((3, 2)), np.array([14, 14]))
    with pytest.raises(InputError, match="one or more configurations"):
        average_kernel([])
    with pytest.raises(InputError, match="square kernel"):
        embed(np.ones((3, 4)))
