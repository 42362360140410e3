"""The quantum engine's own values of every property: computed once, kept in qm_reference.json.

python runs/diamond/reference.py
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from engine import provenance, quantum
from properties import measure

from gapsample.provenance import write_json

REFERENCE = Path(__file__).parent / "qm_reference.json"


def make_reference() -> None:
    """Compute the properties with the quantum engine and write `REFERENCE`."""
    started = time.perf_counter()
    values = measure(quantum())
    seconds = round(time.perf_counter() - started, 1)
    write_json(REFERENCE, {"provenance": {**provenance(), "seconds": seconds}, "properties": rounded(values)})


def load_reference() -> dict[str, Any]:
    """The stored properties, as `properties.measure` gives them."""
    values: dict[str, Any] = json.loads(REFERENCE.read_text())["properties"]
    return values


def rounded(value: Any) -> Any:
    """Every number to 7 significant digits, which is beyond the engine's noise."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


if __name__ == "__main__":
    make_reference()
