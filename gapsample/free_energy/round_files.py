"""What an exploration decided, on disk before it is done: so a killed one goes on as it would have."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gapsample.errors import FileFormatError, InputError
from gapsample.files import write_text
from gapsample.free_energy.variables import Periods


@dataclass(frozen=True)
class Round:
    """Windows chosen together.

    Attributes
    ----------
    first : number of the first of them
    centers : of each
    parents : window each begins from, -1 for the start
    error : eV, before they were sampled; infinite at the beginning
    """

    first: int
    centers: tuple[tuple[float, ...], ...]
    parents: tuple[int, ...]
    error: float


def check_place(
    folder: str | Path | None, start: tuple[float, ...], kappa: tuple[float, ...], periods: Periods
) -> None:
    """Refuse a folder that was begun with other windows; goal, error and limits may change."""
    if folder is None:
        return
    path = Path(folder) / "exploration.json"
    wanted = {
        "schema": 1,
        "start": list(start),
        "kappa": list(kappa),
        "periods": list(periods),
    }
    if not path.exists():
        write_text(path, json.dumps(wanted))
        return
    if (found := _read(path)) != wanted:
        raise InputError(
            f"{path} is of another exploration ({found}, wanted {wanted}); choose another folder"
        )


def on_disk(folder: str | Path | None) -> list[Round]:
    """All rounds written so far, in order."""
    paths = [] if folder is None else sorted(Path(folder).glob("round-*.json"))
    result = []
    for path in paths:
        found = _read(path)
        try:
            result.append(
                Round(
                    int(found["first"]),
                    tuple(tuple(map(float, center)) for center in found["centers"]),
                    tuple(map(int, found["parents"])),
                    float(found["error"]),
                )
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise FileFormatError(f"{path} is no round of an exploration ({problem}); delete it") from problem
    return result


def written(folder: str | Path | None, number: int, this: Round) -> Round:
    """Write a round down; what is sampled is what was written."""
    if folder is not None:
        content = {
            "first": this.first,
            "centers": this.centers,
            "parents": this.parents,
            "error": str(this.error),
        }
        write_text(Path(folder) / f"round-{number:06d}.json", json.dumps(content))
    return this


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise FileFormatError(f"{path} cannot be read ({problem}); delete it") from problem
    if not isinstance(found, dict):
        raise FileFormatError(f"{path} holds no object; delete it")
    return found
