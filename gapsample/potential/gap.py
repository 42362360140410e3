"""The Gaussian approximation potential: terms with weights, and an honest word on their error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from numpy.typing import NDArray

from gapsample.database import Label
from gapsample.descriptors.neighbours import Neighbours, find_neighbours
from gapsample.errors import FitError, UnknownSpecies
from gapsample.gp.linear_system import Posterior
from gapsample.potential.absorb import absorb, add_sparse_points
from gapsample.potential.baseline import name_own
from gapsample.potential.container import write_container
from gapsample.potential.model_parts import describe_posterior, describe_terms
from gapsample.potential.predicted_error import (
    FORCE_DRAWS,
    REGULARIZATION,
    ErrorModel,
    build_error_model,
)
from gapsample.potential.protocol import ErrorRequest, Evaluation, Potential
from gapsample.potential.recipe import KINDS, Recipe
from gapsample.potential.terms.protocol import Evaluator, Term
from gapsample.potential.terms.soap import SoapTerm
from gapsample.settings import dump

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Calibration:
    """Factors on the raw predicted errors, found on held-out data; 1 where there were none.

    Attributes
    ----------
    energy, forces : multiply `energy_std` and `forces_std`
    forces_floor : eV/Å, smallest `forces_std`: components fixed by symmetry are certain only to rounding
    local : multiplies `local_std` (there are no labels of local energies: the energy factor is taken)
    n_energies, n_forces : how many held-out numbers they were found from
    """

    energy: float = 1.0
    forces: float = 1.0
    local: float = 1.0
    forces_floor: float = 0.0
    n_energies: int = 0
    n_forces: int = 0


@dataclass(frozen=True, eq=False)
class _Expansion:
    """Sums over the sparse points for several weight vectors: the mean first, then the draws."""

    energies: Floats
    forces: Floats | None
    virial: Floats | None
    explained: Floats | None


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
            well, by the forces of `FORCE_DRAWS` posterior draws

        Raises
        ------
        UnknownSpecies
            The configuration holds a species the model was never taught.
        InputError
            Positions are not finite, or two atoms coincide.

        Notes
        -----
        A model without posterior (from a QUIP file, or itself a draw) knows its novelty and no other error.
        """
        self.check_species(atoms)
        near = find_neighbours(atoms, self.cutoff)
        draws = forces and error in (True, "forces")
        found = self._expand(near, gradient=forces or virial, error=bool(error), draws=draws)
        local = found.energies[0] + np.array([self.e0[z] for z in near.numbers.tolist()])
        result = Evaluation(
            energy=float(local.sum()),
            forces=found.forces[0] if forces and found.forces is not None else None,
            virial=found.virial[0] if virial and found.virial is not None else None,
            local_energies=local,
        )
        if error:
            result = self._add_error(result, near, found)
        if self.baseline is None:
            return result
        return result + self.baseline.evaluate(atoms, forces=forces, virial=virial)

    def draws(self, n: int, rng: np.random.Generator) -> list[GAP]:
        """Potentials drawn from the posterior: as likely, given the data, as this one."""
        deviations = self._posterior().deviations(n, rng)
        return [replace(self, alpha=self.alpha + d, posterior=None) for d in deviations]

    def novelty_gradient(self, atoms: Atoms) -> Floats:
        """Derivative of the summed novelty of all SOAP terms by every position, eV^2/Å, shape (n_atoms, 3).

        Uphill lie environments that the model does not know (QUIP's ``gap_variance_gradient``): a bias
        along it drives a simulation there, a bias against it keeps it on known ground. Pair and angle
        terms, whose sparse points cover their range, are left out.
        """
        self.check_species(atoms)
        near = find_neighbours(atoms, self.cutoff)
        total = np.zeros((len(atoms), 3))
        for term, whitener in zip(self.terms, self.error_model.whiteners, strict=True):
            if isinstance(term, SoapTerm):
                total += term.novelty_gradient(near, whitener)
        return total

    def save(self, path: str | Path) -> None:
        """Write one ``.npz`` file with a readable header; `gapsample.load` reads it.

        A baseline that the recipe does not describe is only named in it; `load` asks for it again.

        Raises
        ------
        InputError
            The baseline leaves out the one that the recipe names.
        """
        heads, arrays = describe_terms(self.terms)
        posterior = None
        if self.posterior is not None:
            posterior, arrays["triangle"] = describe_posterior(self.posterior)
        header = {
            "species": list(self.species),
            "e0": {chemical_symbols[z]: value for z, value in sorted(self.e0.items())},
            "origin": dict(self.origin),
            "calibration": asdict(self.calibration),
            "recipe": None if self.recipe is None else dump(self.recipe, kinds=KINDS),
            "terms": heads,
            "own_baseline": name_own(self.baseline, None if self.recipe is None else self.recipe.baseline),
            "posterior": posterior,
        }
        write_container(path, header, {"alpha": self.alpha, **arrays})

    @cached_property
    def error_model(self) -> ErrorModel:
        """Whiteners and draws behind the predicted error, built when first asked for."""
        seed = 0 if self.recipe is None else self.recipe.seed
        return build_error_model(self.terms, self.posterior, seed)

    @cached_property
    def _plain(self) -> list[Evaluator]:
        parts = self._by_term(self.alpha[None])
        return [term.evaluator(part) for term, part in zip(self.terms, parts, strict=True)]

    @cached_property
    def _with_error(self) -> list[Evaluator]:
        parts = self._by_term(np.vstack([self.alpha, self.error_model.deviations]))
        bound = zip(self.terms, parts, self.error_model.whiteners, strict=True)
        return [term.evaluator(part, whitener) for term, part, whitener in bound]

    def _by_term(self, weights: Floats) -> list[Floats]:
        return np.split(weights, np.cumsum([term.n_sparse for term in self.terms])[:-1], axis=1)

    def _expand(self, near: Neighbours, *, gradient: bool, error: bool, draws: bool) -> _Expansion:
        """Local energies, forces and virials of the mean and, for the error, of the draws; no baseline."""
        n_weights = 1 + len(self.error_model.deviations) if error else 1
        n_gradients = min(n_weights, 1 + FORCE_DRAWS) if draws else 1
        found = _Expansion(
            energies=np.zeros((n_weights, near.n_atoms)),
            forces=np.zeros((n_gradients, near.n_atoms, 3)) if gradient else None,
            virial=np.zeros((n_gradients, 3, 3)) if gradient else None,
            explained=np.zeros(near.n_atoms) if error else None,
        )
        for evaluator in self._with_error if error else self._plain:
            evaluator.add(near, found.energies, found.forces, found.virial, found.explained)
        return found

    def _add_error(self, result: Evaluation, near: Neighbours, found: _Expansion) -> Evaluation:
        scale = self.calibration
        prior = np.sum([term.self_covariance(near.within(term.cutoff)) for term in self.terms], axis=0)
        left = prior + REGULARIZATION**2 - found.explained
        novelty = np.maximum(left, 0.0)
        if self.posterior is None:
            return replace(result, novelty=novelty)
        deviations = found.energies[1:]
        local = np.sqrt(novelty + np.mean(deviations**2, axis=0))
        total = np.hypot(np.sum(np.sqrt(novelty)), np.sqrt(np.mean(deviations.sum(axis=1) ** 2)))
        forces = None
        if found.forces is not None and len(found.forces) > 1:
            raw = np.sqrt(np.mean(found.forces[1:] ** 2, axis=0))
            forces = np.maximum(scale.forces * raw, scale.forces_floor)
        return replace(
            result,
            novelty=novelty,
            local_std=scale.local * local,
            energy_std=float(scale.energy * total),
            forces_std=forces,
        )

    def absorb(self, labeled: Iterable[tuple[Atoms, Label]]) -> GAP:
        """The potential after learning further labels, without the old data, at a cost of O(n_new M^2).

        Equal to a fit to old and new labels together on the same sparse points with the same e0. The
        calibration of the predicted errors is kept.

        Raises
        ------
        FitError
            The model carries no posterior or no recipe, or no label enters by the recipe's sigmas.
        UnknownSpecies
            A configuration holds a species the model was never taught.
        """
        old, recipe = self._learner()
        pairs = list(labeled)
        for atoms, _ in pairs:
            self.check_species(atoms)
        posterior = absorb(old, pairs, self.terms, self.e0, self.baseline, recipe)
        return replace(self, alpha=posterior.alpha, posterior=posterior)

    def add_sparse_points(self, configurations: Sequence[Atoms], n_sparse: int) -> GAP:
        """The potential with up to `n_sparse` more sparse points for each SOAP term, where it is most novel.

        The old data are gone: they are taken to say about the new weights what the old sparse points
        explain of them (the Nyström approximation, see `gapsample.gp.extend`) and nothing beyond, so that
        predictions hardly change until labels are absorbed. Pair and angle terms keep their points, which
        cover their whole range already.

        Raises
        ------
        FitError
            The model carries no posterior or no recipe.
        """
        old, recipe = self._learner()
        terms, posterior = add_sparse_points(old, configurations, self.terms, recipe.jitter, n_sparse)
        return replace(self, terms=terms, alpha=posterior.alpha, posterior=posterior)

    def _learner(self) -> tuple[Posterior, Recipe]:
        if self.recipe is None:
            raise FitError("this model carries no recipe, so the noise of labels is unknown; refit it")
        return self._posterior(), self.recipe

    def _posterior(self) -> Posterior:
        if self.posterior is None:
            raise FitError(
                "this model carries no posterior (it came from a QUIP file or is itself a draw), so nothing "
                "can be drawn from it or learned by it; refit it from its data"
            )
        return self.posterior

    def check_species(self, atoms: Atoms) -> None:
        """Raise UnknownSpecies if the model was never taught a species of these atoms."""
        unknown = set(atoms.numbers.tolist()) - set(self.e0)
        if unknown:
            raise UnknownSpecies((chemical_symbols[z] for z in unknown), self.species)
