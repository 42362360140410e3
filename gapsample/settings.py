"""Settings: TOML text into nested frozen dataclasses and back, with errors that say where and what.

Knows no engine: the shape of the settings is whatever the type hints of the dataclass say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import reduce
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from gapsample.errors import SettingsError, UnknownName

T = TypeVar("T")
Kinds = Mapping[str, type]
NO_KINDS: Kinds = {}


def load_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file; SettingsError if it is missing or cannot be parsed (with line and column)."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except FileNotFoundError:
        raise SettingsError(
            f"config file {path} does not exist (looked in {path.absolute().parent})"
        ) from None
    except (IsADirectoryError, PermissionError) as error:
        raise SettingsError(f"config file {path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"config file {path} is not valid TOML: {error}") from None


def override(mapping: Mapping[str, Any], assignment: str) -> dict[str, Any]:
    """Copy of `mapping` with one dotted key replaced; items of a list are counted from 0.

    Parameters
    ----------
    assignment : ``"recipe.terms.0.n_sparse=500"``. The right-hand side is read as a TOML value and, where
        it is not one, taken as a plain string.
    """
    dotted, equals, text = assignment.partition("=")
    keys = [key.strip() for key in dotted.split(".")]
    if not equals or not all(keys):
        raise SettingsError(f"cannot understand --set {assignment!r}; write it as a.b=value")
    result = deepcopy(dict(mapping))
    place: Any = result
    for depth, key in enumerate(keys[:-1]):
        place = _enter(place, key, ".".join(keys[: depth + 1]))
    _enter(place, keys[-1], dotted, value=_toml_value(text.strip()))
    return result


def load_overridden(path: str | Path, assignments: Iterable[str]) -> dict[str, Any]:
    """Read a TOML file as `load_toml` does, and replace what the assignments say (see `override`)."""
    return reduce(override, assignments, load_toml(path))


def build(cls: type[T], mapping: Mapping[str, Any], where: str = "", *, kinds: Kinds = NO_KINDS) -> T:
    """Make the dataclass `cls` from nested mappings, checking every key and type.

    Parameters
    ----------
    where : dotted path of `mapping` in its file, for messages
    kinds : names that choose among dataclasses where a type hint allows several, by a ``kind`` key

    Notes
    -----
    A field is read from the key of its name, or from ``metadata["key"]`` where the name on paper is a
    Python keyword. An integer passes for a float. TOML has no null: where None is allowed and a string is
    not, ``"none"`` says it.

    Raises
    ------
    UnknownName
        A key or option nobody knows; names the near miss.
    SettingsError
        A wrong type or a missing key; says where, what was wanted and what was got.
    """
    if not isinstance(mapping, Mapping):
        raise _wrong(where, "a table", mapping)
    given = {key: value for key, value in mapping.items() if key != "kind"}
    _check_kind(cls, mapping, where, kinds)
    hints = get_type_hints(cls)
    known = {_key(f): f for f in fields(cls) if f.init}  # type: ignore[arg-type]
    for key in given:
        if key not in known:
            raise UnknownName(f"key in [{where}]" if where else "key", key, known)
    for key, f in known.items():
        if key not in given and f.default is MISSING and f.default_factory is MISSING:
            raise SettingsError(f"{_join(where, key)} is missing: wanted {_describe(hints[f.name])}")
    values = {
        known[key].name: _convert(hints[known[key].name], value, _join(where, key), kinds)
        for key, value in given.items()
    }
    try:
        return cls(**values)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}" if where else str(error)) from None


def dump(value: Any, *, kinds: Kinds = NO_KINDS) -> Any:
    """The exact inverse of `build`: plain dicts, lists, numbers and strings, fit for JSON."""
    if is_dataclass(value) and not isinstance(value, type):
        name = _kind_of(type(value), kinds)
        body = {_key(f): dump(getattr(value, f.name), kinds=kinds) for f in fields(value) if f.init}
        return body if name is None else {"kind": name, **body}
    if isinstance(value, Mapping):
        return {str(key): dump(item, kinds=kinds) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [dump(item, kinds=kinds) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SettingsError(
        f"settings hold numbers, strings, lists and tables; cannot write a {type(value).__name__}"
    )


def _convert(hint: Any, value: Any, where: str, kinds: Kinds) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin in (Union, UnionType):
        return _convert_union(arguments, value, where, kinds)
    if origin is Literal:
        return _convert_literal(arguments, value, where)
    if origin is tuple:
        return _convert_tuple(hint, value, where, kinds)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _wrong(where, _describe(hint), value)
        return {key: _convert(arguments[1], item, _join(where, key), kinds) for key, item in value.items()}
    if is_dataclass(hint):
        return build(cast("type[Any]", hint), value, where, kinds=kinds)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if isinstance(value, hint) and not (isinstance(value, bool) and hint is not bool):
        return value
    raise _wrong(where, _describe(hint), value)


def _convert_union(members: tuple[Any, ...], value: Any, where: str, kinds: Kinds) -> Any:
    nullable = NoneType in members
    if nullable and (value is None or (value == "none" and not any(_takes_none(m) for m in members))):
        return None
    members = tuple(member for member in members if member is not NoneType)
    if isinstance(value, Mapping) and any(is_dataclass(member) for member in members):
        return _convert_by_kind(members, value, where, kinds)
    likely = [member for member in members if _resembles(member, value)]
    if len(likely) == 1:
        return _convert(likely[0], value, where, kinds)
    for member in likely:
        try:
            return _convert(member, value, where, kinds)
        except SettingsError:
            continue
    raise _wrong(where, " or ".join(_describe(member) for member in members), value)


def _convert_by_kind(members: tuple[Any, ...], value: Mapping[str, Any], where: str, kinds: Kinds) -> Any:
    choices: list[Any] = [member for member in members if is_dataclass(member)]
    if len(choices) == 1:
        return build(choices[0], value, where, kinds=kinds)
    names = {name: cls for name, cls in kinds.items() if cls in choices}
    if "kind" not in value:
        raise SettingsError(f"{where} needs a kind, one of: {', '.join(sorted(names))}")
    if value["kind"] not in names:
        raise UnknownName(f"{where}.kind", str(value["kind"]), names)
    return build(names[value["kind"]], value, where, kinds=kinds)


def _convert_literal(options: tuple[Any, ...], value: Any, where: str) -> Any:
    if any(value == option and type(value) is type(option) for option in options):
        return value
    if isinstance(value, str):
        raise UnknownName(f"value of {where}", value, map(str, options))
    raise _wrong(where, " or ".join(map(repr, options)), value)


def _convert_tuple(hint: Any, value: Any, where: str, kinds: Kinds) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, _describe(hint), value)
    arguments = get_args(hint)
    if arguments[1:] == (Ellipsis,):
        arguments = arguments[:1] * len(value)
    elif len(arguments) != len(value):
        raise SettingsError(f"{where} wants {len(arguments)} values, got {len(value)}")
    return tuple(
        _convert(wanted, item, f"{where}[{i}]", kinds)
        for i, (wanted, item) in enumerate(zip(arguments, value, strict=True))
    )


def _resembles(hint: Any, value: Any) -> bool:
    """Whether a value has the outer shape of a hint, so that its own error message is the useful one."""
    origin = get_origin(hint)
    if origin is Literal:
        return any(type(option) is type(value) for option in get_args(hint))
    if origin is tuple:
        return isinstance(value, list | tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return isinstance(value, Mapping)
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float)
    if hint is Path:
        return isinstance(value, str | Path)
    return isinstance(hint, type) and isinstance(value, hint)


def _takes_none(hint: Any) -> bool:
    """Whether the string "none" is a value of its own for this hint."""
    return hint in (str, Path) or (get_origin(hint) is Literal and "none" in get_args(hint))


def _check_kind(cls: type, mapping: Mapping[str, Any], where: str, kinds: Kinds) -> None:
    if "kind" not in mapping:
        return
    name = _kind_of(cls, kinds)
    if mapping["kind"] != name:
        raise UnknownName(f"{where}.kind" if where else "kind", str(mapping["kind"]), [name] if name else [])


def _kind_of(cls: type, kinds: Kinds) -> str | None:
    return next((name for name, member in kinds.items() if member is cls), None)


def _key(f: Field[Any]) -> str:
    return str(f.metadata.get("key", f.name))


def _enter(place: Any, key: str, dotted: str, **put: Any) -> Any:
    """Step into (or, given a value, set) a key of a table or an item of a list; missing tables are made."""
    if isinstance(place, list):
        if not key.isdigit() or int(key) >= len(place):
            raise SettingsError(f"--set {dotted}: the list has items 0 to {len(place) - 1}, got {key!r}")
        index: Any = int(key)
    elif isinstance(place, dict):
        index = key
        place.setdefault(key, {})
    else:
        raise SettingsError(f"--set {dotted}: {place!r} is a value, not a table that could hold {key!r}")
    if put:
        place[index] = put["value"]
    return place[index]


def _toml_value(text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return document["value"] if list(document) == ["value"] else text


def _wrong(where: str, wanted: str, got: Any) -> SettingsError:
    return SettingsError(f"{where or 'settings'} wants {wanted}, got {got!r}")


def _join(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


_PLAIN = {float: "a number", int: "a whole number", str: "a string", bool: "true or false", Path: "a path"}


def _describe(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return " or ".join(_describe(member) for member in arguments)
    if origin is Literal:
        return " or ".join(map(repr, arguments))
    if origin is tuple:
        listed = arguments[1:] != (Ellipsis,)
        inner = ", ".join(map(_describe, arguments if listed else arguments[:1]))
        return f"a list of {inner}" if not listed else f"[{inner}]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"a table of {_describe(arguments[1])}"
    if is_dataclass(hint):
        return "a table"
    return '"none"' if hint is NoneType else _PLAIN.get(hint, getattr(hint, "__name__", str(hint)))
