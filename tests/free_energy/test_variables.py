"""Collective variables: gradients are derivatives, nothing depends on the frame, singular points speak up."""

import pickle

import numpy as np
import pytest
from ase import Atoms
from contracts.motions import displaced, shuffled, turned

from gapsample.compiled.collective_variables import rational_switch
from gapsample.errors import InputError
from gapsample.free_energy.variables import (
    RMSD,
    Angle,
    Coordination,
    Custom,
    Distance,
    Linear,
    Singularity,
    Torsion,
    Variable,
    evaluate_all,
    periods_of,
    shortest,
)

RNG = np.random.default_rng(5)
REFERENCE = RNG.normal(size=(5, 3)) * 2.0
TURN = 2.0 * np.pi


def spread(atoms):
    """Sum of squares about the origin, as a user might write it."""
    return float(np.sum(atoms.positions**2)), 2.0 * atoms.positions


VARIABLES = (
    Distance(1, 4),
    Angle(0, 3, 6),
    Torsion(5, 2, 7, 1),
    Coordination((0, 1, 2), (3, 4, 5, 6), r0=2.0),
    Coordination((0, 1, 2, 3), None, r0=1.5, d0=0.3, n=5, m=9),
    RMSD((0, 2, 4, 6, 7), REFERENCE),
    RMSD((0, 2, 4, 6, 7), REFERENCE, np.array([1.0, 12.0, 14.0, 16.0, 1.0])),
    Linear((Distance(0, 1), Angle(2, 3, 4)), (1.5, -2.0), offset=0.3),
    Linear((Torsion(0, 1, 2, 3), Torsion(1, 2, 3, 4)), (1.0, -2.0), period=TURN),
)


def molecule(seed=0):
    return Atoms("C8", np.random.default_rng(seed).normal(size=(8, 3)) * 2.0)


def crystal(seed=0, pbc=True):
    atoms = molecule(seed)
    atoms.set_cell([[5.0, 0.0, 0.0], [4.4, 4.5, 0.0], [-3.0, 2.0, 6.0]])
    atoms.pbc = pbc
    return atoms


def by_differences(variable, atoms, step=1e-5):
    gradient = np.zeros((len(atoms), 3))
    for index in np.ndindex(gradient.shape):
        ends = []
        for sign in (1.0, -1.0):
            moved = atoms.copy()
            moved.positions[index] += sign * step
            ends.append(variable.evaluate(moved)[0])
        gradient[index] = shortest([ends[0] - ends[1]], (variable.period,))[0] / (2.0 * step)
    return gradient


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("surroundings", [molecule, crystal], ids=["vacuum", "crystal"])
def test_the_gradient_is_the_derivative_of_the_value(variable, surroundings):
    atoms = surroundings(seed=3)
    before = atoms.copy()
    value, gradient = variable.evaluate(atoms)
    assert isinstance(value, float)
    np.testing.assert_allclose(gradient, by_differences(variable, atoms), atol=1e-7)
    assert atoms == before
    assert isinstance(variable, Variable)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda v: type(v).__name__)
def test_shifts_and_turns_change_no_value_and_turn_the_gradient(variable):
    atoms = molecule(seed=2)
    value, gradient = variable.evaluate(atoms)
    moved, R = turned(displaced(atoms, np.array([3.0, -1.0, 0.5])))
    there, slope = variable.evaluate(moved)
    assert there == pytest.approx(value, abs=1e-10)
    np.testing.assert_allclose(slope, gradient @ R, atol=1e-9)
    np.testing.assert_allclose(gradient.sum(axis=0), 0.0, atol=1e-11)


def test_a_mirror_turns_the_sign_of_a_torsion_and_changes_an_rmsd():
    atoms = molecule(seed=2)
    image = atoms.copy()
    image.positions[:, 0] *= -1.0
    assert Torsion(0, 1, 2, 3).evaluate(image)[0] == pytest.approx(-Torsion(0, 1, 2, 3).evaluate(atoms)[0])
    assert RMSD((0, 1, 2, 3), atoms.positions[:4]).evaluate(image)[0] > 0.1


def test_torsions_agree_with_ase():
    atoms = molecule(seed=8)
    degrees = np.degrees(Torsion(4, 1, 6, 2).evaluate(atoms)[0]) % 360.0
    assert degrees == pytest.approx(atoms.get_dihedral(4, 1, 6, 2))
    assert np.degrees(Angle(4, 1, 6).evaluate(atoms)[0]) == pytest.approx(atoms.get_angle(4, 1, 6))


def test_a_coordination_number_does_not_depend_on_the_order_of_atoms():
    atoms = molecule(seed=8)
    moved, order = shuffled(atoms)
    place = {int(old): new for new, old in enumerate(order)}
    first, second = (0, 1, 2), (4, 5)
    there = Coordination(tuple(place[i] for i in first), tuple(place[i] for i in second), 2.0)
    assert there.evaluate(moved)[0] == pytest.approx(Coordination(first, second, 2.0).evaluate(atoms)[0])


@pytest.mark.parametrize("pbc", [True, (True, False, True), (False, True, False)])
def test_distances_are_those_to_the_nearest_image(pbc):
    atoms = crystal(seed=1, pbc=pbc)
    atoms.positions *= 3.0
    for i in range(1, len(atoms)):
        assert Distance(0, i).evaluate(atoms)[0] == pytest.approx(atoms.get_distance(0, i, mic=True))


def test_atoms_put_into_other_images_change_nothing():
    atoms = crystal(seed=4)
    moved = atoms.copy()
    moved.positions += np.random.default_rng(0).integers(-2, 3, size=(8, 3)) @ atoms.cell.array
    for variable in (VARIABLES[0], VARIABLES[1], VARIABLES[2], VARIABLES[3], VARIABLES[4]):
        here, there = variable.evaluate(atoms), variable.evaluate(moved)
        assert there[0] == pytest.approx(here[0], abs=1e-9)
        np.testing.assert_allclose(there[1], here[1], atol=1e-8)


def test_the_rational_switch_is_smooth_at_one():
    x = 1.0 + np.linspace(-1e-3, 1e-3, 201)
    for n, m in ((6, 12), (5, 9)):
        values, slopes = np.array([rational_switch(float(t), n, m) for t in x]).T
        assert rational_switch(1.0, n, m)[0] == pytest.approx(n / m)
        np.testing.assert_allclose(np.diff(values), 0.5 * (slopes[1:] + slopes[:-1]) * 1e-5, rtol=1e-7)


def test_an_rmsd_is_zero_only_at_the_reference_however_turned():
    atoms = Atoms("C5", REFERENCE)
    moved, _ = turned(displaced(atoms, np.array([1.0, 2.0, 3.0])))
    with pytest.raises(Singularity, match="reference itself"):
        RMSD((0, 1, 2, 3, 4), REFERENCE).evaluate(moved)
    moved.positions[0, 0] += 1e-3
    value, gradient = RMSD((0, 1, 2, 3, 4), REFERENCE).evaluate(moved)
    assert 0.0 < value < 1e-3
    assert np.all(np.isfinite(gradient))


def test_an_rmsd_with_two_best_rotations_is_refused():
    square = np.array([(1.0, 0, 0), (0, 1.0, 0), (-1.0, 0, 0), (0, -1.0, 0)])
    line = Atoms("C4", [(1.0, 0, 0), (1.0, 0, 0), (-1.0, 0, 0), (-1.0, 0, 0)])
    with pytest.raises(Singularity, match="two rotations"):
        RMSD((0, 1, 2, 3), square).evaluate(line)


@pytest.mark.parametrize(
    ("variable", "positions"),
    [
        (Distance(0, 1), [(0, 0, 0), (0, 0, 0)]),
        (Angle(0, 1, 2), [(-1, 0, 0), (0, 0, 0), (2, 0, 0)]),
        (Angle(0, 1, 2), [(1, 0, 0), (0, 0, 0), (2, 0, 0)]),
        (Torsion(0, 1, 2, 3), [(-1, 0, 0), (0, 0, 0), (1, 0, 0), (1, 1, 0)]),
    ],
)
def test_a_singular_point_is_an_error_that_carries_the_value(variable, positions):
    with pytest.raises(Singularity) as caught:
        variable.evaluate(Atoms("C" * len(positions), positions))
    assert caught.value.variable == variable
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


def test_broken_positions_are_named():
    atoms = molecule()
    atoms.positions[3] = np.nan
    for variable in VARIABLES[1:2] + VARIABLES[3:6]:
        with pytest.raises(InputError):
            variable.evaluate(atoms) if variable is not VARIABLES[5] else Torsion(0, 1, 2, 3).evaluate(atoms)
    with pytest.raises(InputError, match=r"atoms \[3\]"):
        Distance(3, 0).evaluate(atoms)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Distance(1, 1),
        lambda: Angle(0, -1, 2),
        lambda: Coordination((0,), (0,), 1.0),
        lambda: Coordination((0,), (1,), -1.0),
        lambda: Coordination((0,), (1,), 1.0, n=6, m=6),
        lambda: RMSD((0, 1), np.zeros((3, 3))),
        lambda: Linear((Torsion(0, 1, 2, 3),), (1.0,)),
        lambda: Linear((Torsion(0, 1, 2, 3),), (0.5,), period=TURN),
        lambda: Linear((), ()),
        lambda: Distance(0, 99).evaluate(molecule()),
        lambda: Custom(lambda atoms: (0.0, np.zeros(3))).evaluate(molecule()),
        lambda: Custom(lambda atoms: (np.nan, atoms.positions)).evaluate(molecule()),
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(InputError):
        wrong()


def test_your_own_function_is_a_variable():
    s, gradients = evaluate_all((Custom(spread), Distance(0, 1)), molecule())
    assert s.shape == (2,)
    np.testing.assert_allclose(gradients[0], by_differences(Custom(spread), molecule()), atol=1e-7)


def test_periodic_differences_take_the_short_way():
    assert periods_of((Torsion(0, 1, 2, 3), Distance(0, 1))) == (pytest.approx(TURN), None)
    np.testing.assert_allclose(shortest([3.0 - -3.0, 6.0], (TURN, None)), [6.0 - TURN, 6.0])
    atoms = molecule(seed=5)
    whole = Linear((Torsion(0, 1, 2, 3),), (1.0,), offset=TURN, period=TURN).evaluate(atoms)[0]
    assert whole == pytest.approx(Torsion(0, 1, 2, 3).evaluate(atoms)[0])
