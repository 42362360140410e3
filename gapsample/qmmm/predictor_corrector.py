"""Quantum forces every few steps: the correction is carried from one quantum call to the next, and back.

A block of n steps is flown twice. First (predictor) with the correction extrapolated from the quantum calls
so far; one quantum call at its end; then again from the start of the block (corrector) with the correction
interpolated between the calls at both ends. Classical forces are computed at every step, the random numbers
of both flights are the same.

References
----------
Csányi, Albaret, Payne & De Vita, Phys. Rev. Lett. 93, 175503 (2004).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Generic, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.qmmm.carry import Carry, Known, Model
from gapsample.sampling.checkpoints import Codec, Packed
from gapsample.sampling.dynamics import Integrator, Moving, finite_forces

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Block(Generic[Moving]):
    """Where a block begins.

    Attributes
    ----------
    motion : state of the integrator
    known : corrections of the last quantum calls; that of time 0 belongs to this moment
    """

    motion: Moving
    known: Known


class Flown(NamedTuple):
    """What happened in a block.

    Attributes
    ----------
    predicted : shape (n_atoms, 3), Å, where quantum forces were computed
    correction : shape (n_atoms, 3), eV/Å, found there
    surprise : shape (n_atoms,), eV/Å, how far the extrapolated correction was from it; if it is not small
        beside the correction, take fewer steps between quantum calls
    """

    predicted: Floats
    correction: Floats
    surprise: Floats


@dataclass(frozen=True, eq=False)
class PredictorCorrector(Generic[Moving]):
    """Dynamics with one quantum call in every block of steps.

    A correction that is constant, or linear in time, or that `model` knows as a function of positions, is
    carried exactly; otherwise errors of forces grow with the square of `every`. With ``every = 1`` it is the
    integrator itself on the sum of both forces. Energy, where there is one, drifts slowly (about as the fifth
    power of `every`, on oscillators): use a thermostat.

    Attributes
    ----------
    integrator : its own potential is not asked
    classical : ``classical(positions)``, forces of every step, shape (n_atoms, 3), eV/Å
    correction : ``correction(positions)``, what quantum forces add to them
    every : steps in a block
    model : of the correction as a function of positions; None: it is carried in time
    memory : quantum calls that the model learns from; 2 or more
    """

    integrator: Integrator[Moving]
    classical: Callable[[Floats], Floats]
    correction: Callable[[Floats], Floats]
    every: int
    model: Model | None = None
    memory: int = 2

    def __post_init__(self) -> None:
        if self.every < 1 or self.memory < 2:
            raise InputError(f"wanted every >= 1 and memory >= 2, got {self.every} and {self.memory}")

    def start(self, motion: Moving) -> Block[Moving]:
        """The first block; one quantum call."""
        correction = self.correction(motion.positions)
        forces = self._finite(self.classical(motion.positions) + correction)
        return Block(motion._replace(forces=forces), Known.first(motion.positions, correction))

    def step(self, block: Block[Moving], rng: Generator) -> tuple[Block[Moving], Flown]:
        """One block: `every` steps, twice as many classical calls, one quantum call.

        Raises
        ------
        BrokenDown
            Forces are not finite.
        """
        extrapolated = self._carry(block.known)
        predicted = self._fly(block.motion, deepcopy(rng), extrapolated).positions
        correction = self._finite(self.correction(predicted))
        surprise = np.linalg.norm(correction - extrapolated.at(predicted, self.every), axis=1)
        known = block.known.more(self.every, predicted, correction)
        motion = self._fly(block.motion, rng, self._carry(known))
        return Block(motion, known.latest(self.memory)), Flown(predicted, correction, surprise)

    def _finite(self, forces: Floats) -> Floats:
        return finite_forces(forces, self.integrator.time_step)

    def _carry(self, known: Known) -> Carry:
        return Carry(known, None if self.model is None else self.model(known))

    def _fly(self, motion: Moving, rng: Generator, carry: Carry) -> Moving:
        for time in range(1, self.every + 1):
            motion = self.integrator.move(motion, rng)
            x = motion.positions
            motion = self.integrator.kick(motion, self._finite(self.classical(x) + carry.at(x, time)))
        return motion


def block_codec(motion: Codec[Moving]) -> Codec[Block[Moving]]:
    """How checkpoints of blocks are written, given how those of the integrator's states are."""

    def pack(block: Block[Moving]) -> Packed:
        arrays, values = motion.pack(block.motion)
        return Packed({**arrays, **{f"known.{k}": v for k, v in block.known._asdict().items()}}, values)

    def unpack(packed: Packed) -> Block[Moving]:
        known = {k: packed.arrays[f"known.{k}"] for k in Known._fields}
        rest = {k: v for k, v in packed.arrays.items() if not k.startswith("known.")}
        return Block(motion.unpack(Packed(rest, packed.values)), Known(**known))

    return Codec(f"predictor-corrector of {motion.kind}", motion.schema, pack, unpack)
