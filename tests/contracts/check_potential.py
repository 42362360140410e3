"""The laws every `Potential` obeys: one call in a test runs them all."""

import numpy as np
from ase import Atoms
from contracts.motions import displaced, shuffled, strained, turned

from gapsample.potential.protocol import Potential


def check_potential(
    potential: Potential, atoms: Atoms, *, tolerance: float = 1e-6, exact: float = 1e-8, step: float = 1e-4
) -> None:
    """Raise AssertionError where a potential breaks a law on a configuration.

    Parameters
    ----------
    tolerance : eV/Å and eV per unit strain (times the number of atoms), of finite differences
    exact : eV and eV/Å (times the number of atoms), of symmetries; analytic up to rounding and tables
    step : Å and strain, of finite differences
    """
    check_purity(potential, atoms)
    check_derivatives(potential, atoms, tolerance=tolerance * len(atoms), step=step)
    check_symmetries(potential, atoms, exact=exact * len(atoms))


def check_purity(potential: Potential, atoms: Atoms) -> None:
    """Same atoms, same answer; atoms untouched; nothing computed that was not asked."""
    before = atoms.copy()
    first = potential.evaluate(atoms, forces=True, virial=True)
    again = potential.evaluate(atoms, forces=True, virial=True)
    assert isinstance(first.energy, float)
    assert first.energy == again.energy
    np.testing.assert_array_equal(first.forces, again.forces)
    np.testing.assert_array_equal(first.virial, again.virial)
    assert atoms == before, "the potential changed the atoms"
    assert set(atoms.arrays) == set(before.arrays), "the potential left arrays on the atoms"
    assert atoms.info.keys() == before.info.keys(), "the potential left info on the atoms"
    assert atoms.calc is None or atoms.calc.results is not None
    assert first.forces.shape == (len(atoms), 3)
    assert first.virial.shape == (3, 3)
    bare = potential.evaluate(atoms, forces=False)
    assert bare.forces is None
    assert bare.virial is None
    assert abs(bare.energy - first.energy) < 1e-9 * max(1.0, abs(first.energy))
    if first.local_energies is not None:
        assert first.local_energies.shape == (len(atoms),)
        assert abs(first.local_energies.sum() - first.energy) < 1e-9 * max(1.0, abs(first.energy))


def check_derivatives(potential: Potential, atoms: Atoms, *, tolerance: float, step: float = 1e-4) -> None:
    """Forces are minus the gradient, the virial minus the strain derivative, of the energy."""

    def energy(moved: Atoms) -> float:
        return potential.evaluate(moved, forces=False).energy

    here = potential.evaluate(atoms, forces=True, virial=True)
    rng = np.random.default_rng(1)
    for _ in range(4):
        u = rng.normal(size=(len(atoms), 3))
        u /= np.linalg.norm(u)
        assert (
            abs(slope(lambda h, u=u: energy(displaced(atoms, h * u)), step) + np.sum(here.forces * u))
            < tolerance
        )
    for a in range(3):
        for b in range(3):
            strain = np.zeros((3, 3))
            strain[a, b] = 1.0
            by_strain = slope(lambda h, strain=strain: energy(strained(atoms, h * strain)), step)
            assert abs(by_strain + here.virial[a, b]) < tolerance, f"virial component {a}{b}"


def check_symmetries(potential: Potential, atoms: Atoms, *, exact: float) -> None:
    """Nothing depends on where the atoms are, how they are turned, or how they are numbered."""
    here = potential.evaluate(atoms, forces=True, virial=True)
    np.testing.assert_allclose(here.forces.sum(axis=0), 0.0, atol=exact)
    np.testing.assert_allclose(here.virial, here.virial.T, atol=exact)

    there = potential.evaluate(displaced(atoms, np.array([0.3, -1.1, 7.7])), forces=True)
    assert abs(there.energy - here.energy) < exact
    np.testing.assert_allclose(there.forces, here.forces, atol=exact)

    moved, R = turned(atoms)
    there = potential.evaluate(moved, forces=True, virial=True)
    assert abs(there.energy - here.energy) < exact
    np.testing.assert_allclose(there.forces, here.forces @ R, atol=exact)
    np.testing.assert_allclose(there.virial, R.T @ here.virial @ R, atol=exact)

    moved, order = shuffled(atoms)
    there = potential.evaluate(moved, forces=True)
    assert abs(there.energy - here.energy) < exact
    np.testing.assert_allclose(there.forces, here.forces[order], atol=exact)

    if np.all(atoms.pbc):
        there = potential.evaluate(atoms.repeat((2, 1, 1)), forces=True)
        assert abs(there.energy - 2.0 * here.energy) < 2.0 * exact
        np.testing.assert_allclose(there.forces[: len(atoms)], here.forces, atol=exact)


def slope(function, step: float) -> float:  # type: ignore[no-untyped-def]
    """Derivative at zero, right to fourth order of the step."""
    near = function(step) - function(-step)
    far = function(2.0 * step) - function(-2.0 * step)
    return (8.0 * near - far) / (12.0 * step)
