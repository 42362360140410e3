"""Labels refuse what cannot be learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gapsample.database import Label
from gapsample.errors import InputError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "needs an energy, forces or a virial"),
        ({"energy": float("nan")}, "energy must be finite"),
        ({"forces": np.full((2, 3), np.inf)}, "forces holds 6 numbers that are NaN or infinite"),
        ({"forces": np.zeros(6)}, r"forces must have shape \(n_atoms, 3\), got \(6,\)"),
        ({"virial": np.zeros(6)}, r"virial must have shape \(3, 3\)"),
        ({"energy": 1.0, "energy_sigma": 0.0}, "energy_sigma must be positive"),
        ({"forces": np.zeros((2, 3)), "force_atom_sigma": [1.0, -1.0]}, "force_atom_sigma must be positive"),
        ({"forces": np.zeros((2, 3)), "trusted": [False, False]}, "nothing to learn"),
        ({"forces": np.zeros((2, 3)), "trusted": [0.5, 1.0]}, "trusted must be n_atoms booleans"),
        ({"energy": 1.0, "config_type": ""}, "config_type must be a name"),
        ({"energy": 1.0, "source": "two\nlines"}, "source must be a name"),
    ],
)
def test_broken_labels_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Label("PBE", **fields)


@pytest.mark.parametrize("name", ["forces", "trusted", "force_atom_sigma"])
def test_labels_of_another_number_of_atoms_do_not_match(name: str) -> None:
    fields = {"forces": np.ones((2, 3)), "trusted": np.ones(2, bool), "force_atom_sigma": np.ones(2)}
    fields[name] = np.concatenate([fields[name]] * 2)
    with pytest.raises(InputError, match=f"{name} has 4 rows but the configuration has 2 atoms"):
        Label("PBE", **fields).check_matches(2)


def test_a_label_keeps_its_own_copy() -> None:
    forces = np.ones((2, 3))
    label = Label("PBE", forces=forces)
    forces[:] = 0.0
    assert np.all(label.forces == 1.0)
    with pytest.raises(ValueError, match="read-only"):
        label.forces[0, 0] = 2.0
