"""Sparse points that a model has gained are not lost when it is fitted from scratch."""

from __future__ import annotations

from dataclasses import replace

from toys import POLICY, RECIPE, learner_in, quantum, rattled

from gapsample.learning import Due
from gapsample.learning.growth import as_large


def test_a_fit_from_scratch_keeps_as_many_sparse_points_as_there_were(tmp_path):
    learner = learner_in(tmp_path, policy=replace(POLICY, growth=3.0, n_sparse=10))
    for n, seed, size in ((2, 3, 0.25), (10, 4, 0.1)):
        for atoms in rattled(n, seed=seed, size=size):
            learner.tell(atoms, quantum().label(atoms))
        learner.refit()
    assert [each.how for each in learner.history] == ["given", "extended", "fitted"]
    first, extended, fitted = (each.n_sparse for each in learner.history)
    assert first < extended == fitted
    assert learner.due() is not Due.FIT


def test_a_recipe_grows_with_the_terms_made_of_it_and_with_no_other(tmp_path):
    soap = learner_in(tmp_path).gap.terms[1]
    grown = soap.with_more(soap.sparse[:7])
    other = replace(RECIPE.terms[1], delta=0.2)
    recipe = replace(RECIPE, terms=(*RECIPE.terms, other))
    asked = as_large(recipe, [grown])
    assert asked.terms[1] == replace(RECIPE.terms[1], n_sparse=soap.n_sparse + 7)
    assert (asked.terms[0], asked.terms[2]) == (RECIPE.terms[0], other)
    assert as_large(RECIPE, []) == RECIPE
