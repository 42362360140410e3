"""OpenMM Systems answer to the laws of potentials, in our units, or say why they cannot."""

import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from contracts.check_potential import check_derivatives, check_purity, slope
from contracts.motions import displaced, turned

from gapsample.errors import InputError

openmm = pytest.importorskip("openmm", reason="the extra gapsample[openmm] is not installed")
module = pytest.importorskip("gapsample.potential.openmm")
KJ_MOL, OpenMM = module.KJ_MOL, module.OpenMM
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "free_energy"))
alanine_dipeptide = pytest.importorskip("alanine").alanine_dipeptide

CELL = np.array([[14.0, 1.0, -2.0], [-1.0, 13.0, 5.0], [3.0, -4.0, 15.0]])


def argon(n=12, periodic=True):
    """Atoms and potential of Lennard-Jones argon with a smooth cutoff, in a skew cell in general position."""
    system, force = openmm.System(), openmm.NonbondedForce()
    for _ in range(n):
        system.addParticle(39.948)
        force.addParticle(0.0, 0.34, 1.0)
    force.setNonbondedMethod(force.CutoffPeriodic if periodic else force.NoCutoff)
    force.setCutoffDistance(0.55)
    force.setUseSwitchingFunction(True)
    force.setSwitchingDistance(0.4)
    force.setUseDispersionCorrection(False)
    system.addForce(force)
    rng = np.random.default_rng(1)
    grid = np.array(list(np.ndindex(2, 2, 3))) / [2, 2, 3]
    atoms = Atoms(f"Ar{n}", (grid @ CELL + 0.3 * rng.normal(size=(12, 3)))[:n], cell=CELL, pbc=periodic)
    return atoms, OpenMM.of(system, [18] * n)


def test_a_molecule_obeys_the_laws_of_potentials():
    atoms, potential, *_ = alanine_dipeptide()
    atoms.rattle(0.03, seed=1)
    check_purity(potential, atoms)
    check_derivatives(potential, atoms, tolerance=1e-5)
    here = potential.evaluate(atoms, virial=True)
    moved, R = turned(displaced(atoms, np.array([1.0, 2.0, 3.0])))
    there = potential.evaluate(moved, virial=True)
    assert there.energy == pytest.approx(here.energy, abs=1e-9)
    np.testing.assert_allclose(there.forces, here.forces @ R, atol=1e-8)
    np.testing.assert_allclose(there.virial, R.T @ here.virial @ R, atol=1e-7)


def test_a_crystal_may_lie_in_any_cell():
    atoms, potential = argon()
    here = potential.evaluate(atoms)
    rng = np.random.default_rng(2)
    for _ in range(3):
        u = rng.normal(size=(len(atoms), 3))
        found = slope(lambda h, u=u: potential.evaluate(displaced(atoms, h * u), forces=False).energy, 1e-3)
        assert found == pytest.approx(-np.sum(here.forces * u), abs=1e-6)
    moved, R = turned(atoms)
    there = potential.evaluate(moved)
    assert there.energy == pytest.approx(here.energy, abs=1e-10)
    np.testing.assert_allclose(there.forces, here.forces @ R, atol=1e-9)
    images = atoms.copy()
    images.positions += rng.integers(-2, 3, size=(len(atoms), 3)) @ CELL
    assert potential.evaluate(images).energy == pytest.approx(here.energy, abs=1e-10)


def test_units_are_ours():
    atoms, potential = argon(2, periodic=False)
    atoms.positions = [(0.0, 0.0, 0.0), (3.4 * 2 ** (1 / 6), 0.0, 0.0)]
    found = potential.evaluate(atoms)
    assert found.energy == pytest.approx(-KJ_MOL)
    np.testing.assert_allclose(found.forces, 0.0, atol=1e-10)


def test_it_travels_to_other_processes_unchanged():
    atoms, potential, *_ = alanine_dipeptide()
    again = pickle.loads(pickle.dumps(potential))
    assert again.evaluate(atoms).energy == potential.evaluate(atoms).energy
    np.testing.assert_array_equal(again.evaluate(atoms).forces, potential.evaluate(atoms).forces)


def test_threads_may_share_one():
    atoms, potential, *_ = alanine_dipeptide()
    many = [displaced(atoms, 0.02 * np.random.default_rng(k).normal(size=(22, 3))) for k in range(200)]
    alone = [potential.evaluate(each).forces for each in many]
    with ThreadPoolExecutor(4) as pool:
        together = [found.forces for found in pool.map(potential.evaluate, many)]
    np.testing.assert_array_equal(together, alone)


def test_what_it_cannot_do_it_says():
    atoms, potential = argon()
    with pytest.raises(InputError, match="virial"):
        potential.evaluate(atoms, virial=True)
    for wrong, match in (
        (Atoms("Ne12", atoms.positions, cell=CELL, pbc=True), "made for"),
        (atoms[:5], "made for"),
        (Atoms("Ar12", atoms.positions), "periodic"),
        (Atoms("Ar12", atoms.positions, cell=0.5 * CELL, pbc=True), "box size"),
    ):
        with pytest.raises(InputError, match=match):
            potential.evaluate(wrong)
    for broken in (np.nan, 0.0):
        moved = atoms.copy()
        moved.positions[:2] = broken
        with pytest.raises(InputError, match="energy of"):
            potential.evaluate(moved)
    _, free = argon(periodic=False)
    with pytest.raises(InputError, match="pbc"):
        free.evaluate(atoms)


def test_systems_whose_energy_is_not_all_are_refused():
    system = openmm.System()
    for _ in range(3):
        system.addParticle(1.0)
    with pytest.raises(InputError, match="3 particles"):
        OpenMM.of(system, [1])
    with pytest.raises(InputError, match="Reference"):
        OpenMM.of(system, [1, 1, 1], platform="Abacus")
    system.addConstraint(0, 1, 0.1)
    with pytest.raises(InputError, match="constraints"):
        OpenMM.of(system, [1, 1, 1])
    system.removeConstraint(0)
    system.setParticleMass(2, 0.0)
    system.setVirtualSite(2, openmm.TwoParticleAverageSite(0, 1, 0.5, 0.5))
    with pytest.raises(InputError, match="virtual"):
        OpenMM.of(system, [1, 1, 1])
