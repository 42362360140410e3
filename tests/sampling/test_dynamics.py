"""Dynamics: BAOAB samples positions exactly where it should, Verlet keeps the energy, restarts are exact."""

from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms, units
from ase.constraints import FixAtoms, FixBondLength
from oscillators import MASS, OMEGA, K, Wells, gas

from gapsample.errors import InputError
from gapsample.potential.protocol import Evaluation
from gapsample.rng import stream
from gapsample.sampling.checkpoints import Checkpoints
from gapsample.sampling.dynamics import CODEC, BrokenDown, Langevin, System, VelocityVerlet
from gapsample.sampling.loop import Every, run, steps


@dataclass(frozen=True)
class Broken:
    energy: float = 0.0
    force: float = np.nan

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        return Evaluation(self.energy, np.full_like(atoms.positions, self.force))


def step_of(phase):
    """Time step, fs, in which an oscillator advances by `phase` radians."""
    return phase / OMEGA / units.fs


@pytest.mark.parametrize("phase", [0.3, 1.0, 1.5])
def test_positions_of_oscillators_have_the_exact_variance_at_any_step(phase):
    temperature, rng = 500.0, np.random.default_rng(1)
    dynamics = Langevin(System(gas(), Wells()), temperature, step_of(phase), 0.3 / step_of(phase))
    state = dynamics.system.thermal(temperature, rng)
    x2, v2 = [], []
    for n in range(1600):
        state, _ = dynamics.step(state, rng)
        if n >= 100:
            x2.append(np.mean(state.positions**2))
            v2.append(np.mean(state.velocities**2))
    kT = units.kB * temperature
    assert np.mean(x2) == pytest.approx(kT / K, rel=0.015)
    assert np.mean(v2) == pytest.approx(kT / MASS * (1.0 - 0.25 * phase**2), rel=0.015)


def test_velocities_follow_maxwell():
    system = System(gas(20000), Wells())
    state = system.thermal(300.0, np.random.default_rng(2))
    v = state.velocities.ravel() / np.sqrt(units.kB * 300.0 / MASS)
    assert system.temperature(state) == pytest.approx(300.0, rel=0.02)
    assert np.mean(v**4) == pytest.approx(3.0, rel=0.05)
    assert abs(np.mean(v)) < 0.02


def test_the_energy_error_of_verlet_is_of_second_order():
    system = System(gas(3), Wells(c=1.0))
    start = system.at_rest(np.random.default_rng(3).normal(size=(3, 3)))
    worst = []
    for phase in (0.04, 0.02):
        verlet, state, energies = VelocityVerlet(system, step_of(phase)), start, []
        for _ in range(round(12.0 / phase)):
            state, seen = verlet.step(state)
            energies.append(seen.energy + 0.5 * MASS * np.sum(state.velocities**2))
        worst.append(np.ptp(energies))
    assert worst[0] / worst[1] == pytest.approx(4.0, rel=0.1)


def test_verlet_run_backwards_returns():
    system = System(gas(3), Wells(c=1.0))
    start = system.at_rest(np.random.default_rng(3).normal(size=(3, 3)))
    verlet, state = VelocityVerlet(system, step_of(0.1)), start
    for _ in range(2):
        for _ in range(200):
            state, _ = verlet.step(state)
        state = state._replace(velocities=-state.velocities)
    np.testing.assert_allclose(state.positions, start.positions, atol=1e-9)


def test_without_friction_langevin_is_verlet():
    system = System(gas(3), Wells(c=1.0))
    start = system.thermal(300.0, np.random.default_rng(3), np.ones((3, 3)))
    one, other = Langevin(system, 300.0, 0.5, 0.0), VelocityVerlet(system, 0.5)
    a = b = start
    for _ in range(50):
        a, _ = one.step(a, np.random.default_rng(0))
        b, _ = other.step(b)
    np.testing.assert_allclose(a.positions, b.positions, atol=1e-12)


def test_a_state_given_is_not_altered():
    dynamics = Langevin(System(gas(3), Wells()), 300.0, 1.0, 0.1)
    state = dynamics.system.thermal(300.0, np.random.default_rng(0))
    before = [part.copy() for part in state]
    dynamics.step(state, np.random.default_rng(0))
    for part, was in zip(state, before, strict=True):
        np.testing.assert_array_equal(part, was)


def test_cut_anywhere_and_resumed_equals_never_cut(tmp_path):
    dynamics = Langevin(System(gas(3), Wells()), 300.0, 1.0, 0.1)
    start = dynamics.system.thermal(300.0, stream(1), np.ones((3, 3)))
    whole = run(dynamics.step, start, stream(2), until=steps(30)).state
    for cut in (1, 17):
        checkpoints = Checkpoints(tmp_path / str(cut), CODEC)
        run(dynamics.step, start, stream(2), until=steps(cut), checkpoints=checkpoints)
        found = checkpoints.latest()
        again = Langevin(System(gas(3), Wells()), 300.0, 1.0, 0.1)
        resumed = run(
            again.step,
            found.state,
            found.rng,
            until=steps(30),
            checkpoints=checkpoints,
            checkpoint_every=Every(steps=5),
            n_steps=found.n_steps,
        )
        for part, wanted in zip(resumed.state, whole, strict=True):
            np.testing.assert_array_equal(part, wanted)


def test_fixed_atoms_stay_and_are_not_counted():
    atoms = gas(50)
    atoms.set_constraint(FixAtoms([0, 7]))
    system = System(atoms, Wells())
    dynamics, rng = Langevin(system, 300.0, 1.0, 0.1), np.random.default_rng(0)
    state = system.thermal(300.0, rng, np.ones((50, 3)))
    for _ in range(20):
        state, _ = dynamics.step(state, rng)
    np.testing.assert_array_equal(state.positions[[0, 7]], 1.0)
    assert np.all(state.positions[1:7] != 1.0)
    free = np.delete(state.velocities, [0, 7], axis=0)
    assert system.temperature(state) == pytest.approx(np.mean(free**2) * MASS / units.kB)


@pytest.mark.parametrize("potential", [Broken(), Broken(np.nan, 0.0), Broken(0.0, np.inf)])
def test_a_broken_potential_ends_the_run_with_its_numbers(potential):
    dynamics = Langevin(System(gas(2), Wells()), 300.0, 1.0, 0.1)
    state = dynamics.system.at_rest()
    broken = Langevin(System(gas(2), potential), 300.0, 1.0, 0.1)
    with pytest.raises(BrokenDown, match="shorter time step"):
        broken.step(state, np.random.default_rng(0))


def test_what_makes_no_sense_is_refused():
    bonded = gas(2)
    bonded.set_constraint(FixBondLength(0, 1))
    massless = Atoms("X2", np.zeros((2, 3)), masses=[0.0, 1.0])
    for atoms in (bonded, massless):
        with pytest.raises(InputError):
            System(atoms, Wells())
    with pytest.raises(InputError):
        Langevin(System(gas(1), Wells()), 300.0, -1.0, 0.1)
    with pytest.raises(InputError):
        VelocityVerlet(System(gas(1), Wells()), 0.0)
