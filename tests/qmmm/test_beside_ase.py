"""Beside ASE's ForceQMMM: where it is right both agree, where it is wrong or refuses ours is right."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.calculators.qmmm import ForceQMMM
from ase.optimize import FIRE
from contracts.motions import displaced
from scenes import SHEAR, copper, lennard_jones

from gapsample.qmmm.calculator import ForceMixingCalculator
from gapsample.qmmm.clusters import Carving
from gapsample.qmmm.engine import Engine
from gapsample.qmmm.layers import Within
from gapsample.qmmm.mixing import ForceMixing
from gapsample.qmmm.selection import Seeds, Selection

BUFFER = 4.0  # Å


def around_the_middle(atoms: Atoms) -> np.ndarray:
    return np.linalg.norm(atoms.positions - atoms.cell.array.sum(axis=0) / 2, axis=1) < 2.9


def classical() -> Calculator:
    return lennard_jones().calculator


def ase_forces(atoms: Atoms, chosen: np.ndarray) -> np.ndarray:
    asked = atoms.copy()
    asked.calc = ForceQMMM(asked, chosen, EMT(), classical(), BUFFER, vacuum=10.0, zero_mean=False)
    return np.array(asked.get_forces())


def our_forces(atoms: Atoms, chosen: np.ndarray, buffer: float = BUFFER) -> np.ndarray:
    asked = atoms.copy()
    asked.calc = ForceMixingCalculator.of_calculators(chosen, EMT(), classical(), buffer, momentum=None)
    return np.array(asked.get_forces())


def test_inside_an_orthorhombic_cell_both_agree() -> None:
    atoms = copper(5)
    chosen = around_the_middle(atoms)
    assert chosen.sum() > 4
    np.testing.assert_allclose(our_forces(atoms, chosen), ase_forces(atoms, chosen), atol=1e-10)


def test_across_a_periodic_boundary_ours_are_right_and_those_of_ase_are_not() -> None:
    atoms = copper(5)
    chosen = around_the_middle(atoms)
    right = our_forces(atoms, chosen)
    moved = displaced(atoms, atoms.cell.array.sum(axis=0) / 2)
    moved.wrap()
    np.testing.assert_allclose(our_forces(moved, chosen), right, atol=1e-10)
    assert np.abs(ase_forces(moved, chosen) - right).max() > 1.0


def test_in_an_oblique_cell_ours_are_right_and_ase_refuses() -> None:
    """The same atoms in another cell of the same lattice: ours have the same forces."""
    atoms = copper(5)
    chosen = around_the_middle(atoms)
    oblique = atoms.copy()
    oblique.set_cell(np.array([[1, 0, 0], [1, 1, 0], [0, -1, 1]]) @ atoms.cell.array)
    with pytest.raises(RuntimeError, match="NON-orthorhombic"):
        ase_forces(oblique, chosen)
    np.testing.assert_allclose(our_forces(oblique, chosen), our_forces(atoms, chosen), atol=1e-10)


def test_in_a_small_oblique_cell_where_images_meet_the_engine_sees_the_periodic_cell() -> None:
    atoms = bulk("Cu").repeat(3)
    atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    atoms.rattle(0.05, seed=3)
    chosen = np.arange(len(atoms)) == 5
    periodic = atoms.copy()
    periodic.calc = EMT()
    np.testing.assert_allclose(our_forces(atoms, chosen, 6.0)[5], periodic.get_forces()[5], atol=1e-10)


def test_the_buffer_follows_the_atoms_and_that_of_ase_does_not() -> None:
    atoms = copper(5)
    chosen = around_the_middle(atoms)
    moved = atoms.copy()
    moved.positions += np.random.default_rng(5).normal(0.0, 0.4, atoms.positions.shape)
    remembering = ForceMixingCalculator.of_calculators(chosen, EMT(), classical(), BUFFER, momentum=None)
    asked = atoms.copy()
    asked.calc = remembering
    asked.get_forces()
    asked.positions = moved.positions
    np.testing.assert_allclose(asked.get_forces(), our_forces(moved, chosen), atol=1e-10)


def test_the_mean_force_is_zero_as_it_is_in_ase_when_all_masses_are_equal() -> None:
    atoms = copper(5)
    chosen = around_the_middle(atoms)
    theirs, ours = atoms.copy(), atoms.copy()
    theirs.calc = ForceQMMM(theirs, chosen, EMT(), classical(), BUFFER, vacuum=10.0, zero_mean=True)
    ours.calc = ForceMixingCalculator.of_calculators(chosen, EMT(), classical(), BUFFER)
    np.testing.assert_allclose(ours.get_forces(), theirs.get_forces(), atol=1e-10)


def test_optimizers_of_ase_run_and_the_region_is_remembered() -> None:
    atoms = copper(3)
    mixing = ForceMixing(
        lennard_jones(),
        Engine((lennard_jones(),)),
        Selection((Seeds((4,)),), Within(2.8, 3.4)),
        Carving(Within(BUFFER), terminate=False),
    )
    atoms.calc = ForceMixingCalculator(mixing)
    before = np.abs(atoms.get_forces()).max()
    FIRE(atoms, logfile=None).run(fmax=1e-9, steps=8)
    assert np.abs(atoms.get_forces()).max() < before
    assert np.isnan(atoms.get_potential_energy())
    assert atoms.calc.region is not None
    assert atoms.calc.region.core[4]
