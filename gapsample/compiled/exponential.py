"""An exponential the compiler can vectorise (numba calls the C library once for every number)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gapsample.compiled.jit import njit

Floats = NDArray[np.float64]

_LOWEST = -700.0  # exp(-700) ~ 1e-304 stands for all below; no subnormal numbers
_LOG2_E = 1.0 / math.log(2.0)
_LN2_HIGH = 6.93147180369123816490e-01  # with zeros at its end: n * _LN2_HIGH is exact
_LN2_LOW = 1.90821492927058770002e-10
_SHIFT = 1.5 * 2.0**52  # adding it rounds to the nearest whole number, left in the low bits
_C = tuple(1.0 / math.factorial(n) for n in range(13))


@njit
def exp_nonpositive(y: Floats, work: Floats, out: Floats) -> None:
    """``out = exp(y)`` for y <= 0, relative error below 4e-16; values below exp(-700) stay at exp(-700).

    exp(y) = 2^n exp(r) with |r| <= ln(2)/2: Taylor series to the twelfth power (next term 2e-16),
    2^n written into the exponent bits. All arrays of one length; `work` is scratch space.
    """
    bits = work.view(np.int64)
    for s in range(len(y)):
        clipped = max(y[s], _LOWEST)
        shifted = clipped * _LOG2_E + _SHIFT
        n = shifted - _SHIFT
        r = (clipped - n * _LN2_HIGH) - n * _LN2_LOW
        work[s] = shifted
        tail = _C[8] + r * (_C[9] + r * (_C[10] + r * (_C[11] + r * _C[12])))
        out[s] = 1.0 + r * (
            1.0 + r * (_C[2] + r * (_C[3] + r * (_C[4] + r * (_C[5] + r * (_C[6] + r * (_C[7] + r * tail))))))
        )
    for s in range(len(y)):
        bits[s] = (bits[s] + 1023) << 52
    for s in range(len(y)):
        out[s] *= work[s]
