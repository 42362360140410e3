"""The potential as a whole: the laws of potentials, its baseline, its draws, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from contracts.check_potential import check_potential, check_purity, slope
from contracts.motions import displaced
from potential.silicon import RECIPE, cells, prior_draw, stillinger_weber
from potential.soap_examples import skewed_cell, slab, thin_cell

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.errors import FitError, InputError, UnknownSpecies
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import Fit
from gapsample.potential.gap import GAP
from gapsample.potential.zbl import ZBL


@pytest.fixture(scope="module")
def drawn() -> GAP:
    return prior_draw(RECIPE, cells(6))


@pytest.mark.parametrize("make", [lambda: cells(1)[0], thin_cell, skewed_cell, slab], ids=str)
def test_gap_obeys_the_laws_of_potentials(drawn: GAP, make) -> None:  # type: ignore[no-untyped-def]
    check_potential(drawn, make(), tolerance=3e-6, exact=1e-7)


def test_gap_on_a_baseline_obeys_the_laws_of_potentials(drawn: GAP) -> None:
    check_potential(replace(drawn, baseline=ZBL(1.0, 2.6)), cells(1)[0], tolerance=3e-6, exact=1e-7)


def test_gap_fitted_to_labels_obeys_the_laws_of_potentials(silicon_fit: Fit) -> None:
    check_potential(silicon_fit.gap, cells(1)[0], tolerance=1e-5, exact=1e-5)


def test_every_force_component_of_a_fit_is_minus_the_slope_of_the_energy(silicon_fit: Fit) -> None:
    atoms = cells(1, seed=3)[0]
    forces = silicon_fit.gap.evaluate(atoms).forces
    assert forces is not None
    for i, x in np.ndindex(8, 3):
        unit = np.zeros((8, 3))
        unit[i, x] = 1.0

        def energy(h: float, unit: np.ndarray = unit) -> float:
            return silicon_fit.gap.evaluate(displaced(atoms, h * unit), forces=False).energy

        assert slope(energy, 1e-3) == pytest.approx(-forces[i, x], abs=1e-6)


def test_an_atom_alone_has_its_reference_energy_and_that_of_its_lonely_density(drawn: GAP) -> None:
    check_purity(drawn, Atoms("Si"))
    alone = drawn.evaluate(Atoms("Si"))
    assert alone.energy == pytest.approx(drawn.evaluate(Atoms("Si", cell=[30] * 3, pbc=True)).energy)
    np.testing.assert_array_equal(alone.forces, np.zeros((1, 3)))
    silent = replace(drawn, alpha=np.zeros_like(drawn.alpha))
    assert silent.evaluate(Atoms("Si")).energy == -1.0


def test_energy_of_a_thousand_atoms_is_extensive(drawn: GAP) -> None:
    unit = cells(1)[0]
    one, many = drawn.evaluate(unit), drawn.evaluate(unit.repeat(5))
    assert many.energy == pytest.approx(125 * one.energy, rel=1e-10)
    np.testing.assert_allclose(many.forces, np.tile(one.forces, (125, 1)), atol=1e-8)


def test_two_threads_give_the_answer_of_one(silicon_fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = bulk("Si", cubic=True).repeat(2)
    atoms.rattle(0.05, seed=0)
    silicon_fit.gap.evaluate(atoms, virial=True, error=True)
    answers = []
    for threads in ("1", "2"):
        monkeypatch.setenv("GAPSAMPLE_THREADS", threads)
        answers.append(silicon_fit.gap.evaluate(atoms, virial=True, error=True).as_dict())
    assert answers[0].keys() == answers[1].keys()
    for name, value in answers[0].items():
        np.testing.assert_allclose(answers[1][name], value, rtol=1e-10, atol=1e-10, err_msg=name)


def test_baseline_is_added_to_everything(drawn: GAP) -> None:
    atoms = cells(1)[0]
    core = FromCalculator(stillinger_weber())
    both = replace(drawn, baseline=core).evaluate(atoms, virial=True)
    bare, below = drawn.evaluate(atoms, virial=True), core.evaluate(atoms, virial=True)
    assert both.energy == pytest.approx(bare.energy + below.energy)
    np.testing.assert_allclose(both.forces, bare.forces + below.forces)
    np.testing.assert_allclose(both.virial, bare.virial + below.virial)


def test_only_what_is_asked_is_answered(silicon_fit: Fit) -> None:
    atoms = cells(1)[0]
    evaluate = silicon_fit.gap.evaluate
    assert evaluate(atoms, forces=False).as_dict().keys() == {"energy", "local_energies"}
    assert "virial" not in evaluate(atoms).as_dict()
    assert evaluate(atoms, forces=False, virial=True).forces is None
    local = evaluate(atoms, error="local").as_dict()
    assert {"novelty", "local_std", "energy_std"} <= local.keys()
    assert "forces_std" not in local
    assert "forces_std" in evaluate(atoms, error="forces").as_dict()


def test_asking_for_errors_does_not_change_the_answer(silicon_fit: Fit) -> None:
    atoms = cells(1)[0]
    plain = silicon_fit.gap.evaluate(atoms, virial=True)
    with_error = silicon_fit.gap.evaluate(atoms, virial=True, error=True)
    assert with_error.energy == pytest.approx(plain.energy, abs=1e-7)
    np.testing.assert_allclose(with_error.forces, plain.forces, atol=1e-7)
    np.testing.assert_allclose(with_error.virial, plain.virial, atol=1e-6)


def test_draws_scatter_about_the_mean_as_the_posterior_says(silicon_fit: Fit) -> None:
    atoms = cells(1, seed=9)[0]
    gap = silicon_fit.gap
    drawn = [each.evaluate(atoms, forces=False).energy for each in gap.draws(60, np.random.default_rng(3))]
    near = find_neighbours(atoms, gap.cutoff)
    rows = np.concatenate([term.rows(near, forces=False, virial=False).energy for term in gap.terms])
    assert gap.posterior is not None
    expected = np.linalg.norm(np.linalg.solve(gap.posterior.R.T, rows))
    assert np.std(drawn) == pytest.approx(expected, rel=4.0 / np.sqrt(120))
    assert np.mean(drawn) == pytest.approx(gap.evaluate(atoms).energy, abs=4.0 * expected / np.sqrt(60))


def test_draws_repeat_with_their_seed(silicon_fit: Fit) -> None:
    one, again = (silicon_fit.gap.draws(2, np.random.default_rng(0)) for _ in range(2))
    np.testing.assert_array_equal(one[1].alpha, again[1].alpha)
    assert np.any(one[0].alpha != one[1].alpha)


def test_a_model_without_posterior_knows_its_novelty_only(drawn: GAP) -> None:
    found = drawn.evaluate(cells(1)[0], error=True)
    assert found.novelty is not None
    assert found.local_std is found.energy_std is found.forces_std is None
    with pytest.raises(FitError, match="no posterior"):
        drawn.draws(1, np.random.default_rng(0))


def test_configurations_it_cannot_describe_are_refused(drawn: GAP) -> None:
    with pytest.raises(UnknownSpecies, match=r"knows Si but the configuration holds Ge"):
        drawn.evaluate(bulk("Ge"))
    with pytest.raises(InputError, match="0 Å apart"):
        drawn.evaluate(Atoms("Si2", np.zeros((2, 3))))
    with pytest.raises(InputError, match="not finite"):
        drawn.evaluate(Atoms("Si2", [[0, 0, 0], [0, 0, np.nan]]))
    with pytest.raises(InputError, match="at least one atom"):
        drawn.evaluate(Atoms())
