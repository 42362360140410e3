"""Property functions against crystals whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms import Kumagai
from matscipy.calculators.manybody.explicit_forms.kumagai import Kumagai_Comp_Mat_Sci_39_Si
from springs import Springs

from gapsample.errors import InputError
from gapsample.journeys.defects import interpolated, path_length, vacancy_hop, vacancy_migration
from gapsample.journeys.elasticity import cubic_elasticity
from gapsample.journeys.lattice import pressure_free
from gapsample.journeys.phonons import CUBIC_FROM_FCC, fcc_bands, phonons
from gapsample.journeys.relaxation import NotConverged
from gapsample.journeys.thermal_expansion import harmonic_free_energy, thermal_expansion

A, K = 4.0, 2.0
R0 = A / np.sqrt(2.0)


def fcc():
    return bulk("Al", "fcc", a=A, cubic=True).repeat(2)


@pytest.fixture(scope="module")
def silicon():
    calculator = Manybody(**Kumagai(Kumagai_Comp_Mat_Sci_39_Si))
    return pressure_free(bulk("Si", "diamond", a=5.3, cubic=True), calculator), calculator


def test_crystal_of_springs_is_free_of_pressure_where_the_springs_are_at_rest():
    start = fcc()
    start.set_cell(start.cell * 1.03, scale_atoms=True)
    assert pressure_free(start, Springs(K, R0)).cell[0, 0] == pytest.approx(2 * A, abs=1e-5)


def test_lattice_search_says_which_way_the_pressure_went_when_it_finds_no_equilibrium():
    with pytest.raises(InputError, match="change sign"):
        pressure_free(bulk("Al", "fcc", a=1.08 * A, cubic=True), Springs(K, R0), window=0.02)


def test_elastic_constants_of_springs_follow_the_closed_form():
    found = cubic_elasticity(fcc(), Springs(K, R0), strain=1e-3)
    unit = K / A / units.GPa
    assert found.c11 == pytest.approx(2.0 * unit, rel=1e-4)
    assert found.c12 == pytest.approx(unit, rel=1e-4)
    assert found.c44 == pytest.approx(unit, rel=1e-4)
    assert found.bulk_modulus == pytest.approx(4.0 / 3.0 * unit, rel=1e-4)


def test_shear_without_relaxation_is_stiffer_by_the_published_internal_strain(silicon):
    """Kumagai, Izumi, Hara & Sakai, Comput. Mater. Sci. 39, 457 (2007): 166.4, 65.3, 77.1, 120.9 GPa."""
    found = cubic_elasticity(*silicon)
    published = [166.4, 65.3, 77.1, 120.9]
    assert [found.c11, found.c12, found.c44, found.c44_unrelaxed] == pytest.approx(published, abs=0.6)


def test_phonons_of_springs_follow_the_closed_form_at_the_zone_boundary():
    crystal = bulk("Al", "fcc", a=A)
    bands = fcc_bands(phonons(crystal, Springs(K, R0), 2 * CUBIC_FROM_FCC, displacement=1e-3), A)
    at_x = bands.frequencies[np.argmin(np.abs(bands.x - bands.ticks[1][0]))]
    unit = np.sqrt(K / crystal.get_masses()[0]) * units.second * 1e-12 / (2.0 * np.pi)
    assert at_x == pytest.approx(unit * np.sqrt([4.0, 4.0, 8.0]), rel=1e-4)


def test_path_is_continuous_where_it_changes_from_one_zone_to_the_next():
    bands = fcc_bands(phonons(bulk("Al", "fcc", a=A), Springs(K, R0), 2 * CUBIC_FROM_FCC), A)
    joints = np.flatnonzero(np.diff(bands.x) == 0.0)
    assert [name for _, name in bands.ticks] == ["Γ", "X", "K", "Γ", "L"]
    np.testing.assert_allclose(bands.frequencies[joints], bands.frequencies[joints + 1], atol=1e-6)


def test_long_waves_travel_at_the_speed_that_the_elastic_constants_give():
    crystal = bulk("Al", "fcc", a=A)
    q = 1e-3 / A
    slopes = (
        phonons(crystal, Springs(K, R0), 2 * CUBIC_FROM_FCC).frequencies(np.array([[q, 0.0, 0.0]]))[0] / q
    )
    density = crystal.get_masses()[0] / crystal.get_volume()
    speeds = np.sqrt(np.array([1.0, 1.0, 2.0]) * K / A / density) * units.second * 1e-12
    assert slopes == pytest.approx(speeds, rel=1e-3)


def test_entropy_is_minus_the_slope_of_the_free_energy():
    frequencies = np.array([[1.0, 5.0, 12.0], [2.0, 7.0, 30.0]])
    for kelvin in (20.0, 300.0, 2000.0):
        f, _ = harmonic_free_energy(frequencies, np.array([kelvin - 0.01, kelvin + 0.01]))
        _, s = harmonic_free_energy(frequencies, np.array([kelvin]))
        assert s[0] == pytest.approx((f[0] - f[1]) / 0.02, rel=1e-5)


def test_cold_oscillator_keeps_its_zero_point_energy_and_no_entropy():
    f, s = harmonic_free_energy(np.array([[10.0]]), np.array([0.0, 1.0]))
    assert f == pytest.approx(0.5 * 4.135667696e-15 * 1e13, rel=1e-6)
    assert s == pytest.approx(0.0, abs=1e-15)


@pytest.fixture(scope="module")
def expansion():
    return thermal_expansion(
        bulk("Al", "fcc", a=A),
        Springs(K, R0, softening=0.8),
        2 * CUBIC_FROM_FCC,
        scales=np.linspace(0.99, 1.03, 7),
        temperatures=np.arange(0.0, 601.0, 10.0),
        mesh=6,
    )


def test_expansion_coefficient_is_the_slope_of_the_size(expansion):
    slope = np.gradient(np.log(expansion.scale), expansion.temperatures)
    np.testing.assert_allclose(expansion.alpha[2:-2], slope[2:-2], rtol=0.02, atol=2e-8)


def test_softening_springs_expand_and_expansion_vanishes_in_the_cold(expansion):
    assert expansion.alpha[0] == 0.0
    assert np.all(expansion.alpha[5:] > 0.0)
    assert expansion.scale[0] > 1.0


def test_expansion_obeys_grueneisen_in_the_classical_limit(expansion):
    """alpha = gamma k_B n / (3 B V) with n modes in V; gamma from how the springs soften."""
    hot = bulk("Al", "fcc", a=A * expansion.scale[-1])
    log_frequency = []
    for stretch in (0.999, 1.001):
        cell = bulk("Al", "fcc", a=A * expansion.scale[-1] * stretch)
        lattice = phonons(cell, Springs(K, R0, softening=0.8), 2 * CUBIC_FROM_FCC)
        log_frequency.append(np.log(lattice.mesh_frequencies(6)).mean())
    gamma = -(log_frequency[1] - log_frequency[0]) / (3.0 * np.log(1.001 / 0.999))
    modulus = expansion.bulk_modulus[-1] * units.GPa
    classical = gamma * 3.0 * units.kB / (3.0 * modulus * hot.get_volume())
    assert expansion.alpha[-1] == pytest.approx(classical, rel=0.05)


def test_expansion_refuses_volumes_that_do_not_hold_the_minimum():
    with pytest.raises(InputError, match="widen the scales"):
        thermal_expansion(
            bulk("Al", "fcc", a=A),
            Springs(K, R0, softening=0.8),
            2 * CUBIC_FROM_FCC,
            scales=np.linspace(0.97, 0.98, 5),
            temperatures=np.array([300.0]),
            mesh=4,
        )


def test_vacancy_of_a_pair_potential_costs_its_cohesive_energy_before_relaxation():
    calculator = LennardJones(sigma=2.5, epsilon=0.1, rc=4.5, smooth=True)
    crystal = pressure_free(bulk("Ar", "fcc", a=3.9, cubic=True).repeat(3), calculator)
    found = vacancy_migration(crystal, calculator, n_images=5)
    per_atom = crystal.get_potential_energy() / len(crystal)
    assert found.formation_unrelaxed == pytest.approx(-per_atom, rel=1e-9)
    assert 0.0 < found.formation < found.formation_unrelaxed
    assert 0.0 < found.barrier < found.formation
    assert found.energies[-1] == pytest.approx(0.0, abs=1e-4)
    assert found.energies[2] == found.barrier


def test_hop_moves_one_atom_by_one_neighbor_distance_into_the_hole():
    crystal = fcc()
    before, after = vacancy_hop(crystal, 5)
    moved = np.linalg.norm(after.positions - before.positions, axis=1)
    assert len(before) == len(crystal) - 1
    assert np.count_nonzero(moved) == 1
    assert moved.max() == pytest.approx(R0)
    assert path_length(interpolated(before, after, 5)) == pytest.approx(R0 * np.linspace(0.0, 1.0, 5))


def test_path_without_a_middle_is_refused():
    with pytest.raises(InputError, match="odd number"):
        vacancy_migration(fcc(), Springs(K, R0), n_images=4)


def test_relaxation_that_runs_out_of_steps_is_an_error(silicon):
    crystal, calculator = silicon
    with pytest.raises(NotConverged, match="within 1 steps"):
        vacancy_migration(crystal, calculator, max_steps=1)
