"""Droplets cut out of water.xyz, as configurations of droplet.toml."""

from __future__ import annotations

from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

MIDDLES = (0, 60)  # molecules in the middle of a droplet, in each frame


def droplets(radius: float = 10.5) -> list[Atoms]:
    """All molecules within `radius` (Å, of oxygens) of one, that one first and the others by distance."""
    frames = ase.io.read(Path(__file__).with_name("water.xyz"), index=":")
    return [_droplet(frame, middle, radius) for frame in frames for middle in MIDDLES]


def _droplet(water: Atoms, middle: int, radius: float) -> Atoms:
    side = water.cell[0, 0]
    one = water.positions.reshape(-1, 3, 3)
    one = one - side * np.rint((one - one[:, :1]) / side)  # each molecule whole
    one = one - side * np.rint((one[:, :1] - one[middle, 0]) / side)  # around the middle
    images = side * (np.array(list(np.ndindex(3, 3, 3))) - 1)
    every = (one[None] + images[:, None, None]).reshape(-1, 3, 3) - one[middle, 0]
    away = np.linalg.norm(every[:, 0], axis=1)
    near = np.argsort(away)[: np.count_nonzero(away < radius)]
    return Atoms("OHH" * len(near), every[near].reshape(-1, 3))
