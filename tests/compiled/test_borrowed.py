"""Borrowed arrays: the same memory, however deep in tuples, and none of its references counted."""

from sys import getrefcount
from typing import NamedTuple

import numpy as np

from gapsample.compiled.borrowed import borrowed
from gapsample.compiled.jit import njit


class Pair(NamedTuple):
    numbers: np.ndarray
    scale: float


@njit
def doubled(nested, row):
    pairs, mine = borrowed((nested, row))
    total = 0.0
    for pair in pairs:
        for i in range(len(pair.numbers)):
            pair.numbers[i] *= pair.scale
            total += pair.numbers[i]
        mine += pair.numbers
    return total


def test_borrowed_arrays_are_the_memory_of_those_that_were_given():
    numbers, row = np.arange(4.0), np.zeros(4)
    assert doubled((Pair(numbers, 2.0), Pair(numbers, 3.0)), row) == 48.0
    np.testing.assert_array_equal(numbers, [0.0, 6.0, 12.0, 18.0])
    np.testing.assert_array_equal(row, [0.0, 8.0, 16.0, 24.0])


def test_an_array_is_freed_once_however_often_it_was_borrowed():
    numbers, row = np.arange(4.0), np.zeros(4)
    before = getrefcount(numbers), getrefcount(row)
    for _ in range(10):
        doubled((Pair(numbers, 2.0), Pair(numbers, 3.0)), row)
    assert (getrefcount(numbers), getrefcount(row)) == before


def test_plain_python_borrows_by_doing_nothing():
    pair = Pair(np.arange(4.0), 2.0)
    assert borrowed(pair) is pair
