"""Whether a model can go on learning from a database, before anything is written."""

from __future__ import annotations

from pathlib import Path

from gapsample.database import Database
from gapsample.errors import FitError, InputError
from gapsample.potential.files import load
from gapsample.potential.gap import GAP


def learnable(model: Path, database: str, setting: str) -> GAP:
    """The GAP of a file, if it can learn what comes after that which it has learned.

    Parameters
    ----------
    setting : that names the database, for the message

    Raises
    ------
    FitError
        It carries no posterior or no recipe.
    InputError
        The database does not hold the rows that it has learned.
    """
    gap = load(model)
    if gap.recipe is None or gap.posterior is None:
        raise FitError(f"{model} has no posterior or no recipe and cannot learn; fit it from data")
    learned, there = int(gap.origin.get("watermark", 0)), Database(database).watermark
    if learned > there:
        raise InputError(
            f"{model} has learned rows up to {learned}, but {database} ends at {there}; give the database "
            f"that it was fitted to, as in --set {setting}=PATH"
        )
    return gap
