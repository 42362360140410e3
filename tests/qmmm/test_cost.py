"""Regions and clusters cost little, and the more atoms the more only in proportion."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from scenes import mask, silicon, water

from gapsample.qmmm.bonds import Bonding
from gapsample.qmmm.clusters import Carving, carve
from gapsample.qmmm.layers import Scene, Within
from gapsample.qmmm.selection import Seeds, Selection


def seconds(task: Callable[[], object], repeats: int = 5) -> float:
    """CPU time, the least of several."""
    spent = []
    for _ in range(repeats):
        started = time.process_time()
        task()
        spent.append(time.process_time() - started)
    return min(spent)


def bookkeeping(atoms: Atoms) -> int:
    """All that is done for one step but for forces: bonds, region, clusters."""
    at = Scene(atoms, Bonding().find(atoms))
    region = Selection((Seeds((5,)),), Within(4.0, 5.0), ramp=1.5)(at, None)
    clusters = carve(at, region.treated, Carving(Within(6.0)))
    assert not clusters[0].complete
    return len(clusters)


@pytest.mark.parametrize("make", [silicon, water])
def test_bookkeeping_of_ten_thousand_atoms_costs_in_proportion_to_that_of_a_thousand(
    make: Callable[[int], Atoms],
) -> None:
    small, large = make({silicon: 6, water: 9}[make]), make({silicon: 11, water: 15}[make])
    assert len(large) > 10_000
    ratio = len(large) / len(small)
    assert bookkeeping(large) == 1
    assert seconds(lambda: bookkeeping(large)) < 1.5 * ratio * seconds(lambda: bookkeeping(small))


def test_a_region_of_many_clusters_costs_in_proportion_to_them() -> None:
    atoms = silicon(11)
    at = Scene(atoms, Bonding().find(atoms))
    few, many = (mask(atoms, *np.arange(100, len(atoms), step)) for step in (2000, 500))

    def carved(wanted: np.ndarray) -> int:
        return len(carve(at, wanted, Carving(Within(4.0))))

    ratio = carved(many) / carved(few)
    assert ratio > 3.0
    assert seconds(lambda: carved(many)) < 1.5 * ratio * seconds(lambda: carved(few))
