"""Heights that balance the density of an adaptive run, from its frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from gapsample.errors import InputError, SettingsError
from gapsample.journeys.qmmm_config import QmmmConfig
from gapsample.journeys.qmmm_records import read
from gapsample.qmmm import ThermodynamicForce

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Balanced:
    """Heights that balance a density, and what they were found from.

    Attributes
    ----------
    heights : shape (n_splines,), eV, for the next run
    seen, wanted : shape (n_splines,), atoms in each spline, means over the frames
    frames : of the run that was balanced
    """

    heights: Floats
    seen: Floats
    wanted: Floats
    frames: int


def balance(config: QmmmConfig, atoms: Atoms, *, like: Path | None = None, skip: float = 0.0) -> Balanced:
    """Balance the density force of a run by what its frames show.

    Parameters
    ----------
    like : folder of a run of the same atoms whose density is the right one, with one potential; None: the
        density is even, as around a point in a liquid
    skip : ps at the beginning of either run that do not count

    Raises
    ------
    SettingsError
        The config has no [density].
    InputError
        Around an atom the density is not even, and no run was given; or there are too few frames.
    """
    if config.density is None:
        raise SettingsError("there is no density to balance; give [density] with middle, inner and outer")
    force = config.density.force(atoms)
    seen = _features(config, config.output.folder, force, atoms, skip)
    if like is not None:
        wanted = _features(config, like, force, atoms, skip).mean(axis=0)
    elif isinstance(force.middle, int):
        raise InputError("around an atom density is not even; give the folder of a run with one potential")
    else:
        wanted = force.spread(len(force.members) / atoms.get_volume())
    heights = force.balanced(seen, wanted, config.dynamics.temperature).heights
    return Balanced(heights, seen.mean(axis=0), wanted, len(seen))


def _features(
    config: QmmmConfig, folder: Path, force: ThermodynamicForce, atoms: Atoms, skip: float
) -> Floats:
    """Features of the frames of a run, shape (n_frames, n_splines)."""
    kept = read(folder, "frames")
    kept = kept[kept["step"] * config.dynamics.time_step > 1000.0 * skip]
    if len(kept) and kept["positions"].shape[1:] != atoms.positions.shape:
        raise InputError(f"{folder} holds a run of other atoms than this one")
    there, found = atoms.copy(), []
    for positions in kept["positions"]:
        there.positions[:] = positions
        found.append(force.features(there))
    if not found:
        raise InputError(f"{folder} holds no frames after {skip} ps; run longer, or skip less")
    return np.array(found)
