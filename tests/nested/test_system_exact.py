"""Closed forms come out of walks through systems, inside error bars that are honest."""

import numpy as np
import pytest
from calibration import check_calibrated
from einstein import EDGE, log_z_of_momenta, log_z_of_springs, slack, solid, springs
from exact import Power

from gapsample import nested
from gapsample.nested.ensembles import Fixed, Pressure
from gapsample.nested.moves import Moves
from gapsample.nested.system import System

# with 24 seeds the standard deviation of z-scores is itself uncertain by 15 %, with 150 by 6 %
BRIEFLY = pytest.param(24, (0.65, 1.4), id="24 seeds")
AT_LENGTH = pytest.param(150, (0.8, 1.2), id="150 seeds", marks=pytest.mark.slow)
over_seeds = pytest.mark.parametrize(("seeds", "allowed"), [BRIEFLY, AT_LENGTH])


def estimate(system, t, *, n_live=40, length=6, observable=None):
    settings = nested.Settings(
        n_live=n_live, n_cull=4, walk_length=length, shortest_walk=length, longest_walk=3 * length
    )

    def of(seed):
        result = nested.run(system, settings, seed=seed, lowest_kT=t, remaining=1e-2)
        found = nested.thermodynamics(result.points, t, rng=np.random.default_rng(seed), n_draws=40)
        if observable:
            curves = (found.log_Z, found.means[observable])
        else:
            curves = (found.log_Z, found.energy, found.heat_capacity)
        return tuple([getattr(curve, part)[0] for curve in curves] for part in ("value", "err"))

    return of


PLANE = np.array([[False, False, True]])


@over_seeds
@pytest.mark.parametrize(
    ("n_atoms", "frozen", "pbc", "moves"),
    [
        (1, PLANE, True, Moves(galilean=1)),
        (1, None, False, Moves(galilean=1)),
        (3, None, True, Moves(galilean=2)),
        (2, None, True, Moves(atom=1, galilean=0)),
    ],
    ids=["2 dimensions", "3 dimensions, walls", "9 dimensions", "6 dimensions, atom by atom"],
)
def test_a_harmonic_solid_comes_out_inside_honest_error_bars(n_atoms, frozen, pbc, moves, seeds, allowed):
    t, system = 0.5, solid(n_atoms, moves, pbc=pbc, frozen=frozen)
    stiffness = springs(n_atoms).stiffness
    stiffness = stiffness[~frozen] if frozen is not None else stiffness
    d = stiffness.size
    check_calibrated(
        estimate(system, t, length=24),
        [log_z_of_springs(stiffness, t), 0.5 * d * t, 0.5 * d],
        widest=np.array([1.0, 0.1 * d, 0.5 * d + 1]),
        seeds=seeds,
        allowed=allowed,
    )


@over_seeds
@pytest.mark.parametrize("n_atoms", [1, 2])
def test_a_harmonic_solid_with_momenta_has_the_kinetic_heat_capacity_too(n_atoms, seeds, allowed):
    t, d, largest = 0.5, 3 * n_atoms, 12.0 * n_atoms
    masses = 1.0 + np.arange(n_atoms)
    system = solid(n_atoms, Moves(galilean=1, hmc=2), masses=masses, largest_kinetic=largest)
    assert system.degrees_of_freedom == 0
    exact_log_z = log_z_of_springs(springs(n_atoms).stiffness, t) + log_z_of_momenta(d, largest, t)
    check_calibrated(
        estimate(system, t, length=24),
        [exact_log_z, d * t, d],
        widest=np.array([1.2, 0.2 * d, d + 2]),
        seeds=seeds,
        allowed=allowed,
    )


@over_seeds
@pytest.mark.parametrize("hmc", [False, True], ids=["positions", "momenta"])
def test_an_ideal_gas_at_constant_pressure_comes_out_inside_honest_error_bars(hmc, seeds, allowed):
    n_atoms, t, largest = 3, 0.5, 25.0
    ensemble = Pressure(0.01, largest_volume=800.0, smallest_volume=1e-3, height=0.6)
    moves = Moves(galilean=int(not hmc), hmc=int(hmc), volume=3, shear=1, stretch=1)
    gas = System("Ar3", slack(n_atoms), ensemble, moves, largest_kinetic=largest if hmc else None)
    alone = Power(n_atoms + 1, 0.01 * 800.0 * n_atoms)
    log_z, u, c = (getattr(alone, name)(t) for name in ("log_Z", "energy", "heat_capacity"))
    if hmc:
        ball = Power(1.5 * n_atoms, largest)
        log_z, u, c = log_z + ball.log_Z(t), u + ball.energy(t), c + ball.heat_capacity(t)
    check_calibrated(
        estimate(gas, t),
        [log_z, u, c],
        widest=np.array([1.0, 0.8, 4.0]),  # of log Z: the root of 18 nats over the live points, and scatter
        seeds=seeds,
        allowed=allowed,
    )


@over_seeds
@pytest.mark.parametrize("lattice", [True, False], ids=["lattice", "fluid"])
def test_an_ideal_solution_has_its_composition_and_partition_function(lattice, seeds, allowed):
    n, t, levels = 6, 0.2, {"Cu": 0.05, "Au": 0.35}
    mu = {"Cu": 0.0, "Au": 0.15}
    solution = System(
        "Cu6",
        slack(n, **levels),
        Fixed(EDGE),
        Moves(galilean=int(not lattice), swap=1, transmute=4),
        chemical_potentials=mu,
        frozen=np.ones((n, 3), bool) if lattice else None,
        positions=np.arange(18).reshape(n, 3) / 2.0 if lattice else None,
    )
    weights = {s: np.exp((mu[s] - levels[s]) / t) for s in mu}
    total = sum(weights.values())
    check_calibrated(
        estimate(solution, t, observable="n_Au"),
        [n * np.log(total / 2), n * weights["Au"] / total],
        widest=np.array([0.4, 0.5]),
        seeds=seeds,
        allowed=allowed,
    )


@over_seeds
def test_hard_rods_on_a_ring_have_their_excluded_volume(seeds, allowed):
    n, diameter = 4, 1.5
    line = np.tile([False, True, True], (n, 1))
    rods = System(
        "Ar4", slack(n), Fixed(EDGE), Moves(), core=diameter, frozen=line, positions=np.ones((n, 3))
    )
    check_calibrated(
        lambda seed: tuple(part[:1] for part in estimate(rods, 1.0)(seed)),
        [(n - 1) * np.log(1.0 - n * diameter / EDGE)],
        widest=0.6,
        seeds=seeds,
        allowed=allowed,
    )


@over_seeds
def test_two_hard_spheres_in_a_periodic_box_have_their_excluded_volume(seeds, allowed):
    edge, diameter = 3.0, 1.45
    pair = System("ArKr", slack(2), Fixed(edge), Moves(), core={"Ar-Kr": diameter})
    free = 1.0 - 4.0 / 3.0 * np.pi * (diameter / edge) ** 3
    check_calibrated(
        lambda seed: tuple(part[:1] for part in estimate(pair, 1.0)(seed)),
        [np.log(free)],
        widest=0.3,
        seeds=seeds,
        allowed=allowed,
    )
