"""Water: whole molecules of it quantum, the others flexible TIP3P through OpenMM."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import scene, water

from gapsample.potential.calculator import FromCalculator
from gapsample.potential.protocol import Potential
from gapsample.qmmm.clusters import Carving, carve
from gapsample.qmmm.engine import Engine
from gapsample.qmmm.history import events, members
from gapsample.qmmm.layers import Within
from gapsample.qmmm.mixing import ForceMixing
from gapsample.qmmm.momentum import Share
from gapsample.qmmm.region import Region
from gapsample.qmmm.selection import Seeds, Selection
from gapsample.qmmm.trajectory import MixedBlocks
from gapsample.rng import stream
from gapsample.sampling.adaptive_langevin import AdaptiveLangevin
from gapsample.sampling.dynamics import System

openmm = pytest.importorskip("openmm", reason="the extra gapsample[openmm] is not installed")
OpenMM = pytest.importorskip("gapsample.potential.openmm").OpenMM
tblite = pytest.importorskip("tblite.ase", reason="tblite is not installed")
TIP3P = pytest.importorskip("gapsample.potential.tip3p").FlexibleTIP3P()
EXACT = 1e-10  # eV/Å
NEAR = Carving(Within(2.5), terminate=False)


def xtb() -> FromCalculator:
    return FromCalculator(tblite.TBLite(method="GFN2-xTB", verbosity=0))


def around(*seeds: int, growth: float = 0.0, ramp: float = 0.0) -> Selection:
    return Selection((Seeds(seeds),), Within(growth), ramp)


def mixing(
    qm: Potential, selector: Selection, carving: Carving = NEAR, momentum: Share | None = "quantum"
) -> ForceMixing:
    return ForceMixing(TIP3P, Engine((qm,)), selector, carving, momentum=momentum)


def forces_of(potential: Potential, atoms: Atoms) -> np.ndarray:
    forces = potential.evaluate(atoms).forces
    assert forces is not None
    return forces


def droplet(apart: float, n: int = 5) -> Atoms:
    """Molecules around the first one, in no cell, the last of them so far from it."""
    rng, atoms = np.random.default_rng(4), Atoms()
    sites = np.array([(0, 0, 0), (0, 3, 0), (0, -3, 0), (0, 0, 3), (1, 0, 0)], float)[:n]
    sites[-1] *= apart
    for site in sites:
        one = molecule("H2O")
        one.euler_rotate(*rng.uniform(0.0, 360.0, 3))
        one.positions += site
        atoms += one
    return atoms


def test_with_all_molecules_quantum_forces_are_those_of_the_periodic_engine() -> None:
    """Particle meshes leave a small net force behind, which is not to be taken from the engine's."""
    atoms = water(2)
    mixed = mixing(xtb(), around(0), momentum=None).forces(atoms, Region.of(np.ones(24, bool)))
    np.testing.assert_allclose(mixed.forces, forces_of(xtb(), atoms), atol=EXACT)


def test_with_no_molecule_quantum_forces_are_those_of_tip3p() -> None:
    atoms = water(2)
    mixed = mixing(xtb(), around(0)).forces(atoms, Region.of(np.zeros(24, bool)))
    np.testing.assert_array_equal(mixed.forces, forces_of(TIP3P, atoms))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1000), oblique=st.booleans(), ramp=st.sampled_from([0.0, 1.5]))
def test_tip3p_as_both_is_itself_whatever_molecules_are_quantum(
    seed: int, oblique: bool, ramp: float
) -> None:
    """Molecules and regions across boundaries, several clusters, electrostatics without end."""
    atoms = water(3, seed=seed, oblique=oblique)
    seeds = np.random.default_rng(seed).choice(len(atoms), 3, replace=False)
    mixed = mixing(TIP3P, around(*map(int, seeds), growth=1.5, ramp=ramp)).step(atoms)
    assert mixed.labels
    np.testing.assert_allclose(mixed.forces, forces_of(TIP3P, atoms), atol=EXACT)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), atom=st.integers(0, 80), growth=st.floats(0.0, 3.0))
def test_no_molecule_is_cut_by_the_region_or_by_a_cluster(seed: int, atom: int, growth: float) -> None:
    seen = scene(water(3, seed=seed))
    region = around(atom, growth=growth)(seen, None)
    assert np.all(region.quantum.reshape(-1, 3).all(axis=1) == region.quantum.reshape(-1, 3).any(axis=1))
    for cluster in carve(seen, region.treated, NEAR):
        assert cluster.atoms.numbers.tolist() == [8, 1, 1] * (len(cluster.atoms) // 3)
        if not cluster.complete:  # unwrapped: hydrogens where their oxygen is
            arms = cluster.atoms.positions.reshape(-1, 3, 3)
            assert np.all(np.linalg.norm(arms[:, 1:] - arms[:, :1], axis=2) < 1.2)


@pytest.mark.parametrize("atom", [12, 13], ids=["O", "H"])
def test_forces_go_over_smoothly_as_a_molecule_leaves_where_weights_do(atom: int) -> None:
    """Twice as many places on the way out: steps of the force halve, but not the one at an abrupt end."""

    def largest_step(selector: Selection, n: int) -> float:
        mixed = mixing(xtb(), selector, Carving(Within(50.0)), momentum=None)
        path = np.stack([mixed.step(droplet(d)).forces[atom] for d in np.linspace(3.1, 4.1, n)])
        return float(np.linalg.norm(np.diff(path, axis=0), axis=1).max())

    smooth, abrupt = around(0, ramp=3.5), around(0, growth=3.2)
    assert largest_step(smooth, 41) < 0.6 * largest_step(smooth, 21)
    assert largest_step(abrupt, 41) > 0.8 * largest_step(abrupt, 21)
    assert largest_step(abrupt, 41) > 3.0 * largest_step(smooth, 41)


def test_molecules_that_come_and_go_are_counted() -> None:
    path = [3.0, 3.9, 4.6, 3.9, 3.0, 4.6]  # Å, of oxygens; a hydrogen is nearer by 0.3
    selector = Selection((Seeds((0,)),), Within(3.0, 3.8))
    region, story = None, []
    for step, apart in enumerate(path):
        now = selector(scene(droplet(apart), stretch=1.2), region)
        story.append(events(step, region, now))
        region = now
    history = np.concatenate(story)
    oxygen = history[(history["atom"] == 12) & (history["layer"] == 1)]
    assert oxygen["entered"].tolist() == [True, False, True, False]
    assert oxygen["step"].tolist() == [0, 2, 4, 5]
    assert region is not None
    np.testing.assert_array_equal(members(history, 15, "quantum", 5), region.quantum)


def test_a_run_cut_and_resumed_equals_one_never_cut() -> None:
    atoms = water(3)
    integrator = AdaptiveLangevin(System(atoms, TIP3P), 300.0, 0.2, 0.02, 50.0)

    def dynamics() -> MixedBlocks[Any]:
        return MixedBlocks(atoms, mixing(xtb(), around(0, growth=1.8)).step, TIP3P, integrator, 2)

    whole, rng = dynamics(), stream(3)
    state, mixed = whole.start(integrator.start(integrator.system.at_rest()))
    assert 0 < len(mixed.labels[0].atoms) < len(atoms)
    for number in range(4):
        if number == 2:
            cut, later = deepcopy(state), deepcopy(rng)
        state, _ = whole.step(state, rng)
    resumed = dynamics()
    for _ in range(2):
        cut, _ = resumed.step(cut, later)
    for part, wanted in zip(cut.inner.motion, state.inner.motion, strict=True):
        np.testing.assert_array_equal(part, wanted)


def test_openmm_on_one_thread_repeats_itself_whatever_it_saw_before() -> None:
    """A list of neighbors kept from earlier would sum forces in another order."""
    atoms, rng = water(3), np.random.default_rng(0)
    box, pairs = openmm.System(), openmm.NonbondedForce()
    for number in atoms.numbers:
        box.addParticle(1.0)
        pairs.addParticle(-0.8 if number == 8 else 0.4, 0.1, 0.5)
    pairs.setNonbondedMethod(pairs.PME)
    pairs.setCutoffDistance(0.4)
    box.addForce(pairs)
    places = atoms.positions + np.cumsum(rng.normal(0.0, 0.02, (10, 81, 3)), axis=0)

    def along(order: range) -> dict[int, np.ndarray]:
        one = OpenMM.of(box, atoms.numbers, platform="CPU", properties={"Threads": "1"})
        found = {}
        for number in order:
            atoms.positions = places[number]
            found[number] = forces_of(one, atoms)
        return found

    forth, back = along(range(10)), along(range(9, -1, -1))
    for number in range(10):
        np.testing.assert_array_equal(forth[number], back[number])
