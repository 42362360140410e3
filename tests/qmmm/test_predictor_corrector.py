"""Predictor-corrector: what quantum forces add is carried between calls, exactly where it can be."""

from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms

from gapsample.errors import InputError
from gapsample.potential.protocol import Evaluation, Sum
from gapsample.potential.recipe import Distance, Recipe, Sigmas
from gapsample.qmmm.carry import Carry, DeltaGap, Known
from gapsample.qmmm.predictor_corrector import PredictorCorrector, block_codec
from gapsample.rng import stream
from gapsample.sampling.adaptive_langevin import ADAPTIVE_CODEC, AdaptiveLangevin
from gapsample.sampling.checkpoints import Checkpoints
from gapsample.sampling.dynamics import BrokenDown, Langevin, System, VelocityVerlet
from gapsample.sampling.loop import run, steps

T, H = 300.0, 0.4  # K, fs


@dataclass(frozen=True)
class Wells:
    """Every coordinate in k/2 x^2 + c/4 x^4."""

    k: float = 2.0
    c: float = 0.0

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        x = atoms.positions
        return Evaluation(
            float(np.sum(0.5 * self.k * x**2 + 0.25 * self.c * x**4)), -self.k * x - self.c * x**3
        )

    def forces(self, positions):
        return self.evaluate(Atoms("H" * len(positions), positions)).forces


CLASSICAL, CORRECTION = Wells(), Wells(0.5, 0.3)


def system(potential=CLASSICAL, n=4):
    return System(Atoms("He" * n, np.ones((n, 3)), masses=np.full(n, 4.0)), potential)


def verlet(potential=CLASSICAL):
    return VelocityVerlet(system(potential), H)


def langevin(potential=CLASSICAL):
    return Langevin(system(potential), T, H, 0.02)


def adaptive(potential=CLASSICAL):
    return AdaptiveLangevin(system(potential), T, H, 0.02, 40.0)


def begun(integrator):
    state = integrator.system.thermal(T, stream(1))
    return integrator.start(state) if isinstance(integrator, AdaptiveLangevin) else state


def flown(integrator, correction, every, n_steps, rng, model=None):
    """State of the integrator after so many steps."""
    dynamics = PredictorCorrector(integrator, CLASSICAL.forces, correction, every, model)
    block = dynamics.start(begun(integrator))
    for _ in range(n_steps // every):
        block, _ = dynamics.step(block, rng)
    return block.motion


def plain(integrator, n_steps, rng):
    state = begun(integrator)
    for _ in range(n_steps):
        state, _ = integrator.step(state, rng)
    return state


@pytest.mark.parametrize("kind", [verlet, langevin, adaptive])
def test_blocks_of_one_step_are_the_integrator_itself_bit_for_bit(kind):
    one = flown(kind(), CORRECTION.forces, 1, 20, stream(2))
    other = plain(kind(Sum(CLASSICAL, CORRECTION)), 20, stream(2))
    for part, wanted in zip(one, other, strict=True):
        np.testing.assert_array_equal(part, wanted)


@pytest.mark.parametrize("kind", [verlet, langevin, adaptive])
def test_a_constant_correction_is_carried_exactly_with_the_same_noise(kind):
    push = np.random.default_rng(3).normal(size=(4, 3))

    @dataclass(frozen=True)
    class Pushed:
        def evaluate(self, atoms, *, forces=True, virial=False, error=False):
            seen = CLASSICAL.evaluate(atoms)
            return Evaluation(seen.energy, seen.forces + push)

    left, right = stream(2), stream(2)
    one, other = flown(kind(), lambda x: push, 5, 20, left), plain(kind(Pushed()), 20, right)
    np.testing.assert_allclose(one.positions, other.positions, atol=1e-12)
    assert left.random() == right.random()


def test_a_correction_linear_in_time_is_carried_exactly():
    growth, every, integrator = np.random.default_rng(3).normal(size=(4, 3)), 5, verlet()
    calls = iter(range(100))
    one = flown(integrator, lambda x: next(calls) * every * growth, every, 20, None)
    state = begun(integrator)
    for time in range(1, 21):
        state = integrator.move(state)
        state = integrator.kick(state, CLASSICAL.forces(state.positions) + time * growth)
    np.testing.assert_allclose(one.positions, state.positions, atol=1e-12)


def test_a_correction_that_the_model_knows_is_carried_exactly():
    one = flown(langevin(), CORRECTION.forces, 10, 20, stream(2), lambda known: CORRECTION.forces)
    other = plain(langevin(Sum(CLASSICAL, CORRECTION)), 20, stream(2))
    np.testing.assert_allclose(one.positions, other.positions, atol=1e-12)


@pytest.mark.parametrize("kind", [verlet, langevin])
def test_the_error_grows_with_the_square_of_the_steps_between_quantum_calls(kind):
    exact = plain(kind(Sum(CLASSICAL, CORRECTION)), 24, stream(2)).positions
    errors = [
        np.linalg.norm(flown(kind(), CORRECTION.forces, every, 24, stream(2)).positions - exact)
        for every in (2, 4, 8)
    ]
    assert errors[1] / errors[0] == pytest.approx(15.0 / 3.0, rel=0.15)  # of the steps squared, less one
    assert errors[2] / errors[1] == pytest.approx(63.0 / 15.0, rel=0.15)


def test_the_energy_of_both_together_swings_more_than_it_drifts():
    both, energies = Sum(CLASSICAL, CORRECTION), []
    dynamics = PredictorCorrector(verlet(), CLASSICAL.forces, CORRECTION.forces, 4)
    block = dynamics.start(begun(verlet()))
    for _ in range(800):
        block, _ = dynamics.step(block, None)
        atoms = Atoms("He4", block.motion.positions)
        energies.append(both.evaluate(atoms).energy + 2.0 * np.sum(block.motion.velocities**2))
    assert np.ptp(energies) < 0.005 * energies[0]
    assert np.ptp(energies) < 1.3 * np.ptp(energies[:200])


def test_there_is_one_quantum_call_in_a_block_and_one_at_the_start():
    calls = []

    def correction(positions):
        calls.append(positions)
        return CORRECTION.forces(positions)

    flown(verlet(), correction, 5, 20, None)
    assert len(calls) == 1 + 4


def test_surprise_is_the_error_of_what_was_foreseen():
    growth, calls = np.ones((4, 3)), iter(range(100))
    dynamics = PredictorCorrector(verlet(), CLASSICAL.forces, lambda x: next(calls) * growth, 3)
    block = dynamics.start(begun(verlet()))
    block, first = dynamics.step(block, None)
    block, second = dynamics.step(block, None)
    np.testing.assert_allclose(first.surprise, np.sqrt(3.0))  # nothing was known of the growth
    np.testing.assert_allclose(second.surprise, 0.0, atol=1e-12)


def test_resumed_at_the_end_of_a_block_equals_never_cut(tmp_path):
    codec, dynamics = (
        block_codec(ADAPTIVE_CODEC),
        PredictorCorrector(adaptive(), CLASSICAL.forces, CORRECTION.forces, 4, memory=3),
    )
    start = dynamics.start(begun(adaptive()))
    whole = run(dynamics.step, start, stream(2), until=steps(8)).state
    checkpoints = Checkpoints(tmp_path, codec)
    run(dynamics.step, start, stream(2), until=steps(5), checkpoints=checkpoints)
    found = checkpoints.latest()
    resumed = run(dynamics.step, found.state, found.rng, until=steps(8), n_steps=5).state
    for part, wanted in zip((*resumed.motion, *resumed.known), (*whole.motion, *whole.known), strict=True):
        np.testing.assert_array_equal(part, wanted)
    assert len(whole.known.times) == 3


@pytest.mark.parametrize("model", [None, lambda x: np.sin(x)])
def test_whatever_the_model_the_correction_is_right_at_quantum_calls(model):
    rng = np.random.default_rng(0)
    known = Known.first(*rng.normal(size=(2, 5, 3))).more(4.0, *rng.normal(size=(2, 5, 3)))
    carry = Carry(known, model)
    for time, x, wanted in zip(*known, strict=True):
        np.testing.assert_allclose(carry.at(x, time), wanted, atol=1e-14)


@dataclass(frozen=True)
class Pairs:
    """A soft repulsion of all pairs."""

    height: float = 0.5

    def forces(self, x):
        D = x[:, None] - x[None]
        pull = self.height * np.exp(-0.5 * np.sum(D**2, axis=2) / 4.0)
        return np.sum(pull[:, :, None] * D, axis=1)


def test_a_delta_gap_foresees_a_correction_of_pairs_better_than_a_straight_line():
    rng, n = np.random.default_rng(5), 8
    grid = 2.5 * np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
    atoms = Atoms("Si8", grid + 0.1 * rng.normal(size=(n, 3)))
    still = VelocityVerlet(System(atoms, Wells(0.0)), 2.0)
    recipe = Recipe((Distance(8.0, theta=1.0, n_sparse=15),), sigmas=Sigmas(force=0.01))
    surprise = []
    for model in (None, DeltaGap(atoms, recipe)):
        dynamics = PredictorCorrector(still, lambda x: -0.3 * (x - grid), Pairs().forces, 10, model, memory=4)
        block = dynamics.start(still.system.thermal(3000.0, stream(1)))
        for _ in range(5):
            block, story = dynamics.step(block, None)
        surprise.append(np.sqrt(np.mean(story.surprise**2)))
    assert surprise[1] < 0.5 * surprise[0]


def test_a_delta_gap_leaves_atoms_without_a_correction_alone():
    rng = np.random.default_rng(5)
    atoms = Atoms("Si8", 3.0 * rng.normal(size=(8, 3)))
    recipe = Recipe((Distance(6.0, n_sparse=10),), sigmas=Sigmas(force=0.01))
    x = atoms.positions
    correction = np.where(np.arange(8)[:, None] < 3, Pairs().forces(x), 0.0)
    found = DeltaGap(atoms, recipe)(Known.first(x, correction))(x)
    assert np.all(found[:3] != 0.0)
    np.testing.assert_array_equal(found[3:], 0.0)
    np.testing.assert_array_equal(DeltaGap(atoms, recipe)(Known.first(x, np.zeros_like(x)))(x), 0.0)


def test_what_makes_no_sense_is_refused():
    for every, memory in ((0, 2), (1, 1)):
        with pytest.raises(InputError, match="every >= 1"):
            PredictorCorrector(verlet(), CLASSICAL.forces, CORRECTION.forces, every, memory=memory)
    broken = PredictorCorrector(verlet(), CLASSICAL.forces, lambda x: np.full_like(x, np.nan), 2)
    with pytest.raises(BrokenDown, match="shorter time step"):
        broken.start(begun(verlet()))
