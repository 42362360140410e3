"""What a thermodynamic force is, and that it finds the balance that is known in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from hypothesis import given
from hypothesis import strategies as st
from scenes import SHEAR, copper, emt, lennard_jones

from gapsample.errors import InputError
from gapsample.potential.protocol import Potential
from gapsample.qmmm.clusters import Carving
from gapsample.qmmm.engine import Engine
from gapsample.qmmm.layers import Within
from gapsample.qmmm.mixing import ForceMixing
from gapsample.qmmm.selection import Seeds, Selection
from gapsample.qmmm.thermodynamic_force import ThermodynamicForce

EDGE = 12.0
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 7)


def gas(seed: int, n: int = 60, *, oblique: bool = True) -> Atoms:
    """Atoms anywhere, also outside their periodic cell."""
    rng = np.random.default_rng(seed)
    cell = EDGE * (SHEAR if oblique else np.eye(3))
    return Atoms(f"Ar{n}", rng.uniform(-1.0, 2.0, (n, 3)) @ cell, cell=cell, pbc=True)


def around_an_atom(seed: int, size: int, n: int = 60) -> ThermodynamicForce:
    heights = np.random.default_rng(seed).normal(0.0, 0.1, size)
    return ThermodynamicForce(0, np.arange(1, n), 1.5, 5.0, heights)


def around_a_point(seed: int, size: int, n: int = 60) -> ThermodynamicForce:
    middle = np.random.default_rng(seed).uniform(0.0, EDGE, 3)
    return replace(around_an_atom(seed, size, n), middle=middle, members=np.arange(n))


def forces_of(potential: Potential, atoms: Atoms) -> np.ndarray:
    forces = potential.evaluate(atoms).forces
    assert forces is not None
    return forces


@given(seed=seeds, size=sizes, make=st.sampled_from([around_an_atom, around_a_point]))
def test_forces_are_the_slope_of_the_energy(
    seed: int, size: int, make: Callable[..., ThermodynamicForce]
) -> None:
    force, atoms = make(seed, size), gas(seed)
    forces = forces_of(force, atoms)
    step = np.random.default_rng(seed).normal(0.0, 1e-5, forces.shape)
    ends = []
    for sign in (1.0, -1.0):
        moved = atoms.copy()
        moved.positions += sign * step
        ends.append(force.evaluate(moved).energy)
    assert ends[1] - ends[0] == pytest.approx(2.0 * np.sum(forces * step), abs=1e-8)


@given(seed=seeds, size=sizes)
def test_outside_its_range_there_is_no_force_and_inside_none_but_a_constant(seed: int, size: int) -> None:
    force, atoms = around_a_point(seed, size), gas(seed)
    forces = forces_of(force, atoms)
    away = atoms.copy()
    away.append("Ar")
    away.positions[-1] = force.middle
    distance = away.get_distances(-1, np.arange(len(atoms)), mic=True)
    still = (distance <= force.inner) | (distance >= force.outer)
    assert np.all(forces[still] == 0.0)
    only_far = replace(force, members=np.flatnonzero(distance >= force.outer))
    assert only_far.evaluate(atoms).energy == 0.0


@given(seed=seeds, size=sizes)
def test_around_an_atom_forces_sum_to_zero_and_moving_everything_changes_nothing(
    seed: int, size: int
) -> None:
    force, atoms = around_an_atom(seed, size), gas(seed)
    forces = forces_of(force, atoms)
    np.testing.assert_allclose(forces.sum(axis=0), 0.0, atol=1e-12)
    moved = atoms.copy()
    moved.positions += np.random.default_rng(seed).uniform(-20.0, 20.0, 3)
    moved.wrap()
    np.testing.assert_allclose(forces_of(force, moved), forces, atol=1e-10)


def test_atoms_that_are_no_members_feel_nothing() -> None:
    force = replace(around_a_point(3, 4), members=np.arange(0, 60, 2))
    assert np.all(forces_of(force, gas(3))[1::2] == 0.0)


def test_beside_mixed_forces_it_adds_itself_in_the_quantum_region_too() -> None:
    atoms = copper()
    selection = Selection((Seeds((0,), Within(3.0)),))
    carving = Carving(Within(4.0), terminate=False)
    mixing = ForceMixing(lennard_jones(), Engine((emt(),)), selection, carving).step
    force = ThermodynamicForce(0, np.arange(1, len(atoms)), 1.0, 6.0, np.linspace(0.3, -0.1, 4))
    alone, both = mixing(atoms, None), force.beside(mixing)(atoms, None)
    np.testing.assert_allclose(both.forces - alone.forces, forces_of(force, atoms), atol=1e-12)
    np.testing.assert_array_equal(both.region.weight, alone.region.weight)


@given(seed=seeds, size=sizes)
def test_the_energy_is_heights_times_features(seed: int, size: int) -> None:
    force, atoms = around_a_point(seed, size), gas(seed)
    assert force.evaluate(atoms).energy == pytest.approx(force.features(atoms) @ force.heights, abs=1e-12)


@pytest.mark.parametrize("inner", [0.0, 1.5])
def test_features_of_members_spread_evenly_are_their_mean_over_random_places(inner: float) -> None:
    force = replace(around_a_point(1, 5, 200_000), inner=inner)
    atoms = gas(1, 200_000, oblique=False)
    wanted = force.spread(len(atoms) / atoms.get_volume())
    np.testing.assert_allclose(force.features(atoms), wanted, rtol=0.1)
    np.testing.assert_allclose(force.features(atoms).sum(), wanted.sum(), rtol=0.02)


TEMPERATURE = 300.0
MOMENTS = 1000


def moments(potential: ThermodynamicForce, seed: int) -> np.ndarray:
    """Features at independent moments of an ideal gas in a potential, shape (MOMENTS, n_splines)."""
    rng = np.random.default_rng(seed)
    n = len(potential.members)
    places = rng.uniform(0.0, EDGE, (8 * MOMENTS * n, 3))
    cell = {"cell": np.full(3, EDGE), "pbc": True}
    every = replace(potential, members=np.arange(len(places)))
    energies = every.evaluate(Atoms(positions=places, **cell)).local_energies
    assert energies is not None
    weights = np.exp(-energies / (units.kB * TEMPERATURE))
    drawn = rng.choice(places, (MOMENTS, n), p=weights / weights.sum())
    return np.array([potential.features(Atoms(positions=each, **cell)) for each in drawn])


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("depth", [0.0, 0.03])
def test_in_an_ideal_gas_heights_come_to_oppose_exactly_what_disturbs_it(size: int, depth: float) -> None:
    force = ThermodynamicForce(np.full(3, EDGE / 3.0), np.arange(40), 1.5, 5.0, np.zeros(size))
    disturbance = depth * np.linspace(1.0, -0.4, size)
    wanted = force.spread(40 / EDGE**3)
    for turn in range(6):
        seen = moments(replace(force, heights=force.heights + disturbance), turn)
        force = force.balanced(seen, wanted, TEMPERATURE)
    left = (force.heights + disturbance) / (units.kB * TEMPERATURE)
    chi2 = MOMENTS * left @ np.cov(seen.T).reshape(size, size) @ left
    assert chi2 < 4.0 * size + 20.0


def test_a_force_that_cannot_be_meant_says_why() -> None:
    force = around_an_atom(0, 3)
    with pytest.raises(InputError, match="leave it out"):
        replace(force, members=np.arange(60))
    with pytest.raises(InputError, match="inner < outer"):
        replace(force, outer=force.inner)
    with pytest.raises(InputError, match="at least twice"):
        replace(force, outer=6.1).evaluate(gas(0, oblique=False))
    with pytest.raises(InputError, match="more than 3 moments"):
        force.balanced(np.zeros((3, 3)), np.zeros(3), 300.0)


def test_without_a_periodic_cell_any_range_will_do() -> None:
    atoms = Atoms("Ar2", [[0.0, 0.0, 0.0], [30.0, 0.0, 0.0]])
    force = ThermodynamicForce(0, np.array([1]), 0.0, 40.0, np.ones(3))
    forces = forces_of(force, atoms)
    assert forces[1, 0] > 0.0
    np.testing.assert_allclose(forces[0], -forces[1])
