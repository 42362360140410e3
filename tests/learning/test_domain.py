"""Outside of what it learned, a model gives way to a simpler one."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from toys import first_gap, rattled

from gapsample.errors import InputError
from gapsample.learning import ErrorBudget, Guarded, novelty_limit
from gapsample.potential.zbl import ZBL


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    gap, database = first_gap(tmp_path_factory.mktemp("domain"))
    limit = novelty_limit(gap, database.select())
    return Guarded(gap, ZBL(1.0, 2.0), limit)


def test_inside_of_its_domain_the_model_speaks(guarded):
    for atoms in rattled(3, seed=1, size=0.03):
        mine, wanted = guarded.evaluate(atoms, virial=True), guarded.gap.evaluate(atoms, virial=True)
        assert mine.energy == pytest.approx(wanted.energy, abs=1e-8)
        np.testing.assert_allclose(mine.forces, wanted.forces, atol=1e-8)
        np.testing.assert_allclose(mine.virial, wanted.virial, atol=1e-8)


def test_outside_the_fallback_speaks_and_the_error_tells(guarded):
    collision = Atoms("Cu3", [[0, 0, 0], [1.2, 0, 0], [0, 1.3, 0]], cell=[9, 9, 9], pbc=True)
    seen, below = guarded.evaluate(collision, error="forces"), guarded.fallback.evaluate(collision)
    np.testing.assert_array_equal(seen.forces, below.forces)
    assert seen.energy == below.energy
    left_out = guarded.gap.evaluate(collision).forces - below.forces
    assert np.all(seen.forces_std >= np.abs(left_out))
    with pytest.raises(InputError, match="no virial"):
        guarded.evaluate(collision, virial=True)


def test_each_atom_has_its_own_domain(guarded):
    """A collision far away leaves a crystal alone."""
    atoms = rattled(1, seed=1, size=0.03)[0].repeat((1, 1, 4))
    atoms.positions[0] += 0.6 * atoms.get_distance(0, 1, mic=True, vector=True)
    seen = guarded.evaluate(atoms, error="local")
    outside = seen.novelty > guarded.limit
    assert 0 < outside.sum() < len(atoms)
    gap, below = guarded.gap.evaluate(atoms), guarded.fallback.evaluate(atoms)
    wanted = np.where(outside[:, None], below.forces, gap.forces)
    np.testing.assert_allclose(seen.forces, wanted, atol=1e-8)


def test_a_domain_needs_something_learned(guarded):
    with pytest.raises(InputError, match="learned"):
        novelty_limit(guarded.gap, [])


def test_a_budget_adds_errors_of_forces_in_quadrature():
    budget = ErrorBudget(buffer=0.03, surrogate=0.04, momentum=0.0, heat={"quantum": 0.2})
    assert budget.force == pytest.approx(0.05)
    assert budget.as_dict()["heat"] == {"quantum": 0.2}
