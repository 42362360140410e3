"""The analyses run as they stand, and what their pictures claim holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gapsample.database import read_extxyz

ROOT = Path(__file__).resolve().parents[1]
ANALYSIS = ROOT / "analysis"


def run(script, out):
    """Numbers written by an analysis in its fast mode."""
    done = subprocess.run(
        [sys.executable, ANALYSIS / f"{script}.py", "--fast", "--out", out],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert (out / f"{script}.png").stat().st_size > 10_000
    return json.loads((out / f"{script}.json").read_text())


def test_a_model_of_diamond_predicts_larger_errors_for_beta_tin(tmp_path):
    found = run("self_aware", tmp_path)
    assert found["predicted_error_ratio"] > 5.0
    assert found["curve_true_rms"]["β-tin"] > 5.0 * found["curve_true_rms"]["diamond"]
    assert found["forces"]["both"]["rank_correlation"] > 0.3


@pytest.fixture(scope="module")
def summaries(tmp_path_factory):
    return run("distinguishing", tmp_path_factory.mktemp("distinguishing"))["summaries"]


def test_few_neighbors_come_back_from_their_soap_vector(summaries):
    easiest = next(s for s in summaries if s["n"] == 4 and s["l_max"] == 6)
    assert easiest["recovered"] == 1.0
    for s in summaries:
        assert s["recovered"] + s["caught"] + s["mistaken"] == pytest.approx(1.0)


def test_a_soap_vector_of_higher_angular_momentum_sees_more(summaries):
    sensitivity = {(s["n"], s["l_max"]): s["sensitivity"] for s in summaries}
    assert sensitivity[8, 2] < sensitivity[8, 6]


def test_stored_silicon_labels_agree_with_the_engine():
    pytest.importorskip("quippy", reason="the quantum engine of the silicon labels needs quippy-ase")
    sys.path.insert(0, str(ANALYSIS))
    try:
        from silicon_labels import LABELS, TightBinding
    finally:
        sys.path.remove(str(ANALYSIS))
    keys = {"energy_key": "qm_energy", "force_key": "qm_forces", "virial_key": "qm_virial"}
    pairs = read_extxyz(LABELS, level="tight binding", **keys).pairs
    small = [(atoms, label) for atoms, label in pairs if len(atoms) <= 8][::12]
    for atoms, label in small:
        atoms.calc = TightBinding()
        assert atoms.get_potential_energy() == pytest.approx(label.energy, abs=1e-5)
        np.testing.assert_allclose(atoms.get_forces(), label.forces, atol=1e-5)
        virial = -atoms.get_volume() * atoms.get_stress(voigt=False)
        np.testing.assert_allclose(virial, label.virial, atol=1e-4)


def test_resolution_changes_the_error_bar_of_seven_atoms_and_nothing_else(tmp_path):
    found = run("lennard_jones", tmp_path)
    assert found["resolutions_largest_z"] < 4.5
    for each in found["runs"]:
        assert max(map(abs, each["z"])) < 4.5
        assert abs(each["memory"]) < 0.05


def test_a_profile_is_as_exact_as_its_error_bar_says(tmp_path):
    found = run("free_energy_1d", tmp_path)
    force = found["estimates"]["collective force"]
    error = abs(force["difference_kJ_mol"] - found["exact_difference_kJ_mol"])
    assert error < 4.0 * force["difference_std_kJ_mol"] < 0.6
    assert 0.7 < found["replicates"]["z_std"] < 1.3


def test_the_map_of_alanine_dipeptide_has_its_minima_and_its_difference(tmp_path):
    pytest.importorskip("openmm", reason="alanine dipeptide wants openmm")
    found = run("alanine_dipeptide", tmp_path)
    assert abs(found["z"]) < 4.0
    assert found["difference_std_kJ_mol"] < 4.0
    for name, degrees in (("C7eq", (-78.0, 57.0)), ("C7ax", (62.0, -42.0))):
        away = np.subtract(found["minima"][name]["degrees"], degrees)
        assert np.max(np.abs(away)) < 15.0


def test_only_a_drag_for_each_particle_keeps_the_temperature_flat(tmp_path):
    found = run("thermostats", tmp_path)["fixed"]
    assert found.pop("massive adaptive")["largest_temperature_deviation"] < 0.06
    for each in found.values():
        assert np.mean(each["temperature"][:3]) > 1.08
