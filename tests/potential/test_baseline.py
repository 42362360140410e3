"""Core repulsion and point charges against the laws of potentials and closed forms."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from contracts.check_potential import check_potential
from hypothesis import given
from hypothesis import strategies as st
from potential.examples import alcohol, cluster, oxide_cell, silicon_cell

from gapsample.errors import InputError, SettingsError, UnknownSpecies
from gapsample.potential.baseline import from_recipe
from gapsample.potential.coulomb import COULOMB, PointCharges
from gapsample.potential.recipe import Baseline
from gapsample.potential.zbl import ZBL

SALT = PointCharges({"Na": 1.0, "Cl": -1.0})


@pytest.mark.parametrize("make", [oxide_cell, silicon_cell, alcohol])
def test_core_repulsion_obeys_the_laws_of_potentials(make) -> None:  # type: ignore[no-untyped-def]
    check_potential(ZBL(1.2, 2.9), make(), exact=1e-10)


@pytest.mark.parametrize("make", [oxide_cell, alcohol])
def test_point_charges_obey_the_laws_of_potentials(make) -> None:  # type: ignore[no-untyped-def]
    charges = PointCharges({"Si": 0.7, "O": -0.7, "H": 0.2, "C": -0.1})
    check_potential(charges, make(), tolerance=1e-6, exact=1e-7)


def test_core_repulsion_is_the_published_screened_coulomb_law_inside() -> None:
    x = 0.8 / (0.46850 / (2.0 * 14**0.23))
    screening = (
        0.18175 * np.exp(-3.19980 * x)
        + 0.50986 * np.exp(-0.94229 * x)
        + 0.28022 * np.exp(-0.40290 * x)
        + 0.02817 * np.exp(-0.20162 * x)
    )
    dimer = Atoms("Si2", positions=[[0, 0, 0], [0, 0, 0.8]])
    energy = ZBL(1.0, 2.0).evaluate(dimer).energy
    assert energy == pytest.approx(14**2 * 14.39964 / 0.8 * screening, rel=1e-3)


@given(r=st.floats(0.05, 3.0), z1=st.integers(1, 92), z2=st.integers(1, 92))
def test_core_repulsion_is_never_attractive_and_ends_at_the_outer_radius(r: float, z1: int, z2: int) -> None:
    value, slope = ZBL(1.0, 2.0).pair_energies(np.array([r]), np.array([z1]), np.array([z2]))
    assert value[0] >= 0.0
    assert slope[0] <= 0.0
    assert (value[0] == 0.0) == (r >= 2.0)


@pytest.mark.parametrize("edge", [1.0, 2.0])
def test_core_repulsion_is_twice_differentiable_at_its_radii(edge: float) -> None:
    pair = ZBL(1.0, 2.0).pair_energies
    one = np.array([14])

    def curvature(r: float) -> float:
        h = 1e-5
        slopes = pair(np.array([r - h, r + h]), one, one)[1]
        return float(slopes[1] - slopes[0]) / (2.0 * h)

    assert abs(curvature(edge + 1e-4) - curvature(edge - 1e-4)) < 0.05 * max(1.0, abs(curvature(edge - 1e-4)))


def test_rock_salt_has_its_madelung_energy() -> None:
    crystal = bulk("NaCl", "rocksalt", a=5.64)
    energy = SALT.evaluate(crystal, virial=True)
    expected = -1.747564594633182 * COULOMB / 2.82
    assert energy.energy == pytest.approx(expected, abs=1e-6)
    assert energy.virial is not None
    np.testing.assert_allclose(energy.virial, expected / 3.0 * np.eye(3), atol=1e-5)  # E ~ 1 / length


def test_charges_in_a_huge_cell_approach_charges_in_vacuum() -> None:
    ions = Atoms("NaClClNa", positions=[[0, 0, 0], [2.4, 0, 0], [0, 2.4, 0], [2.4, 2.4, 0]])
    free = SALT.evaluate(ions)
    ions.set_cell([60, 60, 60])
    ions.pbc = True
    boxed = SALT.evaluate(ions)
    assert boxed.energy == pytest.approx(free.energy, abs=1e-4)
    np.testing.assert_allclose(boxed.forces, free.forces, atol=1e-4)


def test_charges_refuse_what_has_no_finite_energy() -> None:
    with pytest.raises(InputError, match="neutral"):
        SALT.evaluate(bulk("NaCl", "rocksalt", a=5.64)[:1])
    slab = bulk("NaCl", "rocksalt", a=5.64)
    slab.pbc = (True, True, False)
    with pytest.raises(InputError, match="all directions or in none"):
        SALT.evaluate(slab)
    with pytest.raises(UnknownSpecies, match="Si"):
        SALT.evaluate(silicon_cell())
    with pytest.raises(InputError, match="same point"):
        SALT.evaluate(Atoms("NaCl", positions=np.zeros((2, 3))))


def test_recipe_builds_the_sum_it_names() -> None:
    assert from_recipe(Baseline()) is None
    atoms = cluster("NaClNaCl")
    both = from_recipe(Baseline(zbl=(1.0, 2.5), charges=SALT.charges))
    assert both is not None
    expected = ZBL(1.0, 2.5).evaluate(atoms).energy + SALT.evaluate(atoms).energy
    assert both.evaluate(atoms).energy == pytest.approx(expected)


def test_senseless_radii_and_charges_are_refused() -> None:
    with pytest.raises(SettingsError, match="inner"):
        ZBL(2.0, 1.0)
    with pytest.raises(SettingsError, match="finite"):
        PointCharges({"Na": float("nan")})
