"""Phase diagrams of a model of several phases, whose transition lines are straight and known."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace

import numpy as np
import pytest
from exact import Perfect, uniforms

from gapsample import nested
from gapsample.errors import InputError
from gapsample.nested.phase_diagram import link, phase_diagram
from gapsample.nested.transitions import Transition, find_transitions
from gapsample.plots import phases

PRESSURES = (1.0, 1.7, 2.6)
GRID = np.geomspace(0.2, 1.3, 81)


@dataclass(frozen=True)
class Phases(Perfect):
    """Several phases of enthalpies ``energy + P volume + x``, of prior masses ``exp(entropy) x^a``.

    A point is its enthalpy and the number of its phase. They are in equilibrium below any ceiling.
    """

    pressure: float
    energies: tuple[float, ...]
    volumes: tuple[float, ...]
    entropies: tuple[float, ...]
    a: float = 3.0
    top: float = 20.0

    n_coordinates = 2

    @property
    def floors(self) -> np.ndarray:
        return np.array(self.energies) + self.pressure * np.array(self.volumes)

    def drawn(self, u: np.ndarray, ceiling: float) -> tuple[np.ndarray, np.ndarray]:
        depth = np.clip(ceiling - self.floors, 0.0, self.top)
        mass = np.exp(np.array(self.entropies) - max(self.entropies)) * depth**self.a
        phase = np.searchsorted(np.cumsum(mass) / mass.sum(), u[:, 1]).clip(max=len(mass) - 1)
        values = self.floors[phase] + depth[phase] * u[:, 0] ** (1.0 / self.a)
        return np.stack((values, phase.astype(float)), axis=1), values

    def draw(self, keys):
        return self.drawn(uniforms(keys, 2), np.inf)

    def walk(self, task):
        return self.walked(*self.drawn(uniforms(task.keys, 2), task.ceiling.value))

    def observe(self, coordinates):
        return {"volume": np.array(self.volumes)[coordinates[:, 1].astype(int)]}

    def line(self, lower: int, pressure: float) -> float:
        """Temperature at which a phase and the next weigh the same."""
        return float(np.diff(self.energies)[lower] + pressure * np.diff(self.volumes)[lower]) / float(
            np.diff(self.entropies)[lower]
        )

    def peak(self, lower: int) -> float:
        """Temperature of the maximum of the exact heat capacity nearest to the transition."""
        place = self.line(lower, self.pressure)
        t = np.linspace(0.85 * place, 1.15 * place, 4001)
        log_p = np.array(self.entropies)[:, None] - self.floors[:, None] / t
        p = np.exp(log_p - log_p.max(axis=0))
        p /= p.sum(axis=0)
        spread = np.sum(p * self.floors[:, None] ** 2, axis=0) - np.sum(p * self.floors[:, None], axis=0) ** 2
        return float(t[np.argmax(self.a + spread / t**2)])


def matter(pressure: float) -> Phases:
    """A solid, a liquid and a vapor."""
    return Phases(pressure, (0.0, 3.0, 6.0), (1.0, 1.2, 3.0), (0.0, 10.0, 19.0))


@pytest.fixture(scope="module")
def runs():
    settings = nested.Settings(n_live=250, n_cull=25)
    return {
        pressure: [
            nested.run(matter(pressure), settings, seed=seed, lowest_kT=0.2).points for seed in range(3)
        ]
        for pressure in PRESSURES
    }


@pytest.fixture(scope="module")
def diagram(runs):
    return phase_diagram(runs, GRID, rng=np.random.default_rng(0), n_draws=40)


def test_lines_run_where_phases_weigh_the_same(diagram):
    assert [line.name for line in diagram.lines] == ["boiling", "melting"]
    for line, lower in zip(diagram.lines, (1, 0), strict=True):
        assert [t.pressure for t in line.transitions] == list(PRESSURES)
        for t in line.transitions:
            assert t.temperature_err < 0.02
            assert abs(t.temperature - matter(t.pressure).peak(lower)) < 3.5 * t.temperature_err
            assert t.temperature == pytest.approx(
                matter(t.pressure).line(lower, t.pressure), rel=0.08
            )  # finite size
            assert t.first_order


def test_latent_heats_and_volume_jumps_are_those_of_the_phases(diagram):
    for line, lower in zip(diagram.lines, (1, 0), strict=True):
        for t in line.transitions:
            exact = np.diff(matter(t.pressure).floors)[lower]
            assert t.latent_heat == pytest.approx(exact, rel=0.15)
            assert t.volume_jump == pytest.approx(np.diff(matter(1.0).volumes)[lower], rel=0.1)
            assert t.latent_heat_err < 0.1 * t.latent_heat


def test_slopes_obey_clausius_and_clapeyron(diagram):
    for line, lower in zip(diagram.lines, (1, 0), strict=True):
        exact = np.diff(matter(1.0).volumes)[lower] / np.diff(matter(1.0).entropies)[lower]
        assert np.mean([t.slope for t in line.transitions]) == pytest.approx(exact, rel=0.15)
        temperatures = [t.temperature for t in line.transitions]
        assert np.polyfit(PRESSURES, temperatures, 1)[0] == pytest.approx(exact, rel=0.15)


def test_the_larger_of_both_errors_is_quoted(diagram):
    for row in diagram.rows():
        both = row["temperature_err_statistical"], row["temperature_err_seeds"]
        assert min(both) > 0.0
        assert row["temperature_err"] == max(both)
        assert row["seeds_seen"] == row["seeds"] == 3


def test_one_seed_has_no_spread_and_says_so(runs):
    _, found = find_transitions(runs[1.0][:1], 1.0, GRID, rng=np.random.default_rng(0), n_draws=40)
    assert len(found) == 2
    assert all(np.isnan(t.temperature_err_seeds) for t in found)
    assert all(t.temperature_err == t.temperature_err_statistical for t in found)


def test_seeds_that_disagree_widen_the_bar(runs):
    shifted = [
        replace(seed, value=seed.value * factor, birth=seed.birth * factor)
        for seed, factor in zip(runs[1.0], (0.9, 1.0, 1.1), strict=True)
    ]
    _, found = find_transitions(shifted, 1.0, GRID, rng=np.random.default_rng(0), n_draws=40)
    assert max(t.temperature_err_seeds / t.temperature_err_statistical for t in found) > 2.0


def test_a_single_phase_has_no_transition():
    gas = Phases(1.0, (0.0,), (1.0,), (0.0,))
    points = nested.run(gas, nested.Settings(n_live=200, n_cull=4), seed=0, lowest_kT=0.2).points
    curve, found = find_transitions([points], 1.0, GRID, rng=np.random.default_rng(0), n_draws=40)
    assert found == []
    assert curve.value[20:60] == pytest.approx(3.0, abs=0.8)


def test_phases_that_run_into_each_other_make_no_first_order_line():
    soft = Phases(1.0, (0.0, 0.8), (1.0, 1.2), (0.0, 2.5))
    points = [
        nested.run(soft, nested.Settings(n_live=600, n_cull=60), seed=seed, lowest_kT=0.2).points
        for seed in (0, 1)
    ]
    _, found = find_transitions(points, 1.0, GRID, rng=np.random.default_rng(0), n_draws=40)
    assert len(found) == 1
    assert not found[0].first_order
    assert 0.6 < found[0].contrast < 0.8


def test_the_table_holds_every_transition_and_says_what_is_unknown(diagram, tmp_path):
    diagram.with_model_errors({1.7: [(0.33, 0.012)]}).write_table(tmp_path / "lines.csv")
    with (tmp_path / "lines.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 2 * len(PRESSURES)
    known = [row for row in rows if row["temperature_err_model"]]
    assert [(row["line"], float(row["pressure"])) for row in known] == [("melting", 1.7)]
    assert float(known[0]["temperature_err_model"]) == 0.012


def test_the_figure_shows_every_line_with_its_bars(diagram):
    figure = phases.phase_diagram(diagram.with_model_errors({1.7: [(0.33, 0.012)]}), title="Toy")
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["boiling", "melting"]
    assert len(axes.containers) == 5  # bars of shrinkage and of seeds for each line; of the potential
    assert phases.phase_diagram(replace(diagram, lines=()), title="Empty").axes[0].get_legend() is None


def transition(pressure: float, temperature: float, heat: float, volume: float) -> Transition:
    return Transition(
        pressure, temperature, 0.005, float("nan"), 10.0, 1.0, heat, 0.1, volume, 0.1, 1.2, 0.9, 1, 1
    )


def straight(pressures, start: float, slope: float, heat: float) -> list[Transition]:
    """Transitions on a line T = start + slope P whose jumps say so."""
    line = [start + slope * p for p in pressures]
    return [transition(p, t, heat, slope * heat / t) for p, t in zip(pressures, line, strict=True)]


def test_lines_may_cross():
    pressures = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    rising, falling = straight(pressures, 0.5, 0.1, 2.0), straight(pressures, 1.08, -0.08, 1.0)
    found = [sorted(pair, key=lambda t: t.temperature) for pair in zip(rising, falling, strict=True)]
    lines = link(found)
    assert sorted(lines, key=lambda line: line[0].temperature) == [tuple(rising), tuple(falling)]


def test_a_line_may_hide_at_one_pressure_and_end_at_two():
    pressures = np.array([1.0, 1.3, 1.7, 2.2, 2.9, 3.7])
    line = straight(pressures, 0.5, 0.05, 2.0)
    assert link([[t] if i != 2 else [] for i, t in enumerate(line)]) == [(*line[:2], *line[3:])]
    assert len(link([[t] if i not in (2, 3) else [] for i, t in enumerate(line)])) == 2


def test_steep_lines_over_decades_of_pressure_are_followed():
    pressures = np.array([0.01, 0.03, 0.1])
    heat, start = 6.0, 0.7
    boiling = [transition(p, start * (p / 0.01) ** 0.12, heat, 0.12 * heat / p) for p in pressures]
    melting = straight(pressures, 0.62, 0.2, 1.0)
    found = [sorted(pair, key=lambda t: t.temperature) for pair in zip(boiling, melting, strict=True)]
    assert sorted(map(len, link(found, tolerance=0.03))) == [3, 3]
    assert tuple(boiling) in link(found, tolerance=0.03)


def test_negative_pressures_are_pressures():
    line = straight(np.array([-1.0, 0.0, 1.0]), 0.8, 0.1, 2.0)
    assert link([[t] for t in line]) == [tuple(line)]


def test_impossible_questions_are_refused(runs, diagram):
    with pytest.raises(InputError, match="one or more pressures"):
        phase_diagram({}, GRID, rng=np.random.default_rng(0))
    bare = replace(runs[1.0][0], observables={})
    with pytest.raises(InputError, match="observe the volume"):
        phase_diagram({1.0: [bare]}, GRID, rng=np.random.default_rng(0))
    with pytest.raises(InputError, match="no transition at pressure"):
        diagram.with_model_errors({7.0: [(0.3, 0.1)]})
