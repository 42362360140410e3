"""Moves of systems: reversible flights, ceilings that hold, what is frozen stays, compiled or not."""

import numpy as np
import pytest
from einstein import EDGE, EVERYTHING, keys, slack, solid, springs, walked
from scipy import stats

from gapsample import nested
from gapsample.compiled import walks_clones, walks_core, walks_moves
from gapsample.compiled.walks_moves import Scratch
from gapsample.nested.ensembles import Fixed, Pressure
from gapsample.nested.moves import Moves
from gapsample.nested.system import System

OPEN = nested.Ceiling(1e300, 1.0)


def flown(system, kind, row, velocities, ceiling, step=0.05, n_steps=20):
    """A flight from a row, in plain Python: energy, positions and velocities (or momenta) at its end."""
    n, space = system.n_atoms, system._space
    clone = walks_clones.unpacked(space, n, row)
    scratch = Scratch(velocities.copy(), np.empty((n, 3)), np.empty((0, 3)))
    if kind == "galilean":
        arguments = (system._compiled, space, clone, scratch, n_steps)
        energy = walks_moves.galilean(*arguments, 0.0, ceiling)
        return energy, clone.positions, scratch.velocities
    clone.momenta[:] = velocities
    energy = walks_moves.hmc(system._compiled, space, clone, scratch.forces, n_steps, step, 0.0, ceiling)
    return energy, clone.positions, clone.momenta


@pytest.mark.parametrize("pbc", [True, False], ids=["periodic", "walls"])
@pytest.mark.parametrize("kind", ["galilean", "hmc"])
def test_a_flight_run_backward_returns_to_its_start(kind, pbc):
    system = solid(3, Moves(hmc=1), pbc=pbc, masses=[1.0, 2.0, 5.0], largest_kinetic=30.0)
    rng = np.random.default_rng(3)
    points, _ = system.draw(keys(60))
    ceiling, speed = 130.0, 0.5 if kind == "galilean" else 3.0
    returned = reflected = 0
    for row in points:
        velocities = rng.normal(scale=speed, size=(3, 3))
        energy, there, end = flown(system, kind, row.copy(), velocities, ceiling)
        if system.values(row[None])[0] - 0.5 * (row[-9:] ** 2).sum() > ceiling or not energy <= ceiling:
            continue
        # the last position is wrapped, and nothing else of the flight depends on it
        other = row.copy()
        other[:9] = there.ravel()
        _, back, reversed_velocities = flown(system, kind, other, -end, ceiling)
        away = (back.ravel() - row[:9]) / EDGE
        assert away - np.rint(away) == pytest.approx(0.0, abs=1e-10)
        assert -reversed_velocities == pytest.approx(velocities, abs=1e-9)
        returned += 1
        reflected += not np.allclose(end, velocities)
    assert returned > 5
    assert reflected > 2


def everything(**more):
    ensemble = Fixed(EDGE, (True, False, True))
    mu = {"Cu": 0.0, "Au": 0.2}
    return System(
        "Cu2Au2", springs(4), ensemble, EVERYTHING, chemical_potentials=mu, largest_kinetic=40.0, **more
    )


def breathing():
    moves = Moves(atom=1, galilean=1, hmc=1, volume=2, shear=1, stretch=1, swap=1)
    return System(
        "Cu2Au2", springs(4), Pressure(0.02, 500.0, 1.0), moves, core={"Cu-Au": 1.0}, largest_kinetic=40.0
    )


@pytest.mark.parametrize("make", [everything, breathing])
def test_walks_never_end_above_the_ceiling_and_carry_their_true_value(make):
    system = make()
    task, end = walked(system, m=12, length=20, scale=0.03)
    assert (end.accepted.sum(axis=0) > 0).all()
    assert (end.values <= task.ceiling.value).all()
    assert end.values == pytest.approx(system.values(end.coordinates), rel=1e-12)
    assert not np.isclose(end.values, task.values).any()
    assert (end.failed == 0).all()


@pytest.mark.parametrize("make", [everything, breathing])
def test_compiled_walks_are_those_of_plain_python(make, monkeypatch):
    system = make()
    task, compiled = walked(system, m=3, length=2, scale=0.03)
    monkeypatch.setattr("gapsample.nested.system.for_model", lambda function, model: function.py_func)
    plain = system.walk(task)
    assert np.array_equal(plain.accepted, compiled.accepted)
    assert np.array_equal(plain.tried, compiled.tried)
    assert plain.coordinates == pytest.approx(compiled.coordinates, rel=1e-9, abs=1e-9)
    assert plain.values == pytest.approx(compiled.values, rel=1e-9)


def test_a_walk_follows_from_its_key_alone():
    system = breathing()
    task, end = walked(system, m=6)
    backward = task._replace(
        coordinates=task.coordinates[::-1], values=task.values[::-1], keys=task.keys[::-1]
    )
    for one, other in zip(end, system.walk(backward), strict=True):
        assert np.array_equal(one, other[::-1])


def test_frozen_coordinates_stay_to_the_last_bit():
    frozen = np.array([[True, True, True], [False, False, True], [True, False, False], [False] * 3])
    positions = np.random.default_rng(1).uniform(-EDGE, EDGE, (4, 3))
    system = everything(frozen=frozen, positions=np.where(frozen, abs(positions), np.nan))
    task, end = walked(system, m=10, length=30, scale=0.03)
    for rows in (task.coordinates, end.coordinates):
        assert (rows[:, :12].reshape(-1, 4, 3)[:, frozen] == abs(positions)[frozen]).all()
        assert (rows[:, -12:].reshape(-1, 4, 3)[:, frozen] == 0.0).all()
    moved = end.coordinates[:, :12] != task.coordinates[:, :12]
    assert moved.reshape(-1, 4, 3)[:, ~frozen].mean() > 0.9


def test_a_plane_stays_a_plane_and_atoms_spread_over_it():
    frozen = np.tile([False, False, True], (2, 1))
    hexagonal = np.array([[6.0, 0.0, 0.0], [3.0, 5.0, 0.0], [0.0, 0.0, 8.0]])
    system = System("Ar2", slack(2), Fixed(hexagonal), Moves(), frozen=frozen, positions=np.full((2, 3), 1.5))
    _, end = walked(system, m=300, length=10, ceiling=OPEN)
    positions = end.coordinates[:, :6].reshape(-1, 3)
    assert (positions[:, 2] == 1.5).all()
    scaled = positions @ np.linalg.inv(hexagonal)
    assert stats.kstest(scaled[:, 0], "uniform").pvalue > 1e-3
    assert stats.kstest(scaled[:, 1], "uniform").pvalue > 1e-3


def test_atoms_within_walls_fill_the_box_evenly_and_never_leave_it():
    box = Fixed([4.0, 5.0, 6.0], pbc=False)
    moves = Moves(atom=1, galilean=1, hmc=1)
    system = System("Ar2", slack(2), box, moves, largest_kinetic=3.0)
    _, end = walked(system, m=400, length=6, ceiling=OPEN, scale=0.2)
    scaled = end.coordinates[:, :6].reshape(-1, 3) / [4.0, 5.0, 6.0]
    assert ((scaled >= 0.0) & (scaled <= 1.0)).all()
    assert all(stats.kstest(scaled[:, k], "uniform").pvalue > 1e-3 for k in range(3))
    kinetic = 0.5 * (end.coordinates[:, -6:] ** 2).sum(axis=1)
    assert stats.kstest((kinetic / 3.0) ** 3, "uniform").pvalue > 1e-3  # uniform in a ball of 6 dimensions


def test_moves_leave_the_prior_of_a_breathing_cell_as_it_is():
    moves = Moves(galilean=1, volume=2, shear=1, stretch=1)
    system = System("Ar3", slack(3), Pressure(0.02, 500.0, 50.0), moves)
    _, end = walked(system, m=500, length=15, ceiling=OPEN, scale=0.3)
    volume = system.observe(end.coordinates)["volume"]
    uniform = (volume**4 - 150.0**4) / (1500.0**4 - 150.0**4)
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3


def test_swaps_keep_the_composition_and_mix_it_evenly():
    n = 4
    system = System(
        "CuAg2Au",
        slack(n),
        Fixed(EDGE),
        Moves(galilean=0, swap=2),
        frozen=np.ones((n, 3), bool),
        positions=np.zeros((n, 3)),
    )
    task, end = walked(system, m=600, length=15, ceiling=OPEN)
    kinds = end.coordinates[:, -n:]
    assert (np.sort(kinds, axis=1) == [0, 0, 1, 2]).all()
    assert (task.coordinates[:, -n:] != kinds).any()
    counts = np.unique(kinds, axis=0, return_counts=True)[1]
    assert len(counts) == 12
    assert stats.chisquare(counts).pvalue > 1e-3


def test_only_mutable_atoms_change_species():
    system = everything(mutable=[False, True, True, False])
    task, end = walked(system, m=20, length=10, scale=0.03)
    kinds = [rows[:, 21:25] for rows in (task.coordinates, end.coordinates)]
    assert (kinds[1][:, [0, 3]] == [1.0, 0.0]).all()
    assert (kinds[0] != kinds[1]).any()


def test_a_plateau_is_entered_as_often_as_the_label_of_the_ceiling_says():
    system = System("Ar", slack(1), Fixed(EDGE), Moves(), core={})
    points, values = system.draw(keys(4000))
    under = nested.Ceiling(0.0, 0.25)
    below = values - 1.0  # as if clones stood below the plateau
    task = nested.Walk(points, below, under, 0.1 * system.largest_steps, 1, keys(4000, 1))
    assert system.walk(task).accepted.mean() == pytest.approx(0.25, abs=0.03)
    on_it = task._replace(values=values)
    assert (system.walk(on_it).accepted == 1).all()


def test_the_hard_core_rises_inward_and_its_force_is_its_slope():
    nearest, cell = np.array([[2.0, 1.5], [1.5, 1.0]]), np.array([[3.0, 0, 0], [0.5, 3.5, 0], [0, 0.3, 2.5]])
    rng = np.random.default_rng(0)
    positions, species = rng.uniform(0, 3, (4, 3)), np.array([0, 1, 0, 1])
    forces, none = np.empty((4, 3)), np.empty((0, 3))

    def value(x, f=none):
        return walks_core.overlap(nearest, x, species, cell, np.linalg.inv(cell), f)

    assert value(positions, forces) > walks_core.CORE
    for i, c in np.ndindex(4, 3):
        step = np.zeros((4, 3))
        step[i, c] = 1e-5
        slope = (value(positions + step) - value(positions - step)) / 2e-5
        assert -slope == pytest.approx(forces[i, c], rel=1e-5, abs=1.0)


def test_the_hard_core_sees_every_image():
    cell, species = 3.0 * np.eye(3), np.zeros(2, np.int64)
    near = np.array([[0.1, 0.1, 0.1], [2.9, 2.9, 14.9]])
    none, inverse = np.empty((0, 3)), np.eye(3) / 3.0
    assert walks_core.overlap(np.array([[0.5]]), near, species, cell, inverse, none) > walks_core.CORE
    assert walks_core.overlap(np.array([[0.3]]), near, species, cell, inverse, none) == 0.0
    assert walks_core.overlap(np.array([[3.1]]), near[:1], species[:1], cell, inverse, none) > walks_core.CORE


def test_the_cell_of_a_model_within_walls_is_widened_by_its_cutoff():
    system = System("Ar", slack(1), Fixed([4.0, 5.0, 6.0], (False, True, False)), Moves(), core=1.5)
    clone = walks_clones.unpacked(system._space, 1, system.draw(keys(1))[0][0])
    assert np.diag(clone.outer) == pytest.approx([5.5, 5.0, 7.5])
    assert np.diag(clone.cell) == pytest.approx([4.0, 5.0, 6.0])
