"""Choosing what to label: large errors, unlike each other, never twice the same, better than chance."""

from __future__ import annotations

import numpy as np
import pytest
from toys import RECIPE, first_gap, quantum, rattled

from gapsample.database import fingerprint
from gapsample.errors import InputError
from gapsample.learning import Candidate, choose, judge
from gapsample.potential.calculator import FromCalculator


@pytest.fixture(scope="module")
def gap(tmp_path_factory):
    return first_gap(tmp_path_factory.mktemp("selection"))[0]


def alike(atoms, size):
    """The same configuration, hardly moved."""
    other = atoms.copy()
    other.positions += size
    other.positions[0] += 1e-4
    return other


def test_the_largest_error_is_chosen_first(gap):
    candidates = [Candidate(atoms, np.full(8, 0.1 * (k + 1))) for k, atoms in enumerate(rattled(4, seed=3))]
    assert choose(gap, candidates, 1)[0].candidate == 3


def test_nothing_is_chosen_twice_nor_what_is_known(gap):
    cells = rattled(5, seed=4)
    candidates = judge(gap, [*cells, cells[0].copy(), cells[3].copy()])
    chosen = choose(gap, candidates, 10, known={fingerprint(cells[1])})
    taken = [fingerprint(candidates[choice.candidate].atoms) for choice in chosen]
    assert len(set(taken)) == len(taken) == 4
    assert fingerprint(cells[1]) not in taken


def test_what_resembles_a_choice_is_thought_known(gap):
    first, other = rattled(2, seed=5)
    candidates = [
        Candidate(a, np.full(8, e)) for a, e in ((first, 1.0), (alike(first, 0.3), 0.99), (other, 0.8))
    ]
    chosen = choose(gap, candidates, 3)
    assert [choice.candidate for choice in chosen] == [0, 2, 1]
    assert chosen[2].gain < 0.05 * chosen[0].gain
    assert len(choose(gap, candidates, 3, least=2.0 * chosen[2].gain)) == 2


def test_gains_never_grow(gap):
    gains = [choice.gain for choice in choose(gap, judge(gap, rattled(8, seed=6)), 8)]
    assert gains == sorted(gains, reverse=True)


def test_atoms_of_one_large_system_may_be_chosen_one_by_one(gap):
    (large,) = rattled(1, seed=7)
    error = np.full(8, 0.01)
    error[[2, 6]] = 1.0, 0.9
    chosen = choose(gap, [Candidate(large, error)], 2, whole=False)
    assert [(choice.candidate, choice.atom) for choice in chosen] == [(0, 2), (0, 6)]


def test_chosen_labels_teach_more_than_random_ones(tmp_path):
    """Many ordinary frames and a few of a rare event: the error at the rare ones after four labels."""
    gap, _ = first_gap(tmp_path, size=0.03)
    engine = quantum()
    visited = [*rattled(36, seed=8, size=0.03), *rattled(4, seed=9, size=0.12)]
    rare = [(atoms, engine.label(atoms)) for atoms in rattled(8, seed=10, size=0.12)]

    def error_after(places):
        taught = gap.add_sparse_points([visited[p] for p in places], 40)
        taught = taught.absorb((visited[p], engine.label(visited[p])) for p in places)
        return np.sqrt(np.mean([np.mean((taught.evaluate(a).forces - l.forces) ** 2) for a, l in rare]))

    chosen = [choice.candidate for choice in choose(gap, judge(gap, visited), 4)]
    rng = np.random.default_rng(0)
    by_chance = [error_after(rng.choice(40, 4, replace=False)) for _ in range(8)]
    assert error_after(chosen) < 0.7 * np.median(by_chance)


def test_an_engine_that_cannot_judge_itself_says_so(gap):
    with pytest.raises(InputError, match="posterior"):
        judge(FromCalculator(quantum().potential.calculator), rattled(1, seed=1))
    with pytest.raises(InputError, match="8 atoms"):
        Candidate(rattled(1, seed=1)[0], np.ones(3))


def test_a_model_without_soap_ranks_by_error(tmp_path):
    from dataclasses import replace

    from gapsample.potential.recipe import Distance

    pair, _ = first_gap(tmp_path, recipe=replace(RECIPE, terms=(Distance(cutoff=4.0),)))
    candidates = [
        Candidate(a, np.full(8, e)) for a, e in zip(rattled(3, seed=2), (0.1, 0.3, 0.2), strict=True)
    ]
    assert [choice.candidate for choice in choose(pair, candidates, 3)] == [1, 2, 0]
