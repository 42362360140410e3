"""Figures of dynamics with a quantum region show what they were given."""

import numpy as np

from gapsample.plots import png
from gapsample.plots.nested_progress import Line
from gapsample.plots.qmmm import profile, region_over_time


def test_a_profile_shows_every_point_and_where_the_region_ends():
    x = np.linspace(0.5, 4.0, 7)
    lines = [Line("one", x, 1.0 + 0.1 * x, 0.01 * x), Line("other", x, np.ones(7))]
    figure = profile(lines, 2.2, title="T", x="r", y="T", band=0.03)
    axes = figure.axes[0]
    drawn = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 7]
    np.testing.assert_array_equal(drawn, [line.y for line in lines])
    assert any(np.all(np.asarray(line.get_xdata()) == 2.2) for line in axes.lines)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "other"]
    assert len(png(figure)) > 5000


def test_the_region_keeps_its_size_until_it_changes_and_calls_add_up():
    layers = {"core": (np.array([0.0, 10.0, 30.0]), np.array([3.0, 5.0, 4.0]))}
    figure = region_over_time(layers, end=50.0, calls=np.array([5.0, 25.0, 45.0]))
    sizes, calls = (axes.lines[0] for axes in figure.axes)
    np.testing.assert_array_equal(sizes.get_xdata(), [0.0, 10.0, 30.0, 50.0])
    np.testing.assert_array_equal(sizes.get_ydata(), [3.0, 5.0, 4.0, 4.0])
    np.testing.assert_array_equal(calls.get_ydata(), [1, 2, 3, 3])
    assert len(png(figure)) > 5000
    assert len(region_over_time(layers, end=50.0).axes) == 1
