"""A study on disk: its manifest, and the folders of its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gapsample.errors import InputError
from gapsample.journeys.nested_config import NestedConfig, nested_config
from gapsample.nested.records import LIVE
from gapsample.provenance import MANIFEST, read_manifest, write_json

REPORT = "report.html"
EXCHANGE = "exchange"
APART = 10_000  # numbers of runs at one pressure lie so far from those at the next


@dataclass(frozen=True)
class Leaf:
    """One run of a study.

    Attributes
    ----------
    name : of its folder within the study's, such as ``"pressure_10/run_0"``
    pressure : as given in the config, None for a fixed cell
    seed : which of the independent runs at this pressure
    number : of its stream of random numbers
    """

    name: str
    pressure: float | None
    seed: int
    number: int


@dataclass(frozen=True)
class Study:
    """A config and the folder that holds its runs.

    Attributes
    ----------
    manifest : what was written beside the runs
    """

    config: NestedConfig
    folder: Path
    manifest: Mapping[str, Any] = field(default_factory=dict)

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """All runs, pressure by pressure."""
        return tuple(_leaves(self.config))

    @property
    def families(self) -> tuple[tuple[Leaf, ...], ...]:
        """Runs that are sampled together: alone, or those of one seed by rising pressure if they exchange."""
        if not self.config.sampling.exchange:
            return tuple((leaf,) for leaf in self.leaves)
        seeds = range(self.config.sampling.seeds)
        rising = sorted(self.leaves, key=lambda leaf: leaf.pressure or 0.0)
        return tuple(tuple(leaf for leaf in rising if leaf.seed == seed) for seed in seeds)

    def exchange_folder(self, seed: int) -> Path:
        """Where the runs of one seed that exchange have their checkpoints, and the record of exchanges."""
        return self.folder / EXCHANGE / f"run_{seed}"

    @property
    def begun(self) -> tuple[Leaf, ...]:
        """Runs that have something to be read."""
        return tuple(leaf for leaf in self.leaves if (self.folder / leaf.name / LIVE).exists())

    def status(self, leaf: Leaf) -> Mapping[str, Any]:
        """What the manifest says about one run, nothing before its first checkpoint."""
        found: Mapping[str, Any] = self.manifest.get("runs", {}).get(leaf.name, {})
        return found

    def write(self, manifest: Mapping[str, Any]) -> Study:
        """Put a manifest in the place of the one before."""
        write_json(self.folder / MANIFEST, manifest)
        return replace(self, manifest=manifest)


def open_study(folder: str | Path) -> Study:
    """Read a study back; its folder may have been moved since.

    Raises
    ------
    FileFormatError
        The folder holds no manifest, or one that this version does not understand.
    """
    folder = Path(folder).absolute()

    def study(found: Mapping[str, Any]) -> Study:
        config = nested_config(found["settings"])
        return Study(replace(config, output=replace(config.output, folder=folder)), folder, found)

    return read_manifest(folder / MANIFEST, "a nested-sampling study", study)


def runs_in(folder: str | Path) -> tuple[Study, tuple[Leaf, ...]]:
    """The study and its begun runs that lie in a folder: all of a study, those of a pressure, or one.

    Raises
    ------
    FileFormatError, InputError
        Neither the folder nor one around it is that of a study; or no run in it has begun.
    """
    given = Path(folder).absolute()
    places = (given, *given.parents[:2])
    root = next((place for place in places if (place / MANIFEST).exists()), given)
    study = open_study(root)
    chosen = tuple(leaf for leaf in study.begun if (root / leaf.name).is_relative_to(given))
    if not chosen:
        raise InputError(
            f"{folder} holds no run that has begun; runs of the study: {[x.name for x in study.begun]}"
        )
    return study, chosen


def _leaves(config: NestedConfig) -> Iterator[Leaf]:
    seeds = range(config.sampling.seeds)
    if not config.ensemble.listed:
        yield from (Leaf(f"run_{seed}", None, seed, seed) for seed in seeds)
    for place, pressure in enumerate(config.ensemble.listed):
        for seed in seeds:
            yield Leaf(f"pressure_{pressure:.12g}/run_{seed}", pressure, seed, APART * place + seed)
