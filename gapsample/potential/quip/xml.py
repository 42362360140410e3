"""The parts of a QUIP model file: its XML, numbers written by Fortran, and the sparse points beside it.

Nothing in these files is trusted: no entities or document types, no side file outside the folder of the
XML, no more numbers than were announced, none that is not finite.
"""

from __future__ import annotations

import hashlib
import math
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import parse
from numpy.typing import NDArray

from gapsample.errors import FileFormatError

Floats = NDArray[np.float64]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d{1,4})?")
INTEGER = re.compile(r"[+-]?\d{1,10}")
LONGEST_NUMBER = 64  # characters of one number in a side file, white space included
FILE_SLACK = 4096  # further characters a side file may have


def read_root(path: Path) -> Element:
    """The root element of an XML file; `FileFormatError` for anything but plain well-formed XML."""
    if not path.is_file():
        raise FileFormatError(f"model file {path} does not exist")
    try:
        root: Element = parse(path, forbid_dtd=True).getroot()
    except DefusedXmlException as problem:
        raise FileFormatError(
            f"{path} declares a document type or entities, which no QUIP model does; remove them"
        ) from problem
    except (ParseError, ValueError, LookupError) as problem:
        raise FileFormatError(
            f"{path} is not well-formed XML ({problem}); it may be truncated: copy it again"
        ) from problem
    return root


def only_child(parent: Element, tag: str) -> Element:
    """The one child of that name."""
    found = parent.findall(tag)
    if len(found) != 1:
        raise FileFormatError(f"<{parent.tag}> must hold one <{tag}>, got {len(found)}")
    return found[0]


def attribute(element: Element, name: str) -> str:
    """An attribute that must be there."""
    value = element.get(name)
    if value is None:
        raise FileFormatError(f"<{element.tag}> lacks {name}")
    return value


def as_number(text: str, what: str) -> float:
    """A finite number, as Fortran or anybody else writes it."""
    text = text.strip()
    if NUMBER.fullmatch(text):
        value = float(text.lower().replace("d", "e"))
        if math.isfinite(value):
            return value
    raise FileFormatError(f"{what} must be a finite number, got {text[:40]!r}")


def as_integer(text: str, what: str) -> int:
    """An integer of at most ten digits."""
    text = text.strip()
    if not INTEGER.fullmatch(text):
        raise FileFormatError(f"{what} must be an integer, got {text[:40]!r}")
    return int(text)


def as_logical(text: str, what: str) -> bool:
    """A Fortran logical: T or F, perhaps spelled out or between dots."""
    first = text.strip().lstrip(".")[:1].upper()
    if first not in ("T", "F"):
        raise FileFormatError(f"{what} must be T or F, got {text[:40]!r}")
    return first == "T"


def sparse_points(coordinates: Element, folder: Path) -> tuple[Floats, Floats, Floats]:
    """Weights, cutoff values and descriptors of the sparse points of one ``<gpCoordinates>``.

    Returns
    -------
    alpha : shape (n_sparseX,)
    cutoffs : shape (n_sparseX,), ``sparseCutoff``, one where it is not given
    points : shape (n_sparseX, dimensions), from the side file or from the text of each ``<sparseX>``
    """
    n = as_integer(attribute(coordinates, "n_sparseX"), "n_sparseX")
    dimensions = as_integer(attribute(coordinates, "dimensions"), "dimensions")
    if n < 1 or dimensions < 1:
        raise FileFormatError(f"n_sparseX and dimensions must be at least 1, got {n} and {dimensions}")
    elements = coordinates.findall("sparseX")
    order = [as_integer(attribute(s, "i"), "i of sparseX") for s in elements]
    if sorted(order) != list(range(1, len(order) + 1)) or len(order) != n:
        raise FileFormatError(f"sparse points must be numbered from 1 to {n}, got {len(order)} of them")
    elements = [s for _, s in sorted(zip(order, elements, strict=True), key=lambda pair: pair[0])]
    alpha = np.array([as_number(attribute(s, "alpha"), "alpha") for s in elements])
    cutoffs = np.array([as_number(s.get("sparseCutoff", "1"), "sparseCutoff") for s in elements])
    if coordinates.get("sparseX_filename"):
        values = _read_side_file(coordinates, folder, n * dimensions)
    else:
        values = np.fromiter(_inline_numbers(elements, dimensions), np.float64)
    return alpha, cutoffs, values.reshape(n, dimensions)


def _inline_numbers(elements: list[Element], dimensions: int) -> Iterator[float]:
    for element in elements:
        words = (element.text or "").split()
        if len(words) != dimensions:
            raise FileFormatError(
                f"a <sparseX> must hold {dimensions} numbers, got {len(words)}; there is no side file"
            )
        yield from (as_number(word, "a sparse point") for word in words)


def _read_side_file(coordinates: Element, folder: Path, count: int) -> Floats:
    name = attribute(coordinates, "sparseX_filename")
    path = confined(folder, name)
    size = path.stat().st_size
    if not 2 * count - 1 <= size <= LONGEST_NUMBER * count + FILE_SLACK:
        raise FileFormatError(f"side file {name} must hold {count} numbers, but has {size} bytes")
    data = path.read_bytes()
    wanted = (coordinates.get("sparseX_md5sum") or "").strip().lower()
    got = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if wanted and wanted != got:
        raise FileFormatError(
            f"side file {name} has the md5 sum {got}, the XML expects {wanted[:40]}; "
            "copy the XML and its side files together again"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)
            values = np.fromstring(data.translate(bytes.maketrans(b"dD", b"eE")).decode("ascii"), sep=" ")
    except (ValueError, DeprecationWarning) as problem:
        raise FileFormatError(f"side file {name} must hold nothing but numbers ({problem})") from problem
    if len(values) != count or not np.all(np.isfinite(values)):
        raise FileFormatError(f"side file {name} must hold {count} finite numbers, got {len(values)} numbers")
    return values


def confined(folder: Path, name: str) -> Path:
    """The file of that name in `folder`; `FileFormatError` if it is missing or lies anywhere else."""
    try:
        home = folder.resolve()
        path = (home / name).resolve()
        inside = path.is_relative_to(home) and not Path(name).is_absolute() and ".." not in Path(name).parts
        present = path.is_file()
    except (OSError, ValueError, RuntimeError) as problem:
        raise FileFormatError(f"side file {name[:80]!r} cannot be opened ({problem})") from problem
    if not inside:
        raise FileFormatError(f"side file {name[:80]!r} must lie in the folder of the XML, {home}")
    if not present:
        raise FileFormatError(f"side file {name[:80]!r} is missing from {home}; copy it beside the XML")
    return path
