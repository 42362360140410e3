"""Learning without the old data: exact on the same sparse points, harmless when there are more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from potential.silicon import RECIPE, cells, database_of, labels_by, stillinger_weber

from gapsample.database import Database, Label
from gapsample.errors import FitError, UnknownSpecies
from gapsample.gp.linear_system import LinearSystem
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import Fit, absorb_entries, fit
from gapsample.potential.gap import GAP
from gapsample.potential.terms.protocol import k_mm_of

Labeled = tuple[Atoms, Label]


def news(n: int = 6, seed: int = 11) -> list[Labeled]:
    return list(labels_by(FromCalculator(stillinger_weber()), cells(n, seed=seed, size=0.2)))


def first_fit(folder: Path, n: int = 15) -> Fit:
    old = database_of(folder, labels_by(FromCalculator(stillinger_weber()), cells(n)))
    return fit(replace(RECIPE, split="all", e0={"Si": -1.0}), old)


def refit(gap: GAP, folder: Path, labeled: list[Labeled]) -> GAP:
    """From scratch to old and new labels together, on the sparse points of `gap`."""
    assert gap.recipe is not None
    both = Database(folder / "labels.db")
    both.add_many(labeled)
    system = LinearSystem.from_prior(k_mm_of(gap.terms), gap.recipe.jitter)
    absorb_entries(system, list(both.select()), gap.terms, dict(gap.e0), None, gap.recipe)
    posterior = system.posterior()
    return replace(gap, alpha=posterior.alpha, posterior=posterior)


def test_absorbing_new_labels_equals_a_refit_to_all(tmp_path):
    gap = first_fit(tmp_path).gap
    absorbed, scratch = gap.absorb(news()), refit(gap, tmp_path, news())
    assert absorbed.posterior.log_evidence == pytest.approx(scratch.posterior.log_evidence, rel=1e-10)
    for atoms in cells(3, seed=5):
        mine, wanted = (g.evaluate(atoms, virial=True, error=True) for g in (absorbed, scratch))
        for name, value in wanted.as_dict().items():
            np.testing.assert_allclose(getattr(mine, name), value, rtol=1e-7, atol=1e-8, err_msg=name)


def test_what_is_absorbed_is_known_better(tmp_path):
    gap, labeled = first_fit(tmp_path).gap, news()
    after = gap.absorb(labeled)
    errors = [
        np.sqrt(np.mean([np.mean((g.evaluate(a).forces - label.forces) ** 2) for a, label in labeled]))
        for g in (gap, after)
    ]
    assert errors[1] < errors[0]


def test_a_saved_model_goes_on_learning(tmp_path):
    import gapsample

    gap = first_fit(tmp_path).gap
    gap.save(tmp_path / "gap.npz")
    again = gapsample.load(tmp_path / "gap.npz")
    np.testing.assert_array_equal(again.absorb(news()).alpha, gap.absorb(news()).alpha)


def test_more_sparse_points_change_no_prediction_before_there_is_something_to_learn(tmp_path):
    gap = first_fit(tmp_path).gap
    where = [atoms for atoms, _ in news()]
    grown = gap.add_sparse_points(where, 10)
    assert sum(t.n_sparse for t in grown.terms) == sum(t.n_sparse for t in gap.terms) + 10
    for atoms in where:
        before, after = gap.evaluate(atoms), grown.evaluate(atoms)
        assert after.energy == pytest.approx(before.energy, abs=1e-6)
        np.testing.assert_allclose(after.forces, before.forces, atol=1e-6)


def test_more_sparse_points_turn_novelty_into_uncertainty_that_labels_can_remove(tmp_path):
    gap, labeled = first_fit(tmp_path).gap, news()
    where = [atoms for atoms, _ in labeled]
    grown = gap.add_sparse_points(where, 20)

    def mean(g: GAP, name: str) -> float:
        return float(np.mean([getattr(g.evaluate(a, error="local"), name).mean() for a in where]))

    assert mean(grown, "novelty") < 0.7 * mean(gap, "novelty")
    assert mean(grown, "local_std") > 0.7 * mean(gap, "local_std")
    assert mean(grown.absorb(labeled), "local_std") < mean(grown, "local_std")


def test_environments_that_are_known_bring_no_sparse_points(tmp_path):
    gap = first_fit(tmp_path).gap
    grown = gap.add_sparse_points([atoms for atoms, _ in news()], 10_000)
    again = grown.add_sparse_points([atoms for atoms, _ in news()], 10_000)
    assert [t.n_sparse for t in again.terms] == [t.n_sparse for t in grown.terms]


def test_a_model_without_posterior_says_that_it_cannot_learn(tmp_path):
    gap = first_fit(tmp_path).gap
    for mute in (replace(gap, posterior=None), replace(gap, recipe=None)):
        with pytest.raises(FitError, match="refit"):
            mute.absorb(news(1))
        with pytest.raises(FitError, match="refit"):
            mute.add_sparse_points(cells(1), 5)


def test_labels_that_teach_nothing_or_of_unknown_species_are_errors(tmp_path):
    gap = first_fit(tmp_path).gap
    with pytest.raises(FitError, match="no label was absorbed"):
        gap.absorb([])
    with pytest.raises(UnknownSpecies, match="Ge"):
        gap.absorb([(Atoms("Ge2", positions=[[0, 0, 0], [0, 0, 2.4]]), Label("SW", energy=-1.0))])


def test_the_gradient_of_novelty_is_its_derivative(silicon_fit):
    gap, atoms = silicon_fit.gap, cells(1, seed=3, size=0.3)[0]
    soap_only = replace(gap, terms=gap.terms[-1:], alpha=gap.alpha[-gap.terms[-1].n_sparse :], posterior=None)
    found = soap_only.novelty_gradient(atoms)
    np.testing.assert_allclose(found.sum(axis=0), 0.0, atol=1e-12)
    for i, x in ((0, 0), (3, 1), (5, 2)):
        ends = []
        for step in (1e-4, -1e-4):
            moved = atoms.copy()
            moved.positions[i, x] += step
            ends.append(soap_only.evaluate(moved, error="local").novelty.sum())
        assert found[i, x] == pytest.approx((ends[0] - ends[1]) / 2e-4, rel=1e-4, abs=1e-8)
