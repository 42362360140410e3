"""Adaptive Langevin dynamics: canonical where forces are conservative, and at its temperature where not."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from ase import units
from ase.constraints import FixAtoms
from oscillators import MASS, OMEGA, K, Wells, gas

from gapsample.errors import InputError
from gapsample.potential.protocol import Evaluation
from gapsample.rng import stream
from gapsample.sampling.adaptive_langevin import ADAPTIVE_CODEC, AdaptiveLangevin
from gapsample.sampling.checkpoints import Checkpoints
from gapsample.sampling.dynamics import BrokenDown, Langevin, System
from gapsample.sampling.loop import Every, run, steps

T = 500.0
KT = units.kB * T
CYCLE = 2.0 * np.pi / OMEGA / units.fs  # fs, of a free oscillation


@dataclass(frozen=True)
class Shaken:
    """Wells whose forces have noise, of its own strength for every atom: it heats them."""

    strength: np.ndarray
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        x = atoms.positions
        return Evaluation(0.0, -K * x + self.strength[:, None] * self.rng.standard_normal(x.shape))


def averages(dynamics, n_steps, rng, skipped=300):
    """Means over time: x^2 and m v^2 over kT of every atom, its drag and the square of it."""
    x = np.sqrt(KT / K) * rng.standard_normal(dynamics.system.inverse_masses.shape)
    state = dynamics.start(dynamics.system.thermal(T, rng, x))
    sums = np.zeros((4, len(state.positions)))
    for n in range(skipped + n_steps):
        state, _ = dynamics.step(state, rng)
        if n >= skipped:
            x2, v2 = (np.mean(part**2, axis=1) for part in (state.positions, state.velocities))
            drag = np.broadcast_to(state.drag, len(x2))
            sums += x2 * K / KT, v2 * MASS / KT, drag, drag**2
    return sums / n_steps


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("friction", "period", "phase"), [(0.3, 1.0, 0.3), (0.1, 0.5, 0.1), (2.0, 3.0, 0.1)])
def test_oscillators_are_canonical_whatever_friction_and_period(friction, period, phase, shared):
    h = phase / OMEGA / units.fs
    dynamics = AdaptiveLangevin(
        System(gas(), Wells()), T, h, friction * OMEGA * units.fs, period * CYCLE, shared=shared
    )
    x2, v2, drag, drag2 = averages(dynamics, 1600, np.random.default_rng(1)).mean(axis=1)
    answer = (3.0 if not shared else 1200.0) * KT * (period * CYCLE * units.fs) ** 2 / (4.0 * np.pi**2)
    assert x2 == pytest.approx(1.0, rel=0.02)
    assert v2 == pytest.approx(1.0 - 0.25 * phase**2, rel=0.02)
    if not shared:
        assert drag == pytest.approx(0.0, abs=0.06 * np.sqrt(KT / answer))
        assert drag2 == pytest.approx(KT / answer, rel=0.12)


def test_each_drag_is_the_rate_at_which_its_atom_is_heated():
    h, strength = 0.2 / OMEGA / units.fs, np.repeat([0.0, 0.2, 0.4], 200)
    system = System(gas(600), Shaken(strength))
    dynamics = AdaptiveLangevin(system, T, h, 0.1 * OMEGA * units.fs, CYCLE)
    x2, v2, drag, _ = averages(dynamics, 1500, np.random.default_rng(2)).reshape(4, 3, 200).mean(axis=2)
    heating = np.unique(strength) ** 2 * h * units.fs / (2.0 * MASS)  # of each direction of each atom
    np.testing.assert_allclose(drag, heating / KT, atol=0.02 * OMEGA)
    np.testing.assert_allclose(x2, 1.0, rtol=0.03)
    np.testing.assert_allclose(v2, 1.0, rtol=0.03)
    assert heating[2] / KT > 0.1 * OMEGA


def test_one_drag_for_all_leaves_heated_atoms_hot_and_cools_the_others():
    h, strength = 0.2 / OMEGA / units.fs, np.repeat([0.0, 0.2], 200)
    dynamics = AdaptiveLangevin(
        System(gas(), Shaken(strength)), T, h, 0.1 * OMEGA * units.fs, CYCLE, shared=True
    )
    v2 = averages(dynamics, 1200, np.random.default_rng(2))[1].reshape(2, 200).mean(axis=1)
    assert v2.mean() == pytest.approx(1.0, rel=0.03)
    assert v2[0] < 0.85
    assert v2[1] > 1.15


def test_the_heat_taken_out_is_what_was_put_in():
    h, strength = 0.2 / OMEGA / units.fs, np.repeat([0.0, 0.2], 200)
    dynamics = AdaptiveLangevin(System(gas(), Shaken(strength)), T, h, 0.1 * OMEGA * units.fs, CYCLE)
    rng, n_steps, given = np.random.default_rng(3), 1500, 0.0
    state = dynamics.start(dynamics.system.thermal(T, rng))
    for n in range(300 + n_steps):
        if n == 300:
            given = state.heat
        state, _ = dynamics.step(state, rng)
    rate = (state.heat - given).reshape(2, 200).mean(axis=1) / (n_steps * h * units.fs)
    put_in = 3.0 * 0.2**2 * h * units.fs / (2.0 * MASS)
    np.testing.assert_allclose(rate, [0.0, -put_in], atol=0.04 * put_in)


def test_energy_less_the_heat_given_is_constant_to_second_order_in_the_step():
    system, worst = System(gas(30), Wells(c=1.0)), []
    start = system.thermal(T, np.random.default_rng(4), np.random.default_rng(5).normal(size=(30, 3)))
    for phase in (0.04, 0.02):
        dynamics = AdaptiveLangevin(system, T, phase / OMEGA / units.fs, 0.0, CYCLE)
        state, kept = dynamics.start(start), []
        for _ in range(round(8.0 / phase)):
            state, seen = dynamics.step(state, np.random.default_rng(0))
            kept.append(seen.energy + 0.5 * MASS * np.sum(state.velocities**2) - state.heat.sum())
        worst.append(np.ptp(kept))
    assert worst[0] / worst[1] == pytest.approx(4.0, rel=0.1)


def test_trajectories_converge_to_second_order_in_the_step():
    system = System(gas(3), Wells(c=1.0))
    start = system.thermal(T, np.random.default_rng(4), np.ones((3, 3)))
    ends = []
    for n in (100, 200, 400):
        dynamics = AdaptiveLangevin(system, T, 5.0 / OMEGA / units.fs / n, 0.0, CYCLE)
        state = dynamics.start(start)
        for _ in range(n):
            state, _ = dynamics.step(state, np.random.default_rng(0))
        ends.append(np.concatenate((state.positions.ravel(), state.drag, state.heat)))
    ratio = np.linalg.norm(ends[0] - ends[1]) / np.linalg.norm(ends[1] - ends[2])
    assert ratio == pytest.approx(4.0, rel=0.1)


def test_with_an_infinite_period_it_is_langevin_dynamics():
    system = System(gas(5), Wells(c=1.0))
    start = system.thermal(T, np.random.default_rng(3), np.ones((5, 3)))
    one, other = AdaptiveLangevin(system, T, 0.5, 0.1, np.inf), Langevin(system, T, 0.5, 0.1)
    a, b, (left, right) = one.start(start), start, (np.random.default_rng(0), np.random.default_rng(0))
    for _ in range(50):
        a, _ = one.step(a, left)
        b, _ = other.step(b, right)
    np.testing.assert_allclose(a.positions, b.positions, atol=1e-12)
    np.testing.assert_array_equal(a.drag, 0.0)


def test_the_step_is_continuous_where_drag_and_friction_cancel():
    system = System(gas(1), Wells())
    dynamics = AdaptiveLangevin(system, T, 0.5, 0.1, np.inf)
    start, ends = dynamics.start(system.thermal(T, np.random.default_rng(3))), []
    for off in (-1e-9, 0.0, 1e-9):
        state = start._replace(drag=np.array([-0.1 / units.fs * (1.0 + off)]))
        ends.append(dynamics.step(state, np.random.default_rng(0))[0].velocities)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-8)
    np.testing.assert_allclose(ends[2], ends[1], rtol=1e-8)


@pytest.mark.parametrize("shared", [False, True])
def test_cut_anywhere_and_resumed_equals_never_cut(tmp_path, shared):
    def dynamics():
        return AdaptiveLangevin(System(gas(3), Wells()), T, 1.0, 0.1, 20.0, shared=shared)

    start = dynamics().start(dynamics().system.thermal(T, stream(1), np.ones((3, 3))))
    whole = run(dynamics().step, start, stream(2), until=steps(30)).state
    for cut in (1, 17):
        checkpoints = Checkpoints(tmp_path / str(cut), ADAPTIVE_CODEC)
        run(dynamics().step, start, stream(2), until=steps(cut), checkpoints=checkpoints)
        found = checkpoints.latest()
        resumed = run(
            dynamics().step,
            found.state,
            found.rng,
            until=steps(30),
            checkpoints=checkpoints,
            checkpoint_every=Every(steps=5),
            n_steps=found.n_steps,
        )
        for part, wanted in zip(resumed.state, whole, strict=True):
            np.testing.assert_array_equal(part, wanted)


def test_a_state_given_is_not_altered():
    dynamics = AdaptiveLangevin(System(gas(3), Wells()), T, 1.0, 0.1, 20.0)
    state = dynamics.start(dynamics.system.thermal(T, np.random.default_rng(0)))
    before = [part.copy() for part in state]
    dynamics.step(state, np.random.default_rng(0))
    for part, was in zip(state, before, strict=True):
        np.testing.assert_array_equal(part, was)


@pytest.mark.parametrize("shared", [False, True])
def test_fixed_atoms_stay_without_drag_or_heat(shared):
    atoms = gas(50)
    atoms.set_constraint(FixAtoms([0, 7]))
    dynamics = AdaptiveLangevin(System(atoms, Wells()), T, 1.0, 0.1, 20.0, shared=shared)
    rng = np.random.default_rng(0)
    state = dynamics.start(dynamics.system.thermal(T, rng, np.ones((50, 3))))
    for _ in range(20):
        state, _ = dynamics.step(state, rng)
    np.testing.assert_array_equal(state.positions[[0, 7]], 1.0)
    np.testing.assert_array_equal(state.heat[[0, 7]], 0.0)
    assert np.all(state.heat[1:7] != 0.0)
    if not shared:
        np.testing.assert_array_equal(state.drag[[0, 7]], 0.0)


def test_broken_forces_and_senseless_numbers_are_refused():
    system = System(gas(1), Shaken(np.array([np.nan])))
    dynamics = AdaptiveLangevin(system, T, 1.0, 0.1, 20.0)
    with pytest.raises(BrokenDown):
        dynamics.step(dynamics.start(system.at_rest()), np.random.default_rng(0))
    for wrong in ((0.0, 1.0, 0.1, 20.0), (T, 0.0, 0.1, 20.0), (T, 1.0, -0.1, 20.0), (T, 1.0, 0.1, 0.0)):
        with pytest.raises(InputError, match="period"):
            AdaptiveLangevin(system, *wrong)
