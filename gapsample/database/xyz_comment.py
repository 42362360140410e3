"""The comment line of an extended XYZ frame: key=value pairs, read and written without guessing."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from gapsample.errors import FileFormatError

_CLOSING = {'"': '"', "'": "'", "{": "}", "[": "]"}
ASE_JSON = "_JSON "  # how ASE marks values that have no place in extended XYZ: matrices, lists, dicts
_BOOLEANS = {"T": True, "True": True, "TRUE": True, "true": True}
_BOOLEANS |= {"F": False, "False": False, "FALSE": False, "false": False}
_INTEGER = re.compile(r"[+-]?\d+")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PLAIN_WORD = re.compile(r"[^\s\"'{}\[\]=\\,]+")


def parse_comment(line: str) -> dict[str, str]:
    """Keys and values of a comment line, all still strings; a bare word becomes ``{word: "T"}``.

    Values in quotes, braces or brackets may hold spaces, and brackets may be nested; inside them a
    backslash takes the next character as it is.

    Raises
    ------
    FileFormatError
        A quote or bracket is not closed (a truncated line), or a key occurs twice.
    """
    pairs: dict[str, str] = {}
    place = 0
    while place < len(line):
        if line[place].isspace():
            place += 1
            continue
        key, place = _word(line, place, stop_at_equals=True)
        value = "T"
        if place < len(line) and line[place] == "=":
            value, place = _word(line, place + 1, stop_at_equals=False)
        if key in pairs:
            raise FileFormatError(f"key {key!r} occurs twice in the comment line; keep one of them")
        pairs[key] = value
    return pairs


def parse_value(text: str) -> Any:
    """A value as the number, boolean, array or string it reads as; numbers exactly as printed."""
    if text.startswith(ASE_JSON):
        return _from_json(text)
    words = text.replace(",", " ").split()
    if not words:
        return text
    values: list[Any] | None = None
    if all(word in _BOOLEANS for word in words):
        values = [_BOOLEANS[word] for word in words]
    elif all(_INTEGER.fullmatch(word) for word in words):
        values = [int(word) for word in words]
    else:
        try:
            values = [float(word) for word in words]
        except ValueError:
            return text
    if len(values) == 1:
        return values[0]
    try:
        return np.array(values)
    except OverflowError:
        return text


def format_pair(key: str, text: str) -> str:
    """``key=text``, quoted where needed so that `parse_comment` gives `text` back."""
    if _PLAIN_WORD.fullmatch(text):
        return f"{key}={text}"
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{key}="{quoted}"'


def plain_text(key: str, value: Any) -> str | None:
    """`value` as text that `parse_value` turns into the same value; None if there is no such text."""
    if not _PLAIN_KEY.fullmatch(key):
        return None
    text = _text_of(value)
    if text is None or not text.isprintable() or not _same(parse_value(text), value):
        return None
    return text


def numbers_text(values: Any) -> str:
    """Numbers separated by spaces, each with as many digits as make it exact."""
    return " ".join(repr(value) for value in np.asarray(values, dtype=float).ravel().tolist())


def _from_json(text: str) -> Any:
    """What ASE wrote as JSON; a list of numbers is an array, and what is no JSON stays text."""
    try:
        value = json.loads(text.removeprefix(ASE_JSON))
        array = np.array(value) if isinstance(value, list) else None
    except ValueError:
        return text
    return value if array is None or array.dtype.kind not in "bif" else array


def _text_of(value: Any) -> str | None:
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1:
        words = [_text_of(item) for item in value.tolist()]
        return " ".join(word for word in words if word is not None)
    return None


def _same(read: Any, value: Any) -> bool:
    if type(read) is not type(value):
        return False
    if isinstance(value, np.ndarray):
        return read.dtype == value.dtype and read.shape == value.shape and read.tobytes() == value.tobytes()
    return repr(read) == repr(value)


def _word(line: str, place: int, *, stop_at_equals: bool) -> tuple[str, int]:
    """The word or quoted text that starts at `place`, and the place after it."""
    opening = line[place : place + 1]
    closing = _CLOSING.get(opening, "")
    start = place
    place += bool(closing)
    characters: list[str] = []
    depth = 1
    while place < len(line):
        character = line[place]
        if character == "\\" and closing:
            characters.append(line[place + 1 : place + 2])
            place += 2
            continue
        if closing:
            depth += (character == opening != closing) - (character == closing)
            if depth == 0:
                return "".join(characters), place + 1
        if not closing and (character.isspace() or (stop_at_equals and character == "=")):
            break
        characters.append(character)
        place += 1
    if closing:
        raise FileFormatError(
            f"{opening!r} in column {start + 1} of the comment line is never closed; the line is truncated"
        )
    return "".join(characters), place
