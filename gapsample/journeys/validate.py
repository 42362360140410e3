"""A model against the labels of a database: numbers as JSON, and a page to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gapsample.database import Database
from gapsample.errors import InputError
from gapsample.journeys.facts import calibration_scales, describe_model
from gapsample.potential.assessment import Assessment, Row, assess, table, z_scores
from gapsample.potential.files import load
from gapsample.progress import Progress
from gapsample.provenance import sha256, versions

Split = Literal["train", "test", "all"]


@dataclass(frozen=True, eq=False)
class Validation:
    """What a model says about a database, and what is known about both.

    Attributes
    ----------
    assessment : the predictions beside the labels
    rows : the table of errors, the last row for all of them
    scales : factors the fit put on its raw predicted errors, by quantity (``"energy"``, ``"forces"``)
    facts : about the model: recipe, species, data it was fitted to
    source : model file, its hash, database, level and split
    """

    assessment: Assessment
    rows: tuple[Row, ...]
    scales: Mapping[str, float]
    facts: Mapping[str, Any]
    source: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """All numbers of the report, JSON-able."""
        return {
            "source": dict(self.source),
            "versions": versions(),
            "table": [row.as_dict() for row in self.rows],
            "calibration": self.calibration(),
            "configurations": self.configurations(),
            "model": dict(self.facts),
        }

    def calibration(self) -> dict[str, dict[str, float]]:
        """Root mean square of error / predicted error before and after the stored scale, by quantity."""
        result = {}
        for name, compared in (("energy", self.assessment.energy), ("forces", self.assessment.forces)):
            z = z_scores(compared)
            if z is not None and z.size:
                after, scale = float(np.sqrt(np.mean(z**2))), self.scales.get(name, 1.0)
                result[name] = {"scale": scale, "z_before": after * scale, "z_after": after}
        return result

    def configurations(self) -> list[dict[str, Any]]:
        """Every configuration's own errors, worst force first (energy where there are no forces)."""
        a = self.assessment
        energy = dict(zip(a.energy.entry.tolist(), 1e3 * a.energy.error[:, 0], strict=True))
        lines = []
        for i, name in enumerate(a.ids):
            forces = a.forces.error[a.forces.entry == i]
            lines.append(
                {
                    "id": name,
                    "config_type": a.config_types[i],
                    "n_atoms": int(a.n_atoms[i]),
                    "energy_error": float(energy[i]) if i in energy else None,
                    "force_rmse": float(np.sqrt(np.mean(forces**2))) if forces.size else None,
                    "force_max": float(np.linalg.norm(forces, axis=1).max()) if forces.size else None,
                }
            )
        return sorted(
            lines, key=lambda line: (-(line["force_rmse"] or 0.0), -abs(line["energy_error"] or 0.0))
        )


def validate(
    model: str | Path,
    database: str | Path,
    *,
    level: str | None = None,
    split: Split = "test",
    error: bool = True,
    progress: Progress | None = None,
) -> Validation:
    """Assess a model file on a database.

    Parameters
    ----------
    level : level of theory; None: the one the model was fitted to
    split : ``"test"``: only what no fit with ``split = "train"`` has seen
    error : ask for predicted errors too, if the model has a posterior

    Raises
    ------
    DatabaseError
        If nothing in the database matches; says what there is.
    InputError
        If several levels match and none was chosen.
    """
    potential = load(model)
    if level is None:
        level = potential.origin.get("level")
    entries = Database(database).require(level=level, split=None if split == "all" else split)
    levels = sorted({entry.label.level for entry in entries})
    if len(levels) > 1:
        raise InputError(
            f"{database} holds several levels of theory: {', '.join(levels)}; choose one with --level"
        )
    error = error and potential.posterior is not None
    assessment = assess(potential, entries, error=error, progress=progress)
    return Validation(
        assessment=assessment,
        rows=tuple(table(assessment)),
        scales=calibration_scales(potential),
        facts=describe_model(potential),
        source={
            "model": str(model),
            "model_sha256": sha256(model),
            "database": str(database),
            "level": levels[0],
            "split": split,
        },
    )
