"""Which settings of what has begun may still change: those that no number of it so far depends on.

Files count by what they hold and not by where they lie, so that everything may be moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gapsample.errors import InputError
from gapsample.provenance import sha256

Free = Callable[[str], bool]
"""Whether no number depends on a setting, by its dotted name."""


class Change(NamedTuple):
    """A setting that is another one now; None where there is none.

    Attributes
    ----------
    was, now : values; of a file its path
    hashes : SHA-256 then and now, where both are files
    """

    name: str
    was: Any
    now: Any
    hashes: tuple[str, str] | None = None

    def refusal(self, what: str) -> str:
        """Why it cannot be, and what to do; `what` has begun, e.g. ``"study"``."""
        anew = begin_anew(what)
        if self.hashes is not None:
            before, after = (each[:12] for each in self.hashes)
            return (
                f"{self.now} is not what it was when the {what} began (SHA-256 {before}, now {after}); put "
                f"it back, or {anew}"
            )
        return (
            f"{self.name} is {self.was!r} in this {what} and would be {self.now!r}, which changes its "
            f"numbers; {anew}"
        )


@dataclass(frozen=True)
class Inputs:
    """All that the numbers of something depend on.

    Attributes
    ----------
    settings : by their dotted names, items of lists of tables or strings counted from 0
    hashes : SHA-256 of the files among them, by path
    """

    settings: Mapping[str, Any]
    hashes: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def told(cls, settings: Mapping[str, Any], hashes: Mapping[str, str]) -> Inputs:
        """As a manifest holds them."""
        return cls(_flat(settings), hashes)

    @classmethod
    def found(cls, settings: Mapping[str, Any], files: Iterable[Path]) -> Inputs:
        """As the files are now.

        Raises
        ------
        InputError
            A file is not there; names its setting.
        """
        flat, hashes = _flat(settings), dict[str, str]()
        for path in files:
            if not path.is_file():
                name = next((name for name, value in flat.items() if value == str(path)), "A.B")
                raise InputError(
                    f"{path} is not there; put it back, or say where it is now, as in --set {name}=PATH"
                )
            hashes[str(path)] = sha256(path)
        return cls(flat, hashes)

    def content(self, name: str) -> Any:
        """The value of a setting, the hash of a file in place of its path."""
        value = self.settings.get(name)
        return self.hashes.get(value, value) if isinstance(value, str) else value

    def fingerprint(self, free: Free) -> str:
        """Hash of all that is not free."""
        kept = {name: self.content(name) for name in self.settings if not free(name)}
        return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def changes(before: Inputs, after: Inputs, free: Free) -> Iterator[Change]:
    """Settings that differ and are not free, in the order they were in."""
    for name in dict.fromkeys((*before.settings, *after.settings)):
        if free(name) or before.content(name) == after.content(name):
            continue
        was, now = before.settings.get(name), after.settings.get(name)
        files = str(was) in before.hashes and str(now) in after.hashes
        hashes = (before.hashes[was], after.hashes[now]) if files else None  # type: ignore[index]
        yield Change(name, was, now, hashes)


def refuse(problems: Iterable[str]) -> None:
    """Raise an `InputError` that says all of the problems, if there is one."""
    if found := list(problems):
        raise InputError("; ".join(found))


def under(name: str, places: Iterable[str]) -> bool:
    """Whether a setting is one of these, or lies in a table that is."""
    return any(name == place or name.startswith(f"{place}.") for place in places)


def begin_anew(what: str) -> str:
    """What to do where a number would change."""
    return f"begin a new {what} in another output.folder for that"


def _flat(settings: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Settings by their dotted names; lists of numbers, and whatever is empty, are values."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{where}{key}"
        if isinstance(value, list) and value and all(isinstance(item, Mapping | str) for item in value):
            value = {str(number): item for number, item in enumerate(value)}
        found |= _flat(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value}
    return found
