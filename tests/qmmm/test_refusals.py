"""Settings of a region that make no sense are refused by name, and a criterion may return what is natural."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from gapsample.errors import InputError, UnknownName
from gapsample.qmmm import Bonding, Seeds, Selection
from gapsample.qmmm.layers import Scene
from gapsample.qmmm.region import Layer


@pytest.fixture(scope="module")
def scene():
    atoms = bulk("Si", cubic=True)
    return Scene(atoms, Bonding().find(atoms))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stretch": -1.0}, "stretch > 0"),
        ({"stretch": float("nan")}, "stretch > 0"),
        ({"largest_molecule": -1}, "largest_molecule >= 0"),
        ({"radii": {"Si": -0.1}}, "-0.1 for Si"),
    ],
)
def test_bonds_that_there_cannot_be_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        Bonding(**settings)


def test_a_radius_of_an_unknown_element_names_the_near_miss():
    with pytest.raises(UnknownName, match=r"bonding\.radii 'SI'; did you mean 'S'"):
        Bonding(radii={"SI": 1.0})


@pytest.mark.parametrize("atoms", [(-1,), (8,), (0, 9)])
def test_seeds_are_among_the_atoms_counted_from_zero(scene, atoms):
    with pytest.raises(InputError, match="among 8 atoms, counted from 0"):
        Seeds(atoms)(scene)


def test_a_criterion_may_return_a_mask_a_list_or_a_layer(scene):
    mask = np.arange(8) < 2
    for answer in (mask, mask.tolist(), Layer.of(mask)):
        region = Selection((lambda _, found=answer: found,))(scene)
        np.testing.assert_array_equal(region.quantum, mask)


@pytest.mark.parametrize(
    "answer",
    [np.ones(7, bool), np.ones((8, 1), bool), np.arange(8), Layer(np.ones(8, bool), np.ones(3, bool))],
)
def test_a_criterion_that_returns_anything_else_is_named(scene, answer):
    with pytest.raises(InputError, match="a mask of 8 booleans"):
        Selection((lambda _: answer,))(scene)
