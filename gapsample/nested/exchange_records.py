"""Files of a family of runs: a folder for each as `run` leaves it, one checkpoint, and the exchanges."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gapsample.nested.exchange import SWAPS, Exchangeable, Family, FamilyStory
from gapsample.nested.records import CODEC, open_records, write_live
from gapsample.nested.state import Records
from gapsample.sampling.checkpoints import Codec, Packed
from gapsample.sampling.records import RecordFile, read_records

EXCHANGES = "exchanges.records"


def run_folder(folder: str | Path, number: int) -> Path:
    """Folder of one run of a family, unless told otherwise; `read_points` and its like read it."""
    return Path(folder) / f"{number:02d}"


def read_exchanges(folder: str | Path) -> Records:
    """One record per step and pair of neighbors, of dtype `exchange.SWAPS`."""
    return read_records(Path(folder) / EXCHANGES)


class FamilyRecords:
    """Takes the story of a family, each file cut back to what a checkpoint vouches for.

    Parameters
    ----------
    folder, folders : of the exchanges, and of each run
    marks : of the checkpoint, None for a new family
    """

    def __init__(
        self,
        problems: Sequence[Exchangeable],
        family: Family,
        folder: Path,
        folders: Sequence[Path],
        marks: dict[str, Any] | None,
    ) -> None:
        of_runs = [None] * len(problems) if marks is None else marks["runs"]
        self.runs = [open_records(*run) for run in zip(problems, family.runs, folders, of_runs, strict=True)]
        folder.mkdir(parents=True, exist_ok=True)
        keep = None if marks is None else marks["exchanges"]
        self.exchanges = RecordFile(folder / EXCHANGES, SWAPS, keep=keep)

    def append(self, block: FamilyStory) -> None:
        """Take one step."""
        for record, story in zip(self.runs, block.runs, strict=True):
            if story is not None:
                record.append(story)
        self.exchanges.append(block.swaps)

    def sync(self) -> dict[str, Any]:
        """Flush all files; return their marks."""
        return {"runs": [record.sync() for record in self.runs], "exchanges": self.exchanges.sync()}

    def blocks(self, number: int) -> dict[str, Records]:
        """All records of one run, by the name of their file."""
        return {name: np.array(file.read()) for name, file in self.runs[number].files.items()}

    def close(self) -> None:
        """Sync and close all files."""
        for file in (*(file for record in self.runs for file in record.files.values()), self.exchanges):
            file.close()


def write_family(problems: Sequence[Exchangeable], family: Family, folders: Sequence[Path]) -> None:
    """Write the live points of every run."""
    for problem, state, folder in zip(problems, family.runs, folders, strict=True):
        write_live(problem, state, folder)


def _pack(family: Family) -> Packed:
    packed = [CODEC.pack(state) for state in family.runs]
    arrays = {f"{i}_{name}": array for i, part in enumerate(packed) for name, array in part.arrays.items()}
    return Packed(arrays, {"runs": [dict(part.values) for part in packed]})


def _unpack(packed: Packed) -> Family:
    parts: list[dict[str, Any]] = [{} for _ in packed.values["runs"]]
    for name, array in packed.arrays.items():
        number, _, column = name.partition("_")
        parts[int(number)][column] = array
    pairs = zip(parts, packed.values["runs"], strict=True)
    return Family(tuple(CODEC.unpack(Packed(arrays, values)) for arrays, values in pairs))


FAMILY_CODEC = Codec("nested exchange", 1, _pack, _unpack)
