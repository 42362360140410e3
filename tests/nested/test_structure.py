"""Observables of kept configurations: right averages, honest bars, and phases told apart."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from calibration import check_calibrated
from exact import TwoWells

from gapsample import nested
from gapsample.descriptors.soap import SoapBasis
from gapsample.errors import InputError, UnknownSpecies
from gapsample.nested.averages import averages, stands_for
from gapsample.nested.kept import Kept, join, kept_of, read_configurations
from gapsample.nested.structure import (
    Coordination,
    Order,
    PairDistribution,
    Resemblance,
    dominant,
    phase_indicators,
    structure,
)
from gapsample.plots import phases

WELLS = TwoWells(3.0, 8.0, offset=1.0, mass=200.0)
SETTINGS = nested.Settings(n_live=200, n_cull=20, keep_every=8)
TEMPERATURES = np.array([0.13, 0.19, 0.3])
BASIS = SoapBasis(5.0, 5, 4)
PHASES = {
    "fcc": bulk("Cu", "fcc", a=3.6),
    "hcp": bulk("Cu", "hcp", a=2.546, c=2.546 * np.sqrt(8 / 3)),
    "bcc": bulk("Cu", "bcc", a=2.87),
}


@pytest.fixture(scope="module")
def results():
    return [nested.run(WELLS, SETTINGS, seed=seed, lowest_kT=0.1) for seed in range(24)]


def test_kept_rows_are_the_points_they_were_kept_from(results):
    for result in results[:3]:
        kept = kept_of(result)
        assert len(kept) == pytest.approx(SETTINGS.n_live + (len(result.points) - SETTINGS.n_live) / 8, abs=1)
        np.testing.assert_array_equal(kept.coordinates[:, 0], result.points.value[kept.rows])
        np.testing.assert_array_equal(kept.coordinates[:, 1], result.points.observables["wide"][kept.rows])


def test_kept_rows_survive_merging(results):
    merged, kept = join([(result.points, kept_of(result)) for result in results[:3]])
    assert len(kept) == sum(len(kept_of(result)) for result in results[:3])
    np.testing.assert_array_equal(kept.coordinates[:, 0], merged.value[kept.rows])
    assert set(merged.observables) == {"wide"}


def test_a_folder_holds_the_same_kept_configurations_as_memory(results, tmp_path):
    result = nested.run(WELLS, SETTINGS, seed=0, lowest_kT=0.1, folder=tmp_path)
    points, kept = read_configurations(tmp_path)
    np.testing.assert_array_equal(kept.rows, kept_of(result).rows)
    np.testing.assert_array_equal(kept.coordinates, kept_of(results[0]).coordinates)
    np.testing.assert_array_equal(points.value, results[0].points.value)


def test_averages_of_all_points_are_those_of_thermodynamics(results):
    points = results[0].points
    found = averages(
        points,
        np.arange(len(points)),
        {"wide": points.observables["wide"]},
        TEMPERATURES,
        rng=np.random.default_rng(0),
    )["wide"]
    history = np.random.default_rng(np.random.default_rng(0).integers(2**63))
    exact = nested.thermodynamics(points, TEMPERATURES, rng=history).means["wide"]
    np.testing.assert_allclose(found.value, exact.value)
    np.testing.assert_allclose(found.draws, exact.draws)


def test_error_bars_of_averages_over_few_kept_points_are_honest(results):
    def estimate(seed):
        kept = kept_of(results[seed])
        found = averages(
            results[seed].points,
            kept.rows,
            {"wide": kept.coordinates[:, 1]},
            TEMPERATURES,
            rng=np.random.default_rng(seed),
        )["wide"]
        return found.value, found.err

    check_calibrated(estimate, WELLS.share_of_wide(TEMPERATURES), widest=0.07)


def test_what_energy_alone_decides_is_hardly_less_certain_from_few_kept_points(results):
    points, kept = results[0].points, kept_of(results[0])
    found = averages(
        points, kept.rows, {"energy": kept.coordinates[:, 0]}, TEMPERATURES, rng=np.random.default_rng(0)
    )["energy"]
    whole = nested.thermodynamics(points, TEMPERATURES, rng=np.random.default_rng(0)).energy
    assert (abs(found.value - whole.value) < whole.err).all()
    assert (found.err < 1.5 * whole.err).all()


def test_points_kept_because_they_stand_out_speak_for_themselves_alone(results):
    points, kept = results[0].points, kept_of(results[0])
    rare = points.value * 37.0 % 1.0 > 0.98
    rows = np.union1d(kept.rows, np.flatnonzero(rare))
    found = averages(
        points,
        rows,
        {"rare": rare[rows].astype(float)},
        TEMPERATURES,
        rng=np.random.default_rng(0),
        alone=rare[rows],
    )["rare"]
    whole = nested.thermodynamics(
        points, TEMPERATURES, rng=np.random.default_rng(0), observables={"rare": rare.astype(float)}
    ).means["rare"]
    np.testing.assert_allclose(found.value, whole.value)


def test_arrays_are_averaged_element_by_element(results):
    points, kept = results[0].points, kept_of(results[0])
    columns = np.stack([kept.coordinates[:, 1] * k for k in range(12)], axis=1).reshape(-1, 3, 4)
    found = averages(points, kept.rows, {"g": columns}, TEMPERATURES, rng=np.random.default_rng(0))["g"]
    assert found.value.shape == (3, 3, 4)
    assert found.err.shape == (3, 3, 4)
    np.testing.assert_allclose(found.value[:, 2, 3], 11 * found.value[:, 0, 1])
    np.testing.assert_allclose(found.err[:, 2, 3], 11 * found.err[:, 0, 1])


def test_every_point_is_spoken_for_by_the_nearest_kept_one():
    assert stands_for(10, np.array([0, 4, 8])).tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    alone = np.array([False, True, False])
    assert stands_for(6, np.array([0, 2, 5]), alone).tolist() == [0, 0, 1, 2, 2, 2]


def test_two_wells_swap_dominance_where_they_weigh_the_same(results):
    points, kept = join([(result.points, kept_of(result)) for result in results[:6]])
    wide = kept.coordinates[:, 1]
    t = np.linspace(0.12, 0.3, 37)
    shares = averages(points, kept.rows, {"wide": wide, "deep": 1 - wide}, t, rng=np.random.default_rng(0))
    names = dominant(shares)
    change = names.index("wide")
    assert set(names[:change]) == {"deep"}
    assert set(names[change:]) == {"wide"}
    assert t[change] == pytest.approx(WELLS.transition, abs=0.015)


def test_rattled_crystals_resemble_the_phase_they_came_from():
    measures = [Resemblance(PHASES, BASIS, zeta=4.0), Order(), PairDistribution(6.0), Coordination(3.0)]
    crystals = []
    for seed, atoms in enumerate(PHASES.values()):
        hot = atoms.repeat(3)
        hot.rattle(0.1, seed=seed)
        crystals.append(hot)
    seen = structure(crystals, measures)
    assert seen["g"].shape == (3, 60)
    assert seen["Q6"].shape == (3,)
    indicators = phase_indicators(seen)
    assert [indicators[name].tolist() for name in PHASES] == np.eye(3).tolist()
    assert phase_indicators(seen, smallest=1.1)["other"].tolist() == [1.0, 1.0, 1.0]


def test_a_phase_resembles_itself_perfectly_also_when_squeezed_if_density_does_not_count():
    squeezed = PHASES["bcc"].copy()
    squeezed.set_cell(0.9 * squeezed.cell.array, scale_atoms=True)
    free, fixed = Resemblance(PHASES, BASIS, density=0.085), Resemblance(PHASES, BASIS)
    assert free(squeezed)["like bcc"] == pytest.approx(1.0)
    assert fixed(squeezed)["like bcc"] < 0.999
    assert fixed(PHASES["bcc"].repeat(2))["like bcc"] == pytest.approx(1.0)


def test_compounds_resemble_by_species():
    references = {"B2": bulk("NiAl", "cesiumchloride", a=2.9), "fcc": bulk("Ni", "fcc", a=3.5)}
    resemblance = Resemblance(references, BASIS)
    assert resemblance(references["B2"])["like B2"] == pytest.approx(1.0)
    assert resemblance(bulk("Al", "fcc", a=3.5))["like fcc"] == 0.0


def test_a_lone_atom_resembles_nothing_but_breaks_nothing():
    gas = Atoms("Cu", cell=np.eye(3) * 30.0, pbc=True)
    seen = structure([gas], [Resemblance(PHASES, BASIS, zeta=4.0), Order()])
    assert seen["like fcc"][0] < 0.9


def test_shares_and_distributions_are_drawn_with_their_bands(results):
    points, kept = results[0].points, kept_of(results[0])
    wide = kept.coordinates[:, 1]
    g = wide[:, None] * np.ones(5)
    found = averages(points, kept.rows, {"wide": wide, "g": g}, TEMPERATURES, rng=np.random.default_rng(0))
    assert len(phases.shares(TEMPERATURES, {"wide": found["wide"]}, title="Shares").axes[0].collections) == 1
    drawn = phases.radial_distributions(np.arange(5.0), found["g"], TEMPERATURES, title="g(r)")
    assert len(drawn.axes[0].collections) == len(TEMPERATURES)


def test_a_map_shows_configurations_and_references():
    figure = phases.structure_map(
        np.random.default_rng(0).normal(size=(30, 2)),
        np.arange(30.0),
        title="Map",
        color_label="energy",
        references={"fcc": np.zeros(2), "bcc": np.ones(2)},
    )
    assert [text.get_text() for text in figure.axes[0].texts] == ["fcc", "bcc"]


def test_impossible_questions_are_refused(results):
    points, kept = results[0].points, kept_of(results[0])
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="keep_every"):
        averages(points, kept.rows[:1], {"a": [1.0]}, [0.2], rng=rng)
    with pytest.raises(InputError, match="first dimension"):
        averages(points, kept.rows, {"a": [1.0, 2.0]}, [0.2], rng=rng)
    with pytest.raises(InputError, match="not finite"):
        averages(points, kept.rows, {"a": np.full(len(kept), np.nan)}, [0.2], rng=rng)
    with pytest.raises(InputError, match="increasing rows"):
        Kept(np.array([2, 1]), np.zeros((2, 1)))
    with pytest.raises(InputError, match="two measures"):
        structure([PHASES["fcc"]], [Order(), Order(14)])
    with pytest.raises(InputError, match="add Resemblance"):
        phase_indicators({"Q6": np.zeros(3)})
    with pytest.raises(UnknownSpecies, match="Au"):
        Resemblance(PHASES, BASIS)(bulk("Au"))
    with pytest.raises(InputError, match="one or more reference"):
        Resemblance({}, BASIS)
