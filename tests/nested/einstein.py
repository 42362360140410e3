"""Systems of independent atoms, whose partition functions are known: solids on springs, gases, solutions."""

from __future__ import annotations

import numpy as np
from exact import Power
from scipy.special import erf

from gapsample import nested
from gapsample.nested.ensembles import Fixed
from gapsample.nested.models import Einstein
from gapsample.nested.moves import Moves
from gapsample.nested.system import System

EDGE = 10.0


def keys(n, seed=0):
    return np.random.default_rng(seed).integers(2**64, size=n, dtype=np.uint64)


def slack(n_atoms, **levels):
    """Atoms without springs: an ideal gas or solution."""
    return Einstein(np.zeros((n_atoms, 3)), np.zeros((n_atoms, 3)), levels)


def springs(n_atoms, stiffness=2.0):
    """Springs of different stiffness along different axes."""
    k = stiffness * (1.0 + np.arange(3 * n_atoms) / (3 * n_atoms)).reshape(n_atoms, 3)
    return Einstein(k, np.full((n_atoms, 3), 0.5 * EDGE))


def solid(n_atoms, moves, *, pbc=True, frozen=None, **more):
    positions = None if frozen is None else np.full((n_atoms, 3), 0.5 * EDGE)
    cell = Fixed(EDGE, pbc)
    return System(["Ar"] * n_atoms, springs(n_atoms), cell, moves, frozen=frozen, positions=positions, **more)


def log_z_of_springs(stiffness, t):
    """Log of the average Boltzmann factor over the cube, shape of stiffness -> float."""
    width = np.sqrt(2.0 * t / stiffness)
    return np.sum(np.log(np.sqrt(np.pi) * width / EDGE * erf(0.5 * EDGE / width)))


def log_z_of_momenta(n_momenta, largest, t):
    return Power(n_momenta / 2, largest).log_Z(t)


def walked(system, *, m=6, length=5, scale=0.1, ceiling=None, seed=0):
    """Clones that lie below a ceiling, by default the median of the prior, and what a walk makes of them."""
    points, values = system.draw(keys(4 * m, seed))
    ceiling = nested.Ceiling(float(np.median(values)), 0.5) if ceiling is None else ceiling
    under = np.flatnonzero(values < ceiling.value)[:m]
    steps = np.where(np.isinf(system.largest_steps), 1.0, scale * system.largest_steps)
    task = nested.Walk(points[under], values[under], ceiling, steps, length, keys(len(under), seed + 1))
    return task, system.walk(task)


EVERYTHING = Moves(atom=1, galilean=2, hmc=2, swap=1, transmute=1)
