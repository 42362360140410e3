"""Regions by error, by distance, by hops and by function; whole molecules; any cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from contracts.motions import displaced, shuffled, turned
from hypothesis import given, settings
from hypothesis import strategies as st
from scenes import SHEAR, mask, scene, silicon, water

from gapsample.errors import InputError
from gapsample.potential.protocol import Evaluation
from gapsample.qmmm.layers import Hops, Scene, Within
from gapsample.qmmm.region import Layer, Region
from gapsample.qmmm.selection import ErrorThreshold, Seeds, Selection


def with_error(seen: Scene, error: np.ndarray) -> Scene:
    """The scene with predicted force errors of these norms, in directions of no meaning."""
    directions = np.random.default_rng(1).normal(size=(len(error), 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    return replace(seen, seen=Evaluation(0.0, forces_std=np.abs(directions) * error[:, None]))


def assert_same(one: Region, other: Region) -> None:
    for name in ("core", "quantum", "transition"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-10)


def test_atoms_enter_above_one_error_and_leave_below_another() -> None:
    at = scene(silicon(1))
    select = Selection((ErrorThreshold(0.3, 0.1),))
    region, inside = None, []
    for error in (0.05, 0.2, 0.35, 0.2, 0.11, 0.05, 0.2):
        region = select(with_error(at, np.full(8, error)), region)
        inside.append(bool(region.core.all()))
        assert region.core.all() or not region.core.any()
    assert inside == [False, False, True, True, True, False, False]


def test_selection_by_error_refuses_a_potential_that_knows_no_error() -> None:
    select = Selection((ErrorThreshold(0.3, 0.1),))
    with pytest.raises(InputError, match="error='forces'"):
        select(scene(silicon(1)), None)
    with pytest.raises(InputError, match="of 1 atoms is not a number"):
        select(with_error(scene(silicon(1)), np.array([np.nan] + 7 * [0.1])), None)
    with pytest.raises(InputError, match="0 <= leave <= enter"):
        ErrorThreshold(enter=0.1, leave=0.3)


@pytest.mark.parametrize("growth", [Within(2.6, 3.9), Hops(1, 2)], ids=["distance", "hops"])
def test_an_atom_that_swings_between_the_radii_does_not_come_and_go(growth: Within | Hops) -> None:
    chain = Atoms("Si6", [[2.3 * k, 0.0, 0.0] for k in range(6)])
    select = Selection((Seeds((0,)),), growth=growth)

    def at(atoms: Atoms) -> Scene:
        return scene(atoms, largest_molecule=0)

    region = select(at(chain), None)
    np.testing.assert_array_equal(region.quantum, [1, 1, 0, 0, 0, 0])
    away, back = chain.copy(), chain.copy()
    away.positions[1:] += [0.9, 0.0, 0.0]  # 3.2 Å: beyond the inner, within the outer radius
    if isinstance(growth, Within):
        for _ in range(3):
            region = select(at(away), region)
            np.testing.assert_array_equal(region.quantum, [1, 1, 0, 0, 0, 0])
            region = select(at(back), region)
            np.testing.assert_array_equal(region.quantum, [1, 1, 0, 0, 0, 0])
        assert not select(at(away), None).quantum[1]
    wide = Region.of(mask(chain, 0, 1, 2, 3))
    np.testing.assert_array_equal(select(at(chain), wide).quantum, [1, 1, isinstance(growth, Hops), 0, 0, 0])


def test_criteria_are_united_and_a_function_of_the_scene_is_one_of_them() -> None:
    atoms = silicon(1)
    first = Selection((Seeds((0,)), lambda at: Layer.of(at.atoms.positions[:, 0] > 4.0)))
    quantum = first(scene(atoms), None).quantum
    np.testing.assert_array_equal(quantum, mask(atoms, 0) | (atoms.positions[:, 0] > 4.0))


@pytest.mark.parametrize("oblique", [False, True])
def test_a_molecule_is_quantum_whole_and_its_atoms_share_their_weight(oblique: bool) -> None:
    atoms = water(oblique=oblique)
    region = Selection((Seeds((4,)),), growth=Within(2.6), ramp=2.5)(scene(atoms), None)
    np.testing.assert_array_equal(np.flatnonzero(region.core), [4])
    by_molecule = region.weight.reshape(-1, 3)
    assert np.all(by_molecule == by_molecule[:, :1])
    assert np.all(region.quantum.reshape(-1, 3).sum(axis=1) % 3 == 0)
    assert region.transition.any()
    assert 0.0 < region.weight[region.transition].min() < region.weight[region.transition].max() < 1.0


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), oblique=st.booleans(), kind=st.sampled_from(["error", "seeds", "hops"]))
def test_a_region_moves_turns_and_is_renumbered_with_its_atoms(seed: int, oblique: bool, kind: str) -> None:
    rng = np.random.default_rng(seed)
    atoms = silicon(2, seed=seed)
    if oblique:
        atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    error, before = rng.uniform(0.0, 0.5, len(atoms)), Region.of(rng.uniform(size=len(atoms)) < 0.2)

    def select(moved: Atoms, order: np.ndarray) -> Region:
        index = int(np.flatnonzero(order == 7)[0])
        criterion = {
            "error": ErrorThreshold(0.45, 0.3),
            "seeds": Seeds((index,), Within(3.1, 4.4)),
            "hops": Seeds((index,), Hops(2, 3)),
        }[kind]
        growth = Hops(1, 2) if kind == "hops" else Within(2.5, 2.9)
        old = Region.of(before.quantum[order])
        return Selection((criterion,), growth, ramp=1.7)(with_error(scene(moved), error[order]), old)

    same = np.arange(len(atoms))
    here = select(atoms, same)
    shifted = displaced(atoms, rng.uniform(-20.0, 20.0, 3))
    shifted.wrap()
    assert_same(select(shifted, same), here)
    assert_same(select(turned(atoms, seed)[0], same), here)
    moved, order = shuffled(atoms, seed)
    there = select(moved, order)
    np.testing.assert_array_equal(there.quantum, here.quantum[order])
    np.testing.assert_allclose(there.weight, here.weight[order], atol=1e-10)


def test_what_cannot_be_selected_is_refused() -> None:
    at = scene(silicon(1))
    with pytest.raises(InputError, match=r"seeds .9,. are not all among 8 atoms"):
        Selection((Seeds((9,)),))(at, None)
    with pytest.raises(InputError, match="region is of 3 atoms, now 8"):
        Selection((Seeds((0,)),))(at, Region.of(np.zeros(3, bool)))
    with pytest.raises(InputError, match="0 <= inner <= outer"):
        Within(3.0, 2.0)
    with pytest.raises(InputError, match="wants criteria"):
        Selection(())
