"""Cutoff functions of QUIP's pair and angle descriptors, value and slope."""

from __future__ import annotations

import math

from gapsample.compiled.jit import njit


@njit
def cosine_switch(r: float, cutoff: float, width: float) -> tuple[float, float]:
    """One up to ``cutoff - width``, half a cosine down to zero at `cutoff`; and its slope."""
    if r >= cutoff:
        return 0.0, 0.0
    if r <= cutoff - width:
        return 1.0, 0.0
    phase = math.pi * (r - cutoff + width) / width
    return 0.5 * (1.0 + math.cos(phase)), -0.5 * math.pi / width * math.sin(phase)


@njit
def tailed_switch(
    r: float, cutoff: float, width: float, tail_range: float, tail_exponent: float
) -> tuple[float, float]:
    """`cosine_switch` times ``(erf(tail_range r) / r)**tail_exponent``; no tail for exponent zero."""
    switch, slope = cosine_switch(r, cutoff, width)
    if tail_exponent == 0.0:
        return switch, slope
    bare = math.erf(tail_range * r) / r
    bare_slope = (2.0 / math.sqrt(math.pi) * tail_range * math.exp(-((tail_range * r) ** 2)) - bare) / r
    tail = bare**tail_exponent
    return switch * tail, slope * tail + switch * tail_exponent * tail / bare * bare_slope
