"""Deltas and sigmas by evidence: the evidence is that of a fit, and the optimum knows the noise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from potential.silicon import RECIPE, cells, database_of, labels_by, prior_draw, stillinger_weber

from gapsample.database import Database
from gapsample.errors import DatabaseError, FitError, SettingsError
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import fit
from gapsample.potential.hyperparameters import optimize, reduce, sample
from gapsample.potential.recipe import Angle, Distance, Recipe, Sigmas, Soap

TRUE = replace(RECIPE, sigmas=Sigmas(0.01, 0.2, 0.05))
GUESS = replace(
    TRUE,
    terms=(replace(TRUE.terms[0], delta=2.0), replace(TRUE.terms[1], delta=0.1)),
    sigmas=Sigmas(0.03, 0.1, 0.02),
)
NAMES = ("terms.0.delta", "terms.1.delta", "sigmas.energy", "sigmas.force", "sigmas.virial")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Noisy labels of a GAP drawn from the prior of the true recipe."""
    configurations = cells(40)
    pairs = labels_by(prior_draw(TRUE, configurations), configurations, TRUE.sigmas)
    return database_of(tmp_path_factory.mktemp("hyper"), pairs)


def values(recipe: Recipe) -> np.ndarray:
    sigmas = recipe.sigmas
    return np.array([*(term.delta for term in recipe.terms), sigmas.energy, sigmas.force, sigmas.virial])


def test_evidence_without_the_data_is_that_of_a_fit(database: Database) -> None:
    evidence = reduce(GUESS, database)
    assert evidence.names == NAMES
    for factors in (np.ones(5), np.array([0.5, 3.0, 0.3, 2.0, 1.5])):
        recipe = evidence.with_factors(factors)
        np.testing.assert_allclose(values(recipe), factors * values(GUESS))
        expected = fit(recipe, database)
        posterior = evidence.problem.posterior(np.log(factors))
        assert posterior.log_evidence == pytest.approx(expected.log_evidence, rel=1e-8)
        assert posterior.n_rows == expected.gap.posterior.n_rows


def test_optimum_finds_the_noise_of_the_labels(database: Database) -> None:
    found = optimize(GUESS, database)
    # a noise seen n times is known to 1 / sqrt(2 n): 40 energies, 960 force components, 240 virials
    expected = np.log(values(found)[2:] / values(TRUE)[2:])
    assert np.all(np.abs(expected) < 4.0 / np.sqrt(2 * np.array([40, 960, 240])))
    assert fit(found, database).log_evidence > fit(TRUE, database).log_evidence
    assert replace(found, terms=GUESS.terms, sigmas=GUESS.sigmas) == GUESS


def test_samples_cover_the_truth_with_the_width_the_data_allow(database: Database) -> None:
    chain = sample(GUESS, database, 10, 150, np.random.default_rng(1))
    assert set(chain.values) == set(NAMES)
    assert chain.log_evidence.shape == (150, 10)
    for name, true in zip(NAMES, values(TRUE), strict=True):
        logs = np.log(chain.values[name][60:])
        assert abs(np.mean(logs) - np.log(true)) < 4.0 * np.std(logs), name
    assert np.std(np.log(chain.values["sigmas.force"][60:])) == pytest.approx(1 / np.sqrt(1920), rel=0.5)


def test_sigmas_of_config_types_keep_their_ratio(tmp_path: Path) -> None:
    configurations = cells(12)
    pairs = labels_by(prior_draw(TRUE, configurations), configurations, TRUE.sigmas)
    pairs = [
        (atoms, replace(label, config_type="odd" if k % 2 else "even"))
        for k, (atoms, label) in enumerate(pairs)
    ]
    database = database_of(tmp_path, pairs)
    recipe = replace(GUESS, config_type_sigmas={"odd": Sigmas(0.09, 0.1, None)})
    evidence = reduce(recipe, database)
    factors = np.array([1.0, 1.0, 0.5, 2.0, 3.0])
    scaled = evidence.with_factors(factors)
    assert scaled.config_type_sigmas["odd"] == Sigmas(0.045, 0.2, None)
    expected = fit(scaled, database).log_evidence
    assert evidence.problem.log_evidence(np.log(factors)) == pytest.approx(expected, rel=1e-8)


def test_noise_that_a_label_states_itself_stays_as_stated(tmp_path: Path) -> None:
    configurations = cells(6)
    pairs = labels_by(prior_draw(TRUE, configurations), configurations, TRUE.sigmas)
    own = [
        (atoms, replace(label, energy_sigma=0.05, force_atom_sigma=np.full(8, 0.3))) for atoms, label in pairs
    ]
    database = database_of(tmp_path, [*own[:3], *pairs[3:]])
    evidence = reduce(GUESS, database)
    assert [kind.n_rows for kind in evidence.problem.kinds] == [3, 72, 36]
    assert evidence.problem.fixed.n_rows == 3 + 72
    factors = np.array([1.0, 1.0, 0.5, 2.0, 3.0])
    expected = fit(evidence.with_factors(factors), database).log_evidence
    assert evidence.problem.log_evidence(np.log(factors)) == pytest.approx(expected, rel=1e-8)
    stated = database_of(tmp_path, own, "stated.db")
    assert reduce(GUESS, stated).names == (*NAMES[:2], "sigmas.virial")


def test_terms_that_find_nothing_have_no_delta_to_choose(database: Database) -> None:
    recipe = replace(GUESS, terms=(Angle(cutoff=1.0), *GUESS.terms))
    evidence = reduce(recipe, database)
    assert evidence.names == ("terms.1.delta", "terms.2.delta", *NAMES[2:])
    assert evidence.with_factors(np.full(5, 2.0)).terms[0] == recipe.terms[0]


def test_several_species_share_the_delta_of_their_term(tmp_path: Path) -> None:
    pairs = labels_by(FromCalculator(stillinger_weber()), cells(4))
    for atoms, _ in pairs:
        atoms.symbols = "Si4Ge4"
    recipe = Recipe(
        (Distance(cutoff=3.5, n_sparse=5), Soap(cutoff=3.5, n_max=4, l_max=2, n_sparse=6)), split="all"
    )
    evidence = reduce(recipe, database_of(tmp_path, pairs))
    assert [len(block) for block in evidence.problem.blocks] == [15, 12]
    assert len(evidence.names) == 5


def test_a_baseline_is_subtracted_as_in_a_fit(tmp_path: Path) -> None:
    core = FromCalculator(stillinger_weber())
    database = database_of(tmp_path, labels_by(core, cells(4)))
    evidence = reduce(GUESS, database, baseline=core)
    expected = fit(GUESS, database, baseline=core).log_evidence
    assert evidence.problem.log_evidence(np.zeros(5)) == pytest.approx(expected, rel=1e-8)


def test_what_cannot_be_chosen_is_said(database: Database, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="0 < low < 1 < high"):
        optimize(GUESS, database, bounds=(2.0, 3.0))
    with pytest.raises(FitError, match="leave out every kind"):
        reduce(replace(GUESS, sigmas=Sigmas(None, None, None)), database)
    with pytest.raises(DatabaseError, match="empty"):
        optimize(GUESS, Database(tmp_path / "none.db"))
