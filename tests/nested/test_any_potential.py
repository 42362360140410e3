"""Any Potential walks too: failures refuse moves and are counted, workers may be processes."""

from dataclasses import dataclass

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from einstein import EDGE, keys, springs, walked

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.ensembles import Fixed, Pressure
from gapsample.nested.models import AnyPotential
from gapsample.nested.moves import Moves
from gapsample.nested.system import System
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.protocol import Evaluation
from gapsample.sampling import loop
from gapsample.sampling.executors import local


@dataclass(frozen=True)
class Spring:
    """The springs of `einstein.springs` as a Potential, which may refuse beyond a distance from the site."""

    fails_beyond: float = np.inf
    answer: float | None = None

    def evaluate(self, atoms, *, forces=True, virial=False, error=False):
        model = springs(len(atoms))
        away = atoms.positions - model.sites
        away -= EDGE * np.rint(away / EDGE)
        if abs(away).max() > self.fails_beyond:
            if self.answer is None:
                raise RuntimeError("atoms have flown away")
            return Evaluation(self.answer, np.zeros_like(away) if forces else None)
        return Evaluation(
            0.5 * float((model.stiffness * away**2).sum()), -model.stiffness * away if forces else None
        )


MOVES = Moves(atom=1, galilean=1, hmc=1)


def system(potential, n_atoms=2, **more):
    model = AnyPotential(potential)
    return System(["Ar"] * n_atoms, model, Fixed(EDGE), MOVES, largest_kinetic=20.0, **more)


def test_a_potential_walks_as_the_compiled_model_does():
    compiled = System("Ar2", springs(2), Fixed(EDGE), MOVES, largest_kinetic=20.0)
    (_, one), (_, other) = (walked(s, m=3, length=3, scale=0.03) for s in (compiled, system(Spring())))
    assert np.array_equal(one.accepted, other.accepted)
    assert one.coordinates == pytest.approx(other.coordinates, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("answer", [None, np.nan, -np.inf], ids=["raises", "NaN", "infinite"])
def test_failures_refuse_the_move_and_are_counted(answer):
    whole = system(Spring())
    points, values = whole.draw(keys(60))
    under = np.flatnonzero((abs(points[:, :6] - 0.5 * EDGE) < 3.0).all(axis=1))[:4]
    brittle = system(Spring(3.0, answer))
    ceiling = nested.Ceiling(1e6, 0.5)
    task = nested.Walk(points[under], values[under], ceiling, 0.1 * whole.largest_steps, 10, keys(len(under)))
    end = brittle.walk(task)
    assert (end.failed > 0).all()
    assert (end.accepted.sum(axis=1) + end.failed <= end.tried.sum(axis=1)).all()
    assert (end.accepted.sum(axis=0) > 0).all()
    assert (abs(end.coordinates[:, :6] - 0.5 * EDGE) <= 3.0).all()
    assert np.isfinite(end.values).all()


def test_failures_of_a_run_are_reported_in_its_progress():
    settings = nested.Settings(n_live=10, n_cull=1, walk_length=2, shortest_walk=2)

    @dataclass(frozen=True)
    class Fickle(Spring):
        def evaluate(self, atoms, **want):
            if int(1e6 * atoms.positions[0, 0]) % 4 == 0 and "drawn" in calls:
                raise RuntimeError("no convergence")
            return super().evaluate(atoms, **want)

    calls: set[str] = set()
    fickle = system(Fickle(), n_atoms=1)
    counted = nested.run(
        _Drawn(fickle, calls), settings, seed=1, lowest_kT=1.0, until=loop.steps(3)
    ).progress["failed"]
    assert (counted > 0).all()


class _Drawn:
    """A problem that notes when its prior has been drawn."""

    def __init__(self, problem, calls):
        self.problem, self.calls = problem, calls

    def __getattr__(self, name):
        return getattr(self.problem, name)

    def draw(self, drawn_keys):
        drawn = self.problem.draw(drawn_keys)
        self.calls.add("drawn")
        return drawn


def test_a_prior_on_which_the_potential_fails_is_refused_in_its_own_words():
    with pytest.raises(InputError, match=r"RuntimeError: atoms have flown away.*`core`"):
        system(Spring(0.5)).draw(keys(20))
    with pytest.raises(InputError, match="its energy is nan"):
        system(Spring(0.5, np.nan)).draw(keys(20))


def test_a_hard_core_keeps_overlapping_atoms_from_the_potential():
    class Watched(Spring):
        def evaluate(self, atoms, **want):
            assert atoms.get_distance(0, 1, mic=True) >= 4.5
            return super().evaluate(atoms, **want)

    guarded = system(Watched(), core=4.5)
    task, end = walked(guarded, m=10, length=3, ceiling=nested.Ceiling(1e7, 0.5))
    assert (task.values >= 1e6).any()
    assert (end.failed == 0).all()


def test_processes_walk_calculators_as_one_process_does():
    lj = AnyPotential(FromCalculator(LennardJones(rc=4.0)), name="lj")
    moves = Moves(galilean=1, n_steps=2, **Moves.of_cell())
    problem = System("Ar2", lj, Pressure(0.1, 40.0, 2.0), moves, core=0.8)
    settings = nested.Settings(n_live=12, n_cull=2, walk_length=2, shortest_walk=2)

    def go(**how):
        return nested.run(problem, settings, seed=1, lowest_kT=0.5, until=loop.steps(2), **how).points.value

    with local(2) as pool:
        assert np.array_equal(go(executor=pool, n_workers=2), go())


def test_potentials_without_periodic_boundaries_are_told_so():
    emt = AnyPotential(FromCalculator(EMT()), pbc=False, name="emt")
    with pytest.raises(InputError, match="AnyPotential"):
        System("Cu3", emt, Fixed(10.0))
    cluster = System("Cu3", emt, Fixed(10.0, pbc=False), core=1.5)
    points, values = cluster.draw(keys(5))
    for row, value in zip(points, values, strict=True):
        atoms = cluster.atoms(row)
        atoms.calc = EMT()
        assert value >= 1e6 or value == pytest.approx(atoms.get_potential_energy())
        assert not atoms.pbc.any()
