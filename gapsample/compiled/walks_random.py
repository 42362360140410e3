"""Random numbers inside compiled walks: xoshiro256++, one small state for each walker, seeded by a key.

Blackman & Vigna, ACM Trans. Math. Softw. 47, 36 (2021); public domain algorithms.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

State = NDArray[np.uint64]

N_WORDS = 4
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S11, _S17, _S19, _S23 = np.uint64(11), np.uint64(17), np.uint64(19), np.uint64(23)
_S27, _S30, _S31, _S41, _S45 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(41), np.uint64(45)
_UNIT = 2.0**-53


@njit
def seed(state: State, key: np.uint64) -> None:
    """Fill the state, shape (4,), from one key by SplitMix64."""
    word = key
    for i in range(N_WORDS):
        word = word + _GOLDEN
        z = word
        z = (z ^ (z >> _S30)) * _MIX_1
        z = (z ^ (z >> _S27)) * _MIX_2
        state[i] = z ^ (z >> _S31)


@njit
def uniform(state: State) -> float:
    """Draw from [0, 1) with 53 bits and advance the state."""
    s0, s1, s2, s3 = state[0], state[1], state[2], state[3]
    total = s0 + s3
    result = ((total << _S23) | (total >> _S41)) + s0
    shifted = s1 << _S17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= shifted
    s3 = (s3 << _S45) | (s3 >> _S19)
    state[0], state[1], state[2], state[3] = s0, s1, s2, s3
    return (result >> _S11) * _UNIT
