"""A learner remembers what it was told, learns it exactly, and never believes more than it can fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom
from toys import LEVEL, POLICY, RECIPE, learner_in, quantum, rattled

from gapsample.database import Database, Label, fingerprint, split_of
from gapsample.errors import FitError, InputError
from gapsample.gp.linear_system import LinearSystem
from gapsample.learning import Due, Learner, conformal, judge
from gapsample.potential.fit import absorb_entries
from gapsample.potential.recipe import Sigmas
from gapsample.potential.terms.protocol import k_mm_of

NEVER = 1e9
INCREMENTAL = replace(POLICY, growth=NEVER, novel_share=1.0)
POOR = replace(
    RECIPE, terms=(replace(RECIPE.terms[1], cutoff=2.7, n_sparse=8),), sigmas=Sigmas(1e-5, 1e-3, None)
)
"""A cutoff within the first shell of neighbours and next to no noise: it cannot fit, and does not know it."""


def tell(learner, configurations, audited=False):
    for atoms in configurations:
        learner.tell(atoms, quantum().label(atoms), audited=audited)


def same(a, b):
    np.testing.assert_array_equal(a.alpha, b.alpha)
    np.testing.assert_array_equal(a.posterior.triangle, b.posterior.triangle)


def test_learning_in_pieces_equals_a_fit_to_all_labels(tmp_path):
    noisy = replace(RECIPE, sigmas=Sigmas(0.05, 0.5, None))  # the residual stays below
    learner = learner_in(tmp_path, policy=INCREMENTAL, recipe=noisy)
    for seed in (2, 3):
        tell(learner, rattled(3, seed=seed))
        assert learner.refit().how == "absorbed"
    gap = learner.gap
    assert gap.recipe == noisy
    system = LinearSystem.from_prior(k_mm_of(gap.terms), gap.recipe.jitter)
    absorb_entries(system, list(learner.database.select()), gap.terms, dict(gap.e0), None, gap.recipe)
    scratch = replace(gap, alpha=system.posterior().alpha, posterior=system.posterior())
    for atoms in rattled(3, seed=4):
        mine, wanted = gap.evaluate(atoms, error=True), scratch.evaluate(atoms, error=True)
        np.testing.assert_allclose(mine.forces, wanted.forces, atol=1e-7)
        np.testing.assert_allclose(mine.forces_std, wanted.forces_std, rtol=1e-4)


def test_the_same_label_is_one_row_however_often_it_is_told(tmp_path):
    learner = learner_in(tmp_path)
    (atoms,) = rattled(1, seed=2)
    label = quantum().label(atoms)
    rows = {learner.tell(atoms, label), learner.tell(atoms, label, audited=True)}
    learner.refit()
    rows.add(learner.tell(atoms, label, audited=True))
    assert len(rows) == 1
    assert len(learner.database) == 7
    assert not learner.pending


def test_what_is_told_is_kept_with_its_source_and_its_trusted_atoms(tmp_path):
    learner = learner_in(tmp_path)
    (atoms,) = rattled(1, seed=2)
    trusted = np.arange(8) < 3
    label = replace(quantum().label(atoms), energy=None, source="qmmm", trusted=trusted)
    row = learner.tell(atoms, label, audited=np.arange(8) % 2 == 0)
    kept = next(entry for entry in learner.database.select() if entry.id == row)
    assert kept.label.source == "qmmm"
    np.testing.assert_array_equal(kept.label.trusted, trusted)
    np.testing.assert_array_equal(learner.audits[0].atoms, [0, 2])
    learner.refit()
    assert learner.generation.n_labels == 7


def test_labels_of_another_level_are_refused(tmp_path):
    learner = learner_in(tmp_path)
    with pytest.raises(InputError, match="LJ"):
        learner.tell(rattled(1, seed=2)[0], Label("PBE", energy=1.0))
    with pytest.raises(InputError, match="forces"):
        learner.tell(rattled(1, seed=2)[0], Label(LEVEL, energy=1.0), audited=True)
    with pytest.raises(InputError, match="nothing to learn"):
        learner.refit()


def test_a_learner_opened_again_is_the_same_learner(tmp_path):
    learner = learner_in(tmp_path)
    tell(learner, rattled(2, seed=2), audited=True)
    learner.refit()
    tell(learner, rattled(2, seed=3), audited=True)
    again = Learner(None, learner.database, learner.folder, POLICY)
    same(again.gap, learner.gap)
    assert again.history == learner.history
    assert again.conformal == learner.conformal
    assert [entry.id for entry in again.pending] == [entry.id for entry in learner.pending]
    assert again.refit().n_labels == learner.refit().n_labels
    same(again.gap, learner.gap)


def test_a_generation_knows_its_parent_and_its_errors(tmp_path):
    learner = learner_in(tmp_path, policy=INCREMENTAL)
    tell(learner, rattled(3, seed=2), audited=True)
    first, second = learner.generation, learner.refit()
    assert second.parent == first.sha256
    assert second.n_labels == first.n_labels + 3
    assert second.error_after < second.error_before
    assert second.error_before == pytest.approx(learner.audited(0).value)
    assert learner.audited(1).n_audits == 0


def test_a_model_changed_behind_our_back_is_refused(tmp_path):
    learner = learner_in(tmp_path)
    learner.gap.save(learner.folder / "generation-0000.npz")
    (learner.folder / "generation-0000.json").write_text(
        (learner.folder / "generation-0000.json").read_text().replace(learner.generation.sha256, "0" * 64)
    )
    with pytest.raises(InputError, match="changed"):
        Learner(None, learner.database, learner.folder, POLICY)
    with pytest.raises(InputError, match="no generation"):
        Learner(None, learner.database, tmp_path / "elsewhere", POLICY)
    with pytest.raises(InputError, match="watermark=0"):
        Learner(learner.gap, Database(tmp_path / "other.db"), tmp_path / "elsewhere", POLICY)
    mute = replace(learner.gap, posterior=None)
    with pytest.raises(FitError, match="posterior"):
        Learner(mute, learner.database, tmp_path / "elsewhere", POLICY)


def test_novel_labels_bring_sparse_points_and_many_labels_a_new_fit(tmp_path):
    learner = learner_in(tmp_path, policy=replace(POLICY, growth=3.0, n_sparse=10))
    tell(learner, rattled(1, seed=2, size=0.03))
    assert learner.due() is Due.ABSORB
    learner.refit()
    tell(learner, rattled(2, seed=3, size=0.25))
    assert learner.due() is Due.EXTEND
    assert learner.refit().n_sparse == learner.history[1].n_sparse + 10
    tell(learner, rattled(9, seed=4))
    assert learner.due() is Due.FIT
    assert learner.refit().n_fitted == 18
    assert [each.how for each in learner.history] == ["given", "absorbed", "extended", "fitted"]


def test_nothing_is_due_before_enough_is_told(tmp_path):
    learner = learner_in(tmp_path, policy=replace(POLICY, absorb_every=2))
    tell(learner, rattled(1, seed=2))
    assert learner.due() is None
    tell(learner, rattled(1, seed=3))
    assert learner.due() is not None


def test_a_model_that_cannot_fit_its_labels_believes_them_no_more_than_it_can(tmp_path):
    learner = learner_in(tmp_path, n=12, recipe=POOR)
    left = learner.generation.residual.force
    assert left > 0.05
    assert learner.threshold == pytest.approx(max(0.2, 3.0 * np.sqrt(3.0) * left))
    tell(learner, rattled(6, seed=2))
    before, fresh = learner.gap, rattled(4, seed=5)
    assert learner.due() is Due.FIT  # what is in the triangle already was believed too much
    learner.refit()
    assert learner.gap.recipe.sigmas.force >= left
    assert _z(learner.gap, fresh) < 0.2 * _z(before, fresh)
    tell(learner, rattled(2, seed=7))
    learner.refit()
    assert learner.gap.recipe.sigmas.force == learner.history[1].residual.force


def test_audits_keep_the_threshold_of_their_time(tmp_path):
    learner = learner_in(tmp_path, n=12, recipe=POOR)
    then = learner.threshold
    tell(learner, rattled(3, seed=2), audited=True)
    learner.refit()
    tell(learner, rattled(3, seed=3), audited=True)
    again = Learner(None, learner.database, learner.folder, POLICY)
    assert again.threshold != then
    assert [each.threshold for each in again.audits] == [then] * 3 + [again.threshold] * 3
    assert [again.threshold_of(each.generation) for each in again.audits] == [
        each.threshold for each in again.audits
    ]


def _z(gap, configurations):
    """Root mean square of true over predicted force errors."""
    scores = []
    for atoms in configurations:
        seen = gap.evaluate(atoms, error="forces")
        scores.append((seen.forces - quantum().label(atoms).forces) / seen.forces_std)
    return float(np.sqrt(np.mean(np.square(scores))))


def test_a_label_is_asked_for_only_where_it_is_new(tmp_path):
    learner = learner_in(tmp_path)
    cells = rattled(4, seed=2)
    candidates = judge(learner.gap, cells)
    (first,) = learner.ask(candidates, 1)
    tell(learner, [cells[first]])
    left = learner.ask(candidates, 4)
    assert sorted([first, *left]) == [0, 1, 2, 3]
    assert first not in learner.draw(candidates, 4)
    assert learner.draw(candidates, 2) == learner.draw(candidates, 2)


def test_a_model_of_other_data_learns_from_an_empty_database_and_forgets_nothing(tmp_path):
    gap = learner_in(tmp_path, n=8).gap
    learner = Learner(
        gap, Database(tmp_path / "new.db"), tmp_path / "new", replace(POLICY, growth=1.1), watermark=0
    )
    assert learner.generation.n_labels == 0
    news = rattled(3, seed=2)
    tell(learner, news)
    assert learner.due() is Due.ABSORB
    learner.refit()
    wanted = gap.absorb((atoms, quantum().label(atoms)) for atoms in news)
    np.testing.assert_array_equal(learner.gap.alpha, wanted.alpha)


def test_what_is_held_out_is_told_and_not_learned(tmp_path):
    learner = learner_in(tmp_path, n=12, recipe=replace(RECIPE, split="train"))
    (test,) = [a for a in rattled(60, seed=3) if split_of(fingerprint(a), 8) == "test"][:1]
    before = learner.gap
    tell(learner, [test], audited=True)
    assert (learner.n_new, learner.n_told, len(learner.pending)) == (1, 1, 0)
    assert learner.due() is None
    assert learner.refit().n_labels == learner.history[0].n_labels
    same(learner.gap, before)
    assert len(learner.audits) == 1
    tell(learner, rattled(4, seed=4))
    learner.refit()
    assert learner.generation.watermark == learner.database.watermark


def test_bounds_of_a_model_that_cannot_fit_hold_all_the_same(tmp_path):
    """Audits split at random many times: those left out are covered as often as promised."""
    learner = learner_in(tmp_path, n=12, recipe=POOR)
    tell(learner, rattled(100, seed=6), audited=True)
    audits = learner.audits
    assert np.mean(np.concatenate([audit.true > audit.predicted for audit in audits])) > 0.8
    rng, splits, hits, idle = np.random.default_rng(0), 1000, 0, []
    for _ in range(splits):
        chosen = rng.permutation(len(audits))[:25]
        known, new = [audits[k] for k in chosen[:-1]], audits[chosen[-1]]
        bound = conformal(known, 0.9).bound(new.predicted)
        atom = rng.integers(len(bound))
        hits += new.true[atom] <= bound[atom]
        idle.append(bound[atom] / new.true[atom])
    assert hits >= binom.ppf(1e-3, splits, 0.9)
    assert np.median(idle) < 10.0  # such bounds still tell something
