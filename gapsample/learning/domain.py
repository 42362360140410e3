"""Where a model may speak: novelty decides, and outside of its domain a simpler potential answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.database import Entry
from gapsample.errors import InputError
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential

Floats = NDArray[np.float64]

USUAL = 0.99  # quantile of the novelty of what was learned
SLACK = 4.0  # times that: twice as far from the sparse set, novelty being a square


def novelty_limit(gap: GAP, learned: Iterable[Entry]) -> float:
    """Novelty, eV^2, above which an environment is outside of the domain of a model.

    Four times what all but one per cent of the environments that it has learned reach: novelty is the
    squared distance from the sparse set in feature space, so that twice the usual distance is allowed. Atoms
    whose labels are not trusted were not learned.
    """
    known = []
    for entry in learned:
        novelty = gap.evaluate(entry.atoms, forces=False, error="local").novelty
        assert novelty is not None
        known.append(novelty if entry.label.trusted is None else novelty[entry.label.trusted])
    if not known:
        raise InputError("the domain of a model needs one or more configurations that it has learned")
    return SLACK * float(np.quantile(np.concatenate(known), USUAL))


@dataclass(frozen=True, eq=False)
class Guarded:
    """A GAP inside of its domain, a simpler potential outside: atom by atom, for forces.

    The force on an atom whose novelty exceeds `limit` is that of `fallback`, and its `forces_std` takes in
    the difference of the two. Such forces are the gradient of no energy; the energy is that of the GAP where
    all atoms are inside, and that of the fallback otherwise. For dynamics with a thermostat, where whatever
    is novel is flagged and soon labeled.

    Attributes
    ----------
    fallback : most often the baseline that the GAP corrects
    limit : eV^2, see `novelty_limit`
    """

    gap: GAP
    fallback: Potential
    limit: float

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """As the GAP where all atoms are inside; InputError if a virial is asked where they are not."""
        seen = self.gap.evaluate(atoms, forces=forces, virial=virial, error=error or "local")
        assert seen.novelty is not None
        outside = seen.novelty > self.limit
        if not np.any(outside):
            return seen
        if virial:
            raise InputError(f"{outside.sum()} atoms are outside of the domain: there is no virial")
        below = self.fallback.evaluate(atoms, forces=forces)
        seen = replace(seen, energy=below.energy, local_energies=None)
        if seen.forces is None or below.forces is None:
            return seen
        std = seen.forces_std
        if std is not None:
            std = np.where(outside[:, None], np.hypot(std, seen.forces - below.forces), std)
        mixed = np.where(outside[:, None], below.forces, seen.forces)
        return replace(seen, forces=mixed, forces_std=std)
