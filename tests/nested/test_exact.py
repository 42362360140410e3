"""Closed forms come out, and error bars say how far off they may be."""

import numpy as np
import pytest
from calibration import check_calibrated
from exact import Power, Terrace, TwoWells

from gapsample import nested

QUANTITIES = ("log_Z", "energy", "heat_capacity")


def curves(problem, temperature, seed, **settings):
    result = nested.run(
        problem, nested.Settings(**settings), seed=seed, lowest_kT=temperature, remaining=1e-4
    )
    return nested.thermodynamics(result.points, temperature, rng=np.random.default_rng(seed), n_draws=60)


def estimate(problem, temperature, quantities=QUANTITIES, **settings):
    def of(seed):
        found = curves(problem, temperature, seed, **settings)
        return tuple([getattr(getattr(found, q), part)[0] for q in quantities] for part in ("value", "err"))

    return of


def exact(problem, temperature, quantities=QUANTITIES):
    return [getattr(problem, q)(temperature) for q in quantities]


@pytest.mark.parametrize("dimensions", [2, 9])
@pytest.mark.parametrize("n_cull", [2, 12])
def test_harmonic_wells_come_out_inside_honest_error_bars(dimensions, n_cull):
    well = Power(dimensions / 2, 30.0)
    check_calibrated(
        estimate(well, 1.0, n_live=120, n_cull=n_cull), exact(well, 1.0), widest=np.array([0.4, 0.45, 1.2])
    )


@pytest.mark.slow
@pytest.mark.parametrize("dimensions", [2, 9, 30])
def test_error_bars_are_neither_too_wide_nor_too_narrow_by_a_fifth(dimensions):
    well = Power(dimensions / 2, 60.0)
    check_calibrated(
        estimate(well, 1.0, n_live=400, n_cull=20),
        exact(well, 1.0),
        widest=np.array([0.3, 0.4, 1.2]),
        seeds=150,
        allowed=(0.8, 1.2),
    )


def test_an_ideal_gas_at_constant_pressure_comes_out_inside_honest_error_bars():
    n_atoms = 5
    gas = Power(n_atoms + 1, 60.0)  # enthalpy P V, prior V^N
    assert gas.energy(1.0) == pytest.approx(n_atoms + 1)
    check_calibrated(
        estimate(gas, 1.0, n_live=60, n_cull=3), exact(gas, 1.0), widest=np.array([0.6, 0.7, 2.0])
    )


def test_two_wells_that_exchange_come_out_inside_honest_error_bars():
    wells = TwoWells(3.0, 8.0, offset=1.0, mass=200.0)
    t = (
        0.9 * wells.transition
    )  # at the transition itself the heat capacity has a bound, so no Gaussian errors

    def of(seed):
        found = curves(wells, t, seed, n_live=200, n_cull=5)
        pairs = [found.heat_capacity, found.means["wide"]]
        return [c.value[0] for c in pairs], [c.err[0] for c in pairs]

    check_calibrated(of, [wells.heat_capacity(t), wells.share_of_wide(t)], widest=np.array([4.0, 0.25]))


def test_wells_that_never_exchange_scatter_more_than_one_run_can_know():
    wells = TwoWells(3.0, 8.0, offset=1.0, mass=200.0, trapped=True)
    found = [curves(wells, wells.transition, seed, n_live=100, n_cull=4) for seed in range(16)]
    shares = np.array([run.means["wide"].value[0] for run in found])
    claimed = np.mean([run.means["wide"].err[0] for run in found])
    assert shares.std() > 1.5 * claimed


@pytest.mark.parametrize(("hill", "plateau"), [(0.3, 0.47), (0.03, 0.943), (0.0, 0.9)])
def test_a_plateau_keeps_its_mass(hill, plateau):
    terrace = Terrace(hill, plateau)
    check_calibrated(
        estimate(terrace, 0.2, ("log_Z",), n_live=60, n_cull=6), [terrace.log_Z(0.2)], widest=np.array([0.7])
    )


def test_four_times_the_live_points_halve_the_error_and_agree():
    well = Power(3.0, 30.0)
    few, many = (curves(well, 1.0, 5, n_live=n, n_cull=4) for n in (100, 400))
    for quantity in QUANTITIES:
        a, b = getattr(few, quantity), getattr(many, quantity)
        assert abs(a.value - b.value)[0] < 3 * np.hypot(a.err, b.err)[0]
        assert 1.4 < (a.err / b.err)[0] < 2.8


def test_insertion_ranks_are_uniform_over_runs():
    well = Power(3.0, 30.0)
    p_values = [
        nested.insertion_test(
            nested.run(well, nested.Settings(n_live=60, n_cull=6), seed=s, lowest_kT=1.0).points
        ).p_value
        for s in range(40)
    ]
    assert 0.3 < np.mean(p_values) < 0.7
    assert min(p_values) > 1e-4
