"""Runs reweighted to other states and to other potentials that the data allow."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
from exact import Power, TwoWells

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.model_error import model_error
from gapsample.nested.reweighting import reweighted, shifted_values

RNG = np.random.default_rng


def sampled(problem, lowest, **observables):
    settings = nested.Settings(n_live=400, n_cull=4)
    points = nested.run(problem, settings, seed=3, lowest_kT=lowest).points
    return replace(
        points, observables={**points.observables, **{k: f(points) for k, f in observables.items()}}
    )


@pytest.fixture(scope="module")
def spring():
    """Energies of a harmonic well of four dimensions."""
    return sampled(Power(2.0, 60.0), 0.3)


@pytest.fixture(scope="module")
def wells():
    return sampled(TwoWells(3.0, 8.0, offset=1.0, mass=200.0), 0.05)


def softer(points, stiffness):
    return points.value[:, None] * (np.asarray(stiffness) - 1.0)


def test_draws_of_a_spring_constant_give_the_exact_partition_functions(spring):
    stiffness, t = RNG(1).normal(1.0, 0.1, 12), np.array([0.5, 1.0, 2.0])
    found = model_error(spring, t, "log_Z", rng=RNG(0), draws=softer(spring, stiffness))
    exact = np.array([Power(2.0, 60.0 * c).log_Z(t) for c in stiffness])
    at_once = found.curve.value - Power(2.0, 60.0).log_Z(t)  # statistical error, the same for all draws
    np.testing.assert_allclose(found.of_draws - at_once, exact, atol=0.02)
    assert found.believable.all()
    np.testing.assert_allclose(found.model_err, exact.std(axis=0, ddof=1), rtol=0.1)


def test_draws_of_a_spring_constant_leave_equipartition_alone(spring):
    stiffness = RNG(1).normal(1.0, 0.1, 12)
    found = model_error(spring, [1.0], "energy", rng=RNG(0), draws=softer(spring, stiffness))
    assert (abs(found.of_draws - 2.0) < 4 * found.curve.err).all()
    assert found.model_err < found.curve.err


def test_observables_follow_the_draw(spring):
    squares = replace(spring, observables={"square": 2.0 * spring.value})
    stiffness = np.array([0.8, 1.25])
    found = model_error(squares, [1.0], "square", rng=RNG(0), draws=softer(spring, stiffness))
    ratio = found.of_draws[:, 0] / found.curve.value[0]
    np.testing.assert_allclose(ratio, 1.0 / stiffness, rtol=0.02)
    function = model_error(
        squares, [1.0], lambda curves: curves.means["square"], rng=RNG(0), draws=softer(spring, stiffness)
    )
    np.testing.assert_array_equal(function.of_draws, found.of_draws)


def test_a_transition_moves_with_the_offset_between_its_phases(wells):
    shift = RNG(2).normal(0.0, 0.1, 16)
    draws = wells.observables["wide"][:, None] * shift
    t = np.linspace(0.1, 0.35, 101)
    (transition,) = model_error(wells, t, rng=RNG(0), draws=draws).transitions
    places = []
    fine = np.linspace(0.1, 0.35, 5001)
    for s in shift:
        heat = TwoWells(3.0, 8.0, offset=1.0 + s, mass=200.0).heat_capacity(fine)
        places.append(fine[np.argmax(heat)])
    assert transition.n_lost == 0
    together = transition.temperatures - np.mean(transition.temperatures)
    np.testing.assert_allclose(together, places - np.mean(places), atol=2 * transition.peak.temperature_err)
    assert transition.model_err == pytest.approx(np.std(places, ddof=1), rel=0.15)
    assert transition.model_err > 2 * transition.peak.temperature_err


def test_draws_that_agree_have_no_model_error(wells):
    found = model_error(wells, [0.2, 0.3], rng=RNG(0), draws=np.zeros((len(wells), 4)))
    np.testing.assert_array_equal(found.model_err, 0.0)
    np.testing.assert_array_equal(found.of_draws, np.tile(found.curve.value, (4, 1)))


def test_a_constant_shift_of_all_energies_is_no_model_error(wells):
    draws = np.tile([0.5, -3.0, 2.0], (len(wells), 1))
    found = model_error(wells, [0.2, 0.3], rng=RNG(0), draws=draws)
    np.testing.assert_allclose(found.model_err, 0.0, atol=1e-6 * found.curve.value.max())


def test_the_farther_a_draw_the_fewer_points_speak_for_it(spring, caplog):
    stiffness = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 64.0])
    with caplog.at_level(logging.WARNING):
        found = model_error(spring, [5.0], "energy", rng=RNG(0), draws=softer(spring, stiffness))
    lame = RNG(5).normal(size=(len(spring), 1)) * np.array([0.0, 5.0, 10.0, 20.0, 40.0, 80.0])
    noisy = model_error(spring, [5.0], "energy", rng=RNG(0), draws=lame)
    assert (np.diff(noisy.effective_size[:, 0]) < 0).all()
    assert not noisy.believable[-1, 0]
    assert noisy.effective_size[-1, 0] < 0.05 * found.effective_size[0, 0]


def test_what_must_not_be_believed_is_said_and_no_number(spring, caplog):
    lame = 100.0 * RNG(5).normal(size=(len(spring), 4))
    with caplog.at_level(logging.WARNING):
        found = model_error(spring, [0.5], "energy", rng=RNG(0), draws=lame)
    assert not found.believable.any()
    assert np.isnan(found.model_err).all()
    assert "effective size" in caplog.text


def test_points_in_the_hard_core_are_alike_for_all_draws(spring):
    far = replace(spring, value=np.where(np.arange(len(spring)) < 5, 2e6, spring.value))
    far = replace(far, birth=np.full(len(far), np.inf))
    draws = np.zeros((len(far), 3))
    draws[:5] = np.nan
    assert np.isfinite(model_error(far, [1.0], "energy", rng=RNG(0), draws=draws).of_draws).all()
    draws[5] = np.nan
    with pytest.raises(InputError, match="not finite for 1 points"):
        model_error(far, [1.0], "energy", rng=RNG(0), draws=draws)


def test_without_draws_it_is_said_how_to_get_them(spring):
    with pytest.raises(InputError, match="PredictedError"):
        model_error(spring, [1.0], rng=RNG(0))
    with pytest.raises(InputError, match="no quantity 'heat'"):
        model_error(spring, [1.0], "heat", rng=RNG(0), draws=np.zeros((len(spring), 2)))


PRESSURE = 2.0


@pytest.fixture(scope="module")
def ideal_gas():
    """Four atoms in the prior V^4: enthalpies P V, values of volumes up to 60."""
    return sampled(Power(5.0, 60.0 * PRESSURE), 0.3, volume=lambda points: points.value / PRESSURE)


@pytest.mark.parametrize("change", [-1.0, -0.3, 0.5, 2.0])
def test_an_ideal_gas_read_at_another_pressure_is_the_gas_sampled_there(ideal_gas, change):
    found = reweighted(ideal_gas, [2.0], rng=RNG(0), pressure_change=change)
    exact = Power(5.0, 60.0 * (PRESSURE + change))
    volume = found.curves.means["volume"]
    assert found.believable.all()
    assert abs(found.curves.log_Z.value - exact.log_Z(2.0)) < 4 * found.curves.log_Z.err
    assert abs(volume.value - exact.energy(2.0) / (PRESSURE + change)) < 4 * volume.err


def test_the_farther_the_pressure_the_fewer_points_speak_for_it(wells):
    volumes = replace(wells, observables={"volume": RNG(0).normal(10.0, 1.0, len(wells))})
    sizes = [
        reweighted(volumes, [0.2], rng=RNG(0), pressure_change=change).curves.effective_size[0]
        for change in (0.0, 0.1, 0.2, 0.4, 0.8)
    ]
    assert (np.diff(sizes) < 0).all()
    assert not reweighted(volumes, [0.2], rng=RNG(0), pressure_change=0.8).believable.all()


def test_chemical_potentials_weigh_numbers_of_atoms(wells):
    counted = replace(wells, observables={"n_Si": 3.0 * wells.observables["wide"]})
    values = shifted_values(counted, potential_changes={"Si": 0.1})
    np.testing.assert_allclose(values, wells.value - 0.3 * wells.observables["wide"])
    found = reweighted(counted, [0.19], rng=RNG(0), potential_changes={"Si": 0.1})
    share = found.curves.means["n_Si"]
    exact = TwoWells(3.0, 8.0, offset=0.7, mass=200.0).share_of_wide(0.19)
    assert abs(share.value / 3.0 - exact) < 4 * share.err / 3.0


def test_what_was_not_observed_cannot_be_reweighted(wells):
    with pytest.raises(InputError, match="'volume'"):
        reweighted(wells, [0.2], rng=RNG(0), pressure_change=0.1)
    with pytest.raises(InputError, match="'n_Cu'"):
        shifted_values(wells, potential_changes={"Cu": 0.1})
