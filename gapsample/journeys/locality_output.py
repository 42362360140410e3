"""What a locality scan writes: a table, errors of single atoms, a figure and a manifest."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ase.data import chemical_symbols

from gapsample import plots
from gapsample.files import replacing, write_text
from gapsample.journeys.locality_config import LocalityConfig
from gapsample.plots.locality import Curve, locality_figure
from gapsample.provenance import MANIFEST, manifest, sha256, write_json
from gapsample.qmmm.locality import Locality, Outside, Radius

TABLE, ATOMS, FIGURE = "locality.csv", "atoms.csv", "locality.png"
EVERYTHING = "all"  # species together
COLUMNS = ("outside", "species", "radius", "atoms", "cluster_size", "rms", "max", "whole", "failed")
SINGLE = ("frame", "index", "species", "outside", "radius", "cluster_size", "error", "true_force")


class Reached(NamedTuple):
    """The radius that an error (eV/Å) takes, for what is outside and for which species."""

    error: float
    outside: Outside
    species: str
    radius: Radius


def write_locality(config: LocalityConfig, found: Locality) -> tuple[Path, ...]:
    """Write everything into the folder of the config; each file replaces an older one when complete."""
    folder = config.output.folder
    for name, table in ((TABLE, [COLUMNS, *rows(found)]), (ATOMS, [SINGLE, *_atoms(found)])):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table)
        write_text(folder / name, text.getvalue())
    with replacing(folder / FIGURE) as stream:
        stream.write(plots.png(locality_figure(curves(found), wanted=config.wanted)))
    write_json(folder / MANIFEST, _manifest(config, found))
    return tuple(folder / name for name in (TABLE, ATOMS, FIGURE, MANIFEST))


def rows(found: Locality) -> Iterator[tuple[str, ...]]:
    """The table, without its titles: a row for each outside, species and radius."""
    for outside in found.errors:
        for name, number in _groups(found):
            of = slice(None) if number is None else found.numbers == number
            rms, largest = found.rms(outside, number), found.largest(outside, number)
            for k, radius in enumerate(found.radii):
                counts = found.whole[k, of], found.failed[k, of]
                known = ~(counts[0] | counts[1])
                size = found.sizes[k, of].mean()
                errors = ("" if np.isnan(x) else f"{x:.5f}" for x in (rms[k], largest[k]))
                yield (
                    outside, name, f"{radius:g}", str(known.sum()), f"{size:.1f}", *errors,
                    *(str(count.sum()) for count in counts),
                )  # fmt: skip


def reached(found: Locality, wanted: tuple[float, ...]) -> list[Reached]:
    """The radius that each wanted error takes."""
    return [
        Reached(error, outside, name, found.radius_for(error, outside, number))
        for error in wanted
        for outside in found.errors
        for name, number in _groups(found)
    ]


def _atoms(found: Locality) -> Iterator[tuple[str, ...]]:
    size = np.linalg.norm(found.forces, axis=1)
    for outside in found.errors:
        for (k, n), error in np.ndenumerate(found.norms(outside)):
            yield (
                str(found.frame[n]), str(found.index[n]), chemical_symbols[found.numbers[n]], outside,
                f"{found.radii[k]:g}", str(found.sizes[k, n]), f"{error:.6f}", f"{size[n]:.6f}",
            )  # fmt: skip


def curves(found: Locality) -> list[Curve]:
    """What the figure shows: one curve for each species and each outside."""
    names: dict[Outside, str] = {"nothing": "cluster alone", "classical": "with the field outside"}
    shown = [(name, number) for name, number in _groups(found) if name != EVERYTHING]
    return [
        Curve(
            f"{name}, {names[outside]}", found.radii, found.rms(outside, number), found.norms(outside, number)
        )
        for name, number in shown
        for outside in found.errors
    ]


def _groups(found: Locality) -> list[tuple[str, int | None]]:
    """Names and atomic numbers of the species, and all together where there are several."""
    species: list[tuple[str, int | None]] = [
        (chemical_symbols[number], int(number)) for number in np.unique(found.numbers)
    ]
    return species if len(species) == 1 else [*species, (EVERYTHING, None)]


def _manifest(config: LocalityConfig, found: Locality) -> dict[str, Any]:
    radii = [
        {"error": each.error, "outside": each.outside, "species": each.species, **_finite(each.radius)}
        for each in reached(found, config.wanted)
    ]
    files = {each.file.name: sha256(each.file) for each in config.configurations}
    return manifest(config.as_dict(), configurations=files, seed=config.atoms.seed, radii=radii)


def _finite(radius: Radius) -> dict[str, float | None]:
    """As JSON can hold it: null where no radius was large enough."""
    return {name: value if np.isfinite(value) else None for name, value in radius._asdict().items()}
