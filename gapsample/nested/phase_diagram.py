"""From runs at several pressures to a phase diagram: ridges of the heat capacity, linked to lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from gapsample.errors import InputError
from gapsample.files import write_text
from gapsample.nested.points import DeadPoints
from gapsample.nested.transitions import Transition, find_transitions

Floats = NDArray[np.float64]

HIDDEN = 1  # pressures in a row at which a line may hide
FORBIDDEN = 1e9
HEAT_FACTOR = 4.0  # latent heats so far apart count as much as a temperature off by the tolerance
VAPOR = 1.5  # volume ratio beyond which the upper phase is taken for a vapor


@dataclass(frozen=True)
class Line:
    """Transitions of one kind, by increasing pressure; the name is a guess, see `phase_diagram`."""

    name: str
    transitions: tuple[Transition, ...]


@dataclass(frozen=True)
class PhaseDiagram:
    """Where phases change.

    Attributes
    ----------
    pressures : shape (n_pressures,), increasing
    temperatures : shape (n_temperatures,)
    heat_capacity, heat_capacity_err : shape (n_pressures, n_temperatures)
    lines : transitions linked over pressures
    """

    pressures: Floats
    temperatures: Floats
    heat_capacity: Floats
    heat_capacity_err: Floats
    lines: tuple[Line, ...]

    def rows(self) -> list[dict[str, float | int | str]]:
        """The table: one row for each transition, line by line."""
        return [
            {
                "line": line.name,
                "pressure": t.pressure,
                "temperature": t.temperature,
                "temperature_err": t.temperature_err,
                "temperature_err_statistical": t.temperature_err_statistical,
                "temperature_err_seeds": t.temperature_err_seeds,
                "temperature_err_model": t.temperature_err_model,
                "heat_capacity": t.height,
                "heat_capacity_err": t.height_err,
                "latent_heat": t.latent_heat,
                "latent_heat_err": t.latent_heat_err,
                "volume_jump": t.volume_jump,
                "volume_jump_err": t.volume_jump_err,
                "slope": t.slope,
                "contrast": t.contrast,
                "order": "first" if t.first_order else "continuous",
                "seeds_seen": t.seeds_seen,
                "seeds": t.n_seeds,
            }
            for line in self.lines
            for t in line.transitions
        ]

    def write_table(self, path: str | Path) -> None:
        """Write the table as CSV; what is not known is empty."""
        rows = self.rows()
        text = io.StringIO()
        if rows:
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow(
                    {k: "" if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
                )
        write_text(path, text.getvalue())

    def with_model_errors(self, errors: Mapping[float, Sequence[tuple[float, float]]]) -> PhaseDiagram:
        """The same diagram with the potential's share of the error of transition temperatures.

        Parameters
        ----------
        errors : by pressure, pairs of a temperature and the error of the transition nearest to it

        Raises
        ------
        InputError
            There is no transition at one of these pressures.
        """
        lines = [list(line.transitions) for line in self.lines]
        for pressure, pairs in errors.items():
            here = [
                (a, b) for a, line in enumerate(lines) for b, t in enumerate(line) if t.pressure == pressure
            ]
            if not here:
                raise InputError(f"no transition at pressure {pressure}; known: {self.pressures.tolist()}")
            for temperature, err in pairs:
                a, b = min(here, key=lambda at: abs(lines[at[0]][at[1]].temperature - temperature))
                lines[a][b] = replace(lines[a][b], temperature_err_model=err)
        named = zip(self.lines, lines, strict=True)
        return replace(self, lines=tuple(Line(line.name, tuple(new)) for line, new in named))


def phase_diagram(
    runs: Mapping[float, Sequence[DeadPoints]],
    temperatures: ArrayLike,
    *,
    rng: Generator,
    boltzmann: float = 1.0,
    degrees_of_freedom: float = 0.0,
    n_draws: int = 100,
    smallest: float = 3.0,
    tolerance: float = 0.1,
) -> PhaseDiagram:
    """Lines of heat-capacity peaks over pressure, with errors, latent heats and volume jumps.

    Lines are named by a guess: ``boiling`` if somewhere the volume grows by more than half, else ``melting``
    for the hottest and ``solid-solid`` for those below. Where boiling becomes continuous it goes on as the
    Widom line.

    Parameters
    ----------
    runs : by pressure, independent runs (seeds), with enthalpies for values and the observable ``"volume"``
    temperatures : shape (n_temperatures,), increasing
    smallest : how far a peak must stand out, in standard errors
    tolerance : of `link`

    References
    ----------
    Baldock et al., Phys. Rev. B 93, 174108 (2016).
    """
    if not runs:
        raise InputError("a phase diagram needs runs at one or more pressures, got none")
    grid = np.asarray(temperatures, float)
    pressures = sorted(runs)
    curves, found = [], []
    for pressure in pressures:
        curve, transitions = find_transitions(
            runs[pressure],
            pressure,
            grid,
            rng=rng,
            boltzmann=boltzmann,
            degrees_of_freedom=degrees_of_freedom,
            n_draws=n_draws,
            smallest=smallest,
        )
        curves.append(curve)
        found.append(transitions)
    return PhaseDiagram(
        np.array(pressures),
        grid,
        np.stack([curve.value for curve in curves]),
        np.stack([curve.err for curve in curves]),
        tuple(_named(link(found, tolerance=tolerance))),
    )


def link(found: Sequence[Sequence[Transition]], *, tolerance: float = 0.1) -> list[tuple[Transition, ...]]:
    """Transitions of neighbouring pressures joined to lines.

    The next of a line is the one whose temperature agrees best with what Clausius and Clapeyron predict from
    the jumps at both ends, and whose latent heat is about the same; all lines choose together, so that lines
    may cross. A line may hide at one pressure. Every transition is in exactly one line.

    Parameters
    ----------
    found : by increasing pressure
    tolerance : largest relative deviation from the prediction, beyond three standard errors
    """
    lines: list[list[Transition]] = []
    last: list[int] = []
    for number, here in enumerate(found):
        open_lines = [n for n, seen in enumerate(last) if number - seen <= 1 + HIDDEN]
        costs = np.array([[_cost(lines[n][-1], t, tolerance) for t in here] for n in open_lines])
        taken: dict[int, int] = {}
        if costs.size:
            pairs = np.stack(linear_sum_assignment(costs), axis=1).tolist()
            taken = {new: open_lines[old] for old, new in pairs if costs[old, new] < FORBIDDEN}
        for column, transition in enumerate(here):
            if column in taken:
                lines[taken[column]].append(transition)
                last[taken[column]] = number
            else:
                lines.append([transition])
                last.append(number)
    return [tuple(line) for line in lines]


def _cost(a: Transition, b: Transition, tolerance: float) -> float:
    deviation = np.log(b.temperature / a.temperature) - _predicted(a, b)
    noise = np.hypot(a.temperature_err / a.temperature, b.temperature_err / b.temperature)
    if abs(deviation) > tolerance + 3.0 * noise:
        return FORBIDDEN
    heat = np.log(b.latent_heat / a.latent_heat) / np.log(HEAT_FACTOR)
    return float((deviation / tolerance) ** 2 + heat**2)


def _predicted(a: Transition, b: Transition) -> float:
    """Change of log temperature from one pressure to another, by the slopes at both.

    With positive pressures d ln T / d ln P is taken for a power of P between, which is exact where it is
    constant (boiling of an ideal vapor) and where it is proportional to P (melting).
    """
    if min(a.pressure, b.pressure) <= 0.0:
        mean = 0.5 * (a.slope / a.temperature + b.slope / b.temperature)
        return mean * (b.pressure - a.pressure)
    first, second = (t.pressure * t.slope / t.temperature for t in (a, b))
    mean = 0.5 * (first + second)
    if first * second > 0.0 and not np.isclose(first, second):
        mean = (second - first) / np.log(second / first)
    return float(mean * np.log(b.pressure / a.pressure))


def _named(lines: Sequence[tuple[Transition, ...]]) -> list[Line]:
    """Lines from hot to cold, with guessed names; a number tells those of the same kind apart."""
    hot_first = sorted(lines, key=lambda line: -float(np.mean([t.temperature for t in line])))
    counts: dict[str, int] = {}
    named = []
    for line in hot_first:
        if max(t.volume_ratio for t in line) > VAPOR:
            kind = "boiling"
        else:
            kind = "solid-solid" if "melting" in counts else "melting"
        counts[kind] = counts.get(kind, 0) + 1
        named.append(Line(kind if counts[kind] == 1 else f"{kind} {counts[kind]}", line))
    return named
