"""Python values as JSON text that gives back the same bits: arrays, tuples, numbers, strings.

Databases keep this text as one opaque string, because their own columns are not exact: ASE narrows
integers to 32 bits and PostgreSQL's JSONB forgets the sign of zero and whether a number was a float.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
from ase.spacegroup import Spacegroup

from gapsample.errors import InputError


def dumps(value: Any, where: str, *, sort_keys: bool = False) -> str:
    """JSON text of `value`; `where` names it in errors.

    Numpy scalars become Python numbers of the same value; everything else comes back as it was.

    Raises
    ------
    InputError
        A number is NaN or infinite, or a value is of a kind that cannot be kept.
    """
    return json.dumps(_encode(value, where), separators=(",", ":"), sort_keys=sort_keys, allow_nan=False)


def loads(text: str) -> Any:
    """The value that `dumps` wrote."""
    return _decode(json.loads(text))


def _encode(value: Any, where: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"{where} is {value}; only finite numbers are kept: repair or remove it")
        return value
    if isinstance(value, np.ndarray):
        return {"__array__": _encode_array(value, where)}
    if isinstance(value, list):
        return [_encode(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return {"__tuple__": [_encode(item, f"{where}[{i}]") for i, item in enumerate(value)]}
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("__") for key in value):
            return {key: _encode(item, f"{where}[{key!r}]") for key, item in value.items()}
        return {"__pairs__": [[_encode(k, where), _encode(v, f"{where}[{k!r}]")] for k, v in value.items()]}
    if isinstance(value, Spacegroup):
        return {"__spacegroup__": [int(value.no), int(value.setting)]}
    raise InputError(
        f"{where} is a {type(value).__name__}, which cannot be kept; use numbers, strings, arrays, "
        "lists, tuples or dictionaries"
    )


def _encode_array(array: np.ndarray, where: str) -> list[Any]:
    kind = array.dtype.kind
    if kind in "fc" and not np.all(np.isfinite(array)):
        bad = int(np.count_nonzero(~np.isfinite(array)))
        raise InputError(f"{where} holds {bad} numbers that are NaN or infinite; repair or remove it")
    if kind == "U":
        return [array.dtype.str, list(array.shape), array.ravel().tolist()]
    if kind not in "biufc":
        raise InputError(f"{where} is an array of {array.dtype}, which cannot be kept; use numbers or text")
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return [array.dtype.str, list(array.shape), base64.b64encode(array.tobytes()).decode()]


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "__array__" in value:
        return _decode_array(*value["__array__"])
    if "__tuple__" in value:
        return tuple(_decode(item) for item in value["__tuple__"])
    if "__pairs__" in value:
        return {_decode(key): _decode(item) for key, item in value["__pairs__"]}
    if "__spacegroup__" in value:
        return Spacegroup(*value["__spacegroup__"])
    return {key: _decode(item) for key, item in value.items()}


def _decode_array(dtype: str, shape: list[int], content: Any) -> np.ndarray:
    if isinstance(content, list):
        return np.array(content, dtype=dtype).reshape(shape)
    array = np.frombuffer(base64.b64decode(content), dtype=dtype).reshape(shape)
    return array.astype(array.dtype.newbyteorder("="))
