"""What the database promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from ase.spacegroup import crystal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from specimens import assert_same, specimen

from gapsample.database import Database, Label
from gapsample.errors import DatabaseError, InputError

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
texts = st.text(st.characters(codec="utf-8"), max_size=12)
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | finite | texts
arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.bool_]),
    hnp.array_shapes(max_dims=3, max_side=3),
    elements={"allow_nan": False, "allow_infinity": False},
)
values = st.recursive(
    scalars | arrays | st.lists(scalars, max_size=3).map(tuple),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.integers(), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def labeled(draw: st.DrawFn) -> tuple[Atoms, Label]:
    n = draw(st.integers(1, 4))
    positions = draw(hnp.arrays(float, (n, 3), elements=finite, unique=True))
    atoms = Atoms(
        draw(hnp.arrays(int, n, elements=st.integers(1, 118))),
        positions,
        cell=draw(hnp.arrays(float, (3, 3), elements=st.floats(0.5, 1e3), unique=True)),
        pbc=draw(hnp.arrays(bool, 3)),
        info=draw(st.dictionaries(texts, values, max_size=4)),
    )
    atoms.new_array("custom", draw(hnp.arrays(np.float64, (n, 2), elements=finite)))
    label = Label(
        level=draw(st.sampled_from(["PBE", "111", "1e5", "True", "text:PBE", "a=b,c", "PBE/500 eV"])),
        energy=draw(finite),
        forces=draw(hnp.arrays(float, (n, 3), elements=finite)),
        extra=draw(st.dictionaries(texts, values, max_size=3)),
    )
    return atoms, label


@given(pair=labeled())
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # squares of huge numbers in ASE's fmax overflow
def test_whatever_is_added_comes_back_to_the_bit(database: Database, pair: tuple[Atoms, Label]) -> None:
    atoms, label = pair[0], replace(pair[1], source=f"example {len(database)}")  # makes it a row of its own
    row = database.add(atoms, label)
    (entry,) = database.select(since=row - 1)
    assert_same((entry.atoms, entry.label), (atoms, label))


def test_every_part_of_a_configuration_comes_back(database: Database) -> None:
    wanted = [specimen(seed) for seed in range(5)]
    database.add_many(wanted)
    for entry, pair in zip(database.select(), wanted, strict=True):
        assert_same((entry.atoms, entry.label), pair)


def test_crystals_with_their_space_group_come_back(database: Database) -> None:
    atoms = crystal("C", [(0, 0, 0)], spacegroup=227, cellpar=[3.57] * 3 + [90] * 3)
    database.add(atoms, Label("PBE", energy=-1.0))
    (entry,) = database.select()
    assert entry.atoms.info["spacegroup"] == atoms.info["spacegroup"]


def test_constraints_do_not_touch_forces(database: Database) -> None:
    atoms = molecule("H2O")
    atoms.set_constraint(FixAtoms([0, 1, 2]))
    atoms.calc = EMT()
    forces = np.arange(9.0).reshape(3, 3)
    database.add(atoms, Label("PBE", forces=forces))
    (entry,) = database.select()
    assert np.array_equal(entry.label.forces, forces)
    assert entry.atoms.calc is None


def test_adding_alters_nothing_that_was_given(database: Database) -> None:
    pair = specimen(1)
    database.add(*pair)
    assert_same(pair, specimen(1))


def test_the_same_row_is_kept_once(database: Database) -> None:
    first = database.add(*specimen(1))
    assert database.add(*specimen(1)) == first
    assert database.add_many([specimen(1), specimen(2), specimen(2)]) == [first, first + 1, first + 1]
    assert len(database) == 2


def test_another_level_of_theory_is_another_row_on_the_same_side(database: Database) -> None:
    rows = database.add_many([specimen(1), specimen(1, level="RPA")])
    assert rows[0] != rows[1]
    assert database.relabeled() == 0
    one, two = database.select()
    assert (one.fingerprint, one.split) == (two.fingerprint, two.split)


def test_selections_are_ordered_and_add_up(database: Database) -> None:
    database.add_many(specimen(seed, level="RPA" if seed % 2 else "PBE") for seed in range(30))
    everything = [entry.id for entry in database.select()]
    assert everything == sorted(everything)
    assert len(everything) == len(database) == 30
    assert database.levels() == {"PBE": 15, "RPA": 15}
    sides = [[entry.id for entry in database.select(split=side)] for side in ("train", "test")]
    assert sorted(sides[0] + sides[1]) == everything
    groups = [list(database.select(config_type=f"group {i}")) for i in range(3)]
    assert [len(group) for group in groups] == [10, 10, 10]
    assert [entry.label.level for entry in database.select(level="RPA")] == ["RPA"] * 15
    assert list(database.select(source="nobody")) == []


def test_what_came_after_the_watermark_is_what_is_new(database: Database) -> None:
    assert database.watermark == 0
    database.add(*specimen(1))
    mark = database.watermark
    row = database.add(*specimen(2))
    assert [entry.id for entry in database.select(since=mark)] == [row] == [database.watermark]


def test_an_empty_database_reads_as_empty_and_require_says_so(database: Database) -> None:
    assert len(database) == 0
    assert list(database.select()) == []
    assert database.levels() == {}
    assert database.overview() == []
    with pytest.raises(DatabaseError, match="it is empty"):
        database.require()


def test_require_says_which_levels_there_are(database: Database) -> None:
    database.add(*specimen(1))
    assert len(database.require(level="PBE")) == 1
    with pytest.raises(DatabaseError, match=r"no rows with level='PBe'.*'PBE' \(1 rows\)"):
        database.require(level="PBe")


def test_merging_takes_over_what_is_new(new_address: Callable[[], str]) -> None:
    one, two = Database(new_address()), Database(new_address())
    one.add_many(specimen(seed) for seed in range(4))
    two.add_many(specimen(seed) for seed in range(2, 7))
    assert one.merge(two) == 3
    assert one.merge(two) == 0
    assert one.merge(one) == 0
    entries = list(one.select())
    for seed, entry in enumerate(entries):
        assert_same((entry.atoms, entry.label), specimen(seed))
    assert len(entries) == 7


def test_nothing_is_written_when_one_of_many_is_wrong(database: Database) -> None:
    atoms, _ = specimen(3)
    wrong = atoms, Label("PBE", forces=np.zeros((len(atoms) + 1, 3)))
    with pytest.raises(InputError, match=r"configuration 2 .* rows but the configuration has"):
        database.add_many([specimen(1), specimen(2), wrong])
    assert len(database) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda atoms: atoms.positions.__setitem__((0, 0), np.nan), "positions hold NaN"),
        (lambda atoms: atoms.set_cell(np.full((3, 3), np.inf)), "cell hold"),
        (lambda atoms: atoms.set_atomic_numbers([0, 14]), "no chemical elements"),
        (lambda atoms: atoms.positions.__setitem__(1, atoms.positions[0]), "atoms 0 and 1 sit on the same"),
        (lambda atoms: atoms.new_array("q", np.array([1.0, np.nan])), "NaN or infinite"),
        (lambda atoms: atoms.info.update(t=float("inf")), "only finite numbers"),
        (lambda atoms: atoms.info.update(f=print), "cannot be kept"),
        (lambda atoms: atoms.set_cell(np.zeros((3, 3))), "cell vectors .* are zero"),
        (lambda atoms: atoms.__delitem__([0, 1]), "at least one atom"),
    ],
)
def test_broken_configurations_are_refused(tmp_path, change, message) -> None:
    database = Database(tmp_path / "x.db")
    atoms = bulk("Si")
    change(atoms)
    with pytest.raises(InputError, match=message):
        database.add(atoms, Label("PBE", energy=1.0))
    assert len(database) == 0


def test_an_overview_counts_every_group(database: Database) -> None:
    database.add_many(specimen(seed) for seed in range(6))
    database.add(bulk("Si"), Label("PBE", "nested", energy=1.0))
    groups = database.overview()
    assert sum(map(len, groups)) == 7
    nested = groups[0]
    assert (nested.level, nested.source, nested.config_type) == ("PBE", "nested", "default")
    assert (nested.species, nested.atoms, nested.holds) == (
        ["Si"],
        2,
        {"energy": 1, "forces": 0, "virial": 0},
    )


def test_a_database_can_be_sent_to_another_process(database: Database) -> None:
    database.add(*specimen(1))
    assert len(pickle.loads(pickle.dumps(database))) == 1


def test_ase_has_nothing_to_warn_about(database: Database) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        database.add(*specimen(1))
        database.require()
