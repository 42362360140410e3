"""What a GAP says of its own error at points that died: for the learner, and for error bars of its phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.errors import FitError, InputError
from gapsample.nested.problem import Floats
from gapsample.nested.restraints import hard_core
from gapsample.potential.gap import GAP
from gapsample.potential.terms.protocol import Evaluator


@dataclass(frozen=True, eq=False)
class PredictedError:
    """An observer for `System`: predicted errors of a GAP, and how posterior draws of it differ.

    It sees, for each point,

    - ``energy_std`` : eV, predicted error of the total energy
    - ``largest_local_std`` : eV, of the local energy that is known worst
    - ``energy_draws`` : shape (n_draws,), eV, by how much the energy of potentials drawn from the posterior
      differs from that of the GAP. The draws are the same ones at all points and in all runs of the same
      seed: column k is one potential, to whose phases `model_error` reweights the run.

    All times the calibration of energies. Draws share kernel values and know nothing of novelty, the
    variance that the sparse points leave unexplained; ``energy_std`` does. All is 0 inside of the hard core,
    where no potential is asked.

    Parameters
    ----------
    gap : a GAP with its posterior
    n_draws : 16 give a standard deviation to 18 %
    seed : of the draws
    core : Å, as in `System`

    Raises
    ------
    FitError
        The GAP carries no posterior.
    """

    gap: GAP
    n_draws: int = 16
    seed: int = 0
    core: float | Mapping[str, float] = 0.0

    def __post_init__(self) -> None:
        if self.gap.posterior is None:
            raise FitError(
                "this GAP carries no posterior (it came from a QUIP file or is itself a draw), so it cannot "
                "tell its error; refit it from its data, or run without PredictedError"
            )
        if self.n_draws < 2:
            raise InputError(f"a spread needs two or more draws, got {self.n_draws}")

    def observe(self, configurations: Sequence[Atoms]) -> Mapping[str, Floats]:
        """Errors and draws of every configuration."""
        stds, largest = np.zeros((2, len(configurations)))
        draws = np.zeros((len(configurations), self.n_draws))
        for k, atoms in enumerate(configurations):
            if self._in_core(atoms):
                continue
            found = self.gap.evaluate(atoms, forces=False, error="local")
            assert found.energy_std is not None
            assert found.local_std is not None
            stds[k], largest[k] = found.energy_std, found.local_std.max()
            draws[k] = self._differences(find_neighbours(atoms, self.gap.cutoff))
        return {"energy_std": stds, "largest_local_std": largest, "energy_draws": draws}

    def _differences(self, near: Neighbours) -> Floats:
        local = np.zeros((self.n_draws, near.n_atoms))
        for evaluator in self._draws:
            evaluator.add(near, local, None, None)
        return np.asarray(self.gap.calibration.energy * local.sum(axis=1))

    def _in_core(self, atoms: Atoms) -> bool:
        nearest = self._nearest
        if not nearest.any():
            return False
        place = np.array([self.gap.species.index(symbol) for symbol in atoms.get_chemical_symbols()])
        i, j, d = neighbor_list("ijd", atoms, float(nearest.max()))
        return bool((d < nearest[place[i], place[j]]).any())

    @cached_property
    def _nearest(self) -> Floats:
        return hard_core(self.core, self.gap.species)

    @cached_property
    def _draws(self) -> list[Evaluator]:
        """Every term with the deviations of its weights bound, all draws at once."""
        assert self.gap.posterior is not None
        deviations = self.gap.posterior.deviations(self.n_draws, np.random.default_rng(self.seed))
        ends = np.cumsum([term.n_sparse for term in self.gap.terms])[:-1]
        parts = np.split(deviations, ends, axis=1)
        return [term.evaluator(part) for term, part in zip(self.gap.terms, parts, strict=True)]
