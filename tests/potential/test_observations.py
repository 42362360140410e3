"""Labels as linear observations: every row predicts its target, every sigma is the one that was meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from potential.silicon import RECIPE, cells, labels_by, prior_draw

from gapsample.database import Label
from gapsample.potential.gap import GAP
from gapsample.potential.observations import Observations, observe
from gapsample.potential.recipe import Recipe, Sigmas
from gapsample.potential.zbl import ZBL


@pytest.fixture(scope="module")
def truth() -> GAP:
    return prior_draw(RECIPE, cells(4))


def seen(gap: GAP, atoms: Atoms, label: Label, recipe: Recipe = RECIPE) -> Observations:
    return observe(atoms, label, gap.terms, gap.e0, gap.baseline, recipe)


@pytest.mark.parametrize("baseline", [None, ZBL(1.0, 2.6)], ids=["bare", "on a baseline"])
def test_rows_times_the_true_weights_are_the_targets(truth: GAP, baseline: ZBL | None) -> None:
    gap = replace(truth, baseline=baseline)
    for atoms, label in labels_by(gap, [*cells(2), Atoms("Si2", [[0, 0, 0], [0, 0, 2.2]])]):
        found = seen(gap, atoms, label)
        n = 3 * len(atoms)
        assert "".join(found.kinds) == "e" + n * "f" + (6 * "v" if label.virial is not None else "")
        np.testing.assert_allclose(found.rows @ gap.alpha, found.targets, atol=1e-6)


def test_energy_and_virial_noise_grow_with_the_root_of_the_number_of_atoms(truth: GAP) -> None:
    [(atoms, label)] = labels_by(truth, cells(1))
    sigmas = seen(truth, atoms, label).sigmas
    np.testing.assert_allclose(sigmas, [0.002 * np.sqrt(8)] + 24 * [0.05] + 6 * [0.02 * np.sqrt(8)])


def test_sigmas_of_a_config_type_replace_the_default(truth: GAP) -> None:
    [(atoms, label)] = labels_by(truth, cells(1))
    recipe = replace(RECIPE, config_type_sigmas={"liquid": Sigmas(0.1, 0.2, None)})
    liquid = seen(truth, atoms, replace(label, config_type="liquid"), recipe).sigmas
    np.testing.assert_allclose(liquid, [0.1 * np.sqrt(8)] + 24 * [0.2])
    np.testing.assert_array_equal(seen(truth, atoms, label, recipe).sigmas, seen(truth, atoms, label).sigmas)


def test_sigmas_of_a_label_are_absolute_and_come_first(truth: GAP) -> None:
    [(atoms, label)] = labels_by(truth, cells(1))
    own = replace(label, energy_sigma=0.7, force_sigma=0.3, virial_sigma=0.9)
    recipe = replace(RECIPE, config_type_sigmas={"default": Sigmas(0.1, None, None)})
    np.testing.assert_allclose(seen(truth, atoms, own, recipe).sigmas, [0.7] + 24 * [0.3] + 6 * [0.9])


def test_sigmas_of_atoms_come_before_those_of_their_label(truth: GAP) -> None:
    [(atoms, label)] = labels_by(truth, cells(1))
    by_atom = np.linspace(0.1, 0.8, 8)
    found = seen(truth, atoms, replace(label, force_sigma=0.3, force_atom_sigma=by_atom))
    np.testing.assert_allclose(found.sigmas[found.kinds == "f"], np.repeat(by_atom, 3))


def test_forces_of_atoms_not_trusted_are_not_seen(truth: GAP) -> None:
    [(atoms, label)] = labels_by(truth, cells(1))
    trusted = np.arange(8) < 3
    part = seen(truth, atoms, replace(label, energy=None, virial=None, trusted=trusted))
    whole = seen(truth, atoms, label)
    assert "".join(part.kinds) == 9 * "f"
    np.testing.assert_array_equal(part.rows, whole.rows[1:10])
    np.testing.assert_array_equal(part.targets, whole.targets[1:10])


@pytest.mark.parametrize(("left_out", "kind"), [("energy", "e"), ("force", "f"), ("virial", "v")])
def test_a_kind_without_sigma_is_left_out(truth: GAP, left_out: str, kind: str) -> None:
    [(atoms, label)] = labels_by(truth, cells(1))
    recipe = replace(RECIPE, sigmas=replace(RECIPE.sigmas, **{left_out: None}))
    assert kind not in seen(truth, atoms, label, recipe).kinds
    nothing = replace(RECIPE, sigmas=Sigmas(None, None, None))
    assert seen(truth, atoms, label, nothing).rows.shape == (0, len(truth.alpha))
