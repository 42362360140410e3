"""The reach of forces: what a scan of cluster radii must say where the answer is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from ase import Atoms
from scenes import copper, lennard_jones, silicon, water

from gapsample.errors import GapsampleError, InputError
from gapsample.potential.protocol import Evaluation, Potential
from gapsample.qmmm import Carving, Engine, QuantumFailed
from gapsample.qmmm.locality import Locality, Scan
from gapsample.reference import TightBinding
from gapsample.sampling.executors import threads

RANGE = 5.0  # Å, of the Lennard-Jones forces
METAL = Carving(terminate=False)


@dataclass(frozen=True)
class OnlyLarge:
    """A potential that fails on fewer than `least` atoms."""

    potential: Potential
    least: int

    def evaluate(self, atoms: Atoms, **want: object) -> Evaluation:
        if len(atoms) < self.least:
            raise GapsampleError("no convergence")
        return self.potential.evaluate(atoms, **want)  # type: ignore[arg-type]


def engine(potential: Potential | None = None) -> Engine:
    return Engine((potential or lennard_jones(cutoff=RANGE),))


def scan(radii: tuple[float, ...] = (3.0, 4.0, RANGE, 6.0), **how: object) -> Locality:
    chosen = np.array([3, 100, 200])
    made = Scan(how.pop("qm", engine()), radii, carving=METAL, **how)  # type: ignore[arg-type]
    return made.run([copper(4), copper(4, seed=1)], [chosen, chosen[:1]])


def with_errors(*norms: list[float]) -> Locality:
    """A scan at 1, 2, ... Å with these norms of errors, a list for each atom."""
    along = np.array(norms).T
    errors = np.stack([along, 0.0 * along, 0.0 * along], axis=2)
    n_radii, n = along.shape
    some, no = np.zeros((n_radii, n), int), np.zeros((n_radii, n), bool)
    return Locality(
        np.arange(1.0, n_radii + 1), np.zeros(n, int), np.arange(n), np.full(n, 14), np.zeros((n, 3)),
        {"nothing": errors}, some, no, no,
    )  # fmt: skip


def test_forces_of_finite_range_are_exact_from_there_on() -> None:
    found = scan()
    rms = found.rms("nothing")
    assert np.all(rms[:2] > 1e-3)
    assert np.all(rms[2:] < 1e-10)
    assert found.radius_for(1e-9, "nothing") == (RANGE, RANGE, RANGE)
    np.testing.assert_array_equal(found.frame, [0, 0, 0, 1])
    np.testing.assert_array_equal(found.index, [3, 100, 200, 3])


def test_the_same_potential_outside_leaves_no_error() -> None:
    found = scan(mm=lennard_jones(cutoff=RANGE))
    assert np.all(found.largest("classical") < 1e-10)
    assert np.all(found.largest("nothing")[:2] > 1e-3)


def test_what_the_classical_potential_has_right_is_not_missing() -> None:
    """Quantum = short + long, classical = long: the error is that of the short part alone."""
    atoms, chosen = copper(4), [np.array([3, 100])]
    short, long = lennard_jones(0.2, 2.3, 4.0), lennard_jones(0.05, 2.3, 6.0)

    class Both:
        def evaluate(self, atoms: Atoms, **want: object) -> Evaluation:
            return short.evaluate(atoms, **want) + long.evaluate(atoms, **want)  # type: ignore[arg-type]

    both = Scan(engine(Both()), (3.0, 4.0), long, METAL).run([atoms], chosen)
    alone = Scan(engine(short), (3.0, 4.0), carving=METAL).run([atoms], chosen)
    np.testing.assert_allclose(both.errors["classical"], alone.errors["nothing"], atol=1e-10)


def test_a_cluster_that_is_the_whole_configuration_tells_nothing() -> None:
    found = Scan(engine(), (4.0, 20.0), lennard_jones(), METAL).run([copper(3)], [np.array([0])])
    np.testing.assert_array_equal(found.whole, [[False], [True]])
    assert np.isnan(found.rms("nothing")[1])
    assert np.isnan(found.largest("classical")[1])
    assert not found.failed.any()
    assert found.radius_for(1e-9, "nothing").value == np.inf


def test_a_cluster_the_engine_fails_on_is_counted_and_left_out() -> None:
    found = scan(qm=engine(OnlyLarge(lennard_jones(cutoff=RANGE), 30)))
    small = found.sizes < 30
    np.testing.assert_array_equal(found.failed, small)
    assert small[0].all()
    assert not small[-1].any()
    np.testing.assert_array_equal(np.isnan(found.norms("nothing")), small)
    with pytest.raises(QuantumFailed):
        scan(qm=engine(OnlyLarge(lennard_jones(), 10_000)))


def test_molecules_stay_whole_and_species_have_their_own_errors() -> None:
    atoms = water(4)
    found = Scan(engine(), (4.0, 6.0)).run([atoms], [np.array([0, 1, 30, 32])])
    assert np.all(found.sizes % 3 == 0)
    assert found.norms("nothing", 8).shape == (2, 2)
    together = np.mean([found.rms("nothing", number) ** 2 for number in (1, 8)], axis=0) ** 0.5
    np.testing.assert_allclose(together, found.rms("nothing"))


def test_a_scan_does_not_depend_on_where_the_engine_runs() -> None:
    chosen = [np.array([3, 20])]
    tight = Scan(engine(TightBinding()), (3.0,))
    here = tight.run([silicon(2)], chosen)
    with threads(2) as executor:
        there = tight.run([silicon(2)], chosen, executor)
    np.testing.assert_array_equal(there.errors["nothing"], here.errors["nothing"])


def test_a_radius_counts_only_if_all_larger_ones_are_as_good() -> None:
    assert with_errors([0.3, 0.05, 0.2, 0.05, 0.01]).radius_for(0.1, "nothing").value == 4.0
    assert with_errors([0.3, 0.05, 0.2]).radius_for(0.1, "nothing").value == np.inf
    assert with_errors([0.3, 0.05, np.nan]).radius_for(0.1, "nothing").value == 2.0
    twenty = [[0.2] * k + [0.01] * (21 - k) for k in range(20)]
    assert with_errors(*twenty).radius_for(0.1, "nothing")[1:] == (1.0, 19.0)


def test_a_scan_wants_ascending_radii_and_atoms() -> None:
    for radii in ((), (5.0, 4.0), (0.0, 4.0)):
        with pytest.raises(InputError, match="ascending"):
            Scan(engine(), radii)
    with pytest.raises(InputError, match="at least one atom"):
        Scan(engine(), (4.0,)).run([copper(2)], [np.array([], int)])


def test_quantum_forces_in_hot_silicon_are_local() -> None:
    atoms = silicon(4, size=0.1)
    found = Scan(engine(TightBinding()), (5.0, 7.0, 8.0)).run([atoms], [np.array([0, 77, 250, 400])])
    near, far, farther = found.rms("nothing")
    assert near < 0.12
    assert far < 0.03
    assert farther < 0.015
