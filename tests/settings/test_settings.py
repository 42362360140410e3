"""Settings: what is written down is what is built, and what is wrong is said with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gapsample.errors import SettingsError, UnknownName
from gapsample.potential.recipe import KINDS, Angle, Baseline, Distance, Recipe, Sigmas, Soap
from gapsample.settings import build, dump, load_toml, override

number = st.floats(min_value=-1e6, max_value=1e6)
length = st.floats(min_value=1e-3, max_value=1e3)
species = st.sampled_from(["H", "C", "Si", "O"])
soaps = st.builds(
    Soap,
    cutoff=length,
    n_max=st.integers(1, 12),
    sparse_method=st.sampled_from(["cur", "farthest", "all"]),
    centers=st.none() | st.lists(species).map(tuple),
)
distances = st.builds(
    Distance, cutoff=length, pairs=st.none() | st.lists(st.tuples(species, species)).map(tuple)
)
angles = st.builds(Angle, cutoff=length, theta=st.tuples(number, number, number))
sigmas = st.builds(Sigmas, energy=st.none() | number, force=st.none() | number)
recipes = st.builds(
    Recipe,
    terms=st.lists(soaps | distances | angles, min_size=1, max_size=4).map(tuple),
    sigmas=sigmas,
    config_type_sigmas=st.dictionaries(st.text(max_size=6), sigmas, max_size=3),
    e0=st.sampled_from(["isolated", "least_squares"]) | st.dictionaries(species, number, min_size=1),
    baseline=st.builds(
        Baseline, zbl=st.none() | st.tuples(number, number), charges=st.dictionaries(species, number)
    ),
    level=st.none() | st.text(max_size=8),
    seed=st.integers(0, 2**31),
)


@dataclass(frozen=True)
class Inner:
    size: int = 3
    mode: Literal["fast", "exact"] = "fast"


@dataclass(frozen=True)
class Outer:
    width: float
    name: str = "x"
    loud: bool = False
    inner: Inner = field(default_factory=Inner)
    many: tuple[Inner, ...] = ()
    by_name: Mapping[str, Inner] = field(default_factory=dict)
    limit: float | None = 1.0
    sources: tuple[str, ...] = field(default=(), metadata={"key": "import"})


@given(recipes)
def test_a_recipe_written_down_as_json_is_built_again_exactly(recipe):
    text = json.dumps(dump(recipe, kinds=KINDS))
    assert build(Recipe, json.loads(text), "recipe", kinds=KINDS) == recipe


def test_keys_that_are_left_out_keep_their_defaults():
    assert build(Outer, {"width": 2.0}) == Outer(2.0)


def test_a_whole_number_passes_for_a_number_but_not_the_reverse():
    assert build(Outer, {"width": 2}).width == 2.0
    with pytest.raises(SettingsError, match=r"inner\.size wants a whole number, got 3\.5"):
        build(Outer, {"width": 2.0, "inner": {"size": 3.5}})


def test_true_is_not_a_number():
    with pytest.raises(SettingsError, match="width wants a number, got True"):
        build(Outer, {"width": True})


def test_none_is_said_in_words_where_it_is_allowed():
    assert build(Outer, {"width": 1.0, "limit": "none"}).limit is None
    assert build(Outer, {"width": 1.0, "name": "none"}).name == "none"


def test_a_keyword_of_python_can_be_a_key():
    built = build(Outer, {"width": 1.0, "import": ["a"]})
    assert built.sources == ("a",)
    assert dump(built)["import"] == ["a"]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"width": 1.0, "widht": 2.0}, "unknown key 'widht'; did you mean 'width'"),
        ({"width": 1.0, "inner": {"modus": "fast"}}, r"\[inner\] 'modus'; did you mean 'mode'"),
        ({"width": 1.0, "inner": {"mode": "exakt"}}, "inner.mode 'exakt'; did you mean 'exact'"),
        ({"width": 1.0, "many": [{}, {"sise": 1}]}, r"\[many\[1\]\] 'sise'; did you mean 'size'"),
        ({"width": 1.0, "by_name": {"bulk": {"sice": 1}}}, r"by_name.bulk\] 'sice'; did you mean 'size'"),
    ],
)
def test_an_unknown_name_is_answered_with_its_place_and_the_near_miss(mapping, message):
    with pytest.raises(UnknownName, match=message):
        build(Outer, mapping)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({}, "width is missing: wanted a number"),
        ({"width": 1.0, "inner": 3}, "inner wants a table, got 3"),
        ({"width": 1.0, "many": "x"}, "many wants a list of a table, got 'x'"),
        ({"width": 1.0, "by_name": []}, r"by_name wants a table of a table, got \[\]"),
    ],
)
def test_a_wrong_value_is_answered_with_what_was_wanted_and_got(mapping, message):
    with pytest.raises(SettingsError, match=message):
        build(Outer, mapping)


def test_a_term_is_chosen_by_its_kind():
    soap = {"kind": "soap", "cutoff": 5}
    assert build(Recipe, {"terms": [soap]}, kinds=KINDS).terms == (Soap(5.0),)
    with pytest.raises(SettingsError, match=r"terms\[0\] needs a kind, one of: angle_3b, distance_2b, soap"):
        build(Recipe, {"terms": [{"cutoff": 5}]}, kinds=KINDS)
    with pytest.raises(UnknownName, match="did you mean 'soap'"):
        build(Recipe, {"terms": [{"kind": "saop", "cutoff": 5}]}, kinds=KINDS)


@pytest.mark.parametrize("wrong", [{"n_sparse": -1}, {"n_sparse": 0}, {"cutoff": 0.0}])
def test_a_term_that_could_be_nothing_is_refused(wrong):
    with pytest.raises(SettingsError, match="n_sparse >= 1 and a cutoff > 0"):
        build(Recipe, {"terms": [{"kind": "soap", "cutoff": 5.0, **wrong}]}, kinds=KINDS)


def test_an_error_of_the_dataclass_itself_says_where_it_happened():
    with pytest.raises(SettingsError, match="recipe: a recipe needs"):
        build(Recipe, {"terms": []}, "recipe", kinds=KINDS)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("7", 7),
        ("true", True),
        ("[1, 2]", [1, 2]),
        ('"7"', "7"),
        ("PBE/500eV", "PBE/500eV"),
        ("", ""),
    ],
)
def test_an_override_is_read_as_toml_and_otherwise_as_a_string(text, value):
    assert override({}, f"a.b={text}") == {"a": {"b": value}}


def test_an_override_reaches_into_lists_and_leaves_the_original_alone():
    original = {"terms": [{"cutoff": 5.0}, {"cutoff": 4.0}]}
    assert override(original, "terms.1.cutoff=3")["terms"] == [{"cutoff": 5.0}, {"cutoff": 3}]
    assert original["terms"][1] == {"cutoff": 4.0}


@pytest.mark.parametrize("assignment", ["a.b", "=3", "a..b=1", "list.2.x=1", "value.x=1"])
def test_an_override_that_makes_no_sense_is_refused(assignment):
    with pytest.raises(SettingsError, match="--set"):
        override({"list": [{}, {}], "value": 1}, assignment)


def test_a_file_that_is_missing_or_broken_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"nowhere\.toml does not exist"):
        load_toml(tmp_path / "nowhere.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[recipe\nterms = 3\n")
    with pytest.raises(SettingsError, match=r"broken\.toml is not valid TOML: .*line 1"):
        load_toml(broken)


def test_a_file_is_read_as_it_is_written(tmp_path):
    path = tmp_path / "fit.toml"
    path.write_text('[recipe]\nlevel = "PBE"\n[[recipe.terms]]\nkind = "soap"\ncutoff = 5.0\n')
    settings = override(load_toml(path), "recipe.terms.0.n_sparse=50")
    assert build(Recipe, settings["recipe"], kinds=KINDS) == Recipe((Soap(5.0, n_sparse=50),), level="PBE")
