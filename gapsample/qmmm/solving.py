"""Clusters solved by a quantum engine: at once, largest first, the same one only once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future

import numpy as np
from ase import Atoms

from gapsample.errors import InputError
from gapsample.qmmm.engine import Answer, Engine, QuantumFailed

DIGITS = 9  # of positions in Å, to which two configurations count as the same


def solve(
    engine: Engine, configurations: Sequence[Atoms], executor: Executor | None = None
) -> list[Answer | QuantumFailed]:
    """The engine's answer for each configuration, or why there is none.

    Parameters
    ----------
    executor : where the evaluations run; None: here, one after the other. In threads the engine must
        bear being used by several at once, as one with a timeout does

    Raises
    ------
    InputError
        The engine refuses a configuration as such.
    """
    keys = [_key(atoms) for atoms in configurations]
    distinct = dict(zip(keys, configurations, strict=True))
    order = sorted(distinct, key=lambda key: len(distinct[key]), reverse=True)
    if executor is None:
        found = {key: _attempt(engine, distinct[key]) for key in order}
    else:
        futures = {key: executor.submit(_attempt, engine, distinct[key]) for key in order}
        try:
            found = {key: _outcome(future, distinct[key]) for key, future in futures.items()}
        finally:
            for future in futures.values():
                future.cancel()
    return [found[key] for key in keys]


def _attempt(engine: Engine, atoms: Atoms) -> Answer | QuantumFailed:
    try:
        return engine.answer(atoms)
    except QuantumFailed as failure:
        return failure


def _outcome(future: Future[Answer | QuantumFailed], atoms: Atoms) -> Answer | QuantumFailed:
    """The result, or the failure that the death of the worker was."""
    try:
        return future.result()
    except InputError:
        raise
    except Exception as death:  # each kind of executor has an error of its own for it
        return QuantumFailed(len(atoms), (f"{type(death).__name__}: {death}",))


def _key(atoms: Atoms) -> bytes:
    """The same for configurations that differ by a translation and rounding."""
    from_first = np.round(atoms.positions - atoms.positions[0], DIGITS) + 0.0  # no -0.0
    cell = np.round(atoms.cell.array, DIGITS) + 0.0
    state = (atoms.numbers, atoms.get_initial_charges(), atoms.get_initial_magnetic_moments())
    return b"".join(np.asarray(part).tobytes() for part in (from_first, cell, atoms.pbc, *state))
