"""What the benchmarks share: a silicon GAP made from nothing but a formula, and times worth comparing."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.build import bulk

from gapsample.descriptors.neighbours import find_neighbours
from gapsample.descriptors.soap import SoapBasis
from gapsample.gp.linear_system import LinearSystem
from gapsample.gp.sparse import choose
from gapsample.potential.gap import GAP
from gapsample.potential.terms.soap import SoapTerm


def silicon(repeats: int, rattle: float = 0.1, seed: int = 0) -> Atoms:
    """Rattled diamond-structure silicon of 8 repeats^3 atoms."""
    atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (repeats, repeats, repeats)
    atoms.rattle(rattle, seed=seed)
    return atoms


def moving(atoms: Atoms) -> Callable[[], Atoms]:
    """Gives the configuration a little displaced at every call, so that nothing can be remembered."""
    rng = np.random.default_rng(0)

    def moved() -> Atoms:
        copy = atoms.copy()
        copy.positions += rng.normal(scale=1e-3, size=copy.positions.shape)
        return copy

    return moved


def silicon_gap(n_sparse: int = 1000) -> GAP:
    """A GAP of the published silicon size (n_max = l_max = 8, cutoff 5.4 Å, zeta 4) with smooth weights."""
    rng = np.random.default_rng(1)
    empty = SoapTerm(SoapBasis(5.4, 8, 8), 14, (14,), np.empty((0, 324)), 4.0, 1.0, r_min=1.5)
    points = np.concatenate(
        [empty.descriptors(find_neighbours(silicon(3, 0.05 * k, seed=k), 5.4)) for k in range(1, 8)]
    )
    term = empty.with_more(choose(points, n_sparse, "cur", rng))
    system = LinearSystem.from_prior(term.k_mm(), 1e-8)
    rows = term.covariance(points[::3], term.sparse)
    system.absorb(rows, rng.normal(scale=0.1, size=len(rows)), np.full(len(rows), 0.05))
    posterior = system.posterior()
    return GAP((term,), posterior.alpha, {14: 0.0}, posterior=posterior)


def cpu_seconds(task: Callable[[], object], least: float = 0.3, rounds: int = 5) -> float:
    """Smallest CPU time of one call over several rounds, after one call to warm up."""
    task()
    started = time.process_time()
    task()
    repeats = max(1, int(least / max(time.process_time() - started, 1e-6)))
    found = []
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(repeats):
            task()
        found.append((time.process_time() - started) / repeats)
    return min(found)
