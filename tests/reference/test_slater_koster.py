"""Two-centre couplings: seen from both ends, turned in space, and their gradient."""

import numpy as np
from scipy.spatial.transform import Rotation

from gapsample.reference.slater_koster import blocks, contracted

RNG = np.random.default_rng(0)
AMPLITUDES = RNG.normal(size=(20, 5))
DIRECTIONS = RNG.normal(size=(20, 3))
DIRECTIONS /= np.linalg.norm(DIRECTIONS, axis=1)[:, None]
ORDERS = RNG.normal(size=(20, 4, 4))


def test_both_ends_of_a_bond_see_the_same_couplings() -> None:
    turned = AMPLITUDES[:, [0, 2, 1, 3, 4]]
    np.testing.assert_allclose(
        blocks(-DIRECTIONS, turned), blocks(DIRECTIONS, AMPLITUDES).transpose(0, 2, 1), atol=1e-14
    )


def test_couplings_turn_with_their_orbitals() -> None:
    R = Rotation.random(random_state=1).as_matrix()
    orbitals = np.eye(4)
    orbitals[1:, 1:] = R
    np.testing.assert_allclose(
        blocks(DIRECTIONS @ R.T, AMPLITUDES),
        orbitals @ blocks(DIRECTIONS, AMPLITUDES) @ orbitals.T,
        atol=1e-14,
    )


def test_a_bond_along_z_couples_sigma_with_sigma_and_pi_with_pi() -> None:
    (found,) = blocks(np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]))
    np.testing.assert_array_equal(found, [[1, 0, 0, 2], [0, 5, 0, 0], [0, 0, 5, 0], [-3, 0, 0, 4]])


def test_gradient_of_a_contraction_is_its_slope() -> None:
    values, gradients = contracted(DIRECTIONS, AMPLITUDES, ORDERS)
    np.testing.assert_allclose(
        values, np.sum(blocks(DIRECTIONS, AMPLITUDES) * ORDERS, axis=(1, 2)), atol=1e-13
    )
    for a in range(3):
        step = np.zeros(3)
        step[a] = 1e-3
        up = contracted(DIRECTIONS + step, AMPLITUDES, ORDERS)[0]
        down = contracted(DIRECTIONS - step, AMPLITUDES, ORDERS)[0]
        np.testing.assert_allclose((up - down) / 2e-3, gradients[:, a], atol=1e-10)
