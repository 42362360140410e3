"""How a correction known at a few moments is carried to all times: along a straight line, or by a ΔGAP.

The correction is what quantum forces add to the classical ones. A `Model` of it, a function of positions, may
leave a rest; the rest is carried in time, so that at the moments of the last two quantum calls the correction
is theirs exactly whatever the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.database import Label
from gapsample.gp.linear_system import LinearSystem
from gapsample.potential.absorb import absorb
from gapsample.potential.build_terms import build_terms
from gapsample.potential.gap import GAP
from gapsample.potential.recipe import Recipe
from gapsample.potential.terms.protocol import k_mm_of

Floats = NDArray[np.float64]


class Known(NamedTuple):
    """The correction at the moments of quantum calls, the latest last.

    Attributes
    ----------
    times : shape (k,), in time steps from the start of the block
    positions : shape (k, n_atoms, 3), Å
    corrections : shape (k, n_atoms, 3), eV/Å
    """

    times: Floats
    positions: Floats
    corrections: Floats

    @classmethod
    def first(cls, positions: Floats, correction: Floats) -> Known:
        """What one quantum call tells."""
        return cls(np.zeros(1), positions[None].copy(), correction[None].copy())

    def more(self, time: float, positions: Floats, correction: Floats) -> Known:
        """The same and one quantum call more."""
        return Known(
            np.append(self.times, time),
            np.concatenate((self.positions, positions[None])),
            np.concatenate((self.corrections, correction[None])),
        )

    def latest(self, number: int) -> Known:
        """The last so many, with times counted from the last one."""
        return Known(
            self.times[-number:] - self.times[-1], self.positions[-number:], self.corrections[-number:]
        )


Model = Callable[[Known], Callable[[Floats], Floats]]
"""Makes, of what is known, a function of positions that gives the correction nearly, shape (n_atoms, 3)."""


@dataclass(frozen=True, eq=False)
class Carry:
    """The correction at any positions and time.

    Attributes
    ----------
    model : None: the correction itself is carried in time
    """

    known: Known
    model: Callable[[Floats], Floats] | None = None
    _rest: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rest = self.known.corrections[-2:]
        if self.model is not None:
            rest = rest - np.stack([self.model(x) for x in self.known.positions[-2:]])
        object.__setattr__(self, "_rest", rest)

    def at(self, positions: Floats, time: float) -> Floats:
        """Correction, shape (n_atoms, 3), eV/Å; linear in time through the last two quantum calls."""
        rest = self._rest[-1]
        if len(self._rest) == 2:
            before, last = self.known.times[-2:]
            share = (last - time) / (last - before)
            rest = share * self._rest[0] + (1.0 - share) * rest
        return rest if self.model is None else self.model(positions) + rest


@dataclass(frozen=True, eq=False)
class DeltaGap:
    """A `Model`: a small GAP of the corrections' forces, fitted anew at each quantum call.

    Forces mixed of two models derive from no energy, so that not all of the correction can be learned; what
    is left is carried in time (see `Carry`).

    Attributes
    ----------
    atoms : species, cell and periodicity; their positions do not matter
    recipe : terms and `sigmas.force`; `n_sparse` of a few dozen will do. Atoms that had no correction so far
        get none
    """

    atoms: Atoms
    recipe: Recipe

    def __call__(self, known: Known) -> Callable[[Floats], Floats]:
        seen = [self._at(positions) for positions in known.positions]
        corrected = np.any(known.corrections != 0.0, axis=(0, 2))
        if not corrected.any():
            return np.zeros_like
        labels = [
            Label(level="correction", source="qmmm", forces=forces, trusted=corrected)
            for forces in known.corrections
        ]
        e0 = dict.fromkeys(self.atoms.numbers.tolist(), 0.0)
        terms = build_terms(self.recipe, seen, np.random.default_rng(self.recipe.seed))
        prior = LinearSystem.from_prior(k_mm_of(terms), self.recipe.jitter).posterior()
        learned = absorb(prior, zip(seen, labels, strict=True), terms, e0, None, self.recipe)
        gap = GAP(tuple(terms), learned.alpha, e0)

        def correction(positions: Floats) -> Floats:
            forces = gap.evaluate(self._at(positions)).forces
            return np.where(corrected[:, None], np.asarray(forces), 0.0)

        return correction

    def _at(self, positions: Floats) -> Atoms:
        atoms = self.atoms.copy()
        atoms.set_constraint()
        atoms.positions[:] = positions
        return atoms
