"""The committed quantum labels of diamond agree with themselves."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.polynomial import Polynomial

from gapsample.database import read_extxyz

DIAMOND = Path(__file__).parents[2] / "runs" / "diamond"


@pytest.fixture(scope="module")
def pairs():
    keys = {"energy_key": "qm_energy", "force_key": "qm_forces", "virial_key": "qm_virial"}
    return read_extxyz(DIAMOND / "diamond_gfn1.xyz", **keys).pairs


def test_three_hundred_configurations_of_one_level_cover_every_kind(pairs):
    kinds = Counter(label.config_type for _, label in pairs)
    assert sum(kinds.values()) == 300
    assert set(kinds) == {"isolated_atom", "strained", "volume", "vacancy_neb", "bulk_md", "vacancy_md"}
    assert len({label.level for _, label in pairs}) == 1


def test_forces_sum_to_zero_and_virials_are_symmetric(pairs):
    for _, label in pairs:
        np.testing.assert_allclose(label.forces.sum(axis=0), 0.0, atol=1e-5)
        if label.virial is not None:
            np.testing.assert_allclose(label.virial, label.virial.T, atol=1e-6)


def test_virial_of_perfect_cells_is_the_slope_of_their_energy(pairs):
    """To 0.1 % of their range: the engine's truncated lattice sums make its energy jump by some 1e-4 eV."""
    perfect = [
        (atoms.get_volume(), label)
        for atoms, label in pairs
        if label.config_type == "volume" and np.abs(label.forces).max() < 1e-3
    ]
    volumes = np.array([volume for volume, _ in perfect])
    energy = Polynomial.fit(volumes, [label.energy for _, label in perfect], 8)
    traces = np.array([np.trace(label.virial) for _, label in perfect])
    assert len(perfect) > 10
    np.testing.assert_allclose(-3.0 * volumes * energy.deriv()(volumes), traces, atol=1e-3 * np.ptp(traces))


def test_quantum_values_agree_with_each_other():
    values = json.loads((DIAMOND / "qm_reference.json").read_text())["properties"]
    elastic, vacancy = values["elasticity"], values["vacancy"]
    assert elastic["bulk_modulus"] == pytest.approx((elastic["c11"] + 2.0 * elastic["c12"]) / 3.0, rel=1e-6)
    assert elastic["c44"] < elastic["c44_unrelaxed"]
    assert vacancy["formation"] < vacancy["formation_unrelaxed"]
    assert vacancy["barrier"] == pytest.approx(max(vacancy["energies"]), rel=1e-6)
    np.testing.assert_allclose(vacancy["energies"], vacancy["energies"][::-1], atol=0.02)
