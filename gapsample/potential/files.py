"""A GAP as one ``.npz`` file with a readable JSON header; nothing in it is ever executed.

Nothing in it is trusted either: members are stored, not compressed, so that no small file can swell, and
every array must be as long as its place in the file.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from numpy.typing import NDArray

from gapsample.errors import FileFormatError, GapsampleError, InputError
from gapsample.files import replacing
from gapsample.gp.linear_system import Posterior
from gapsample.potential.baseline import added, from_recipe
from gapsample.potential.calculator import FromCalculator
from gapsample.potential.gap import GAP, Calibration
from gapsample.potential.protocol import Potential, Sum
from gapsample.potential.quip_read import read_quip
from gapsample.potential.recipe import KINDS, Baseline, Recipe
from gapsample.potential.terms.angle import AngleTerm
from gapsample.potential.terms.distance import DistanceTerm
from gapsample.potential.terms.protocol import Term
from gapsample.potential.terms.soap import SoapTerm
from gapsample.settings import build, dump

Floats = NDArray[np.float64]

FORMAT, SCHEMA = "gapsample-gap", 1
LONGEST_INTEGER = 20  # digits
TERMS: Mapping[str, Any] = {"soap": SoapTerm, "distance_2b": DistanceTerm, "angle_3b": AngleTerm}
NPY_HEAD = re.compile(
    rb"\x93NUMPY\x01\0..\{'descr': '<f8', 'fortran_order': False, "
    rb"'shape': \(((?:\d{1,12}, ?)*\d{0,12})\), \} *\n",
    re.DOTALL,
)
"""The one head of an npy file that `save` writes; numpy's own reader is liberal and surprises."""
UNREADABLE = (
    zipfile.BadZipFile, struct.error, LookupError, ValueError, TypeError, AttributeError, EOFError, OSError,
    OverflowError, MemoryError, RecursionError, SyntaxError, RuntimeError,
)  # fmt: skip
"""What zipfile, json and numpy raise over damaged files; RuntimeError is for encrypted ones."""


def save(gap: GAP, path: str | Path) -> None:
    """Write a model; a process killed meanwhile leaves the old file, or none, but never half of one.

    The header is the entry ``header.json``: ``unzip -p gap.npz header.json`` is enough to read it. A
    baseline that the recipe does not describe is only named in it; `load` asks for it again.
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
        "own_baseline": _own_baseline(gap),
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


def load(path: str | Path, *, baseline: Potential | None = None) -> GAP:
    """Read a model written by `GAP.save`, or an ``.xml`` of QUIP (see `read_quip`).

    Parameters
    ----------
    baseline : the Potential that was given to `fit` as its `baseline`, if one was; for an ``.xml``, any

    Raises
    ------
    InputError
        The model was fitted on top of a baseline of the user's own and none is given, or the reverse.
    FileFormatError
        The file is missing, truncated, of another kind or newer than this program; or its arrays do not
        fit its header. Pickled objects are refused.
    """
    path = Path(path)
    if not path.is_file():
        raise FileFormatError(f"model file {path} does not exist")
    if path.suffix.lower() == ".xml":
        return replace(read_quip(path), baseline=baseline)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(path, archive)
            header = json.loads(
                archive.read("header.json"),
                parse_constant=_finite,
                parse_float=_finite,
                parse_int=_finite_integer,
            )
            _check_header(path, header)
            arrays = {
                name.removesuffix(".npy"): _read(archive, name)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
        gap = _assemble(header, arrays)
    except FileFormatError:
        raise
    except GapsampleError as problem:
        raise FileFormatError(f"{path} is not a valid gapsample model: {problem}") from problem
    except UNREADABLE as problem:
        raise FileFormatError(
            f"{path} is not a readable gapsample model ({type(problem).__name__}: {problem}); "
            "it may be truncated; fit or copy it again"
        ) from problem
    own = header.get("own_baseline")
    if own is not None and baseline is None:
        raise InputError(
            f"{path} was fitted on top of a baseline of its own ({own}) that a file cannot hold; "
            "give the same one as load(path, baseline=...)"
        )
    if own is None and baseline is not None:
        raise InputError(f"{path} was fitted without a baseline of its own; load it without one")
    return gap if baseline is None else replace(gap, baseline=added(gap.baseline, baseline))


def _assemble(header: Mapping[str, Any], arrays: Mapping[str, Floats]) -> GAP:
    terms: list[Term] = []
    for t, head in enumerate(header["terms"]):
        prefix = f"term{t}_"
        own = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        fields = {key: value for key, value in head.items() if key != "kind"}
        _check_numbers(fields, f"term {t}")
        terms.append(TERMS[head["kind"]].from_arrays(fields, own))
        _check_term(terms[-1])
    n_sparse = sum(term.n_sparse for term in terms)
    if arrays["alpha"].shape != (n_sparse,):
        raise FileFormatError(f"{n_sparse} sparse points but weights of shape {arrays['alpha'].shape}")
    for part in ("e0", "calibration", "posterior"):
        _check_numbers(header[part], part)
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


def _own_baseline(gap: GAP) -> str | None:
    """What the baseline holds besides the recipe's, in words; None: nothing."""
    known = None if gap.recipe is None else from_recipe(gap.recipe.baseline)
    if gap.baseline == known:
        return None
    own = gap.baseline
    if known is not None:
        if not isinstance(own, Sum) or own.left != known:
            raise InputError("the model's baseline leaves out the one its recipe names; correct the recipe")
        own = own.right
    name = own.calculator if isinstance(own, FromCalculator) else own
    return type(name).__name__


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
    if not isinstance(header.get("own_baseline"), str | None) or not isinstance(header.get("origin"), dict):
        raise FileFormatError(f"{path} has a header with values of the wrong kind; copy or fit it again")


def _check_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Members lie in the file as they are, beside each other: nothing swells when it is read."""
    members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise FileFormatError(f"{path} is compressed, which a gapsample model never is; unpack and store it")
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise FileFormatError(f"{path} announces more than it holds; it may be truncated: copy it again")


def _check_numbers(value: Any, where: str) -> None:
    """Nothing but numbers, at most in lists and tables, or nothing at all."""
    if isinstance(value, dict):
        for key, entry in value.items():
            _check_numbers(entry, f"{where}, {key}")
    elif isinstance(value, list):
        for entry in value:
            _check_numbers(entry, where)
    elif not isinstance(value, int | float | None):
        raise FileFormatError(f"{where} must be a number, got {str(value)[:40]!r}")


def _check_term(term: Term) -> None:
    """What a SOAP term does not check itself: its sparse points fit its basis."""
    if not isinstance(term, SoapTerm):
        return
    sizes = (term.basis.n_max, term.basis.l_max, term.center, *term.species)
    if not all(isinstance(size, int) for size in sizes) or not all(1 <= z <= 118 for z in sizes[2:]):
        raise FileFormatError(f"n_max, l_max and atomic numbers of a soap term must be integers, got {sizes}")
    if len(set(term.species)) != len(term.species) or not term.zeta > 0.0 or term.r_min < 0.0:
        raise FileFormatError(
            f"a soap term needs different species, zeta above 0 and r_min not below 0, got {term.species}, "
            f"{term.zeta} and {term.r_min}"
        )
    if term.mixing is not None and (term.mixing.ndim, *term.mixing.shape[1:]) != (2, len(term.species)):
        raise FileFormatError(f"mixing of {len(term.species)} species has the shape {term.mixing.shape}")
    side = term.n_channels * term.basis.n_max
    dimension = (term.basis.l_max + 1) * side * (side + 1) // 2
    if (term.sparse.ndim, *term.sparse.shape[1:]) != (2, dimension):
        raise FileFormatError(
            f"sparse points of soap must have {dimension} numbers each, got the shape {term.sparse.shape}"
        )


def _read(archive: zipfile.ZipFile, name: str) -> Floats:
    content = archive.read(name)
    head = NPY_HEAD.match(content)
    if head is None:
        raise FileFormatError(f"array {name} must hold 64-bit floats in C order, npy format 1.0")
    shape = tuple(int(word) for word in head[1].replace(b",", b" ").split())
    if 8 * math.prod(shape) != len(content) - head.end():
        raise FileFormatError(f"array {name} of shape {shape} has {len(content) - head.end()} bytes")
    array: Floats = np.frombuffer(content, np.dtype("<f8"), offset=head.end()).reshape(shape).astype(float)
    if not np.all(np.isfinite(array)):
        raise FileFormatError(f"array {name} must hold finite numbers")
    return array


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise FileFormatError(f"the header holds the number {text[:40]}; all must be finite")
    return value


def _finite_integer(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise FileFormatError(f"the header holds an integer of {len(text)} digits")
    return int(text)


def _kind(term: Term) -> str:
    return next(name for name, cls in TERMS.items() if isinstance(term, cls))
