"""Evaluating a file: every frame, everything asked for, and what was there before is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.lj import LennardJones
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from gapsample.errors import InputError
from gapsample.journeys.evaluate import evaluate_file
from gapsample.potential.protocol import Evaluation


@dataclass(frozen=True)
class Pairwise:
    """Lennard-Jones through ASE, with predicted errors made up."""

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        atoms = atoms.copy()
        atoms.calc = LennardJones(sigma=2.0, epsilon=0.1, rc=5.0)
        n = len(atoms)
        return Evaluation(
            energy=atoms.get_potential_energy(),
            forces=atoms.get_forces(),
            virial=-atoms.get_volume() * atoms.get_stress(voigt=False) if virial else None,
            energy_std=0.5 if error else None,
            local_std=np.full(n, 0.1) if error else None,
            forces_std=np.full((n, 3), 0.2) if error else None,
        )


@pytest.fixture
def crystal():
    atoms = bulk("Si", cubic=True)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_what_is_written_is_what_was_computed(crystal, tmp_path):
    write(tmp_path / "in.xyz", [crystal, molecule("H2O")])
    summary = evaluate_file(Pairwise(), tmp_path / "in.xyz", tmp_path / "out.xyz", error=True)
    first, second = read(tmp_path / "out.xyz", index=":")
    truth = Pairwise().evaluate(crystal, virial=True)
    assert first.get_potential_energy() == pytest.approx(truth.energy, rel=1e-6)
    np.testing.assert_allclose(first.get_forces(), truth.forces, atol=1e-6)
    np.testing.assert_allclose(first.info["virial"], truth.virial, atol=1e-5)
    np.testing.assert_allclose(first.get_stress(voigt=False), -truth.virial / crystal.get_volume(), atol=1e-7)
    np.testing.assert_allclose(first.arrays["forces_std"], 0.2)
    assert first.info["energy_std"] == 0.5
    assert "virial" not in second.info
    assert [frame.n_atoms for frame in summary.frames] == [8, 3]
    assert summary.frames[0].largest_force == pytest.approx(
        np.linalg.norm(truth.forces, axis=1).max(), rel=1e-5
    )


def test_values_that_came_with_the_file_are_kept_beside(crystal, tmp_path):
    forces = np.arange(24.0).reshape(8, 3)
    crystal.calc = SinglePointCalculator(crystal, energy=-7.0, forces=forces)
    crystal.info["config_type"] = "rattled"
    write(tmp_path / "in.xyz", crystal)
    evaluate_file(Pairwise(), tmp_path / "in.xyz", tmp_path / "out.xyz")
    found = read(tmp_path / "out.xyz")
    assert found.info["reference_energy"] == -7.0
    assert found.info["config_type"] == "rattled"
    np.testing.assert_allclose(found.arrays["reference_forces"], forces)


def test_a_file_of_one_atom_is_no_special_case(tmp_path):
    write(tmp_path / "in.xyz", Atoms("H"))
    summary = evaluate_file(Pairwise(), tmp_path / "in.xyz", tmp_path / "out.xyz")
    assert summary.frames[0].largest_force == 0.0


def test_a_failed_evaluation_leaves_no_half_written_file(crystal, tmp_path):
    class Fails:
        def evaluate(self, atoms, **wanted):
            if len(atoms) == 3:
                raise InputError("no water")
            return Pairwise().evaluate(atoms, **wanted)

    write(tmp_path / "in.xyz", [crystal, molecule("H2O")])
    (tmp_path / "out.xyz").write_text("older")
    with pytest.raises(InputError, match="no water"):
        evaluate_file(Fails(), tmp_path / "in.xyz", tmp_path / "out.xyz")
    assert (tmp_path / "out.xyz").read_text() == "older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.xyz", "out.xyz"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        ("3\nx\nH 0 0 0\n", "ASE cannot read"),
        ("", "cannot read|holds no configuration"),
    ],
    ids=["missing", "truncated", "empty"],
)
def test_a_file_that_cannot_be_used_is_said_to_be_so(tmp_path, content, message):
    path = tmp_path / "in.xyz"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        evaluate_file(Pairwise(), path)
