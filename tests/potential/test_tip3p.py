"""Flexible TIP3P: OpenMM's own water, for any number of molecules."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from contracts.check_potential import check_derivatives
from contracts.motions import displaced, turned

from gapsample.errors import InputError

openmm = pytest.importorskip("openmm", reason="the extra gapsample[openmm] is not installed")
from gapsample.potential.openmm import KJ_MOL, NM  # noqa: E402
from gapsample.potential.tip3p import EPSILON, SIGMA, FlexibleTIP3P  # noqa: E402


def waters(n: int, *, side: float = 3.4, periodic: bool = False) -> Atoms:
    rng = np.random.default_rng(n)
    atoms = Atoms(cell=[n * side] * 3 if periodic else None, pbc=periodic)
    for site in np.ndindex(n, n, n):
        one = molecule("H2O")
        one.euler_rotate(*rng.uniform(0.0, 360.0, 3))
        one.positions += side * np.array(site) + rng.normal(0.0, 0.03, (3, 3))
        atoms += one
    return atoms


@pytest.mark.parametrize("periodic", [False, True])
def test_energy_and_forces_are_those_of_the_force_field_openmm_ships(periodic: bool) -> None:
    app, unit = pytest.importorskip("openmm.app"), pytest.importorskip("openmm.unit")
    atoms, topology = waters(4, periodic=periodic), app.Topology()
    chain = topology.addChain()
    for _ in range(len(atoms) // 3):
        residue = topology.addResidue("HOH", chain)
        o, *hydrogens = (
            topology.addAtom(name, app.Element.getBySymbol(name[0]), residue) for name in ("O", "H1", "H2")
        )
        for h in hydrogens:
            topology.addBond(o, h)
    if periodic:
        topology.setPeriodicBoxVectors(np.diag(atoms.cell.lengths() / NM) * unit.nanometer)
    system = app.ForceField("tip3p.xml").createSystem(
        topology,
        nonbondedMethod=app.PME if periodic else app.NoCutoff,
        nonbondedCutoff=0.6 * unit.nanometer,
        constraints=None,
        rigidWater=False,
        removeCMMotion=False,
        ewaldErrorTolerance=1e-5,
    )
    for force in system.getForces():
        if isinstance(force, openmm.NonbondedForce):
            force.setUseDispersionCorrection(False)
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions(atoms.positions / NM)
    state = context.getState(getEnergy=True, getForces=True)
    found = FlexibleTIP3P(cutoff=6.0).evaluate(atoms)
    energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole) * KJ_MOL
    assert found.energy == pytest.approx(energy, abs=1e-6)
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
    np.testing.assert_allclose(found.forces, forces * KJ_MOL / NM, atol=1e-6)


def test_forces_are_the_slope_of_the_energy_and_turn_with_the_molecules() -> None:
    potential, atoms = FlexibleTIP3P(), waters(2)
    check_derivatives(potential, atoms, tolerance=1e-5)
    moved, R = turned(displaced(atoms, np.array([1.0, 2.0, 3.0])))
    np.testing.assert_allclose(
        potential.evaluate(moved).forces, potential.evaluate(atoms).forces @ R, atol=1e-8
    )


def test_molecules_far_apart_do_not_know_of_each_other() -> None:
    potential, one = FlexibleTIP3P(), waters(1)
    pair = one + displaced(one, np.array([1e5, 0.0, 0.0]))
    assert potential.evaluate(pair).energy == pytest.approx(2.0 * potential.evaluate(one).energy, abs=1e-9)


@pytest.mark.parametrize("periodic", [False, True])
def test_what_charges_add_to_the_energy_goes_with_their_square(periodic: bool) -> None:
    atoms = waters(2, periodic=periodic)
    none, some, twice = (FlexibleTIP3P(charge=charge).evaluate(atoms) for charge in (0.0, 0.2, 0.4))
    assert twice.energy - none.energy == pytest.approx(4.0 * (some.energy - none.energy), rel=1e-6)
    np.testing.assert_allclose(twice.forces - none.forces, 4.0 * (some.forces - none.forces), atol=1e-6)


def test_without_charges_only_oxygens_know_of_each_other() -> None:
    potential, one, apart = FlexibleTIP3P(charge=0.0), waters(1), 3.3
    pair = one + displaced(one, np.array([apart, 0.0, 0.0]))
    sixth = (SIGMA * NM / apart) ** 6
    alone = 2.0 * potential.evaluate(one).energy
    lennard_jones = 4.0 * EPSILON * KJ_MOL * (sixth**2 - sixth)
    assert potential.evaluate(pair).energy - alone == pytest.approx(lennard_jones, rel=1e-9)


def test_the_cutoff_shrinks_in_a_small_cell() -> None:
    atoms = waters(2, side=3.1, periodic=True)
    small, large = FlexibleTIP3P(cutoff=9.0), FlexibleTIP3P(cutoff=0.49 * 6.2)
    assert small.evaluate(atoms).energy == large.evaluate(atoms).energy


def test_other_orders_and_other_atoms_are_refused() -> None:
    atoms = waters(1)
    for wrong in (atoms[[1, 0, 2]], atoms[:2], Atoms("OH2", atoms.positions) + Atoms("Na"), Atoms()):
        with pytest.raises(InputError, match="each as O, H, H"):
            FlexibleTIP3P().evaluate(wrong)


def test_a_cell_that_is_periodic_along_some_directions_only_is_refused() -> None:
    atoms = waters(2, periodic=True)
    atoms.pbc = (True, False, False)
    atoms.cell[1:] = 0.0
    with pytest.raises(InputError, match="periodic all around"):
        FlexibleTIP3P().evaluate(atoms)
