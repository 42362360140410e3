"""Names as ase.db can search them."""

from __future__ import annotations

_MARK = "text:"


def searchable(name: str) -> str:
    """`name` as ase.db accepts it: names that read as numbers or booleans get a mark in front."""
    return _MARK + name if _reads_as_a_number(name) or name.startswith(_MARK) else name


def original(name: str) -> str:
    """The name that `searchable` was given."""
    return name.removeprefix(_MARK)


def _reads_as_a_number(name: str) -> bool:
    if name in ("True", "False"):
        return True
    try:
        float(name)
    except ValueError:
        return False
    return True
