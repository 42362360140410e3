"""The pictures of a study's report: curves so far, how runs came down, how walks went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gapsample import nested, plots
from gapsample.journeys.nested_atoms import n_atoms
from gapsample.journeys.nested_config import NestedConfig
from gapsample.journeys.nested_study import Leaf, Study
from gapsample.journeys.thermo import Group
from gapsample.nested.exchange_records import EXCHANGES, read_exchanges
from gapsample.plots.nested_progress import Line, nested_heat_capacity, nested_moves, nested_traces, thinned

Floats = NDArray[np.float64]
Drawn = Iterator[tuple[plots.Figure, str]]
"""Figures with their captions."""


def thermodynamics(config: NestedConfig, groups: list[Group]) -> Drawn:
    """Heat capacity of every group so far."""
    if not groups:
        return
    per_atom = n_atoms(config) * config.boltzmann
    lines = [
        Line(
            group.title,
            group.found.temperatures,
            group.found.heat_capacity.value / per_atom,
            group.found.heat_capacity.err / per_atom,
        )
        for group in groups
    ]
    tops = {group.title: [(t.peak.temperature, t.err) for t in group.transitions] for group in groups}
    yield (
        nested_heat_capacity(lines, tops, title="Heat capacity", x=temperature_label(config), y="C / (N k)"),
        "Of all runs at a pressure merged, live points included; band: one standard error from simulated "
        "shrinkage. Below the temperature that a run has reached the curve is not yet to be read.",
    )


def traces(study: Study, told: Mapping[Leaf, Any]) -> Drawn:
    """Ceilings, temperatures and volumes of all runs on their way down."""
    config, per_atom = study.config, n_atoms(study.config)
    if not told:
        return
    what = "enthalpy" if config.ensemble.listed else "energy"
    unit = "" if config.boltzmann == 1.0 else " (eV/atom)"
    lines = [Line(leaf.name, -t["log_X"], t["ceiling"] / per_atom) for leaf, t in told.items()]
    yield (
        nested_traces(lines, title=f"Ceiling: {what}", x="−log X", y=f"{what} per atom{unit}"),
        "The contour below which points are sampled, against the log of the prior volume left above it.",
    )
    slopes = [Line(leaf.name, -t["log_X"], t["slope"] / config.boltzmann) for leaf, t in told.items()]
    yield (
        nested_traces(
            slopes,
            title="Temperature of the ceiling",
            x="−log X",
            y=temperature_label(config),
            log=True,
            level=config.stop.lowest_temperature,
        ),
        "The microcanonical temperature, d value / d log X; dashed: the lowest of interest.",
    )
    volumes = [_observed(study, leaf, "volume") for leaf in told]
    lines = [
        Line(leaf.name, x, y / per_atom)
        for leaf, found in zip(told, volumes, strict=True)
        if found
        for x, y in [found]
    ]
    if lines:
        yield (
            nested_traces(lines, title="Volume", x="−log X", y="volume per atom", log=True),
            "Volumes of points that died.",
        )


def walks(study: Study, told: Mapping[Leaf, Any]) -> Drawn:
    """Walk lengths, memory, moves of the run that was begun last, and exchanges if there are any."""
    if not told:
        return
    sampling = study.config.sampling
    lengths = [Line(leaf.name, -t["log_X"], t["walk_length"].astype(float)) for leaf, t in told.items()]
    yield (
        nested_traces(lengths, title="Walk length", x="−log X", y="sweeps"),
        "Longer where clones remember their ancestors.",
    )
    memories = [Line(leaf.name, -t["log_X"], t["memory"]) for leaf, t in told.items()]
    yield (
        nested_traces(memories, title="Memory", x="−log X", y="rank correlation", level=sampling.memory),
        "Rank correlation of clones with their ancestors; dashed: above it walks grow.",
    )
    leaf, records = list(told.items())[-1]
    names = study.status(leaf)["moves"]
    acceptance = {name: records["acceptance"][:, i] for i, name in enumerate(names)}
    sizes = {name: records["steps"][:, i] for i, name in enumerate(names)}
    finite = {name: column for name, column in sizes.items() if np.isfinite(column).all()}
    yield (
        nested_moves(-records["log_X"], acceptance, finite, aim=sampling.acceptance),
        f"{leaf.name}: acceptance of each kind of move (dashed: aimed at) and its step size.",
    )
    if lines := list(_exchanges(study)):
        yield (
            nested_traces(lines, title="Exchange of points", x="step", y="share that changed places"),
            "Of the attempts between two neighboring pressures; where it falls to nothing, news no longer "
            "travel: put a pressure between them.",
        )


def uncertainty(study: Study, leaves: tuple[Leaf, ...]) -> Drawn:
    """Predicted errors of points that died, where they are followed."""
    found = {leaf: _observed(study, leaf, "energy_std") for leaf in leaves}
    lines = [Line(leaf.name, *pair) for leaf, pair in found.items() if pair is not None]
    if lines:
        yield (
            nested_traces(
                lines,
                title="Predicted error of the energy",
                x="−log X",
                y="eV",
                log=True,
                level=study.config.collected_above,
            ),
            "Of points that died, whole configurations; dashed: above it they are collected for the learner.",
        )


def _exchanges(study: Study) -> Iterator[Line]:
    """Acceptance of exchanges between neighbors, of every family that has begun."""
    for family in study.families:
        folder = study.exchange_folder(family[0].seed)
        if len(family) < 2 or not (folder / EXCHANGES).exists():
            continue
        told = read_exchanges(folder)
        for number, (low, high) in enumerate(pairwise(family)):
            own = told[(told["lower"] == number) & (told["tried"] > 0)]
            if len(own):
                name = f"seed {low.seed}, P = {low.pressure:g} and {high.pressure:g}"
                yield Line(name, np.arange(1.0, len(own) + 1.0), own["accepted"] / own["tried"])


def _observed(study: Study, leaf: Leaf, name: str) -> tuple[Floats, Floats] | None:
    """-log X and an observable of the points of a run, thinned; None where it is not observed."""
    points = nested.read_points(study.folder / leaf.name)
    if name not in points.observables:
        return None
    chosen = thinned(points.value)
    depth = np.cumsum(1.0 / nested.points.live_numbers(points))
    return depth[chosen], points.observables[name][chosen]


def temperature_label(config: NestedConfig) -> str:
    """Axis of temperatures, with the unit if there is one."""
    return f"temperature ({config.temperature_unit})" if config.temperature_unit else "temperature"
