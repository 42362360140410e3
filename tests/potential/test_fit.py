"""The fit: a known GAP is found again, every label counts as it was meant, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from potential.silicon import (
    RECIPE,
    cells,
    database_of,
    labels_by,
    prior_draw,
    stillinger_weber,
    with_sigmas,
)
from scipy.stats import chi2

from gapsample.database import Database, Label
from gapsample.errors import DatabaseError, FitError, InputError, UnknownSpecies
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.fit import fit
from gapsample.potential.gap import GAP
from gapsample.potential.recipe import Baseline, Distance, Recipe, Sigmas, Soap
from gapsample.potential.zbl import ZBL

NOISY = replace(RECIPE, sigmas=Sigmas(0.01, 0.1, 0.05))


@pytest.fixture(scope="module")
def truth() -> GAP:
    return prior_draw(NOISY, cells(12))


def test_a_known_gap_is_found_again_within_the_predicted_error(truth: GAP, tmp_path: Path) -> None:
    found = fit(NOISY, database_of(tmp_path, labels_by(truth, cells(12), NOISY.sigmas))).gap
    assert found.posterior is not None
    distance = np.sum((found.posterior.R @ (found.alpha - truth.alpha)) ** 2)
    assert 0.001 < chi2(len(found.alpha)).cdf(distance) < 0.999
    assert found.species == ("Si",)
    assert found.origin["n_train"] == 12


def test_exact_labels_are_reproduced(truth: GAP, tmp_path: Path) -> None:
    recipe = replace(RECIPE, sigmas=Sigmas(1e-5, 1e-4, 1e-4))
    made = fit(recipe, database_of(tmp_path, labels_by(truth, cells(12))))
    [row] = [r for r in made.errors["train"] if r.config_type in ("all", "default")][:1]
    assert row.energy_rmse is not None
    assert row.energy_rmse < 0.05
    assert row.force_rmse is not None
    assert row.force_rmse < 1e-3


def test_the_order_of_labels_is_irrelevant_when_the_sparse_points_are(tmp_path: Path, truth: GAP) -> None:
    recipe = replace(NOISY, terms=(replace(RECIPE.terms[0]), replace(RECIPE.terms[1], sparse_method="all")))  # type: ignore[arg-type]
    pairs = labels_by(truth, cells(3), NOISY.sigmas)
    energies = [
        fit(recipe, database_of(tmp_path, order, f"{k}.db")).gap.evaluate(cells(1, seed=8)[0]).energy
        for k, order in enumerate((pairs, pairs[::-1]))
    ]
    assert energies[0] == pytest.approx(energies[1], abs=1e-5)


def test_labels_without_energy_teach_by_the_forces_they_are_trusted_with(truth: GAP, tmp_path: Path) -> None:
    pairs, trusted = labels_by(truth, cells(12), NOISY.sigmas), np.arange(8) < 5
    rng = np.random.default_rng(0)
    answers = []
    for k in range(2):
        carved = []
        for atoms, label in pairs:
            forces = np.where(trusted[:, None], label.forces, rng.normal(0.0, 50.0, (8, 3)))
            carved.append((atoms, Label("model", forces=forces, trusted=trusted)))
        answers.append(fit(NOISY, database_of(tmp_path, carved, f"{k}.db")).gap)
    np.testing.assert_array_equal(answers[0].alpha, answers[1].alpha)
    unseen = cells(5, seed=30)
    error = [(answers[0].evaluate(a).forces - truth.evaluate(a).forces).ravel() for a in unseen]
    scale = [truth.evaluate(a).forces.ravel() for a in unseen]
    assert np.std(error) < 0.3 * np.std(scale)


def test_energies_forces_and_virials_each_teach(truth: GAP, tmp_path: Path) -> None:
    atoms = cells(1, seed=3)[0]
    database = database_of(tmp_path, labels_by(truth, cells(12), NOISY.sigmas))
    deviations = []
    for sigmas in (
        Sigmas(0.01, None, None),
        Sigmas(0.01, None, 0.05),
        Sigmas(0.01, 0.1, 0.05),
    ):
        gap = fit(replace(NOISY, sigmas=sigmas), database).gap
        deviations.append(float(np.mean(gap.evaluate(atoms, error=True).forces_std)))
    assert deviations[0] > deviations[1] > deviations[2]


def test_a_config_type_with_large_sigmas_counts_for_little(truth: GAP, tmp_path: Path) -> None:
    good = labels_by(truth, cells(10), NOISY.sigmas)
    bad = [
        (atoms, replace(label, config_type="bad", energy=label.energy + 50.0))
        for atoms, label in labels_by(truth, cells(4, seed=50), NOISY.sigmas)
    ]
    database = database_of(tmp_path, good + bad)
    atoms = cells(1, seed=3)[0]
    exact = truth.evaluate(atoms).energy
    careless = fit(NOISY, database).gap.evaluate(atoms).energy
    careful = replace(NOISY, config_type_sigmas={"bad": Sigmas(1e4, 0.1, 0.05)})
    assert abs(fit(careful, database).gap.evaluate(atoms).energy - exact) < 0.2 * abs(careless - exact)


def test_noise_of_single_atoms_is_obeyed(truth: GAP, tmp_path: Path) -> None:
    sigmas = np.where(np.arange(8) < 4, 0.1, 1e6)
    spoiled, clean = [], []
    for atoms, label in labels_by(truth, cells(6), NOISY.sigmas):
        wrong = label.forces + np.where(sigmas[:, None] > 1.0, 30.0, 0.0)
        spoiled.append((atoms, replace(label, forces=wrong, force_atom_sigma=sigmas)))
        clean.append((atoms, replace(label, force_atom_sigma=sigmas)))
    one, other = (fit(NOISY, database_of(tmp_path, p, f"{k}.db")).gap for k, p in enumerate((spoiled, clean)))
    atoms = cells(1, seed=3)[0]
    np.testing.assert_allclose(one.evaluate(atoms).forces, other.evaluate(atoms).forces, atol=1e-3)


def test_energy_of_the_isolated_atom_is_found_in_three_ways(truth: GAP, tmp_path: Path) -> None:
    pairs = labels_by(truth, cells(4))
    energies = [label.energy for _, label in pairs]
    alone = (Atoms("Si", cell=[20] * 3, pbc=True), Label("model", energy=-3.25))
    crystal = (Atoms("Si", cell=[2.6] * 3, pbc=True), Label("model", energy=-99.0))  # one atom, but not alone
    database = database_of(tmp_path, [*pairs, alone, crystal])
    given, isolated, fitted = (
        fit(replace(NOISY, e0=e0), database).gap.e0[14]
        for e0 in ({"Si": -1.0, "Ge": -2.0}, "isolated", "least_squares")
    )
    assert given == -1.0
    assert isolated == -3.25
    counts, all_energies = np.array([8.0] * 4 + [1.0, 1.0]), np.array([*energies, -3.25, -99.0])
    assert fitted == pytest.approx(np.sum(all_energies) / np.sum(counts))  # weights 1 / n_atoms
    with pytest.raises(UnknownSpecies):
        fit(replace(NOISY, e0={"Si": -1.0, "Ge": -2.0}), database).gap.evaluate(bulk("Ge"))
    with pytest.raises(FitError, match="no single-atom configuration with an energy for Si"):
        fit(replace(NOISY, e0="isolated"), database_of(tmp_path, [*pairs, crystal], "crystal.db"))
    with pytest.raises(FitError, match="e0 has no energy for Si"):
        fit(replace(NOISY, e0={"C": 0.0}), database)


@pytest.mark.parametrize("core", ["recipe", "calculator"])
def test_baseline_is_subtracted_before_and_added_after(truth: GAP, tmp_path: Path, core: str) -> None:
    """Labels of the baseline alone leave nothing to learn."""
    if core == "recipe":
        below, recipe, own = ZBL(1.0, 2.9), replace(NOISY, baseline=Baseline(zbl=(1.0, 2.9))), None
    else:
        below, recipe = FromCalculator(stillinger_weber()), NOISY
        own = below
    recipe = replace(recipe, e0={"Si": 0.0})
    gap = fit(recipe, database_of(tmp_path, labels_by(below, cells(4))), baseline=own).gap
    np.testing.assert_allclose(gap.alpha, 0.0, atol=1e-6)
    atoms = cells(1, seed=3)[0]
    found, exact = gap.evaluate(atoms, virial=True), below.evaluate(atoms, virial=True)
    assert found.energy == pytest.approx(exact.energy, abs=1e-6)
    np.testing.assert_allclose(found.forces, exact.forces, atol=1e-6)
    np.testing.assert_allclose(found.virial, exact.virial, atol=1e-5)


def test_recipe_and_own_baseline_add_up(truth: GAP, tmp_path: Path) -> None:
    recipe = replace(NOISY, baseline=Baseline(zbl=(1.0, 2.9)), e0={"Si": 0.0})
    core = FromCalculator(stillinger_weber())
    gap = fit(recipe, database_of(tmp_path, labels_by(truth, cells(2))), baseline=core).gap
    atoms = cells(1)[0]
    assert gap.baseline is not None
    expected = ZBL(1.0, 2.9).evaluate(atoms).energy + core.evaluate(atoms).energy
    assert gap.baseline.evaluate(atoms).energy == pytest.approx(expected)


def test_two_species_share_a_fit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs = []
    for _ in range(8):
        atoms = bulk("SiC", "zincblende", a=4.4, cubic=True)
        atoms.positions += rng.normal(0, 0.1, (8, 3))
        energy = -10.0 + 40.0 * float(np.sum((atoms.get_all_distances(mic=True)[0, 1:5] - 1.9) ** 2))
        pairs.append((atoms, Label("toy", energy=energy)))
    recipe = Recipe(
        (Distance(cutoff=3.0, n_sparse=5), Soap(cutoff=3.0, n_max=4, l_max=2, n_sparse=10)),
        split="all",
        sigmas=Sigmas(0.01, None, None),
    )
    made = fit(recipe, database_of(tmp_path, pairs))
    assert made.gap.species == ("C", "Si")
    assert len(made.gap.terms) == 3 + 2  # C-C, C-Si, Si-Si; C, Si
    with pytest.raises(UnknownSpecies, match="Ge"):
        made.gap.evaluate(bulk("Ge"))


def test_the_test_part_of_a_database_is_not_learned(truth: GAP, tmp_path: Path) -> None:
    pairs = labels_by(truth, cells(40), NOISY.sigmas)
    recipe = replace(NOISY, split="train")
    whole = fit(recipe, database_of(tmp_path, pairs, "whole.db"))
    train = [(entry.atoms, entry.label) for entry in Database(tmp_path / "whole.db").select(split="train")]
    assert 0 < len(train) < 40
    part = fit(recipe, database_of(tmp_path, train, "part.db"))
    np.testing.assert_array_equal(whole.gap.alpha, part.gap.alpha)
    assert set(whole.errors) == {"train", "test"}
    assert set(part.errors) == {"train"}


def test_progress_is_reported_to_the_end(truth: GAP, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    fit(
        NOISY,
        database_of(tmp_path, labels_by(truth, cells(3))),
        progress=lambda what, done, total: seen.append((what, done, total)),
    )
    assert ("fitting", 3, 3) in seen


def test_what_cannot_be_fitted_is_said(truth: GAP, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="empty"):
        fit(NOISY, Database(tmp_path / "none.db"))
    pairs = labels_by(truth, cells(2))
    database = database_of(tmp_path, pairs)
    with pytest.raises(DatabaseError, match="asks for level 'PBE'"):
        fit(replace(NOISY, level="PBE"), database)
    with pytest.raises(FitError, match="leave out every kind"):
        fit(with_sigmas(energy=None, force=None, virial=None), database)
    with pytest.raises(FitError, match="'Ge', which does not occur"):
        fit(replace(NOISY, terms=(Soap(cutoff=3.0, centers=("Ge",)),)), database)
    forces_only = [(atoms, replace(label, energy=None)) for atoms, label in pairs]
    without_energy = database_of(tmp_path, forces_only, "forces.db")
    with pytest.raises(FitError, match="so e0 cannot be found"):
        fit(replace(NOISY, e0="least_squares"), without_energy)
    alike = Distance(cutoff=3.8, theta=30.0, n_sparse=30)
    with pytest.raises(FitError, match="raise the jitter"):
        fit(replace(NOISY, terms=(alike,), jitter=0.0), database)
    database.add(cells(1, seed=9)[0], Label("other", energy=0.0))
    with pytest.raises(DatabaseError, match="several levels"):
        fit(NOISY, database)


def test_atoms_too_close_in_a_label_stop_the_fit(truth: GAP, tmp_path: Path) -> None:
    close = Atoms("Si2", [[0, 0, 0], [0, 0, 1e-6]])
    database = database_of(tmp_path, [*labels_by(truth, cells(2)), (close, Label("model", energy=1.0))])
    with pytest.raises(InputError, match="1e-06 Å apart"):
        fit(NOISY, database)
