"""The Gaussian approximation potential: terms with weights, and an honest word on their error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.errors import FitError, UnknownSpecies
from gapsample.gp.linear_system import Posterior
from gapsample.potential.predicted_error import ErrorModel, build_error_model
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.potential.recipe import Recipe
from gapsample.potential.terms.protocol import Evaluator, Term

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Factors on the raw predicted errors, found on held-out data; 1 where there were none.

    Attributes
    ----------
    energy, forces : multiply `energy_std` and `forces_std`
    local : multiplies `local_std` (there are no labels of local energies: the force factor is taken)
    n_energies, n_forces : how many held-out numbers they were found from
    """

    energy: float = 1.0
    forces: float = 1.0
    local: float = 1.0
    n_energies: int = 0
    n_forces: int = 0


@dataclass(frozen=True, eq=False)
class GAP:
    """A potential E = sum_i [e0(Z_i) + sum_s alpha_s k(i, s)] + baseline.

    Attributes
    ----------
    terms : the kernels with their sparse points
    alpha : shape (M,), weights of all terms, one after the other
    e0 : energy of an isolated atom by atomic number, eV
    baseline : a Potential added to the kernel expansion
    posterior : of the weights; None for a model that came without (no predicted error then)
    recipe : how it was fitted; None for a model that came from elsewhere
    calibration : factors on the predicted errors
    origin : JSON-able facts: database watermark, level of theory, numbers of labels
    """

    terms: tuple[Term, ...]
    alpha: Floats
    e0: Mapping[int, float]
    baseline: Potential | None = None
    posterior: Posterior | None = None
    recipe: Recipe | None = None
    calibration: Calibration = field(default_factory=Calibration)
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cutoff(self) -> float:
        """Largest cutoff of all terms, Å."""
        return max(term.cutoff for term in self.terms)

    @property
    def species(self) -> tuple[str, ...]:
        """Chemical symbols the model knows."""
        return tuple(chemical_symbols[z] for z in sorted(self.e0))

    def evaluate(
        self, atoms: Atoms, *, forces: bool = True, virial: bool = False, error: ErrorRequest = False
    ) -> Evaluation:
        """Energy, forces, virial and predicted error of one configuration.

        Parameters
        ----------
        error : ``"local"`` adds novelty, local_std and energy_std; ``"forces"`` or True forces_std as
            well, by posterior draws (about `N_DRAWS` times the cost of the forces)

        Raises
        ------
        UnknownSpecies
            The configuration holds a species the model was never taught.
        InputError
            Positions are not finite, or two atoms coincide.
        FitError
            The error is asked of a model without posterior.
        """
        self._check_species(atoms)
        near = find_neighbours(atoms, self.cutoff)
        draws = error in (True, "forces") and forces
        total = self._expand(near, forces=forces, virial=virial, error=bool(error), draws=draws)
        return total if self.baseline is None else total + self.baseline.evaluate(
            atoms, forces=forces, virial=virial
        )  # fmt: skip

    def draws(self, n: int, rng: np.random.Generator) -> list[GAP]:
        """Potentials drawn from the posterior: as likely, given the data, as this one."""
        deviations = self._posterior().deviations(n, rng)
        return [replace(self, alpha=self.alpha + d, posterior=None) for d in deviations]

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file; see `gapsample.load`."""
        from gapsample.potential.files import save

        save(self, path)

    @cached_property
    def error_model(self) -> ErrorModel:
        """Projectors and draws behind the predicted error, built when first asked for."""
        return build_error_model(
            self.terms, self._posterior(), seed=0 if self.recipe is None else self.recipe.seed
        )

    @cached_property
    def _splits(self) -> list[int]:
        return np.cumsum([term.n_sparse for term in self.terms])[:-1].tolist()

    @cached_property
    def _plain(self) -> list[Evaluator]:
        parts = np.split(self.alpha, self._splits)
        return [term.evaluator(part[None]) for term, part in zip(self.terms, parts, strict=True)]

    @cached_property
    def _with_projections(self) -> list[Evaluator]:
        parts = np.split(self.alpha, self._splits)
        bound = zip(self.terms, parts, self.error_model.projectors, strict=True)
        return [term.evaluator(part[None], projector) for term, part, projector in bound]

    @cached_property
    def _with_draws(self) -> list[Evaluator]:
        weights = np.vstack([self.alpha, self.error_model.deviations])
        parts = np.split(weights, self._splits, axis=1)
        bound = zip(self.terms, parts, self.error_model.projectors, strict=True)
        return [term.evaluator(part, projector) for term, part, projector in bound]

    def _expand(
        self, near: Neighbours, *, forces: bool, virial: bool, error: bool, draws: bool
    ) -> Evaluation:
        """The kernel expansion with its error, without baseline."""
        evaluators = self._with_draws if draws else self._with_projections if error else self._plain
        n_weights = 1 + len(self.error_model.deviations) if draws else 1
        energies = np.zeros((n_weights, near.n_atoms))
        gradient = forces or virial
        force = np.zeros((n_weights, near.n_atoms, 3)) if gradient else None
        stress = np.zeros((n_weights, 3, 3)) if gradient else None
        projections = np.zeros((near.n_atoms, self.error_model.n_projections)) if error else None
        for evaluator in evaluators:
            evaluator.add(near, energies, force, stress, projections)
        local = energies[0] + np.array([self.e0[z] for z in near.numbers.tolist()])
        result = Evaluation(
            energy=float(local.sum()),
            forces=force[0] if forces and force is not None else None,
            virial=stress[0] if virial and stress is not None else None,
            local_energies=local,
        )
        if projections is not None:
            deviations = force[1:] if draws and force is not None else None
            result = self._add_error(result, near, projections, deviations)
        return result

    def _add_error(
        self, result: Evaluation, near: Neighbours, projections: Floats, deviations: Floats | None
    ) -> Evaluation:
        model, scale = self.error_model, self.calibration
        prior = np.sum([term.self_covariance(near.within(term.cutoff)) for term in self.terms], axis=0)
        novelty = model.novelty(prior, projections)
        local = np.sqrt(novelty + model.posterior_variance(projections))
        total = model.posterior_variance(projections.sum(axis=0)[None])[0] + novelty.sum()
        return replace(
            result,
            novelty=novelty,
            local_std=scale.local * local,
            energy_std=float(scale.energy * np.sqrt(total)),
            forces_std=None if deviations is None else scale.forces * np.sqrt(np.mean(deviations**2, axis=0)),
        )

    def _posterior(self) -> Posterior:
        if self.posterior is None:
            raise FitError(
                "this model carries no posterior (it came from a QUIP file or is itself a draw), so it "
                "cannot predict its error; refit it from its data"
            )
        return self.posterior

    def _check_species(self, atoms: Atoms) -> None:
        unknown = set(atoms.numbers.tolist()) - set(self.e0)
        if unknown:
            raise UnknownSpecies((chemical_symbols[z] for z in unknown), self.species)
