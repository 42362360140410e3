"""What a fit would do: data, sparse points, memory and time, found without fitting."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
from ase import Atoms

from gapsample.database import Database, Label, fingerprint, split_of
from gapsample.errors import GapsampleError
from gapsample.gp.linear_system import ROWS_AT_ONCE
from gapsample.journeys.config import Config
from gapsample.potential.recipe import KINDS, Angle, Distance, Recipe, Soap

SECONDS_PER_ELEMENT = 5e-7
"""Of the design matrix, on one core of 2024: silicon, 200 sparse points, n_max 8, l_max 6."""
SQUARES = 4
"""Arrays of M x M numbers alive at once in the fit: the triangle, K_mm, its factor, and a copy of one."""


@dataclass(frozen=True)
class Findings:
    """Lines that say what would run, and problems that would stop it."""

    lines: tuple[str, ...]
    problems: tuple[str, ...]

    def also(self, look: Callable[[], object]) -> Findings:
        """These, and as one more problem whatever a look at something raises."""
        try:
            look()
        except (GapsampleError, OSError) as problem:
            return replace(self, problems=(*self.problems, str(problem)))
        return self


@dataclass(frozen=True)
class Census:
    """Counts of the labels a fit would learn from.

    Attributes
    ----------
    configurations : by (level, config_type)
    atoms : by species, of the configurations that train
    rows : linear observations (energies, force and virial components) that train
    n_train, n_test : configurations
    """

    configurations: Mapping[tuple[str, str], int]
    atoms: Mapping[str, int]
    rows: int
    n_train: int
    n_test: int


def check_config(config: Config) -> Findings:
    """Look at everything a fit needs; never fits and never writes."""
    lines, problems = [], []
    labeled: list[tuple[Atoms, Label]] = []
    for each in config.database.imports:
        try:
            report, pairs = each.read()
        except (GapsampleError, OSError) as error:
            problems.append(f"cannot import {each.file}: {error}")
        else:
            labeled += pairs
            lines.append(str(report))
    try:
        labeled += [(entry.atoms, entry.label) for entry in Database(config.database.path).select()]
    except GapsampleError as error:
        problems.append(str(error))
    levels = sorted({label.level for _, label in labeled})
    level = config.recipe.level
    if level is None and len(levels) > 1:
        problems.append(f"several levels of theory ({', '.join(levels)}): choose one with recipe.level")
    census = count(labeled, config.recipe, level)
    lines += list(_data_lines(census))
    if census.n_train == 0:
        wanted = f"level {level!r}" if level else "any level"
        problems.append(f"nothing to fit: no training label of {wanted}; levels present: {levels or 'none'}")
        return Findings(tuple(lines), tuple(problems))
    problems += _unlabeled_sigmas(config.recipe, census)
    sparse = [sparse_points(term, census.atoms) for term in config.recipe.terms]
    names = {cls: name for name, cls in KINDS.items()}
    for term, n in zip(config.recipe.terms, sparse, strict=True):
        lines.append(f"{names[type(term)]:<12} cutoff {term.cutoff:.2f} Å, about {n} sparse points")
    lines.append(_cost_line(sum(sparse), census.rows))
    lines.append(f"would write  {config.output.model} and {config.output.manifest.name}")
    if not writable(config.output.model.parent):
        problems.append(f"cannot write into {config.output.model.parent}")
    return Findings(tuple(lines), tuple(problems))


def count(labeled: list[tuple[Atoms, Label]], recipe: Recipe, level: str | None) -> Census:
    """Count what a fit of `recipe` would see; a configuration met twice at one level counts once."""
    configurations: Counter[tuple[str, str]] = Counter()
    atoms: Counter[str] = Counter()
    seen: set[tuple[str, str]] = set()
    rows, sides = 0, Counter[str]()
    for configuration, label in labeled:
        mark = fingerprint(configuration)
        if (label.level, mark) in seen or level not in (None, label.level):
            continue
        seen.add((label.level, mark))
        configurations[label.level, label.config_type] += 1
        side = split_of(mark, len(configuration)) if recipe.split == "train" else "train"
        sides[side] += 1
        if side == "train":
            atoms.update(configuration.get_chemical_symbols())
            rows += _observations(label, recipe)
    return Census(configurations, atoms, rows, sides["train"], sides["test"])


def sparse_points(term: Soap | Distance | Angle, atoms: Mapping[str, int]) -> int:
    """About how many sparse points a term will have, given how many atoms there are of each species."""
    species = sorted(atoms)
    pairs = list(combinations_with_replacement(species, 2))
    if isinstance(term, Soap):
        return sum(
            atoms[center] if term.sparse_method == "all" else min(term.n_sparse, atoms[center])
            for center in (term.centers or species)
            if center in atoms
        )
    if isinstance(term, Distance):
        return term.n_sparse * len(term.pairs or pairs)
    return term.n_sparse * len(term.triplets or [(c, *pair) for c in species for pair in pairs])


def _observations(label: Label, recipe: Recipe) -> int:
    sigmas = recipe.config_type_sigmas.get(label.config_type, recipe.sigmas)
    n = int(label.energy is not None and sigmas.energy is not None)
    if label.forces is not None and sigmas.force is not None:
        n += 3 * (len(label.forces) if label.trusted is None else int(label.trusted.sum()))
    return n + 6 * int(label.virial is not None and sigmas.virial is not None)


def _data_lines(census: Census) -> Iterator[str]:
    for (level, config_type), n in sorted(census.configurations.items()):
        yield f"{n:6d}  {config_type} ({level})"
    yield f"{census.n_train:6d}  train, {census.n_test} test; {census.rows} observations"
    yield "species      " + (
        ", ".join(f"{name} ({n} atoms)" for name, n in sorted(census.atoms.items())) or "-"
    )


def _unlabeled_sigmas(recipe: Recipe, census: Census) -> list[str]:
    present = {config_type for _, config_type in census.configurations}
    return [
        f"recipe.config_type_sigmas.{name} matches no configuration; present: {', '.join(sorted(present))}"
        for name in recipe.config_type_sigmas
        if name not in present
    ]


def _cost_line(n_sparse: int, n_rows: int) -> str:
    memory = 8 * n_sparse * (SQUARES * n_sparse + ROWS_AT_ONCE) / 2**20
    seconds = n_rows * n_sparse * (SECONDS_PER_ELEMENT + 2.0 * n_sparse / _flops_per_second())
    cost = f"{memory:.0f} MB and {duration(seconds)} on one core"
    return f"cost         {n_sparse} weights, {n_rows} rows: about {cost}"


def duration(seconds: float) -> str:
    """Seconds in words."""
    return f"{max(seconds, 1.0):.0f} s" if seconds < 90.0 else f"{seconds / 60.0:.0f} min"


def _flops_per_second(n: int = 384) -> float:
    """Speed of a matrix product here and now: the scale on which the QR is timed."""
    matrix = np.ones((n, n))
    started = time.perf_counter()
    for _ in range(4):
        matrix @ matrix
    return 4 * 2.0 * n**3 / (time.perf_counter() - started)


def writable(folder: Path) -> bool:
    """Whether the folder, or the first around it that exists, can be written into."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)
