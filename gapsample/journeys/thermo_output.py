"""What `thermo` found, for a terminal, as tables and as a picture."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gapsample.files import replacing, write_text
from gapsample.journeys.nested_atoms import n_atoms
from gapsample.journeys.thermo import Group
from gapsample.nested.diagnostics import smallest_of
from gapsample.nested.reweighting import SMALLEST_SIZE

Floats = NDArray[np.float64]


def as_text(group: Group) -> str:
    """Transitions and diagnostics of a group for a terminal."""
    config = group.study.config
    unit = config.temperature_unit
    scale = n_atoms(config) * config.boltzmann
    lines = [f"{group.title}: {len(group.runs)} run{'s merged' if len(group.runs) > 1 else ''}"]
    for each in group.transitions:
        peak = each.peak
        line = f"  peak at {peak.temperature:.5g} ± {peak.temperature_err:.2g} {unit}".rstrip()
        line += f", C/(N k) = {peak.height / scale:.4g} ± {peak.height_err / scale:.2g}"
        if each.seeds_err is not None:
            line += f"; seeds: ± {each.seeds_err:.2g} ({len(each.of_seeds)} of {len(group.runs)} show it)"
        elif len(group.runs) > 1:
            line += f"; shown by {len(each.of_seeds)} of {len(group.runs)} seeds"
        if each.model_err is not None:
            line += f"; model: ± {each.model_err:.2g}"
        lines.append(line)
    if not group.transitions:
        lines.append("  no peak of the heat capacity stands out in this range")
    if len(group.runs) == 1:
        lines.append("  one seed: what it never found is in no error bar; run several")
    if group.memory is not None:
        lines.append(f"  clones and ancestors: rank correlation {group.memory:.3f}; {_insertion([group])}")
    doubtful = group.found.temperatures[~group.believable]
    if group.reweighted is not None and len(doubtful):
        lines.append(
            f"  reweighted: fewer than {SMALLEST_SIZE:.0f} effective points at {len(doubtful)} of "
            f"{len(group.believable)} temperatures ({doubtful[0]:.4g} to {doubtful[-1]:.4g}): do not believe"
        )
    return "\n".join(lines)


def all_together(groups: Sequence[Group]) -> str:
    """The insertion test of all runs of several groups, a line; empty where one group says it already."""
    tested = [group for group in groups if group.insertion]
    return f"all runs together: {_insertion(tested)}" if len(tested) > 1 else ""


def write_figure(groups: Sequence[Group], path: Path) -> None:
    """Heat capacities with bands and peaks, as PNG."""
    from gapsample import plots
    from gapsample.plots.nested_progress import Line, nested_heat_capacity

    lines, tops = [], {}
    for group in groups:
        config = group.study.config
        scale, curve = n_atoms(config) * config.boltzmann, group.found.heat_capacity
        lines.append(Line(group.title, group.found.temperatures, curve.value / scale, curve.err / scale))
        tops[group.title] = [(each.peak.temperature, each.err) for each in group.transitions]
    unit = groups[0].study.config.temperature_unit
    drawn = nested_heat_capacity(
        lines, tops, title="Heat capacity", x=f"temperature{f' ({unit})' if unit else ''}", y="C / (N k)"
    )
    with replacing(path) as stream:
        stream.write(plots.png(drawn))


def as_csv(group: Group) -> str:
    """All curves of a group as comma-separated values, a line for each temperature."""
    columns = dict(_columns(group))
    table = io.StringIO()
    table.write(",".join(columns) + "\n")
    for row in zip(*columns.values(), strict=True):
        table.write(",".join(f"{entry:.10g}" for entry in row) + "\n")
    return table.getvalue()


def write_csv(groups: Sequence[Group], path: Path) -> list[Path]:
    """Write a file for each group, numbered where there are several; return their names."""
    paths = (
        [path]
        if len(groups) == 1
        else [path.with_stem(f"{path.stem}_{number}") for number in range(len(groups))]
    )
    for group, name in zip(groups, paths, strict=True):
        write_text(name, f"# {group.title}\n{as_csv(group)}")
    return paths


def _columns(group: Group) -> Iterator[tuple[str, Floats]]:
    found, config = group.found, group.study.config
    per_atom = n_atoms(config)
    unit = "" if config.boltzmann == 1.0 else " (eV/atom)"
    yield f"T{' (K)' if config.temperature_unit else ''}", found.temperatures
    yield "log_Z", found.log_Z.value
    yield "log_Z_err", found.log_Z.err
    yield f"energy{unit}", found.energy.value / per_atom
    yield f"energy_err{unit}", found.energy.err / per_atom
    yield "heat_capacity (k/atom)", found.heat_capacity.value / per_atom / config.boltzmann
    yield "heat_capacity_err", found.heat_capacity.err / per_atom / config.boltzmann
    if group.spread is not None:
        yield "heat_capacity_seeds_err", group.spread / per_atom / config.boltzmann
    yield "entropy (k/atom)", found.entropy.value / per_atom
    yield "entropy_err", found.entropy.err / per_atom
    for name, curve in found.means.items():
        yield name, curve.value
        yield f"{name}_err", curve.err
    if "volume" in found.means:
        volume, slope = found.means["volume"], found.slopes["volume"]
        yield "expansion", slope.value / volume.value
        yield "expansion_err", np.asarray((slope.draws / volume.draws).std(axis=0, ddof=1))
    yield "effective_size", found.effective_size


def _insertion(groups: Sequence[Group]) -> str:
    """Smallest p-value of some runs, corrected for how many there are."""
    p_values = [p for group in groups for p in group.insertion]
    one = len(p_values) == 1
    words = f"insertion ranks: p = {smallest_of(p_values):.2g}"
    return words if one else f"{words} (smallest of {len(p_values)} runs {min(p_values):.2g}, Šidák)"
