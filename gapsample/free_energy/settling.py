"""Has a window settled? What its samples say against themselves, and the doubt that leaves.

Autocorrelation times know the motion that was seen many times. A window on a ridge that slid once from one
side to the other has a short one, and yet its average belongs to where it happened to begin. Two signs of
that are looked for: samples in two groups with few passages between them, and halves that disagree.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gapsample.free_energy.samples import Samples

Floats = NDArray[np.float64]

TWO_HUMPS = 5.0 / 9.0  # bimodality coefficient of a uniform density: more has two humps
FEW_PASSAGES = 20  # between two groups: fewer do not tell how much time belongs to each
APART = 2.5  # standard deviations between halves: one window in forty of settled ones is further
LLOYD = 20  # steps in which the means of two groups are found
EDGE = 0.25  # of the way between two groups that belongs to either of them


def bimodality(samples: Samples) -> float:
    """(skewness^2 + 1) / kurtosis, the largest over the principal axes of a window's samples.

    References
    ----------
    Pfister et al., Front. Psychol. 4, 700 (2013).
    """
    return float(np.max(_coefficients(_principal(samples))))


def passages(samples: Samples) -> int:
    """How often a window passed between its two groups, along the axis on which it has them.

    The groups are those of least variance about their means; a passage begins in the near quarter of the way
    between the means and ends in the far one, so that swinging about the middle does not count.
    """
    z = _principal(samples)
    x = z[:, np.argmax(_coefficients(z))]
    low, high = float(x.min()), float(x.max())
    for _ in range(LLOYD):
        middle = 0.5 * (low + high)
        low, high = float(x[x <= middle].mean()), float(x[x > middle].mean())
    edge = EDGE * (high - low)
    sides = np.where(x < low + edge, -1, np.where(x > high - edge, 1, 0))
    sides = sides[sides != 0]
    return int(np.sum(sides[1:] != sides[:-1]))


def apart(noise: Floats, taus: Floats) -> Floats:
    """Difference of the means of the two halves of a series, in standard deviations, shape (d,).

    Parameters
    ----------
    noise : shape (n, d)
    taus : shape (d,), autocorrelation times

    References
    ----------
    Geweke, in *Bayesian Statistics 4* (1992).
    """
    half = len(noise) // 2
    off = noise[:half].mean(axis=0) - noise[-half:].mean(axis=0)
    return np.asarray(off / np.sqrt(4.0 * taus / len(noise) * np.var(noise, axis=0)))


def counts_as(samples: Samples, noise: Floats, taus: Floats) -> float:
    """Independent samples that a window counts as where it has not settled; infinite where it has.

    Two groups with p passages between them count as 1 + p; halves that disagree, as so few that they agree.

    Parameters
    ----------
    noise, taus : shapes (n, d) and (d,), the noise of what is averaged, and its autocorrelation times
    """
    found, off = np.inf, float(np.max(np.abs(apart(noise, taus))))
    if off > APART:
        found = len(noise) / (float(np.max(taus)) * off**2)
    if bimodality(samples) > TWO_HUMPS and (p := passages(samples)) < FEW_PASSAGES:
        found = min(found, 1.0 + p)
    return found


def _principal(samples: Samples) -> Floats:
    """Samples less their mean along the principal axes, shape (n, d)."""
    away = samples.displacements()
    away = away - away.mean(axis=0)
    _, axes = np.linalg.eigh(away.T @ away)
    return np.asarray(away @ axes)


def _coefficients(z: Floats) -> Floats:
    """Of bimodality, of each column with zero mean."""
    second = np.mean(z**2, axis=0)
    skewness, kurtosis = np.mean(z**3, axis=0) / second**1.5, np.mean(z**4, axis=0) / second**2
    return np.asarray((skewness**2 + 1.0) / kurtosis)
