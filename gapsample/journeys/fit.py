"""From a config to a model file: import, fit, save, and write down how it was made."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gapsample.database import Database
from gapsample.journeys.config import Config
from gapsample.potential.assessment import Row
from gapsample.potential.fit import fit
from gapsample.potential.hyperparameters import optimize
from gapsample.progress import Progress
from gapsample.provenance import manifest, sha256, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FitOutcome:
    """What a fit left behind: tables of errors by split, the log evidence, and the files written."""

    errors: Mapping[str, Sequence[Row]]
    log_evidence: float
    written: tuple[Path, ...]


def run_fit(config: Config, *, optimized: bool = False, progress: Progress | None = None) -> FitOutcome:
    """Import what the config asks for, fit, save the model and its manifest.

    Parameters
    ----------
    optimized : find noise and delta by the evidence before the fit (see `hyperparameters.optimize`)

    Raises
    ------
    GapsampleError
        From the database (nothing to fit), the fit, or a file that cannot be read.
    """
    started = time.perf_counter()
    database = fill_database(config)
    if optimized:
        config = replace(config, recipe=optimize(config.recipe, database, progress=progress))
        log.info("optimized recipe: %s", config.recipe)
    result = fit(config.recipe, database, progress=progress)
    model = config.output.model
    result.gap.save(model)
    record = manifest(
        config.as_dict(),
        database={"path": config.database.path, "rows": len(database), "watermark": database.watermark},
        model={"path": str(model), "sha256": sha256(model)},
        log_evidence=result.log_evidence,
        errors={split: [row.as_dict() for row in rows] for split, rows in result.errors.items()},
        seconds=round(time.perf_counter() - started, 2),
    )
    write_json(config.output.manifest, record)
    return FitOutcome(result.errors, result.log_evidence, (model, config.output.manifest))


def fill_database(config: Config) -> Database:
    """The config's database with its files imported; what is there already is not added twice.

    All files are read and checked before the first row is written.
    """
    if "://" not in config.database.path:
        Path(config.database.path).parent.mkdir(parents=True, exist_ok=True)
    database = Database(config.database.path)
    for report, pairs in [each.read() for each in config.database.imports]:
        log.info("%s", report)
        before = len(database)
        database.add_many(pairs)
        log.info("%s: %d rows new in %s", report.path.name, len(database) - before, config.database.path)
    return database
