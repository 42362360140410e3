"""Lennard-Jones clusters against quadrature and parallel tempering."""

import numpy as np
import pytest
from calibration import check_calibrated

from gapsample import nested

LJ = nested.LennardJones()
LJ7_TEMPERATURES = np.array([0.1172, 0.19, 0.28, 0.303, 0.328, 0.348, 0.4])
LJ7 = np.array([3.467, 4.40, 8.10, 13.8, 20.5, 16.5, 4.67])  # C/N, parallel tempering, 2e8 trials
LJ7_ERR = np.array([0.019, 0.02, 0.05, 0.1, 0.1, 0.1, 0.03])


def cluster(n):
    return nested.PairBox(n, (108.0 * n) ** (1 / 3), LJ)


def dimer_by_quadrature(edge, t):
    """log Z, U and C of two atoms in a cube at least twice the cutoff wide."""
    r = np.linspace(0.3, LJ.cutoff, 400_001)
    s6 = r**-6.0
    energy = 4 * (s6 * s6 - s6) - 4 * (LJ.cutoff**-12 - LJ.cutoff**-6)
    shell = 4 * np.pi * r**2 / edge**3
    weight = shell * np.exp(-energy / t)
    moments = [np.trapezoid(weight * energy**k, r) for k in range(3)]
    z = moments[0] + 1.0 - 4 / 3 * np.pi * LJ.cutoff**3 / edge**3
    u = moments[1] / z
    return [np.log(z), u, (moments[2] / z - u * u) / t**2]


def test_quadrature_gives_the_published_numbers():
    assert dimer_by_quadrature(6.0, 0.2) == pytest.approx([1.11784, -0.56859, 4.28112], abs=2e-5)


@pytest.mark.parametrize(
    ("edge", "t", "widest"), [(6.0, 0.2, (0.15, 0.06, 0.5)), (12.599, 0.2, (0.06, 0.05, 0.9))]
)
def test_a_dimer_comes_out_inside_honest_error_bars_however_wide_its_plateau(edge, t, widest):
    box = nested.PairBox(2, edge, LJ)
    settings = nested.Settings(n_live=200, n_cull=8, walk_length=40, shortest_walk=20)

    def of(seed):
        points = nested.run(box, settings, seed=seed, lowest_kT=0.1).points
        found = nested.thermodynamics(points, t, rng=np.random.default_rng(seed), n_draws=60)
        curves = (found.log_Z, found.energy, found.heat_capacity)
        return tuple([getattr(c, part)[0] for c in curves] for part in ("value", "err"))

    check_calibrated(of, dimer_by_quadrature(edge, t), np.array(widest))


def heat_capacities(points, n, temperatures=LJ7_TEMPERATURES):
    found = nested.thermodynamics(
        points, temperatures, rng=np.random.default_rng(0), degrees_of_freedom=3 * n
    )
    return found.heat_capacity.value / n, found.heat_capacity.err / n


def test_seven_atoms_have_the_heat_capacity_of_parallel_tempering():
    settings = nested.Settings(n_live=400, n_cull=10)
    runs = [nested.run(cluster(7), settings, seed=0, number=i, lowest_kT=0.1) for i in range(2)]
    assert all(run.finished.reason.name == "CONVERGED" for run in runs)
    assert all(nested.memory(run.points).correlation < 0.05 for run in runs)
    merged = nested.merge([run.points for run in runs])
    value, err = heat_capacities(merged, 7)
    assert (err < [0.15, 0.2, 0.7, 1.2, 1.2, 1.2, 0.4]).all()
    assert (abs(value - LJ7) < 3.5 * np.hypot(err, LJ7_ERR)).all()


@pytest.mark.slow
def test_the_peak_of_seven_atoms_stands_where_parallel_tempering_has_it():
    settings = nested.Settings(n_live=4000, n_cull=40)
    points = nested.run(cluster(7), settings, seed=0, lowest_kT=0.1).points
    assert points.value.min() < -16.505 + 0.35  # unshifted minimum, plus the shift of 21 pairs
    value, err = heat_capacities(points, 7)
    assert (abs(value - LJ7) < 3.5 * np.hypot(err, LJ7_ERR)).all()
    grid = np.linspace(0.25, 0.45, 101)
    found = nested.thermodynamics(points, grid, rng=np.random.default_rng(0), degrees_of_freedom=21)
    (peak,) = nested.peaks(grid, found.heat_capacity)
    assert peak.temperature_err < 0.002
    assert abs(peak.temperature - 0.329) < 0.003
    assert abs(peak.height / 7 - 20.5) < 3 * peak.height_err / 7 + 0.3


@pytest.mark.slow
def test_thirteen_atoms_melt_and_evaporate_where_parallel_tempering_says():
    points = nested.run(cluster(13), nested.Settings(n_live=1500, n_cull=30), seed=0, lowest_kT=0.15).points
    value, err = heat_capacities(points, 13, np.array([0.2, 0.25, 0.29, 0.34, 0.4]))
    assert (err < [0.2, 0.4, 0.6, 0.8, 2.0]).all()
    reference, reference_err = [3.6, 6.1, 9.7, 10.1, 39.0], [0.1, 0.15, 0.1, 0.2, 1.5]
    assert (abs(value - reference) < 3.5 * np.hypot(err, reference_err)).all()


@pytest.mark.slow
def test_seeds_of_seven_atoms_scatter_as_their_error_bars_say():
    settings = nested.Settings(n_live=400, n_cull=8)
    runs = [nested.run(cluster(7), settings, seed=s, lowest_kT=0.1).points for s in range(24)]
    values, errors = map(np.array, zip(*(heat_capacities(run, 7) for run in runs), strict=True))
    z = (values - LJ7) / np.hypot(errors, LJ7_ERR)
    assert (z.std(axis=0) < 1.6).all()
