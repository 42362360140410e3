"""Basins of landscapes whose minima, saddles and volumes are known."""

from __future__ import annotations

import numpy as np
import pytest
from exact import TwoWells
from scipy.ndimage import label
from scipy.optimize import minimize_scalar

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.basins import disconnectivity, prior_masses
from gapsample.nested.kept import kept_of
from gapsample.plots import phases

CENTRES = np.array([-2.0, 0.0, 2.2])
DEPTHS = np.array([1.0, 1.6, 0.8])
WIDTHS = np.array([0.8, 0.6, 0.6])


def three_wells(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    square = (x[..., None] - CENTRES) ** 2 + y[..., None] ** 2
    return -np.sum(DEPTHS * np.exp(-square / (2 * WIDTHS**2)), axis=-1)


def saddle(left: float, right: float) -> float:
    found = minimize_scalar(
        lambda x: -three_wells(np.array(x), np.array(0.0)), bounds=(left, right), method="bounded"
    )
    return -float(found.fun)


def area_below(height: float, centre: float) -> float:
    """Share of the square that is connected with a centre below a height."""
    axis = np.linspace(-4.0, 4.0, 801)
    x, y = np.meshgrid(axis, axis, indexing="ij")
    parts, _ = label(three_wells(x, y) < height)
    return float(np.mean(parts == parts[np.argmin(abs(axis - centre)), 400]))


@pytest.fixture(scope="module")
def sampled():
    places = np.random.default_rng(0).uniform(-4.0, 4.0, (20_000, 2))
    values = three_wells(places[:, 0], places[:, 1])
    return places, values, disconnectivity(values, places, n_neighbours=8, smallest=30)


def test_every_well_is_a_basin_and_nothing_else(sampled):
    places, values, basins = sampled
    order = np.argsort(-DEPTHS)
    found = places[[basin.minimum for basin in basins]]
    assert len(found) == 3
    np.testing.assert_allclose(found[:, 0], CENTRES[order], atol=0.2)
    assert [basin.lowest for basin in basins] == [values[basin.minimum] for basin in basins]


def test_basins_join_at_their_saddles(sampled):
    _, _, (deepest, left, right) = sampled
    assert deepest.merge == np.inf
    assert (deepest.parent, left.parent, right.parent) == (-1, 0, 0)
    assert left.merge == pytest.approx(saddle(-2.0, 0.0), abs=0.04)
    assert right.merge == pytest.approx(saddle(0.0, 2.2), abs=0.04)


def test_volumes_of_basins_are_the_areas_below_their_saddles(sampled):
    _, _, (deepest, left, right) = sampled
    assert np.exp(deepest.log_volume) == pytest.approx(1.0)
    for basin, centre in ((left, -2.0), (right, 2.2)):
        assert np.exp(basin.log_volume) == pytest.approx(basin.population / 20_000)
        assert np.exp(basin.log_volume) == pytest.approx(area_below(basin.merge - 0.02, centre), rel=0.15)


def test_basins_do_not_depend_on_the_order_of_points(sampled):
    places, values, basins = sampled
    order = np.random.default_rng(1).permutation(len(values))
    turned = disconnectivity(values[order], places[order], n_neighbours=8, smallest=30)
    assert [(b.lowest, b.merge, b.parent, b.population) for b in turned] == [
        (b.lowest, b.merge, b.parent, b.population) for b in basins
    ]


def test_a_single_well_is_one_basin():
    places = np.random.default_rng(2).normal(size=(2000, 3))
    (basin,) = disconnectivity(np.sum(places**2, axis=1), places)
    assert basin.population == 2000
    assert basin.parent == -1


def test_wells_far_apart_are_never_joined():
    places = np.concatenate([np.linspace(0, 1, 200), np.linspace(9, 10, 100)])
    first, second = disconnectivity(np.abs(places % 9 - 0.3), places, n_neighbours=4)
    assert (first.merge, second.merge) == (np.inf, np.inf)
    assert sorted([first.population, second.population]) == [100, 200]


def test_a_nested_sampling_run_finds_both_of_its_wells_and_their_volumes():
    wells = TwoWells(2.0, 4.0, offset=1.0, mass=3.0)
    settings = nested.Settings(n_live=400, n_cull=4, keep_every=4)
    result = nested.run(wells, settings, seed=1, lowest_kT=0.1)
    kept = kept_of(result)
    mass = prior_masses(result.points, kept.rows)
    assert np.logaddexp.reduce(mass) == pytest.approx(0.0, abs=1e-10)
    values, wide = kept.coordinates.T
    depth = np.maximum(values - wide, 0.0) ** 0.5
    basins = disconnectivity(values, np.stack([depth, 100.0 * wide], axis=1), n_neighbours=10, log_mass=mass)
    assert [basin.lowest for basin in basins] == pytest.approx([0.0, 1.0], abs=0.2)
    assert np.exp(basins[1].log_volume) == pytest.approx(0.75, abs=0.06)


def test_the_figure_has_a_branch_for_every_basin_and_a_bridge_for_every_merger(sampled):
    _, _, basins = sampled
    lines = phases.disconnectivity(basins, title="Wells").axes[0].lines
    ends = [tuple(sorted(line.get_xdata())) for line in lines]
    assert sum(left == right for left, right in ends) == 3
    assert sum(left != right for left, right in ends) == 2


def test_impossible_questions_are_refused():
    with pytest.raises(InputError, match="more points"):
        disconnectivity([1.0, 2.0], [0.0, 1.0], n_neighbours=2)
    with pytest.raises(InputError, match="finite fingerprints"):
        disconnectivity([1.0, 2.0, 3.0], [0.0, np.nan, 1.0], n_neighbours=1)
