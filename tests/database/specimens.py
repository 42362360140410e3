"""Labeled configurations for the tests of the database, and what it means for two to be the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms, FixBondLengths

from gapsample.database import Label


def specimen(seed: int, *, level: str = "PBE") -> tuple[Atoms, Label]:
    """A configuration with everything in it that a database could lose; the same seed, the same bits."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    atoms = Atoms(
        rng.integers(1, 90, n),
        rng.normal(size=(n, 3)) * 3.0,
        cell=np.eye(3) * 7.0 + rng.normal(size=(3, 3)) * 0.3,
        pbc=rng.integers(0, 2, 3).astype(bool),
        constraint=[FixAtoms([0]), FixBondLengths([[0, 1]], tolerance=1e-9)],
        info={"seed": seed, "note": "a 'quoted' \"note\"", "nested": {"x": (1, 2.5), "y": [rng.normal()]}},
    )
    atoms.set_tags(rng.integers(0, 2**40, n))
    atoms.set_masses(rng.uniform(1.0, 200.0, n))
    atoms.set_momenta(rng.normal(size=(n, 3)), apply_constraint=False)
    atoms.set_initial_charges(rng.normal(size=n))
    atoms.set_initial_magnetic_moments(rng.normal(size=n))
    atoms.new_array("local_std", rng.normal(size=n))
    atoms.new_array("single", rng.normal(size=(n, 2)).astype(np.float32))
    atoms.new_array("residue", np.array([f"res{i}" for i in range(n)]))
    atoms.new_array("core", rng.integers(0, 2, n).astype(bool))
    virial = rng.normal(size=(3, 3))
    label = Label(
        level=level,
        source="test",
        config_type=f"group {seed % 3}",
        energy=float(rng.normal()),
        forces=rng.normal(size=(n, 3)),
        virial=virial + virial.T,
        trusted=rng.integers(0, 2, n).astype(bool),
        energy_sigma=float(rng.uniform(0.1, 1.0)),
        force_sigma=float(rng.uniform(0.1, 1.0)),
        virial_sigma=float(rng.uniform(0.1, 1.0)),
        force_atom_sigma=rng.uniform(0.1, 1.0, n),
        extra={"novelty": rng.uniform(size=n), "local_std": rng.uniform(size=n), "engine": "tblite"},
    )
    return atoms, label


def assert_same(got: tuple[Atoms, Label], wanted: tuple[Atoms, Label]) -> None:
    """Every part of the configuration and of the label agrees, to the bit and to the type."""
    (atoms, label), (other, wanted_label) = got, wanted
    same_value(dict(atoms.arrays), dict(other.arrays), "arrays")
    same_value(dict(atoms.info), dict(other.info), "info")
    same_value(atoms.cell.array, other.cell.array, "cell")
    same_value(atoms.pbc, other.pbc, "pbc")
    same_value(atoms.get_celldisp().reshape(3), other.get_celldisp().reshape(3), "celldisp")
    left, right = ([c.todict() for c in each.constraints] for each in (atoms, other))
    assert repr(left) == repr(right)
    same_value(vars(label), vars(wanted_label), "label")


def same_value(got: Any, wanted: Any, where: str) -> None:
    """The two are of one type and hold the same bits."""
    assert type(got) is type(wanted), where
    if isinstance(wanted, dict):
        assert set(got) == set(wanted), where
        for key in wanted:
            same_value(got[key], wanted[key], f"{where}[{key!r}]")
    elif isinstance(wanted, np.ndarray):
        assert got.dtype == wanted.dtype, where
        assert got.shape == wanted.shape, where
        assert got.tobytes() == wanted.tobytes(), where
    else:
        assert repr(got) == repr(wanted), where
