"""A quantum engine that is asked again, more carefully, when it fails."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from ase import Atoms

from gapsample.errors import GapsampleError, InputError
from gapsample.potential.protocol import Evaluation, Potential
from gapsample.sampling.time_limit import InTime


class QuantumFailed(GapsampleError):
    """No settings of the engine gave finite forces; `problems` tells what became of each."""

    def __init__(self, n_atoms: int, problems: tuple[str, ...]) -> None:
        self.n_atoms, self.problems = n_atoms, problems
        story = "; ".join(f"settings {number}: {problem}" for number, problem in enumerate(problems))
        super().__init__(
            f"the quantum engine gave no forces for {n_atoms} atoms ({story}); look at the configuration, "
            "or give the engine safer settings, more time or a larger buffer"
        )

    def __reduce__(self) -> tuple[type[QuantumFailed], tuple[int, tuple[str, ...]]]:
        return type(self), (self.n_atoms, self.problems)


class Answer(NamedTuple):
    """What an engine answered.

    Attributes
    ----------
    evaluation : energy and forces, finite
    settings : how many settings had failed before
    seconds : wall-clock time, the failed settings included
    """

    evaluation: Evaluation
    settings: int
    seconds: float


@dataclass(frozen=True)
class Engine:
    """A quantum potential and, for when it fails, the same with safer settings.

    Any exception, and any energy or force that is missing or not finite, counts as a failure; only a
    configuration the engine refuses as such (`InputError`) is not tried again.

    Attributes
    ----------
    settings : Potentials in the order in which they are tried
    timeout : seconds allowed to each evaluation, which then runs in a process that is killed; None: as long
        as it takes, in this process
    """

    settings: tuple[Potential, ...]
    timeout: float | None = None
    _tried: tuple[Potential, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.settings:
            raise InputError("an engine wants at least one Potential")
        limit = self.timeout
        tried = self.settings if limit is None else tuple(InTime(each, limit) for each in self.settings)
        object.__setattr__(self, "_tried", tried)

    def answer(self, atoms: Atoms) -> Answer:
        """Energy and forces by the first settings that give them.

        Raises
        ------
        QuantumFailed
            None did.
        """
        started = time.perf_counter()
        problems: list[str] = []
        for number, potential in enumerate(self._tried):
            try:
                found = potential.evaluate(atoms, forces=True)
            except InputError:
                raise
            except (Exception, SystemExit) as problem:  # calculators raise whatever they like
                problems.append(f"{type(problem).__name__}: {problem}")
                continue
            flaw = _flaw(found, len(atoms))
            if flaw is None:
                return Answer(found, number, time.perf_counter() - started)
            problems.append(flaw)
        raise QuantumFailed(len(atoms), tuple(problems))


def _flaw(found: Evaluation, n_atoms: int) -> str | None:
    """Why an evaluation is no answer."""
    if found.forces is None:
        return "no forces"
    if found.forces.shape != (n_atoms, 3):
        return f"forces of shape {found.forces.shape}"
    if not (np.isfinite(found.energy) and np.all(np.isfinite(found.forces))):
        return "energy or forces are not finite"
    return None
