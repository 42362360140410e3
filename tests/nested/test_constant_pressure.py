"""Atoms in a cell that breathes: enthalpies of all images, the prior kept, closed forms met."""

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list
from calibration import check_calibrated
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from gapsample import nested
from gapsample.errors import InputError

LJ = nested.LennardJones()
NOTHING = nested.Tabulated.of(lambda r: (0.0 * r, 0.0 * r), 0.05, 0.1, 1.0)
OPEN = nested.Ceiling(1e300, 1.0)


def keys(n, seed=0):
    return np.random.default_rng(seed).integers(2**64, size=n, dtype=np.uint64)


def atoms_of(point):
    n = (len(point) - 9) // 3
    return Atoms(
        f"Ar{n}", cell=point[-9:].reshape(3, 3), scaled_positions=point[:-9].reshape(3, n).T, pbc=True
    )


def walked(cell, m, length, steps, ceiling=OPEN, seed=1):
    points, values = cell.draw(keys(m))
    return cell.walk(nested.Walk(points, values, ceiling, np.array(steps), length, keys(m, seed)))


@pytest.mark.parametrize("n_atoms", [1, 2, 5, 20])
def test_enthalpies_count_every_image(n_atoms):
    cell = nested.PairCell(n_atoms, LJ, 0.1, largest_volume=6.0, smallest_volume=0.8)
    points, values = cell.draw(keys(10))
    for point, value in zip(points, values, strict=True):
        atoms = atoms_of(point)
        s6 = neighbor_list("d", atoms, LJ.cutoff) ** -6.0
        pairs = 4 * (s6 * s6 - s6) - 4 * (LJ.cutoff**-12 - LJ.cutoff**-6)
        expected = 0.5 * pairs.sum() + 0.1 * atoms.get_volume()
        assert value == pytest.approx(expected, rel=1e-5, abs=1e-5) or expected > 1e4


def pairs_within(point, cutoff):
    """Pairs of atoms, their own images among them, counted over far more images than matter."""
    cell, u = point[-9:].reshape(3, 3), point[:-9].reshape(3, -1).T
    reach = np.ceil(cutoff * np.linalg.norm(np.linalg.inv(cell), axis=0)).astype(int) + 1
    images = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach)), axis=-1).reshape(-1, 1, 1, 3)
    distances = np.linalg.norm((u[:, None] - u + images) @ cell, axis=-1)
    return 0.5 * ((distances < cutoff).sum() - len(u))


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 6), st.floats(0.3, 4.0), st.floats(0.15, 0.95), st.booleans(), st.integers(0, 2**32))
def test_every_pair_within_the_cutoff_counts_once_in_cells_of_any_shape(n_atoms, cutoff, height, cubic, seed):
    one = nested.Tabulated.of(lambda r: (1.0 + 0.0 * r, 0.0 * r), 1e-3, cutoff, 1.0)
    cell = nested.PairCell(n_atoms, one, 1e-9, 9.0, 0.5, height=height, cubic=cubic)
    points, values = cell.draw(keys(3, seed))
    steps = np.array([0.5, 2.0, 0.3, 0.3])[: len(cell.move_names)]
    end = cell.walk(nested.Walk(points, values, OPEN, steps, 5, keys(3, seed + 1)))
    assert np.array_equal(end.values, cell.values(end.coordinates))
    for point, value in zip([*points, *end.coordinates], [*values, *end.values], strict=True):
        assert value == pytest.approx(pairs_within(point, cutoff), rel=0.0, abs=1e-6)


@pytest.mark.parametrize("potential", [LJ, nested.morse(1.0, 6.0, 1.12, 2.5)], ids=["closed", "table"])
def test_enthalpies_followed_through_a_walk_equal_those_computed_anew(potential):
    cell = nested.PairCell(6, potential, 0.1, largest_volume=8.0)
    end = walked(cell, 4, 200, [0.2, 2.0, 0.1, 0.1])
    assert (end.accepted.sum(axis=0) > 100).all()
    assert end.values == pytest.approx(cell.values(end.coordinates), rel=1e-14)


@pytest.mark.parametrize("prior", ["V^N", "flat"])
def test_moves_leave_the_prior_as_it_is(prior):
    cell = nested.PairCell(3, NOTHING, 1.0, largest_volume=10.0, smallest_volume=1.0, prior=prior, height=0.6)
    before, after = cell.draw(keys(600, 5))[0], walked(cell, 600, 60, [1.0, 8.0, 0.4, 0.4]).coordinates

    def thinnest(points):
        cells = [atoms_of(point).cell for point in points]
        return [min(1.0 / np.linalg.norm(c.reciprocal(), axis=1)) / c.volume ** (1 / 3) for c in cells]

    volume = [cell.observe(points)["volume"] for points in (before, after)]
    power = 4.0 if prior == "V^N" else 1.0
    for sample in volume:
        uniform = (sample**power - 3.0**power) / (30.0**power - 3.0**power)
        assert stats.kstest(uniform, "uniform").pvalue > 1e-3
    assert stats.ks_2samp(thinnest(before), thinnest(after)).pvalue > 1e-3
    assert min(thinnest(after)) >= 0.6
    assert stats.kstest(after[:, :9].ravel(), "uniform").pvalue > 1e-3


def test_a_cube_stays_a_cube():
    cell = nested.PairCell(4, LJ, 0.1, largest_volume=10.0, cubic=True)
    for point in walked(cell, 3, 30, [0.3, 5.0]).coordinates:
        vectors = point[-9:].reshape(3, 3)
        assert vectors == pytest.approx(np.eye(3) * vectors[0, 0])


def estimate(cell, settings, **options):
    def of(seed):
        points = nested.run(cell, settings, seed=seed, lowest_kT=1.0).points
        extra = {}
        if options.get("reweighted"):
            extra["log_weight"] = cell.n_atoms * np.log(points.observables["volume"])
        found = nested.thermodynamics(points, 1.0, rng=np.random.default_rng(seed), n_draws=60, **extra)
        curves = (found.energy, found.heat_capacity, found.means["volume"])
        return tuple([getattr(c, part)[0] for c in curves] for part in ("value", "err"))

    return of


def averages(weight, low, high):
    """<V>, var V and <V> again under a density over volumes, pressure and temperature being 1."""
    z, v, vv = (quad(lambda x, k=k: weight(x) * x**k, low, high)[0] for k in range(3))
    return [v / z, vv / z - (v / z) ** 2, v / z]


@pytest.mark.parametrize("prior", ["V^N", "flat"])
def test_an_ideal_gas_comes_out_with_either_prior(prior):
    cell = nested.PairCell(3, NOTHING, 1.0, largest_volume=8.0, smallest_volume=0.2, prior=prior)
    settings = nested.Settings(n_live=120, n_cull=8, walk_length=20, shortest_walk=20)
    exact = averages(lambda v: v**3 * np.exp(-v), 0.6, 24.0)
    check_calibrated(estimate(cell, settings, reweighted=prior == "flat"), exact, np.array([0.6, 1.5, 0.6]))


def test_a_dimer_at_constant_pressure_comes_out_inside_honest_error_bars():
    short = nested.LennardJones(cutoff=1.5)
    cell = nested.PairCell(2, short, 0.2, smallest_volume=13.5, largest_volume=60.0, cubic=True)
    r = np.linspace(0.4, 1.5, 20_001)
    s6 = r**-6.0
    energy = 4 * (s6 * s6 - s6) - 4 * (1.5**-12 - 1.5**-6)
    v = np.linspace(27.0, 120.0, 20_001)
    shell = 4 * np.pi * r**2 * np.exp(-energy)
    bound = [np.trapezoid(shell * energy**k, r) for k in range(3)]
    inside = 4 / 3 * np.pi * 1.5**3
    weight = v * np.exp(-0.2 * v)  # V^2, over the volume that the other atom may take
    free = v - inside
    moment = [
        np.trapezoid(weight * terms, v)
        for terms in (
            bound[0] + free,
            bound[1] + 0.2 * v * (bound[0] + free),
            bound[2] + 0.4 * v * bound[1] + (0.2 * v) ** 2 * (bound[0] + free),
            v * (bound[0] + free),
        )
    ]
    enthalpy = moment[1] / moment[0]
    exact = [enthalpy, moment[2] / moment[0] - enthalpy**2, moment[3] / moment[0]]
    settings = nested.Settings(n_live=300, n_cull=10, walk_length=100)
    check_calibrated(estimate(cell, settings), exact, np.array([0.1, 0.2, 0.5]))


def test_cells_that_cannot_be_right_are_refused():
    with pytest.raises(InputError, match="smallest < largest"):
        nested.PairCell(4, LJ, 0.1, largest_volume=1.0, smallest_volume=2.0)
    with pytest.raises(InputError, match="height"):
        nested.PairCell(4, LJ, 0.1, height=1.5)
    with pytest.raises(InputError, match="pressure"):
        nested.PairCell(4, LJ, 0.0)
