"""The numbers of an independent implementation, QUIP and gap_fit, kept beside this repository."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from defusedxml import ElementTree

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"

needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the reference numbers of QUIP are not beside this repository"
)


def silicon64() -> tuple[Atoms, dict[str, np.ndarray]]:
    """A distorted cell of 64 silicon atoms and all that QUIP says about it."""
    with np.load(REFERENCE / "silicon64" / "reference.npz", allow_pickle=False) as stored:
        numbers = dict(stored)
    return Atoms("Si64", numbers["positions"], cell=numbers["cell"], pbc=True), numbers


def linear_system() -> dict[str, np.ndarray]:
    """K_mm, K_mn, lambda, y and alpha as gap_fit dumped them."""
    with np.load(REFERENCE / "tiny_fit" / "linear_system.npz", allow_pickle=False) as stored:
        return dict(stored)


def sparse_points(name: str, number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sparse points (n_sparse, dimension) and weights of one term of a model of gap_fit."""
    root = ElementTree.parse(REFERENCE / name / "gap.xml").getroot()
    term = list(root.iter("gpCoordinates"))[number]
    weights = np.array([float(point.get("alpha")) for point in term.iter("sparseX")])
    points = np.loadtxt(REFERENCE / name / term.get("sparseX_filename"))
    return points.reshape(len(weights), -1), weights
