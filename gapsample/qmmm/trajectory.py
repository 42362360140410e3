"""Dynamics on mixed forces with a region that changes on the way, at every step or once in a block of steps.

The region before decides, by hysteresis, on the region after: it is part of the state, next to what the
integrator goes on from. Both kinds of dynamics are steps for `gapsample.sampling.loop.run`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from ase import Atoms
from numpy.random import Generator
from numpy.typing import NDArray

from gapsample.errors import InputError
from gapsample.potential.protocol import Potential
from gapsample.qmmm.carry import Model
from gapsample.qmmm.mixing import Mixed
from gapsample.qmmm.predictor_corrector import Block, Flown, PredictorCorrector
from gapsample.qmmm.region import Region
from gapsample.sampling.adaptive_langevin import AdaptiveState
from gapsample.sampling.checkpoints import Codec, Packed
from gapsample.sampling.dynamics import Integrator, Moving, finite_forces

Floats = NDArray[np.float64]
Inner = TypeVar("Inner")
MASKS = ("core", "quantum", "transition", "weight")

Mixing = Callable[[Atoms, Region | None], Mixed]
"""Mixed forces of a configuration, given the region before; such as `ForceMixing.step`."""


@dataclass(frozen=True, eq=False)
class Regional(Generic[Inner]):
    """The state of the dynamics inside, and the region that belongs to it."""

    inner: Inner
    region: Region


@dataclass(frozen=True, eq=False)
class MixedDynamics(Generic[Moving]):
    """Mixed forces, and a new region, at every step.

    Attributes
    ----------
    atoms : species, masses and cell; their positions do not matter
    mixing : such as ``ForceMixing(...).step``
    integrator : its own potential is not asked
    """

    atoms: Atoms
    mixing: Mixing
    integrator: Integrator[Moving]

    def start(self, motion: Moving, region: Region | None = None) -> tuple[Regional[Moving], Mixed]:
        """The state with mixed forces at these positions; `region` is the one before, if any."""
        mixed = self._mixed(motion, region)
        return Regional(motion._replace(forces=mixed.forces), mixed.region), mixed

    def step(self, state: Regional[Moving], rng: Generator) -> tuple[Regional[Moving], Mixed]:
        """One time step; the info is what was mixed at the new positions.

        Raises
        ------
        BrokenDown
            Forces are not finite.
        QuantumFailed
            The engine gave up; the state before the step stands.
        """
        motion = self.integrator.move(state.inner, rng)
        mixed = self._mixed(motion, state.region)
        return Regional(self.integrator.kick(motion, mixed.forces), mixed.region), mixed

    def _mixed(self, motion: Moving, region: Region | None) -> Mixed:
        mixed = self.mixing(moved(self.atoms, motion.positions), region)
        finite_forces(mixed.forces, self.integrator.time_step, mixed.energy)
        return mixed


class MixedBlock(NamedTuple):
    """What happened in a block of steps: the quantum calls at its end, and how well they were foreseen."""

    mixed: Mixed
    flown: Flown


@dataclass(frozen=True, eq=False)
class MixedBlocks(Generic[Moving]):
    """Mixed forces, and a new region, once in every block of steps (see `PredictorCorrector`).

    Where the region changes from block to block, forces go over from the old to the new one within the block.

    Attributes
    ----------
    atoms : species, masses and cell; their positions do not matter
    mixing : such as ``ForceMixing(...).step``
    classical : the same potential that `mixing` takes for classical; asked at every step
    integrator : its own potential is not asked
    every, model, memory : as `PredictorCorrector`
    """

    atoms: Atoms
    mixing: Mixing
    classical: Potential
    integrator: Integrator[Moving]
    every: int
    model: Model | None = None
    memory: int = 2

    def start(self, motion: Moving, region: Region | None = None) -> tuple[Regional[Block[Moving]], Mixed]:
        """The first block, with quantum calls at its start; `region` is the one before, if any."""
        seen: list[Mixed] = []
        block = self._dynamics(region, seen).start(motion)
        return Regional(block, seen[0].region), seen[0]

    def step(
        self, state: Regional[Block[Moving]], rng: Generator
    ) -> tuple[Regional[Block[Moving]], MixedBlock]:
        """One block of steps; errors as `MixedDynamics.step`."""
        seen: list[Mixed] = []
        block, flown = self._dynamics(state.region, seen).step(state.inner, rng)
        return Regional(block, seen[0].region), MixedBlock(seen[0], flown)

    def _dynamics(self, region: Region | None, seen: list[Mixed]) -> PredictorCorrector[Moving]:
        """The dynamics of one block, which has one quantum call; what that sees is put into `seen`."""

        def classical(positions: Floats) -> Floats:
            return _known(self.classical.evaluate(moved(self.atoms, positions)).forces)

        def correction(positions: Floats) -> Floats:
            seen.append(self.mixing(moved(self.atoms, positions), region))
            return seen[-1].forces - _known(seen[-1].mm.forces)

        return PredictorCorrector(self.integrator, classical, correction, self.every, self.model, self.memory)


class Heat(NamedTuple):
    """Heat given by a thermostat to atoms of each kind, eV; negative where it was taken out."""

    quantum: float
    transition: float
    classical: float


def heat_given(before: AdaptiveState, after: AdaptiveState, region: Region) -> Heat:
    """Heat given between two states, counted for the region that held between them."""
    heat = after.heat - before.heat
    outside = ~region.treated
    return Heat(*(float(heat[part].sum()) for part in (region.quantum, region.transition, outside)))


def regional_codec(inner: Codec[Inner]) -> Codec[Regional[Inner]]:
    """How checkpoints with a region are written, given how those without are."""

    def pack(state: Regional[Inner]) -> Packed:
        arrays, values = inner.pack(state.inner)
        return Packed({**arrays, **{f"region.{k}": getattr(state.region, k) for k in MASKS}}, values)

    def unpack(packed: Packed) -> Regional[Inner]:
        region = Region(*(packed.arrays[f"region.{k}"] for k in MASKS))
        rest = {k: v for k, v in packed.arrays.items() if not k.startswith("region.")}
        return Regional(inner.unpack(Packed(rest, packed.values)), region)

    return Codec(f"{inner.kind} with a region", inner.schema, pack, unpack)


def moved(atoms: Atoms, positions: Floats) -> Atoms:
    """The same atoms, with charges and spins, elsewhere: as potentials and engines are asked."""
    there = atoms.copy()
    there.set_constraint()
    there.positions[:] = positions
    return there


def _known(forces: Floats | None) -> Floats:
    if forces is None:
        raise InputError("dynamics on mixed forces needs classical forces, and the potential gives none")
    return forces
