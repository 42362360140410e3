"""Calibration: one factor for each kind of predicted error, so that held-out z-scores have unit spread."""

from __future__ import annotations

import numpy as np

from gapsample.potential.assessment import Assessment, Compared, negligible, z_scores
from gapsample.potential.gap import Calibration

FEWEST = 5  # held-out numbers below which a factor is left at 1


def calibrate(held_out: Assessment) -> Calibration:
    """Factors that make the root mean square z-score of held-out energies and force components 1."""
    energy, n_energies = _factor(held_out.energy)
    forces, n_forces = _factor(held_out.forces)
    floor = 0.5 * forces * negligible(held_out.forces)  # stays negligible itself
    return Calibration(energy, forces, energy, floor, n_energies, n_forces)


def _factor(compared: Compared) -> tuple[float, int]:
    z = z_scores(compared)
    if z is None or len(z) < FEWEST:
        return 1.0, 0
    return float(np.sqrt(np.mean(z**2))), len(z)
