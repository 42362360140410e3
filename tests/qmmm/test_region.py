"""The law of hysteresis, what a region is, and its history."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gapsample.errors import InputError
from gapsample.qmmm.history import LAYERS, crossings, events, members, sizes
from gapsample.qmmm.region import Layer, Region, weights_of
from gapsample.sampling.records import RecordFile

N = 12
masks = arrays(bool, N)
layers = st.tuples(masks, masks).map(lambda both: Layer(both[0], both[0] | both[1]))


@given(layer=layers, before=masks)
def test_every_atom_of_the_inner_set_is_in_and_none_outside_the_outer_set(
    layer: Layer, before: np.ndarray
) -> None:
    after = layer.after(before)
    assert np.all(after[layer.inner])
    assert not np.any(after & ~layer.outer)


@given(layer=layers, before=masks)
def test_between_the_sets_nothing_changes(layer: Layer, before: np.ndarray) -> None:
    between = layer.outer & ~layer.inner
    np.testing.assert_array_equal(layer.after(before)[between], before[between])


@given(layer=layers, before=masks)
def test_what_does_not_move_settles_at_once(layer: Layer, before: np.ndarray) -> None:
    after = layer.after(before)
    np.testing.assert_array_equal(layer.after(after), after)


@given(inside=masks, before=masks)
def test_a_layer_whose_sets_are_one_has_no_memory(inside: np.ndarray, before: np.ndarray) -> None:
    np.testing.assert_array_equal(Layer.of(inside).after(before), inside)
    np.testing.assert_array_equal(Layer.of(inside).after(None), inside)


@given(layer=layers, before=masks, more=masks)
def test_more_atoms_before_are_never_fewer_after(layer: Layer, before: np.ndarray, more: np.ndarray) -> None:
    assert np.all(layer.after(before | more)[layer.after(before)])


@given(first=layers, second=layers)
def test_a_union_takes_in_what_either_takes_and_keeps_what_either_keeps(first: Layer, second: Layer) -> None:
    both = first | second
    np.testing.assert_array_equal(both.inner, first.inner | second.inner)
    np.testing.assert_array_equal(both.outer, first.outer | second.outer)


@given(core=masks, extra=masks, ramp=masks)
def test_a_region_refuses_masks_that_are_not_nested(
    core: np.ndarray, extra: np.ndarray, ramp: np.ndarray
) -> None:
    quantum = core | extra
    transition = ramp & ~quantum
    weight = np.where(quantum, 1.0, np.where(transition, 0.5, 0.0))
    region = Region(core, quantum, transition, weight)
    np.testing.assert_array_equal(region.treated, weight > 0.0)
    if quantum.any():
        with pytest.raises(InputError, match="transition atoms must not"):
            Region(core, quantum, quantum, weight)
        with pytest.raises(InputError, match="weights"):
            Region(core, quantum, transition, 0.5 * weight)


def test_a_region_wants_arrays_of_one_length() -> None:
    with pytest.raises(InputError, match="one number per atom"):
        Region(np.zeros(3, bool), np.zeros(3, bool), np.zeros(3, bool), np.zeros(4))


def test_weights_fall_from_one_to_zero_with_no_slope_at_either_end() -> None:
    distance = np.linspace(0.0, 3.0, 3001)
    weight = weights_of(distance == 0.0, distance, 2.0)
    assert weight[0] == 1.0
    assert np.all(np.diff(weight) <= 0.0)
    assert np.all(weight[distance >= 2.0] == 0.0)
    slope = np.diff(weight) / np.diff(distance)
    assert abs(slope[0]) < 2e-3
    assert abs(slope[1999]) < 2e-3
    np.testing.assert_array_equal(weights_of(distance == 0.0, distance, 0.0), distance == 0.0)


def test_the_history_replays_every_region_and_fits_a_record_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    regions, history, before = [], [], None
    for step in range(20):
        quantum = rng.uniform(size=N) < 0.4
        region = Region(quantum & (rng.uniform(size=N) < 0.5), quantum, ~quantum, np.where(quantum, 1.0, 0.3))
        history.append(events(step, before, region))
        regions.append(region)
        before = region
    told = np.concatenate(history)
    for step, region in enumerate(regions):
        for layer in LAYERS:
            np.testing.assert_array_equal(members(told, N, layer, step), getattr(region, layer))
    counted = dict(sizes(told, "core"))
    for step, count in counted.items():
        assert count == regions[step].core.sum()
    pairs = list(pairwise(region.quantum for region in regions[4:]))
    entered, left = (
        sum(int(each.sum()) for each in kind)
        for kind in ((now & ~then for then, now in pairs), (then & ~now for then, now in pairs))
    )
    assert crossings(told, "quantum", after=4) == (entered, left)
    still = events(5, regions[-1], regions[-1])
    assert len(still) == 0
    assert sizes(still, "core").shape == (0, 2)
    with RecordFile(tmp_path / "region.records", told.dtype) as file:
        file.append(told)
        assert len(file) == len(told)
