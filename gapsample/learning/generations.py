"""Generations of a model on disk: each with its hash, its parent, what it learned, and how wrong it is."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from gapsample.errors import FileFormatError, InputError
from gapsample.learning.noise import Residual
from gapsample.potential.files import load
from gapsample.potential.gap import GAP
from gapsample.potential.protocol import Potential
from gapsample.provenance import sha256, write_json
from gapsample.settings import build

How = Literal["given", "absorbed", "extended", "fitted"]


@dataclass(frozen=True)
class Generation:
    """One model of a line.

    Attributes
    ----------
    number : 0 is the model that was given
    how : absorbed into the triangle; the same with more sparse points; fitted from scratch
    sha256 : of the model file
    parent : of the model file of the generation before
    watermark : row of the database up to which its labels are learned
    n_labels : rows learned
    n_fitted : rows behind the last fit from scratch
    n_sparse : of all terms
    residual : what it leaves of the labels it has learned
    novelty_limit : eV^2, see `domain.novelty_limit`
    error_before, error_after : eV/Å, root mean square force error, on the audits learned in this step, of the
        parent (which had not seen them) and of this one (which has)
    seconds : wall time of the step
    """

    number: int
    how: How
    sha256: str
    parent: str | None
    watermark: int
    n_labels: int
    n_fitted: int
    n_sparse: int
    residual: Residual
    novelty_limit: float | None = None
    error_before: float | None = None
    error_after: float | None = None
    seconds: float = 0.0


class Generations:
    """The models of one line, in a folder of their own; the record of each is what makes it count.

    A model is written first and its record last, so that a process killed in between leaves the generation
    before as the newest one.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def model(self, number: int) -> Path:
        """File of a generation's model."""
        return self.folder / f"generation-{number:04d}.npz"

    def all(self) -> list[Generation]:
        """Records of all generations, oldest first.

        Raises
        ------
        FileFormatError
            A record is damaged, or one is missing among them.
        """
        found = [_read(path) for path in sorted(self.folder.glob("generation-*.json"))]
        if [each.number for each in found] != list(range(len(found))):
            raise FileFormatError(
                f"{self.folder} holds generations {[each.number for each in found]}; copy the missing ones "
                "back, or start in another folder"
            )
        return found

    def load(self, generation: Generation, baseline: Potential | None = None) -> GAP:
        """The model of a generation.

        Raises
        ------
        InputError
            The file is not the one that was written.
        """
        path = self.model(generation.number)
        gap = load(path, baseline=baseline)
        if sha256(path) != generation.sha256:
            raise InputError(f"{path} was changed since it was written; restore it, or start a new folder")
        return gap

    def save(self, gap: GAP, number: int) -> str:
        """Write a model that does not count yet; returns its hash."""
        gap.save(self.model(number))
        return sha256(self.model(number))

    def commit(self, generation: Generation) -> None:
        """Write the record that makes a saved model count."""
        write_json(self.model(generation.number).with_suffix(".json"), asdict(generation))


def _read(path: Path) -> Generation:
    try:
        return build(Generation, json.loads(path.read_text(encoding="utf-8")), path.name)
    except (OSError, ValueError) as problem:
        raise FileFormatError(f"{path} is no record of a generation: {problem}; copy it again") from problem
