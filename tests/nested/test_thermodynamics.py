"""Curves over temperature: identities, reweighting, peaks and files."""

import csv

import numpy as np
import pytest
from exact import Power, Terrace, TwoWells

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.export import separate_contours
from gapsample.nested.points import live_numbers
from gapsample.nested.thermodynamics import Curve


@pytest.fixture(scope="module")
def wells():
    return TwoWells(3.0, 8.0, offset=1.0, mass=200.0)


@pytest.fixture(scope="module")
def points(wells):
    return nested.run(wells, nested.Settings(n_live=400, n_cull=4), seed=3, lowest_kT=0.05).points


def curves(points, temperatures, **options):
    return nested.thermodynamics(points, temperatures, rng=np.random.default_rng(7), **options)


def test_heat_capacity_is_the_slope_of_the_energy(points):
    t = np.array([0.199, 0.2, 0.201])
    found = curves(points, t)
    slope = (found.energy.value[2] - found.energy.value[0]) / 0.002
    assert found.heat_capacity.value[1] == pytest.approx(slope, rel=1e-3)


def test_slopes_of_observables_are_slopes(points):
    t = np.array([0.199, 0.2, 0.201])
    found = curves(points, t)
    slope = (found.means["wide"].value[2] - found.means["wide"].value[0]) / 0.002
    assert found.slopes["wide"].value[1] == pytest.approx(slope, rel=1e-3)


def test_energy_is_the_slope_of_the_partition_function(points):
    t = np.array([0.3999, 0.4, 0.4001])
    log_z = curves(points, t).log_Z.value
    slope = 0.4**2 * (log_z[2] - log_z[0]) / 0.0002
    assert curves(points, t).energy.value[1] == pytest.approx(slope, rel=1e-5)


def test_momenta_add_half_a_unit_for_each_degree_of_freedom(points):
    bare, full = curves(points, [0.3]), curves(points, [0.3], degrees_of_freedom=6.0)
    assert full.energy.value - bare.energy.value == pytest.approx(0.9)
    assert full.heat_capacity.value - bare.heat_capacity.value == pytest.approx(3.0)


def test_units_of_temperature_only_change_the_scale(points):
    k = 8.617e-5
    reduced, metric = curves(points, [0.3]), curves(points, [0.3 / k], boltzmann=k)
    assert metric.log_Z.value == pytest.approx(reduced.log_Z.value)
    assert metric.heat_capacity.value == pytest.approx(k * reduced.heat_capacity.value)
    assert metric.entropy.value == pytest.approx(reduced.entropy.value)


def test_constants_added_to_energies_leave_heat_capacity_and_entropy_alone(points):
    plain, shifted = curves(points, [0.3]), curves(points, [0.3], energy=points.value - 1e6)
    assert shifted.heat_capacity.value == pytest.approx(plain.heat_capacity.value, rel=1e-5)
    assert shifted.entropy.value == pytest.approx(plain.entropy.value, abs=1e-8)


def test_reweighting_to_another_energy_agrees_with_its_closed_form():
    points = nested.run(Power(4.0, 60.0), nested.Settings(n_live=400, n_cull=4), seed=2, lowest_kT=0.5).points
    softer = curves(points, [1.0], energy=0.7 * points.value)
    exact = Power(4.0, 42.0)
    assert abs(softer.log_Z.value - exact.log_Z(1.0)) < 4 * softer.log_Z.err
    assert abs(softer.energy.value - exact.energy(1.0)) < 4 * softer.energy.err


def test_a_change_of_prior_is_a_weight():
    points = nested.run(Power(3.0, 60.0), nested.Settings(n_live=400, n_cull=4), seed=2, lowest_kT=0.5).points
    found = curves(points, [1.0], log_weight=np.log(points.value))
    assert abs(found.energy.value - Power(4.0, 60.0).energy(1.0)) < 4 * found.energy.err


def test_effective_size_falls_away_from_where_a_run_has_points(points):
    size = curves(points, [0.001, 0.2, 100.0]).effective_size
    assert size[1] > 200
    assert size[0] < 0.5 * size[1]
    assert (size >= 1.0 - 1e-12).all()


def test_the_peak_of_two_wells_lies_where_they_weigh_the_same(points, wells):
    t = np.linspace(0.1, 0.4, 61)
    (peak,) = nested.peaks(t, curves(points, t).heat_capacity)
    fine = np.linspace(0.1, 0.4, 6001)
    exact = fine[np.argmax(wells.heat_capacity(fine))]
    assert peak.temperature_err < 0.01
    assert abs(peak.temperature - exact) < 4 * peak.temperature_err
    assert abs(peak.height - wells.heat_capacity(exact)) < 4 * peak.height_err


def test_noise_is_no_peak():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(200, 50))
    assert nested.peaks(np.linspace(1, 2, 50), Curve(draws[0], draws)) == []


def test_temperatures_must_be_positive(points):
    with pytest.raises(InputError, match="positive"):
        curves(points, [0.0, 0.1])
    with pytest.raises(InputError, match="one number for each"):
        curves(points, [0.1], energy=np.zeros(3))


def test_separated_contours_give_the_same_live_numbers_without_labels():
    points = nested.run(Terrace(0.1, 0.8), nested.Settings(n_live=30), seed=0, lowest_kT=0.3).points
    likelihood, birth = separate_contours(points)
    assert (np.diff(likelihood) > 0).all()
    assert (birth < likelihood).all()
    alive = [np.sum((birth < contour) & (likelihood >= contour)) for contour in likelihood]
    assert np.array_equal(alive, live_numbers(points))
    assert likelihood == pytest.approx(-points.value, abs=1e-8)


def test_tables_for_anesthetic_hold_every_point(points, tmp_path):
    nested.write_anesthetic(points, tmp_path / "run.csv")
    with (tmp_path / "run.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(points)
    assert float(rows[5]["logL"]) == pytest.approx(-points.value[5])
    assert float(rows[0]["logL_birth"]) == -np.inf
    assert float(rows[7]["wide"]) == points.observables["wide"][7]
