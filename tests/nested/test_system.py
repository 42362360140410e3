"""Systems: what they refuse, what they tell of a point, runs cut and resumed."""

import pickle

import numpy as np
import pytest
from einstein import EDGE, keys, slack, springs, walked
from killing import killed_and_restarted
from system_process import SYSTEM, sample

from gapsample import nested
from gapsample.errors import InputError, SettingsError, UnknownName
from gapsample.nested.ensembles import Fixed, Pressure
from gapsample.nested.moves import Moves
from gapsample.nested.system import System

CUBE, GAS = Fixed(EDGE), Pressure(0.1, 100.0, 1.0)
HERE = np.zeros((2, 3))


def system(symbols="Ar2", ensemble=CUBE, moves=None, **more):
    return System(symbols, slack(2), ensemble, moves, **more)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: system("Qq2"), "chemical formula|element"),
        (lambda: system(["Ar", "Xq"]), "unknown element 'Xq'"),
        (lambda: system([]), "at least one atom"),
        (lambda: Fixed(np.eye(3)[::-1]), "positive volume"),
        (lambda: Fixed([1.0, 2.0]), "one edge, three edges or three vectors"),
        (lambda: Fixed([[1, 0, 0], [1, 1, 0], [0, 0, 1]], pbc=False), "right angles"),
        (lambda: Pressure(0.0, 2.0, 1.0), "pressure must be positive"),
        (lambda: Pressure(1.0, 1.0, 2.0), "smallest < largest"),
        (lambda: Pressure(1.0, 2.0, 1.0, height=1.0), "between 0 and 1"),
        (lambda: Moves(galilean=0), "nothing would ever move"),
        (lambda: Moves(swap=-1), "swap=-1"),
        (lambda: Moves(n_steps=0), "n_steps=0"),
        (lambda: system(moves=Moves(volume=1)), "a fixed cell has no moves of kind 'volume'"),
        (lambda: system(ensemble=GAS, moves=Moves()), "the volume must move"),
        (lambda: system(ensemble=GAS, moves=Moves(volume=1)), "cubic=False"),
        (lambda: system(moves=Moves(swap=1)), "two species"),
        (lambda: system(moves=Moves(transmute=1)), "no chemical potentials"),
        (lambda: system(chemical_potentials={"Cu": 0.0}), "not that of Ar"),
        (lambda: system(chemical_potentials={"Ar": np.nan, "Cu": 0.0}), "must be finite"),
        (lambda: system(moves=Moves(hmc=1)), "largest_kinetic"),
        (lambda: system(moves=Moves(hmc=1), masses=[1.0, -1.0], largest_kinetic=1.0), "positive masses"),
        (lambda: system(frozen=np.ones((2, 3), bool)), "no positions"),
        (lambda: system(frozen=np.ones((2, 3), bool), positions=HERE), "all atoms are frozen"),
        (lambda: system(frozen=[[True] * 3], positions=HERE), "shape"),
        (
            lambda: system(ensemble=GAS, frozen=np.eye(2, 3, dtype=bool), positions=HERE),
            "a cell that stays",
        ),
        (
            lambda: system(
                ensemble=Fixed(5.0, pbc=False), frozen=np.eye(2, 3, dtype=bool), positions=HERE - 1.0
            ),
            "beyond a wall",
        ),
        (
            lambda: system(
                ensemble=Fixed([[5, 1, 0], [0, 5, 0], [0, 0, 5]]),
                frozen=np.eye(2, 3, dtype=bool),
                positions=HERE,
            ),
            "mixes with free",
        ),
        (lambda: system(core={"Ar-Kr": 1.0}), "Ar-Kr"),
        (lambda: system(core=-1.0), "0 Å or more"),
        (lambda: system(core=9.0), "shrink `core`"),
        (lambda: system(mutable=[True]), "2 flags"),
    ],
)
def test_what_cannot_be_is_refused_in_words(make, said):
    with pytest.raises((InputError, SettingsError, UnknownName), match=said):
        make()


def test_moves_that_the_ensemble_needs_are_chosen():
    assert system().move_names == ("galilean",)
    assert system(ensemble=GAS).move_names == ("volume", "shear", "stretch", "galilean")
    assert system("CuAu", chemical_potentials={"Cu": 0.0, "Au": 1.0}).move_names == (
        "galilean",
        "swap",
        "transmute",
    )
    assert len(system().largest_steps) == 1


def test_a_point_is_told_as_a_configuration():
    _, end = walked(SYSTEM, m=3)
    seen = SYSTEM.observe(end.coordinates)
    for k, row in enumerate(end.coordinates):
        atoms = SYSTEM.atoms(row)
        assert atoms.get_volume() == pytest.approx(seen["volume"][k])
        assert atoms.get_kinetic_energy() == pytest.approx(seen["kinetic"][k])
        assert atoms.symbols.count("Au") == seen["n_Au"][k] == 3 - seen["n_Cu"][k]
        away = atoms.positions - 2.0
        scaled = away @ np.linalg.inv(atoms.cell)
        away = (scaled - np.rint(scaled)) @ atoms.cell
        energy = 0.25 * (away**2).sum() + 0.3 * seen["n_Au"][k]
        value = energy + 0.05 * seen["volume"][k] - 0.1 * seen["n_Au"][k] + seen["kinetic"][k]
        assert end.values[k] == pytest.approx(value) or end.values[k] > 1e6


def test_observers_see_configurations():
    class Widths:
        def observe(self, configurations):
            return {"width": np.array([np.ptp(a.positions) for a in configurations])}

    watched_system = System("Ar2", springs(2), CUBE, observers=[Widths()])
    points, _ = watched_system.draw(keys(4))
    assert watched_system.observe(points)["width"] == pytest.approx(np.ptp(points[:, :6], axis=1))
    with pytest.raises(InputError, match="'width'"):
        System("Ar2", springs(2), CUBE, observers=[Widths(), Widths()]).observe(points)


def test_a_system_is_the_same_after_a_journey_to_another_process():
    task, end = walked(SYSTEM)
    other = pickle.loads(pickle.dumps(SYSTEM))
    assert other.fingerprint == SYSTEM.fingerprint
    assert np.array_equal(other.walk(task).coordinates, end.coordinates)


def test_fingerprints_tell_systems_apart():
    systems = [
        system(),
        system("Ar2", Fixed(9.0)),
        system(ensemble=GAS),
        system(core=1.0),
        system(moves=Moves(galilean=2)),
        system(moves=Moves(hmc=1), largest_kinetic=1.0),
        system(moves=Moves(hmc=1), largest_kinetic=1.0, masses=[1.0, 2.0]),
        system("CuAu"),
        system("CuAu", chemical_potentials={"Cu": 0.0, "Au": 1.0}),
        System("Ar2", springs(2), CUBE),
    ]
    assert len({s.fingerprint for s in systems}) == len(systems)


def test_a_run_killed_and_resumed_equals_one_never_cut(tmp_path):
    whole = sample(None)
    kills = killed_and_restarted("system_process.py", tmp_path, 2)
    assert kills == 2
    points = nested.read_points(tmp_path)
    assert np.array_equal(points.value, whole.points.value)
    assert np.array_equal(points.observables["n_Au"], whole.points.observables["n_Au"])
    assert np.array_equal(nested.read_kept(tmp_path), whole.kept)
