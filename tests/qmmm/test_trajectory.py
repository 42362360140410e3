"""Dynamics on mixed forces: its limits, its memory of the region, its exact restart."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from ase import Atoms
from scenes import copper, lennard_jones

from gapsample.potential.protocol import Evaluation
from gapsample.qmmm.clusters import Carving
from gapsample.qmmm.engine import Engine
from gapsample.qmmm.layers import Within
from gapsample.qmmm.mixing import ForceMixing, Mixed
from gapsample.qmmm.predictor_corrector import block_codec
from gapsample.qmmm.region import Layer, Region
from gapsample.qmmm.selection import Seeds, Selection
from gapsample.qmmm.trajectory import MixedBlocks, MixedDynamics, heat_given, regional_codec
from gapsample.rng import stream
from gapsample.sampling.adaptive_langevin import ADAPTIVE_CODEC, AdaptiveLangevin
from gapsample.sampling.checkpoints import Checkpoints
from gapsample.sampling.dynamics import BrokenDown, System
from gapsample.sampling.loop import run, steps

N, T = 60, 3000.0


@dataclass(frozen=True)
class Springs:
    k: float

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        return Evaluation(0.5 * self.k * float(np.sum(atoms.positions**2)), -self.k * atoms.positions)


SOFT, STIFF = Springs(1.0), Springs(1.5)


@dataclass(frozen=True)
class Mixing:
    """Stiff springs to the right of a place, with memory over some width."""

    place: float = 0.0
    width: float = 0.1

    def step(self, atoms, previous):
        x = atoms.positions[:, 0]
        layer = Layer(x > self.place, x > self.place - self.width)
        region = Region.of(layer.after(None if previous is None else previous.quantum))
        soft = SOFT.evaluate(atoms)
        mixed = np.where(region.quantum[:, None], STIFF.evaluate(atoms).forces, soft.forces)
        return Mixed(mixed, region, soft, [], np.zeros(3), np.zeros_like(mixed), np.nan)


def integrator(potential=SOFT):
    return AdaptiveLangevin(System(Atoms("Ar" * N), potential), T, 2.0, 0.02, 60.0)


def motion(dynamics):
    return dynamics.start(dynamics.system.thermal(T, stream(1)))


def mixed_dynamics(**mixing):
    return MixedDynamics(Atoms("Ar" * N), Mixing(**mixing).step, integrator())


def blocks(every, **mixing):
    return MixedBlocks(Atoms("Ar" * N), Mixing(**mixing).step, SOFT, integrator(), every)


@pytest.mark.parametrize(("place", "potential"), [(np.inf, SOFT), (-np.inf, STIFF)])
def test_without_quantum_atoms_it_is_classical_and_with_all_of_them_quantum(place, potential):
    dynamics, alone = mixed_dynamics(place=place), integrator(potential)
    (state, _), other = dynamics.start(motion(integrator())), motion(alone)
    left, right = stream(2), stream(2)
    for _ in range(20):
        state, _ = dynamics.step(state, left)
        other, _ = alone.step(other, right)
    for part, wanted in zip(state.inner, other, strict=True):
        np.testing.assert_array_equal(part, wanted)


def test_the_region_before_decides_on_the_region_after():
    dynamics, rng = mixed_dynamics(width=0.3), stream(2)
    state, _ = dynamics.start(motion(integrator()))
    stayed = 0
    for _ in range(100):
        before = state.region.quantum
        state, mixed = dynamics.step(state, rng)
        x = state.inner.positions[:, 0]
        between = (x <= 0.0) & (x > -0.3)
        np.testing.assert_array_equal(state.region.quantum[between], before[between])
        assert mixed.region is state.region
        stayed += np.count_nonzero(before[between])
    assert stayed > 0


@pytest.mark.parametrize("kind", ["every step", "blocks"])
def test_cut_anywhere_and_resumed_equals_never_cut(tmp_path, kind):
    dynamics = mixed_dynamics(width=0.3) if kind == "every step" else blocks(4, width=0.3)
    codec = regional_codec(ADAPTIVE_CODEC if kind == "every step" else block_codec(ADAPTIVE_CODEC))
    start, _ = dynamics.start(motion(integrator()))
    whole = run(dynamics.step, start, stream(2), until=steps(30)).state
    checkpoints = Checkpoints(tmp_path, codec)
    run(dynamics.step, start, stream(2), until=steps(17), checkpoints=checkpoints)
    found = checkpoints.latest()
    resumed = run(dynamics.step, found.state, found.rng, until=steps(30), n_steps=17).state
    wanted, got = codec.pack(whole).arrays, codec.pack(resumed).arrays
    assert wanted.keys() == got.keys()
    for name, part in wanted.items():
        np.testing.assert_array_equal(got[name], part)


def test_blocks_of_one_step_are_mixed_dynamics():
    one, other = blocks(1), mixed_dynamics()
    (left, _), (right, _) = one.start(motion(integrator())), other.start(motion(integrator()))
    for n in range(20):
        left, story = one.step(left, stream(2, n))
        right, mixed = other.step(right, stream(2, n))
        np.testing.assert_array_equal(story.mixed.region.quantum, mixed.region.quantum)
    np.testing.assert_allclose(left.inner.motion.positions, right.inner.positions, atol=1e-12)


@pytest.mark.parametrize("every", [1, 3])
def test_the_same_potential_as_both_is_that_potential_alone_while_the_region_moves(every):
    atoms, both = copper(3), lennard_jones()
    alone = AdaptiveLangevin(System(atoms, both), T, 2.0, 0.02, 60.0)
    selection = Selection((Seeds((5, 80), Within(2.6, 2.8)),), Within(2.6), 1.0)
    mixing = ForceMixing(both, Engine((both,)), selection, Carving(Within(5.2), terminate=False))
    dynamics = MixedBlocks(atoms, mixing.step, both, alone, every)
    begun = alone.start(alone.system.thermal(T, stream(1)))
    (state, mixed), other = dynamics.start(begun), begun
    left, right = stream(2), stream(2)
    regions = {mixed.region.quantum.tobytes()}
    for _ in range(12 // every):
        state, story = dynamics.step(state, left)
        regions.add(story.mixed.region.quantum.tobytes())
    for _ in range(12):
        other, _ = alone.step(other, right)
    np.testing.assert_allclose(state.inner.motion.positions, other.positions, atol=1e-10)
    assert len(regions) > 1


def test_heat_by_region_adds_up():
    dynamics, rng = mixed_dynamics(), stream(2)
    state, _ = dynamics.start(motion(integrator()))
    total = np.zeros(3)
    for _ in range(30):
        before = state
        state, _ = dynamics.step(state, rng)
        total += heat_given(before.inner, state.inner, before.region)
    assert total.sum() == pytest.approx(state.inner.heat.sum())
    assert total[0] != 0.0
    assert total[1] == 0.0


def test_forces_that_are_not_finite_end_the_run_and_the_state_before_stands():
    dynamics = mixed_dynamics()
    state, mixed = dynamics.start(motion(integrator()))

    def broken(atoms, previous):
        return replace(mixed, forces=mixed.forces * np.nan)

    before = [part.copy() for part in state.inner]
    with pytest.raises(BrokenDown):
        MixedDynamics(Atoms("Ar" * N), broken, integrator()).step(state, stream(2))
    for part, was in zip(state.inner, before, strict=True):
        np.testing.assert_array_equal(part, was)
