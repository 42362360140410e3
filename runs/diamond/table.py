"""The comparison as rows: markdown for people, the same numbers as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Quantity:
    """One row: what it is called, its unit, the decimals worth printing, and its values by column."""

    name: str
    unit: str
    decimals: int
    values: dict[str, float]


def quantities(columns: Mapping[str, Properties], reference: str) -> list[Quantity]:
    """All rows of the table; errors of curves are against the column `reference`."""
    rows = [
        _row("lattice constant a₀", "Å", 4, columns, lambda p: p["a"]),
        _row("C₁₁", "GPa", 0, columns, lambda p: p["elasticity"]["c11"]),
        _row("C₁₂", "GPa", 0, columns, lambda p: p["elasticity"]["c12"]),
        _row("C₄₄ unrelaxed", "GPa", 0, columns, lambda p: p["elasticity"]["c44_unrelaxed"]),
        _row("C₄₄ relaxed", "GPa", 0, columns, lambda p: p["elasticity"]["c44"]),
        _row("optical phonon at Γ", "THz", 2, columns, lambda p: frequency(p, "Γ", 5)),
        _row("highest phonon at X", "THz", 2, columns, lambda p: frequency(p, "X", 5)),
        _row("lowest phonon at X", "THz", 2, columns, lambda p: frequency(p, "X", 0)),
        _row("lowest phonon at L", "THz", 2, columns, lambda p: frequency(p, "L", 0)),
        _row("vacancy formation energy", "eV", 3, columns, lambda p: p["vacancy"]["formation"]),
        _row("vacancy formation, unrelaxed", "eV", 3, columns, lambda p: p["vacancy"]["formation_unrelaxed"]),
        _row("vacancy migration barrier", "eV", 3, columns, lambda p: p["vacancy"]["barrier"]),
    ]
    for kelvin in (300, 600, 1000, 1500):
        rows.append(_row(f"α at {kelvin} K", "10⁻⁶/K", 2, columns, lambda p, t=kelvin: 1e6 * expansion(p, t)))
    return rows


def band_error(properties: Properties, reference: Properties) -> float:
    """Root mean square difference of all phonon frequencies along the path, THz."""
    difference = _frequencies(properties) - _frequencies(reference)
    return float(np.sqrt(np.mean(difference**2)))


def frequency(properties: Properties, corner: str, mode: int) -> float:
    """Frequency (THz) of a mode, counted from 0 upward, at a named corner of the path."""
    position = next(x for x, name in properties["bands"]["ticks"] if name == corner)
    at = int(np.argmin(np.abs(np.array(properties["bands"]["x"]) - position)))
    return float(_frequencies(properties)[at, mode])


def expansion(properties: Properties, kelvin: float) -> float:
    """Linear expansion coefficient, 1/K."""
    table = properties["expansion"]
    return float(np.interp(kelvin, table["temperatures"], table["alpha"]))


def as_json(columns: Mapping[str, Properties], reference: str) -> dict[str, Any]:
    """The rows and the errors against `reference`, JSON-able."""
    return {
        "reference": reference,
        "rows": [
            {"quantity": row.name, "unit": row.unit, **row.values} for row in quantities(columns, reference)
        ],
        "band_rms_error_THz": {
            name: band_error(p, columns[reference]) for name, p in columns.items() if name != reference
        },
    }


def as_markdown(columns: Mapping[str, Properties], reference: str) -> str:
    """A table with one row for each quantity and the relative difference from `reference`."""
    others = [name for name in columns if name != reference]
    header = ["", "unit", *columns, *(f"{name} − {reference}" for name in others)]
    lines = [_line(header), _line(["---"] * 2 + ["---:"] * (len(header) - 2))]
    for row in quantities(columns, reference):
        exact = row.values[reference]
        numbers = [f"{row.values[name]:.{row.decimals}f}" for name in columns]
        errors = [f"{100.0 * (row.values[name] / exact - 1.0):+.1f} %" for name in others]
        lines.append(_line([row.name, row.unit, *numbers, *errors]))
    rms = {name: f"{band_error(columns[name], columns[reference]):.2f}" for name in others}
    blank = ["" for _ in columns]
    lines.append(_line(["phonon bands, RMS difference", "THz", *blank, *(rms[name] for name in others)]))
    return "\n".join(lines) + "\n"


def _row(name: str, unit: str, decimals: int, columns: Mapping[str, Properties], read: Any) -> Quantity:
    return Quantity(name, unit, decimals, {column: float(read(p)) for column, p in columns.items()})


def _frequencies(properties: Properties) -> NDArray[np.float64]:
    return np.array(properties["bands"]["frequencies"])


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
