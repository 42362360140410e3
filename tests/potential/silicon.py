"""Silicon as Stillinger and Weber have it, labels of it, and known GAPs to make labels with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from matscipy.calculators.manybody import Manybody
from matscipy.calculators.manybody.explicit_forms.stillinger_weber import (
    Stillinger_Weber_PRB_31_5262_Si,
    StillingerWeber,
)
from scipy.linalg import cholesky, solve_triangular

from gapsample.database import Database, Label
from gapsample.potential.build_terms import build_terms
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Potential
from gapsample.potential.recipe import Distance, Recipe, Sigmas, Soap
from gapsample.potential.terms.protocol import k_mm_of

RECIPE = Recipe(
    terms=(
        Distance(cutoff=3.8, cutoff_transition_width=1.0, theta=0.8, delta=1.0, n_sparse=8),
        Soap(cutoff=3.8, n_max=4, l_max=3, cutoff_transition_width=1.0, delta=0.3, n_sparse=30),
    ),
    sigmas=Sigmas(energy=0.002, force=0.05, virial=0.02),
    e0={"Si": -1.0},
    split="all",
)


def stillinger_weber() -> Manybody:
    return Manybody(**StillingerWeber(Stillinger_Weber_PRB_31_5262_Si))


def cells(n: int, seed: int = 0, size: float = 0.12) -> list[Atoms]:
    """Diamond cells of eight atoms, strained by a few per cent and rattled."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        atoms = bulk("Si", cubic=True)
        strain = rng.normal(0.0, 0.02, (3, 3))
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (strain + strain.T)), scale_atoms=True)
        atoms.positions += rng.normal(0.0, size, (8, 3))
        made.append(atoms)
    return made


def prior_draw(recipe: Recipe, configurations: list[Atoms], seed: int = 7) -> GAP:
    """A GAP drawn from the prior; its sparse points are those a fit to the configurations chooses."""
    terms = build_terms(recipe, configurations, np.random.default_rng(recipe.seed))
    k_mm = k_mm_of(terms) + recipe.jitter * np.eye(sum(term.n_sparse for term in terms))
    alpha = solve_triangular(cholesky(k_mm), np.random.default_rng(seed).standard_normal(len(k_mm)))
    assert not isinstance(recipe.e0, str)
    return GAP(tuple(terms), alpha, {14: recipe.e0["Si"]})


def labels_by(
    truth: Potential, configurations: Iterable[Atoms], sigmas: Sigmas | None = None, seed: int = 11
) -> list[tuple[Atoms, Label]]:
    """Labels from a potential, with noise as the sigmas say; None: exact."""
    rng = np.random.default_rng(seed)
    pairs = []
    for atoms in configurations:
        root = np.sqrt(len(atoms))
        e, f, v = (0.0, 0.0, 0.0) if sigmas is None else (sigmas.energy, sigmas.force, sigmas.virial)
        exact = truth.evaluate(atoms, forces=True, virial=atoms.cell.rank == 3)
        virial = exact.virial
        if virial is not None:
            noise = np.tril(rng.standard_normal((3, 3)))
            virial = virial + v * root * (noise + np.tril(noise, -1).T)
        label = Label(
            "model",
            energy=exact.energy + e * root * rng.standard_normal(),
            forces=exact.forces + f * rng.standard_normal((len(atoms), 3)),
            virial=virial,
        )
        pairs.append((atoms, label))
    return pairs


def database_of(folder: Path, pairs: Iterable[tuple[Atoms, Label]], name: str = "labels.db") -> Database:
    database = Database(folder / name)
    database.add_many(pairs)
    return database


def with_sigmas(**sigmas: float | None) -> Recipe:
    return replace(RECIPE, sigmas=replace(RECIPE.sigmas, **sigmas))
