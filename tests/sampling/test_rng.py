"""A stream depends on its name alone, and a generator continues where it was put down."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsample.errors import FileFormatError, InputError
from gapsample.rng import BIT_GENERATORS, dump_state, restore_state, stream, words

INDEX = st.integers(0, 2**32 - 1)
NAMES = st.tuples(INDEX, INDEX, INDEX)


@given(seed=st.integers(0, 2**130), name=NAMES)
def test_a_stream_is_the_same_whoever_asks_for_it_and_when(seed, name):
    first = stream(seed, *name).random(4)
    stream(seed, 1, 2, 3).random(100)
    np.testing.assert_array_equal(stream(seed, *name).random(4), first)


@given(seed=st.integers(0, 2**64), names=st.lists(NAMES, min_size=2, max_size=6, unique=True))
def test_streams_of_different_names_differ(seed, names):
    assert len({tuple(words(seed, *name)) for name in names}) == len(names)
    assert len({float(stream(seed, *name).random()) for name in names}) == len(names)


def test_streams_are_not_those_of_neighboring_seeds():
    drawn = [
        stream(seed, run, walker).random() for seed in range(6) for run in range(6) for walker in range(6)
    ]
    assert len(set(drawn)) == len(drawn)


@pytest.mark.parametrize("wrong", [(-1, 0, 0, 0), (0, -1, 0, 0), (0, 0, 2**32, 0)])
def test_a_name_out_of_range_is_refused(wrong):
    with pytest.raises(InputError, match=r"2\^32"):
        stream(*wrong)


@pytest.mark.parametrize("kind", BIT_GENERATORS.values(), ids=BIT_GENERATORS)
def test_a_restored_generator_continues_exactly(kind):
    rng = np.random.Generator(kind(7))
    rng.integers(0, 100, 3, dtype=np.uint32)  # leaves half a word behind
    rng.normal(size=5)
    twin = restore_state(json.loads(json.dumps(dump_state(rng))))
    for draw in (
        lambda g: g.integers(0, 2**31, 3, dtype=np.uint32),
        lambda g: g.normal(size=700),
        lambda g: g.random(3, np.float32),
    ):
        np.testing.assert_array_equal(draw(twin), draw(rng))
    assert dump_state(twin) == dump_state(rng)


@pytest.mark.parametrize(
    "state",
    [{}, {"bit_generator": "os"}, {"bit_generator": "PCG64"}, {"bit_generator": "PCG64", "state": 3}],
)
def test_what_is_no_state_is_refused(state):
    with pytest.raises(FileFormatError, match=r"wanted|not the state"):
        restore_state(state)
