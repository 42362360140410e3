"""A GAP as one ``.npz`` file with a readable JSON header; nothing in it is ever executed."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, GapsampleError
from gapsample.files import replacing
from gapsample.gp.linear_system import Posterior
from gapsample.potential.baseline import from_recipe
from gapsample.potential.gap import GAP, Calibration
from gapsample.potential.recipe import KINDS, Baseline, Recipe
from gapsample.potential.terms.angle import AngleTerm
from gapsample.potential.terms.distance import DistanceTerm
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm
from gapsample.settings import build, dump

Floats = NDArray[np.float64]

FORMAT, SCHEMA = "gapsample-gap", 1
TERMS: Mapping[str, Any] = {"soap": SoapTerm, "distance_2b": DistanceTerm, "angle_3b": AngleTerm}


def save(gap: GAP, path: str | Path) -> None:
    """Write a model; a process killed meanwhile leaves the old file, or none, but never half of one.

    The header is the entry ``header`` (JSON text): ``unzip -p gap.npz header.json`` is enough to read it.
    """
    arrays: dict[str, Floats] = {"alpha": gap.alpha}
    terms = []
    for t, term in enumerate(gap.terms):
        head, own = term.to_arrays()
        terms.append({"kind": _kind(term), **head})
        arrays.update({f"term{t}_{name}": value for name, value in own.items()})
    header: dict[str, Any] = {
        "format": FORMAT,
        "schema": SCHEMA,
        "species": list(gap.species),
        "e0": {chemical_symbols[z]: value for z, value in sorted(gap.e0.items())},
        "origin": dict(gap.origin),
        "calibration": asdict(gap.calibration),
        "recipe": None if gap.recipe is None else dump(gap.recipe, kinds=KINDS),
        "terms": terms,
        "posterior": None,
    }
    if gap.posterior is not None:
        posterior = gap.posterior
        arrays["triangle"] = posterior.triangle[np.triu_indices(len(posterior.triangle))]
        header["posterior"] = {
            "log_det_prior": posterior.log_det_prior,
            "log_noise": posterior.log_noise,
            "n_rows": posterior.n_rows,
        }
    with replacing(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("header.json", json.dumps(header, indent=1))
        for name, value in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.ascontiguousarray(value), allow_pickle=False)


def load(path: str | Path) -> GAP:
    """Read a model written by `GAP.save`.

    Raises
    ------
    FileFormatError
        The file is missing, truncated, of another kind or newer than this program; or its arrays do not
        fit its header. Pickled objects are refused.
    """
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"model file {path} does not exist")
    try:
        with zipfile.ZipFile(path) as archive:
            header = json.loads(archive.read("header.json"))
            _check_header(path, header)
            arrays = {
                name.removesuffix(".npy"): _read(archive, name)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
        return _assemble(header, arrays)
    except FileFormatError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, IndexError, EOFError, OSError) as problem:
        raise FileFormatError(
            f"{path} is not a readable gapsample model ({type(problem).__name__}: {problem}); "
            "it may be truncated; fit or copy it again"
        ) from problem
    except GapsampleError as problem:
        raise FileFormatError(f"{path} is not a valid gapsample model: {problem}") from problem


def _assemble(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> GAP:
    terms: list[Term] = []
    for t, head in enumerate(header["terms"]):
        prefix = f"term{t}_"
        own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        fields = {key: value for key, value in head.items() if key != "kind"}
        terms.append(TERMS[head["kind"]].from_arrays(fields, own))
    n_sparse = sum(term.n_sparse for term in terms)
    if arrays["alpha"].shape != (n_sparse,):
        raise FileFormatError(f"{n_sparse} sparse points but weights of shape {arrays['alpha'].shape}")
    recipe = None if header["recipe"] is None else build(Recipe, header["recipe"], "recipe", kinds=KINDS)
    return GAP(
        terms=tuple(terms),
        alpha=arrays["alpha"],
        e0={atomic_numbers[symbol]: float(value) for symbol, value in header["e0"].items()},
        baseline=from_recipe(Baseline() if recipe is None else recipe.baseline),
        posterior=_posterior(header["posterior"], arrays, n_sparse),
        recipe=recipe,
        calibration=Calibration(**header["calibration"]),
        origin=header["origin"],
    )


def _posterior(
    head: Mapping[str, Any] | None, arrays: Mapping[str, Floats], n_sparse: int
) -> Posterior | None:
    if head is None:
        return None
    side = n_sparse + 1
    if arrays["triangle"].shape != (side * (side + 1) // 2,):
        raise FileFormatError(f"the triangle has {arrays['triangle'].shape} numbers for {n_sparse} weights")
    triangle = np.zeros((side, side))
    triangle[np.triu_indices(side)] = arrays["triangle"]
    return Posterior(triangle, **head)


def _check_header(path: Path, header: Any) -> None:
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise FileFormatError(f"{path} is a zip file but not a gapsample model")
    if header.get("schema") != SCHEMA:
        raise FileFormatError(
            f"{path} has schema {header.get('schema')}, this program reads schema {SCHEMA}; upgrade gapsample"
        )


def _read(archive: zipfile.ZipFile, name: str) -> Floats:
    with archive.open(name) as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
    if array.dtype != np.float64 or not np.all(np.isfinite(array)):
        raise FileFormatError(f"array {name} must hold finite 64-bit floats, got {array.dtype}")
    return array


def _kind(term: Term) -> str:
    return next(name for name, cls in TERMS.items() if isinstance(term, cls))
