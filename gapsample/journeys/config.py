"""The TOML file of a fit: where the labels are, the recipe, and where the model goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gapsample.database import Imported, read_extxyz
from gapsample.potential.recipe import KINDS, Recipe
from gapsample.settings import build, dump, load_overridden

GAP_FIT_NAMES = {
    "at_file": "file",
    "energy_parameter_name": "energy_key",
    "force_parameter_name": "force_key",
    "virial_parameter_name": "virial_key",
    "stress_parameter_name": "stress_key",
    "config_type_parameter_name": "config_type_key",
}


@dataclass(frozen=True)
class Import:
    """One extended XYZ file to take labels from; keys as `gapsample.database.read_extxyz` explains them."""

    file: Path
    level: str | None = None
    source: str | None = None
    energy_key: str | None = None
    force_key: str | None = None
    virial_key: str | None = None
    stress_key: str | None = None
    config_type_key: str = "config_type"

    def read(self) -> Imported:
        """Read and check the file; nothing is written anywhere."""
        return read_extxyz(
            self.file,
            level=self.level,
            source=self.source,
            energy_key=self.energy_key,
            force_key=self.force_key,
            virial_key=self.virial_key,
            stress_key=self.stress_key,
            config_type_key=self.config_type_key,
        )


@dataclass(frozen=True)
class DatabaseSettings:
    """The database to fit from, a file or ``postgresql://...``, and files to import into it first."""

    path: str
    imports: tuple[Import, ...] = field(default=(), metadata={"key": "import"})


@dataclass(frozen=True)
class Output:
    """Where the model is written; a manifest goes beside it."""

    model: Path = Path("gap.npz")

    @property
    def manifest(self) -> Path:
        """``gap.npz`` has its manifest in ``gap.manifest.json``."""
        return self.model.with_suffix(".manifest.json")


@dataclass(frozen=True)
class Config:
    """All of a config file."""

    database: DatabaseSettings
    recipe: Recipe
    output: Output = field(default_factory=Output)

    def as_dict(self) -> dict[str, Any]:
        """Every setting, defaults filled in, JSON-able."""
        settings: dict[str, Any] = dump(self, kinds=KINDS)
        return settings


def load_config(path: str | Path, overrides: Iterable[str] = ()) -> Config:
    """Read a config file; relative paths in it start from the folder it lies in.

    Parameters
    ----------
    overrides : assignments such as ``"recipe.terms.0.n_sparse=500"``

    Raises
    ------
    SettingsError
        The file is missing, no TOML, has an unknown key (names the near miss) or a wrong value.
    """
    settings = load_overridden(path, overrides)
    return _anchored(build(Config, _with_our_names(settings), kinds=KINDS), Path(path).absolute().parent)


def _with_our_names(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with gap_fit's names of an import's keys turned into ours."""
    database = settings.get("database")
    if not isinstance(database, Mapping) or not isinstance(database.get("import"), list):
        return settings
    imports = [
        {GAP_FIT_NAMES.get(key, key): value for key, value in item.items()}
        if isinstance(item, Mapping)
        else item
        for item in database["import"]
    ]
    return {**settings, "database": {**database, "import": imports}}


def _anchored(config: Config, folder: Path) -> Config:
    database = config.database
    return replace(
        config,
        database=replace(
            database,
            path=database.path if "://" in database.path else str(folder / database.path),
            imports=tuple(replace(each, file=folder / each.file) for each in database.imports),
        ),
        output=replace(config.output, model=folder / config.output.model),
    )
