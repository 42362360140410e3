"""Collective forces: fields are dual to their variables, divergences are right, averages are dF/ds."""

import numpy as np
import pytest
from ase import Atoms, units
from wells import Pair, pair

from gapsample.errors import InputError
from gapsample.free_energy.collective_force import (
    AngleField,
    CustomField,
    DistanceField,
    TorsionField,
    collective_gradient,
    fragment_beyond,
)
from gapsample.free_energy.variables import Angle, Distance, Torsion, evaluate_all

FIELDS = (
    TorsionField(Torsion(0, 1, 2, 3), (3, 5)),
    TorsionField(Torsion(0, 1, 2, 3), (0, 4)),
    DistanceField(Distance(0, 1), (1, 3, 4)),
    DistanceField(Distance(0, 1), (0, 2)),
    AngleField(Angle(0, 1, 2), (2, 5)),
    AngleField(Angle(0, 1, 2), (0, 3, 4)),
)


def molecule(seed=1):
    return Atoms("C6", np.random.default_rng(seed).normal(size=(6, 3)) * 1.5)


def variable_of(field):
    return next(getattr(field, name) for name in ("torsion", "distance", "angle") if hasattr(field, name))


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_changes_its_variable_at_rate_one_and_its_divergence_is_the_trace(field):
    atoms = molecule()
    v, divergence = field.evaluate(atoms)
    _, gradient = variable_of(field).evaluate(atoms)
    assert np.sum(v * gradient) == pytest.approx(1.0, abs=1e-10)
    trace, step = 0.0, 1e-5
    for index in np.ndindex(v.shape):
        ends = []
        for sign in (1.0, -1.0):
            moved = atoms.copy()
            moved.positions[index] += sign * step
            ends.append(field.evaluate(moved)[0][index])
        trace += (ends[0] - ends[1]) / (2.0 * step)
    assert trace == pytest.approx(divergence, abs=1e-7)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_is_the_same_across_periodic_images(field):
    atoms = molecule()
    atoms.set_cell(np.eye(3) * 20.0)
    atoms.pbc = True
    moved = atoms.copy()
    moved.positions[[1, 3]] += [20.0, -40.0, 0.0]
    for here, there in zip(field.evaluate(atoms), field.evaluate(moved), strict=True):
        np.testing.assert_allclose(there, here, atol=1e-10)


def test_the_average_at_fixed_distance_is_the_slope_of_the_free_energy():
    atoms, potential, temperature = pair(1.7), Pair(), 300.0
    variable = Distance(0, 1)
    field = DistanceField(variable, (1,))
    _, gradients = evaluate_all((variable,), atoms)
    forces = potential.evaluate(atoms).forces
    (slope,) = collective_gradient((field,), atoms, forces, gradients, units.kB * temperature)
    assert slope == pytest.approx(potential.slope(1.7, temperature))


def test_torsions_along_a_chain_decouple_and_a_poor_choice_of_fragments_is_refused():
    chain = Atoms("C5", [(0, 0, 0), (1.5, 0.2, 0), (2.1, 1.5, 0.3), (3.6, 1.6, 0.9), (4.1, 3.0, 1.6)])
    first, second = Torsion(0, 1, 2, 3), Torsion(1, 2, 3, 4)
    _, gradients = evaluate_all((first, second), chain)
    forces = np.random.default_rng(0).normal(size=(5, 3))
    good = (TorsionField.of(first, chain), TorsionField.of(second, chain))
    assert [field.fragment for field in good] == [(2, 3, 4), (3, 4)]
    assert collective_gradient(good, chain, forces, gradients, 0.025).shape == (2,)
    poor = (TorsionField(first, (3,)), TorsionField(second, (4,)))
    with pytest.raises(InputError, match="at rates"):
        collective_gradient(poor, chain, forces, gradients, 0.025)


def test_your_own_field_answers_to_the_same_check():
    atoms = pair(2.0)
    _, gradients = evaluate_all((Distance(0, 1),), atoms)
    halves = CustomField(lambda atoms: (np.array([(-0.5, 0, 0), (0.5, 0, 0)]), 1.0))
    assert collective_gradient((halves,), atoms, np.zeros((2, 3)), gradients, 0.1) == pytest.approx(-0.1)
    with pytest.raises(InputError, match="at rates"):
        collective_gradient(
            (CustomField(lambda atoms: (np.ones((2, 3)), 0.0)),), atoms, np.zeros((2, 3)), gradients, 0.1
        )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: TorsionField(Torsion(0, 1, 2, 3), (0, 3)),
        lambda: TorsionField(Torsion(0, 1, 2, 3), (4,)),
        lambda: DistanceField(Distance(0, 1), (0, 1)),
        lambda: AngleField(Angle(0, 1, 2), (1, 2)),
        lambda: fragment_beyond(Atoms("C2", [(0, 0, 0), (9, 0, 0)]), 0, 1),
        lambda: fragment_beyond(Atoms("C3", [(0, 0, 0), (1.5, 0, 0), (0.7, 1.3, 0)]), 0, 1),
    ],
)
def test_fragments_that_cannot_move_a_variable_are_refused(wrong):
    with pytest.raises(InputError):
        wrong()


def test_alanine_is_left_handed_and_its_torsions_decouple():
    alanine = pytest.importorskip("alanine")
    for phi, psi in ((-78.0, 57.0), (62.0, -42.0), (179.0, -179.0)):
        atoms, potential, *torsions, fields = alanine.alanine_dipeptide(phi, psi)
        assert alanine.handedness(atoms) > 2.0
        atoms.rattle(0.05, seed=1)
        s, gradients = evaluate_all(torsions, atoms)
        np.testing.assert_allclose(np.cos(s - np.radians([phi, psi])), 1.0, atol=0.1)
        rates = np.einsum("anx,bnx->ab", [field.evaluate(atoms)[0] for field in fields], gradients)
        np.testing.assert_allclose(rates, np.eye(2), atol=1e-9)
        forces = potential.evaluate(atoms).forces
        torque = collective_gradient(fields, atoms, forces, gradients, 0.025)
        for a, (torsion, field) in enumerate(zip(torsions, fields, strict=True)):
            fragment, axis = list(field.fragment), (torsion.j, torsion.k)
            ends = []
            for angle in (1e-4, -1e-4):
                moved = atoms.copy()
                rigid = atoms[fragment]
                rigid.rotate(
                    np.degrees(angle),
                    atoms.positions[axis[1]] - atoms.positions[axis[0]],
                    center=atoms.positions[axis[1]],
                )
                moved.positions[fragment] = rigid.positions
                ends.append(potential.evaluate(moved, forces=False).energy)
            assert torque[a] == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-5)


def test_the_mirror_image_of_alanine_is_told_apart():
    alanine = pytest.importorskip("alanine")
    atoms = alanine.geometry(-78.0, 57.0)
    atoms.positions[:, 2] *= -1.0
    assert alanine.handedness(atoms) < -2.0
