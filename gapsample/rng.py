"""Random streams named by what they are for, so that any of them can be made again anywhere.

A stream is a function of (seed, run, walker, iteration) and of nothing else: not of the order in which
streams are asked for, nor of the process that asks. `numpy.random.Generator.spawn` is never used: its
counter is not part of the bit generator's state, so a restored generator would spawn other children.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import BitGenerator, Generator, SeedSequence
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, InputError

BIT_GENERATORS: dict[str, type[BitGenerator]] = {
    kind.__name__: kind
    for kind in (np.random.PCG64, np.random.PCG64DXSM, np.random.MT19937, np.random.Philox, np.random.SFC64)
}


def stream(seed: int, run: int = 0, walker: int = 0, iteration: int = 0) -> Generator:
    """Generator of one walker's random numbers in one iteration of one run.

    Parameters
    ----------
    seed : entropy of the whole study, any non-negative integer; the number written in the manifest
    run, walker, iteration : 0 <= each < 2^32; streams of different triples are independent

    Raises
    ------
    InputError
        One of the numbers is negative or too large.
    """
    return np.random.Generator(np.random.PCG64(_sequence(seed, run, walker, iteration)))


def words(seed: int, run: int = 0, walker: int = 0, iteration: int = 0, *, n: int = 4) -> NDArray[np.uint64]:
    """Seed words of the same stream for a generator inside compiled code, shape (n,), uint64."""
    return _sequence(seed, run, walker, iteration).generate_state(n, np.uint64).astype(np.uint64)


def dump_state(rng: Generator) -> dict[str, Any]:
    """Everything the generator's next numbers depend on, as JSON can hold it exactly."""
    return {key: _plain(value) for key, value in rng.bit_generator.state.items()}


def restore_state(state: Mapping[str, Any]) -> Generator:
    """Return a generator that continues where `dump_state` was called.

    Raises
    ------
    FileFormatError
        `state` is not what `dump_state` wrote.
    """
    kind = BIT_GENERATORS.get(str(state.get("bit_generator")))
    if kind is None:
        raise FileFormatError(
            f"wanted the state of one of {', '.join(BIT_GENERATORS)}, got {state.get('bit_generator')!r}"
        )
    bits = kind()
    try:
        bits.state = {key: _rebuilt(value) for key, value in state.items()}
    except (KeyError, TypeError, ValueError, OverflowError, IndexError) as problem:
        raise FileFormatError(f"not the state of a {kind.__name__} generator: {problem!r}") from problem
    return np.random.Generator(bits)


def _plain(value: Any) -> Any:
    """JSON-able form of a bit generator's state, arrays as ``{"uint64": [...]}``."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return {value.dtype.name: value.tolist()} if isinstance(value, np.ndarray) else value


def _rebuilt(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1 and (name := next(iter(value))) in ("uint32", "uint64"):
        return np.array(value[name], name)
    return {key: _rebuilt(part) for key, part in value.items()}


def _sequence(seed: int, run: int, walker: int, iteration: int) -> SeedSequence:
    key = (run, walker, iteration)
    if seed < 0 or any(not 0 <= number < 2**32 for number in key):
        raise InputError(
            "a stream wants a seed >= 0 and run, walker, iteration within 0 .. 2^32 - 1; "
            f"got seed {seed} and {key}"
        )
    return SeedSequence(entropy=seed, spawn_key=key)
